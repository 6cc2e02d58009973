// What an http run has found, and what the module makes of an answer.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "probes/check/check_run.h"
#include "probes/check/http_settings.h"
#include "probes/check/tls_samples.h"
#include "probes/http/http_guide.h"

namespace sonde::probes {

enum class HttpPhase : std::uint8_t { kResolve, kConnect, kTls, kProcessing, kTransfer };
inline constexpr std::array<const char*, 5> kHttpPhaseNames = {"resolve", "connect", "tls", "processing", "transfer"};

struct HttpFindings final : CheckFindings {
  bool resolved = false;                    // an address was looked for
  std::array<std::int64_t, 5> phases_us{};  // summed over the requests
  std::uint32_t redirects = 0;
  std::uint16_t status = 0;         // of the last answer; 0: none came
  double version = 0;               // of HTTP
  std::int64_t content_length = 0;  // -1: the answer does not say
  std::uint64_t body_bytes = 0;
  std::optional<std::int64_t> last_modified;  // seconds since 1970
  bool failed_due_to_regex = false;
  bool over_tls = false;  // the last answer came so
  TlsSeen tls;
  const TlsSeen* tls_seen() const override { return &tls; }
  std::string cause, error;  // of the first expectation that was not met; empty: none
};

// How much of an answer there is.
enum class HttpBodyState : std::uint8_t {
  kWhole,
  kCut,     // it broke off, or did not end in time
  kUnread,  // a redirect that is not followed: its body is not looked at
};

inline constexpr std::uint64_t kMostBodyForRegexps = 32 << 20;  // bytes that regular expressions see

// Judges the last answer as blackbox_exporter does, in its order; fills in what it says, and run.body.
// REQUIRES: its head is whole.
void judge_answer(const HttpSettings& settings, const HttpView& view, HttpBodyState state, Nanos unix_now,
                  CheckRun& run, HttpFindings& findings);

}  // namespace sonde::probes
