#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "gateway/history/packed_results.h"

// Bytes as a damaged file may have them: what can be read is written as the same bytes, and merging what was read
// stays within bounds.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sonde::gateway;
  const std::string_view input(reinterpret_cast<const char*>(data), size);

  std::string_view bytes = input;
  std::string again;
  std::int64_t unix_us = 0;
  std::int64_t last_us = 0;
  CheckResult result;
  Rollup all;
  while (true) {
    const std::size_t before = again.size();
    if (!unpack(bytes, unix_us, result)) break;
    pack(result, last_us, again);
    SONDE_CHECK(last_us == unix_us, "times are the same");
    SONDE_CHECK(again.size() > before && input.starts_with(again), "a result is written as it was read");
    all.add(result);
  }

  bytes = input;
  again.clear();
  std::uint32_t index = 0;
  Rollup rollup;
  while (unpack(bytes, index, rollup)) {
    pack(index, rollup, again);
    SONDE_CHECK(input.starts_with(again), "a roll-up is written as it was read");
    all.merge(rollup);
  }
  const std::uint32_t median = all.quantile_us(0.5);
  SONDE_CHECK(median >= all.min_us && median <= all.max_us, "a quantile is between the least and the most");
  return 0;
}
