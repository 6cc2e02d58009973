#include "targets/port_set.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using sonde::targets::PortSet;
  const auto set = PortSet::parse({reinterpret_cast<const char*>(data), size});
  if (!set) {
    for (const char c : set.error().text) SONDE_CHECK(c >= ' ' && c < 0x7f, "an error is one line of plain text");
    return 0;
  }
  const auto ports = set->ports();
  SONDE_CHECK(!ports.empty() && ports.front() != 0, "ports are 1 to 65535");
  SONDE_CHECK(std::adjacent_find(ports.begin(), ports.end(), std::greater_equal<>()) == ports.end(), "sorted, unique");
  std::string text;
  for (const std::uint16_t port : ports) text += (text.empty() ? "" : ",") + std::to_string(port);
  const auto again = PortSet::parse(text);
  SONDE_CHECK(again && *again == *set, "the ports one by one are the same set");
  return 0;
}
