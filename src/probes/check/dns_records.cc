#include "probes/check/dns_records.h"

#include <algorithm>

#include "probes/check/run_log.h"
#include "wire/dns.h"
#include "wire/dns_rdata.h"
#include "wire/dns_record_text.h"

namespace sonde::probes {
namespace {

bool matches(const Pattern& pattern, const std::string& text) { return RE2::PartialMatch(text, *pattern); }

}  // namespace

Parsed<DnsRecords> read_dns_records(std::span<const std::byte> message) {
  wire::DnsReader reader(message);
  DnsRecords out;
  out.id = reader.header().id;
  for (wire::DnsRecord record; reader.next_record(record);) {
    std::optional<std::string> text = wire::dns_record_text(record);
    if (!text) return input_error("a record of the DNS message has broken data");
    out.sections[static_cast<std::size_t>(record.section)].push_back(std::move(*text));
    if (record.section != wire::DnsSection::kAnswer) continue;
    if (const std::optional<wire::DnsSoa> soa = wire::dns_soa(record)) out.serial = soa->serial;
  }
  if (*reader.error() != '\0' && !reader.only_miscounted()) return input_error(reader.error());
  out.rcode = reader.rcode();
  return out;
}

bool records_are_valid(CheckRun& run, std::span<const std::string> records, const RrValidation& validation,
                       Nanos unix_time) {
  const auto fault = [&](std::string_view message, LogPairs pairs = {}) {
    log_line(run, unix_time, "error", message, pairs);
    return false;
  };
  if (records.empty() && !validation.fail_if_not_matches.empty())
    return fault("fail_if_not_matches_regexp specified but no RRs returned");
  if (records.empty() && !validation.fail_if_none_matches.empty())
    return fault("fail_if_none_matches_regexp specified but no RRs returned");
  bool any = false;
  bool all = true;
  for (const std::string& record : records) {
    log_line(run, unix_time, "info", "Validating RR", {{"rr", record}});
    for (const std::vector<Pattern>* patterns : {&validation.fail_if_matches, &validation.fail_if_all_match,
                                                 &validation.fail_if_not_matches, &validation.fail_if_none_matches})
      for (const Pattern& pattern : *patterns)
        if (!pattern->ok()) return fault("Error validating RR", {{"err", pattern->error()}});
    const auto matching = [&](const Pattern& pattern) { return matches(pattern, record); };
    for (const Pattern& pattern : validation.fail_if_matches)
      if (matching(pattern))
        return fault("At least one RR matched regexp", {{"regexp", pattern->pattern()}, {"rr", record}});
    all = all && std::ranges::all_of(validation.fail_if_all_match, matching);
    for (const Pattern& pattern : validation.fail_if_not_matches)
      if (!matching(pattern))
        return fault("At least one RR did not match regexp", {{"regexp", pattern->pattern()}, {"rr", record}});
    any = any || std::ranges::any_of(validation.fail_if_none_matches, matching);
  }
  if (!validation.fail_if_all_match.empty() && !all) return fault("Not all RRs matched regexp");
  if (!validation.fail_if_none_matches.empty() && !any) return fault("None of the RRs did matched any regexp");
  return true;
}

}  // namespace sonde::probes
