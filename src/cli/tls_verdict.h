// Would a browser open this site? Judged from a tls record: the chain, the name, the dates, and what browsers refuse
// although the chain is sound: versions before TLS 1.2, suites that none of them offers, SHA-1, short keys. It says no
// only where that is certain of every browser; what some of them refuse is a warning. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "cli/tls_asked.h"
#include "cli/tls_facts.h"
#include "results/record.h"

namespace sonde::cli {

struct TlsVerdict {
  enum class Kind : std::uint8_t { kAccepted, kRefused, kUnknown };
  Kind kind = Kind::kUnknown;
  std::string headline;
  std::string advice;  // why, and what to do; may be empty
};

TlsVerdict judge(const results::Record& record, const TlsAsked& asked, std::int64_t now_s);

}  // namespace sonde::cli
