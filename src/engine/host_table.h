// /etc/hosts as it was at one moment (hosts(5)): names and the addresses that come before DNS.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ip_address.h"

namespace sonde::engine {

class HostTable {
 public:
  static constexpr std::size_t kMostBytes = std::size_t{4} << 20;
  static constexpr std::size_t kMostNames = 65'536;  // what comes behind them is left out

  HostTable() = default;
  // Lines of an address and its names; '#' begins a comment. What is not understood is passed over.
  explicit HostTable(std::string_view text);
  // Of this machine; empty where the file cannot be read or is larger than kMostBytes.
  static HostTable of_system();

  // host in lower case. In the order of the file; empty for a name that is not there.
  std::span<const IpAddress> find(const std::string& host) const;

 private:
  std::unordered_map<std::string, std::vector<IpAddress>> hosts_;
};

}  // namespace sonde::engine
