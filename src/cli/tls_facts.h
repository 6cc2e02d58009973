// A tls record read by field, and the dates and suites in it. Pure; borrows from the record that it is made of.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/record_facts.h"
#include "probes/tls/tls_fields.h"
#include "results/record.h"

namespace sonde::cli {

// A tls record's values by field.
class TlsFacts : public RecordFacts<probes::TlsField> {
 public:
  using RecordFacts::RecordFacts;
  // The certificates behind the leaf, as they were sent; texts are "" where one has none.
  struct Sent {
    std::string subject_cn;
    std::string issuer_cn;
    std::string not_after;  // RFC 3339
  };
  std::vector<Sent> chain() const;
  // The suites by version, as tls.ciphers has them.
  std::vector<std::pair<std::string, std::vector<std::string>>> ciphers() const;
};

// Whole days from `now_s` to an RFC 3339 date, rounded towards the past; nothing for what is no date.
std::optional<std::int64_t> days_until(std::string_view rfc3339, std::int64_t now_s);
// "in 30 days", "today", "2 days ago"; "" for what is no date.
std::string days_from_now(std::string_view rfc3339, std::int64_t now_s);

// Of "rsa-2048": 2048; 0 for another type of key.
int rsa_bits(std::string_view key_type);

// Before TLS 1.2: browsers refuse these since 2020 (RFC 8996).
bool is_old_version(std::string_view version);

// What is wrong with a cipher suite, by its IANA name; "" for a sound one.
std::string_view weakness(std::string_view suite);

}  // namespace sonde::cli
