// What a person should know about a server's TLS, in plain words: read from a tls record. Pure.
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
  // The suites by version, as tls.ciphers has them.
  std::vector<std::pair<std::string, std::vector<std::string>>> ciphers() const;

 private:
  const results::Value& value(probes::TlsField id) const { return values_[static_cast<std::size_t>(id)]; }
  std::span<const results::Value> values_;
};

// Whole days from `now_s` to an RFC 3339 date, rounded towards the past; nothing for what is no date.
std::optional<std::int64_t> days_until(std::string_view rfc3339, std::int64_t now_s);

// What is wrong with a cipher suite, by its IANA name; "" for a sound one.
std::string_view weakness(std::string_view suite);

// Why a chain was not accepted and what to do; "" where the error says it all.
std::string explain_verify_error(std::string_view error);

std::vector<std::string> tls_warnings(const TlsFacts& facts, std::int64_t now_s);

}  // namespace sonde::cli
