// What a report counts of one record: plain facts, from a line of a file or from a record in the making. Views borrow
// from whatever they were read from; strings of hosts are as long as they came.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/ip_address.h"
#include "results/outcome.h"

namespace sonde::report {

// Names that a record may hold, and one more place for those of none, or of none that is known (records may be of a
// newer version).
inline constexpr std::size_t kOutcomes = results::kOutcomeNames.size() + 1;
inline constexpr std::size_t kPhases = results::kPhaseNames.size() + 1;
inline constexpr std::size_t kCauses = results::kCauseNames.size();  // 0: none told
inline constexpr std::uint8_t kUnknownOutcome = kOutcomes - 1;
inline constexpr std::uint8_t kUnknownPhase = kPhases - 1;
inline constexpr std::uint8_t kSuccess = static_cast<std::uint8_t>(results::Outcome::kSuccess);

std::string_view outcome_name(std::size_t outcome);  // "unknown" of kUnknownOutcome
std::string_view phase_name(std::size_t phase);

struct RecordFacts {
  std::int64_t ended_us = 0;  // unix microseconds; 0: not told
  IpAddress ip;               // unspecified: none
  std::uint16_t port = 0;     // 0: none
  std::string_view host;
  std::string_view probe;
  std::uint8_t outcome = kUnknownOutcome;
  std::uint8_t phase = kUnknownPhase;
  std::uint8_t cause = 0;
  std::uint32_t attempts = 0;  // 0: not told
  // By results::Phase; negative: not told.
  std::array<std::int64_t, results::kPhaseNames.size()> timing_us{-1, -1, -1, -1, -1, -1, -1};

  std::string_view tls_version;
  std::string_view tls_cipher;
  bool has_certificate = false;
  std::string_view issuer;
  std::int64_t not_after_us = 0;
  std::optional<bool> verified;
  bool expired = false;
  bool self_signed = false;
  bool not_yet_valid = false;
  bool wrong_name = false;

  std::string_view protocol;  // of a banner
  std::string_view product;
  std::string_view suspect;
  std::string_view http_server;
  std::string_view title;
  std::uint32_t http_status = 0;  // 0: no answer
};

// RFC 3339 in UTC ("…Z"), with or without a fraction, to unix microseconds; nothing where it is anything else.
std::optional<std::int64_t> parse_time(std::string_view text);

}  // namespace sonde::report
