// An answer as the dns prober sees it, read as leniently as blackbox_exporter's library reads it, and what a module
// expects of its records.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "probes/check/check_run.h"
#include "probes/check/module_options.h"

namespace sonde::probes {

struct DnsRecords {
  std::uint16_t id = 0;
  std::uint16_t rcode = 0;                           // extended by an OPT record's
  std::array<std::vector<std::string>, 3> sections;  // by wire::DnsSection: each record as wire::dns_record_text has it
  std::optional<std::uint32_t> serial;               // of the last SOA record among the answers
};

// Takes a message whose header counts more records than there are, or fewer, and one that is a header alone; neither
// QR nor the question is looked at. The error says what is broken: a record, or its data.
Parsed<DnsRecords> read_dns_records(std::span<const std::byte> message);

// Whether a section's records are as they should be. As in 0.23: fail_if_all_match fails where not all match all of its
// expressions; fail_if_not_matches and fail_if_none_match fail where there are no records. The judgement is logged
// under `unix_time`.
bool records_are_valid(CheckRun& run, std::span<const std::string> records, const RrValidation& validation,
                       Nanos unix_time);

}  // namespace sonde::probes
