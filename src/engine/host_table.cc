#include "engine/host_table.h"

#include <algorithm>
#include <optional>

#include "engine/resolver.h"
#include "os/fd.h"

namespace sonde::engine {
namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";

// The next word of the line, taken off its front; empty at its end.
std::string_view take_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  return word;
}

}  // namespace

HostTable::HostTable(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line = line.substr(0, line.find('#'));
    const std::optional<IpAddress> address = parse_ip(take_word(line));
    if (!address || address->is_unspecified()) continue;
    for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) {
      std::string host(word);
      for (char& c : host) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      if (hosts_.size() == kMostNames && !hosts_.contains(host)) return;
      std::vector<IpAddress>& addresses = hosts_[host];
      // Twice as many as are told, so that either family may fill them.
      if (addresses.size() < 2 * kMostAddresses && std::ranges::find(addresses, *address) == addresses.end())
        addresses.push_back(*address);
    }
  }
}

HostTable HostTable::of_system() {
  const Result<std::string> text = os::read_file("/etc/hosts", kMostBytes);
  return text ? HostTable(*text) : HostTable();
}

std::span<const IpAddress> HostTable::find(const std::string& host) const {
  const auto found = hosts_.find(host);
  if (found == hosts_.end()) return {};
  return found->second;
}

}  // namespace sonde::engine
