#include "report/facts_of_record.h"

#include <algorithm>
#include <array>

#include "report/record_reader.h"

namespace sonde::report {
namespace {

using Setter = void (*)(const results::Value& value, RecordFacts& facts);

std::string_view text(const results::Value& value) {
  const std::string* found = std::get_if<std::string>(&value);
  return found == nullptr ? std::string_view() : *found;
}

bool flag(const results::Value& value) {
  const bool* found = std::get_if<bool>(&value);
  return found != nullptr && *found;
}

template <std::string_view RecordFacts::* member>
void set_text(const results::Value& value, RecordFacts& facts) {
  facts.*member = text(value);
}

template <std::string_view RecordFacts::* member>
void set_if_empty(const results::Value& value, RecordFacts& facts) {
  if ((facts.*member).empty()) facts.*member = text(value);
}

template <bool RecordFacts::* member>
void set_flag(const results::Value& value, RecordFacts& facts) {
  facts.*member = flag(value);
}

struct Fact {
  std::string_view path;
  Setter set;
};

// What a report counts of the fields of probes, as record_reader.cc reads them.
constexpr auto kFacts = std::to_array<Fact>({
    {"tls.version", set_text<&RecordFacts::tls_version>},
    {"tls.cipher", set_text<&RecordFacts::tls_cipher>},
    {"tls.verified", [](const results::Value& value, RecordFacts& facts) { facts.verified = flag(value); }},
    {"tls.certificate.issuer_cn", set_text<&RecordFacts::issuer>},
    {"tls.certificate.issuer_dn", set_if_empty<&RecordFacts::issuer>},
    {"tls.certificate.not_after",
     [](const results::Value& value, RecordFacts& facts) { facts.not_after_us = parse_time(text(value)).value_or(0); }},
    {"tls.certificate.self_signed", set_flag<&RecordFacts::self_signed>},
    {"tls.certificate.expired", set_flag<&RecordFacts::expired>},
    {"tls.certificate.not_yet_valid", set_flag<&RecordFacts::not_yet_valid>},
    {"tls.certificate.host_matches",
     [](const results::Value& value, RecordFacts& facts) { facts.wrong_name = !flag(value); }},
    {"http.status",
     [](const results::Value& value, RecordFacts& facts) {
       const std::int64_t* status = std::get_if<std::int64_t>(&value);
       facts.http_status = status == nullptr ? 0 : static_cast<std::uint32_t>(*status);
     }},
    {"http.title", set_text<&RecordFacts::title>},
    {"http.headers",
     [](const results::Value& value, RecordFacts& facts) {
       if (const auto* headers = std::get_if<results::Json>(&value))
         facts.http_server = server_of_headers(headers->text);
     }},
    {"banner.protocol", set_text<&RecordFacts::protocol>},
    {"banner.product", set_text<&RecordFacts::product>},
    {"banner.suspect", set_text<&RecordFacts::suspect>},
    {"banner.tls", set_if_empty<&RecordFacts::tls_version>},
});

constexpr std::uint8_t kNotCounted = 0;
constexpr std::uint8_t kCertificate = kFacts.size() + 1;  // another field of a certificate: that there is one

}  // namespace

FactsOfRecord::FactsOfRecord(const results::Schema& schema) {
  for (const results::FieldDef& field : schema.fields()) {
    const std::string_view path = field.path;
    const auto* const found =
        std::find_if(kFacts.begin(), kFacts.end(), [path](const Fact& fact) { return fact.path == path; });
    const bool certificate = path.starts_with("tls.certificate.");
    counted_.push_back(found != kFacts.end() ? static_cast<std::uint8_t>(found - kFacts.begin() + 1)
                       : certificate         ? kCertificate
                                             : kNotCounted);
  }
}

void FactsOfRecord::read(const results::Record& record, RecordFacts& facts) {
  facts = RecordFacts{};
  facts.ended_us = record.unix_time / kMicrosecond;
  facts.ip = record.ip;
  facts.port = record.port;
  facts.host = record.host;
  facts.probe = record.probe;
  facts.outcome = static_cast<std::uint8_t>(record.outcome);
  facts.phase = static_cast<std::uint8_t>(record.phase);
  facts.cause = static_cast<std::uint8_t>(record.cause);
  facts.attempts = record.attempts;
  for (std::size_t phase = 0; phase < facts.timing_us.size(); ++phase)
    if (record.timing_us[phase] != results::kNoTiming) facts.timing_us[phase] = record.timing_us[phase];
  for (std::size_t i = 0; i < record.values.size(); ++i)
    if (!std::holds_alternative<std::monostate>(record.values[i]))
      read_value(record.first_value_id + static_cast<std::uint32_t>(i), record.values[i], facts);
}

void FactsOfRecord::read_value(std::uint32_t id, const results::Value& value, RecordFacts& facts) {
  const std::uint8_t fact = counted_[id];
  if (fact == kNotCounted) return;
  const bool known = fact != kCertificate;
  if (known) kFacts[fact - 1].set(value, facts);
  if (!known || kFacts[fact - 1].path.starts_with("tls.certificate.")) facts.has_certificate = true;
}

}  // namespace sonde::report
