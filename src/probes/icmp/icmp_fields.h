// The fields of an icmp record, in their order.
#pragma once

#include <cstddef>

namespace sonde::probes {

enum class IcmpField : std::size_t {
  kSent,
  kReceived,
  kLossPercent,
  kTtl,
  kRttMin,
  kRttAvg,
  kRttMax,
  kRtts,
  kDuplicates,
  kErrorType,
  kErrorCode,
  kErrorFrom,
  kCount,
};

}  // namespace sonde::probes
