// A date is of its years, and what is behind it makes it none.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "wire/http_date.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto date = sonde::wire::parse_http_date(text);
  if (!date) return 0;
  constexpr std::int64_t kYear0 = -62'167'219'200;
  constexpr std::int64_t kYear10000 = 253'402'300'800;
  SONDE_CHECK(*date >= kYear0 && *date < kYear10000, "a year has four digits");
  SONDE_CHECK(!sonde::wire::parse_http_date(std::string(text) + " "), "nothing stands behind a date");
  return 0;
}
