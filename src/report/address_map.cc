#include "report/address_map.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace sonde::report {

void AddressCells::add(std::uint32_t address, bool success) {
  if (cells_.empty()) {
    prefix_ = address;
    cells_.resize(1);
  }
  if (!holds(address)) widen(address, 32);
  Cell& cell = cell_of(address);
  ++cell.records;
  cell.successes += success ? 1 : 0;
}

void AddressCells::merge(const AddressCells& other) {
  if (other.cells_.empty()) return;
  if (cells_.empty()) {
    *this = other;
    return;
  }
  if (!holds(other.prefix_) || other.length_ < length_) widen(other.prefix_, other.length_);
  // Now this prefix holds the other's, so its cells are as wide or wider.
  const unsigned shift = 32 - other.cell_length();
  for (std::size_t i = 0; i < other.cells_.size(); ++i) {
    if (other.cells_[i].records == 0) continue;
    Cell& cell = cell_of(other.prefix_ + static_cast<std::uint32_t>(static_cast<std::uint64_t>(i) << shift));
    cell.records += other.cells_[i].records;
    cell.successes += other.cells_[i].successes;
  }
}

// To the smallest prefix of even length, at most `longest`, that holds this one and the address.
void AddressCells::widen(std::uint32_t address, unsigned longest) {
  const auto common = static_cast<unsigned>(std::countl_zero(address ^ prefix_));
  const unsigned length = std::min({common, longest, length_}) & ~1U;
  const std::uint32_t prefix = length == 0 ? 0 : prefix_ & (~std::uint32_t{0} << (32 - length));
  const unsigned shift = 32 - cell_length();
  const std::uint32_t old_prefix = std::exchange(prefix_, prefix);
  length_ = length;
  const std::vector<Cell> old = std::exchange(cells_, std::vector<Cell>(std::size_t{1} << cell_bits(length)));
  for (std::size_t i = 0; i < old.size(); ++i) {
    if (old[i].records == 0) continue;
    Cell& cell = cell_of(old_prefix + static_cast<std::uint32_t>(static_cast<std::uint64_t>(i) << shift));
    cell.records += old[i].records;
    cell.successes += old[i].successes;
  }
}

std::uint8_t log_byte(std::uint64_t count) {
  if (count == 0) return 0;
  const double steps = std::floor(8 * std::log2(static_cast<double>(count)));
  return static_cast<std::uint8_t>(1 + std::min(steps, 254.0));
}

}  // namespace sonde::report
