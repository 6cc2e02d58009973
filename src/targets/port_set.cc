#include "targets/port_set.h"

#include <algorithm>
#include <bitset>
#include <charconv>

#include "targets/input_text.h"

namespace sonde::targets {

std::uint16_t parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  return failure == std::errc{} && end == text.data() + text.size() ? port : 0;
}

PortSet::PortSet(std::span<const std::uint16_t> ports) : ports_(ports.begin(), ports.end()) {
  std::sort(ports_.begin(), ports_.end());
  ports_.erase(std::unique(ports_.begin(), ports_.end()), ports_.end());
}

Parsed<PortSet> PortSet::parse(std::string_view text) {
  constexpr std::size_t kPorts = 65536;
  std::bitset<kPorts> chosen;
  if (trimmed(text).empty()) return input_error("'' names no port: write for example 80,443,8000-8100");
  for (bool more = true; more;) {
    const std::size_t comma = text.find(',');
    const std::string_view item = trimmed(text.substr(0, comma));
    more = comma != std::string_view::npos;
    if (more) text.remove_prefix(comma + 1);
    if (item.empty()) return input_error("an empty item in the list of ports: write for example 80,443,8000-8100");

    const std::size_t dash = item.find('-');
    const std::string_view low = trimmed(item.substr(0, dash));
    const std::string_view high = dash == std::string_view::npos ? low : trimmed(item.substr(dash + 1));
    const bool open_low = dash != std::string_view::npos && low.empty();
    const bool open_high = dash != std::string_view::npos && high.empty();
    const std::uint16_t first = open_low ? 1 : parse_port(low);
    const std::uint16_t last = open_high ? 65535 : parse_port(high);
    if (first == 0 || last == 0)
      return input_error(quoted(item) + (dash == std::string_view::npos
                                             ? " is not a port: ports are 1 to 65535"
                                             : " is not a range of ports: write it as 8000-8100, within 1 to 65535"));
    if (first > last) return input_error(quoted(item) + " is not a range of ports: the lower port comes first");
    for (std::size_t port = first; port <= last; ++port) chosen.set(port);
  }
  PortSet set;
  set.ports_.reserve(chosen.count());
  for (std::size_t port = 1; port < kPorts; ++port)
    if (chosen.test(port)) set.ports_.push_back(static_cast<std::uint16_t>(port));
  return set;
}

bool PortSet::contains(std::uint16_t port) const { return std::binary_search(ports_.begin(), ports_.end(), port); }

}  // namespace sonde::targets
