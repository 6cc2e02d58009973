// A set of ports, 1 to 65535, sorted. A plain value.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sonde::targets {

class PortSet {
 public:
  PortSet() = default;
  explicit PortSet(
      std::span<const std::uint16_t> ports);  // any order, repeats allowed; 0 alone: of what knows no ports

  // "80,443,8000-8100"; either end of a range may be left out, so "-" is every port. The error quotes the item and
  // says what would be right.
  static Parsed<PortSet> parse(std::string_view text);

  std::span<const std::uint16_t> ports() const { return ports_; }
  std::size_t size() const { return ports_.size(); }
  bool empty() const { return ports_.empty(); }
  bool contains(std::uint16_t port) const;
  bool knows_none() const { return ports_.size() == 1 && ports_.front() == 0; }
  friend bool operator==(const PortSet&, const PortSet&) = default;

 private:
  std::vector<std::uint16_t> ports_;
};

// One port, decimal digits alone, 1 to 65535; 0 when it is not one.
std::uint16_t parse_port(std::string_view text);

}  // namespace sonde::targets
