// A tls record read by field, and the dates and suites in it. Pure; borrows from the record that it is made of.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "probes/tls/tls_fields.h"
#include "results/record.h"

namespace sonde::cli {

// A tls record's values by field.
class TlsFacts {
 public:
  explicit TlsFacts(std::span<const results::Value> values) : values_(values) {}
  bool has(probes::TlsField id) const { return value(id).index() != 0; }
  std::string_view text(probes::TlsField id) const;
  std::string_view json(probes::TlsField id) const;
  std::vector<std::string> list(probes::TlsField id) const;
  bool flag(probes::TlsField id) const;  // false where it is absent
  std::int64_t number(probes::TlsField id) const;
  // The certificates behind the leaf, as they were sent; texts are "" where one has none.
  struct Sent {
    std::string subject_cn;
    std::string issuer_cn;
    std::string not_after;  // RFC 3339
  };
  std::vector<Sent> chain() const;
  // The suites by version, as tls.ciphers has them.
  std::vector<std::pair<std::string, std::vector<std::string>>> ciphers() const;

 private:
  // A record whose probe never began may have no values at all.
  const results::Value& value(probes::TlsField id) const {
    static const results::Value kAbsent;
    return static_cast<std::size_t>(id) < values_.size() ? values_[static_cast<std::size_t>(id)] : kAbsent;
  }
  std::span<const results::Value> values_;
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
