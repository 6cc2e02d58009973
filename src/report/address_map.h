// IPv4 addresses counted in at most 65,536 cells of one prefix: the smallest of even length (so that it is a square on
// the Hilbert curve) that holds every address so far. An address outside makes the prefix wider, and cells are added
// together: that loses nothing, for cells of any width begin at multiples of it. Of one thread.
#pragma once

#include <cstdint>
#include <vector>

namespace sonde::report {

class AddressCells {
 public:
  static constexpr unsigned kMostBits = 16;  // of a cell's number: 256 × 256

  struct Cell {
    std::uint64_t records = 0;
    std::uint64_t successes = 0;
    bool operator==(const Cell&) const = default;
  };

  void add(std::uint32_t address, bool success);
  void merge(const AddressCells& other);

  bool empty() const { return cells_.empty(); }
  std::uint32_t prefix() const { return prefix_; }  // its address; REQUIRES, as the next ones: not empty
  unsigned prefix_length() const { return length_; }
  unsigned cell_length() const { return length_ + cell_bits(length_); }
  const std::vector<Cell>& cells() const { return cells_; }  // in the order of their addresses

 private:
  static unsigned cell_bits(unsigned length) { return 32 - length < kMostBits ? 32 - length : kMostBits; }
  bool holds(std::uint32_t address) const { return length_ == 0 || ((address ^ prefix_) >> (32 - length_)) == 0; }
  Cell& cell_of(std::uint32_t address) { return cells_[(address - prefix_) >> (32 - cell_length())]; }
  void widen(std::uint32_t address, unsigned longest);

  std::uint32_t prefix_ = 0;
  unsigned length_ = 32;
  std::vector<Cell> cells_;
};

// A byte that tells a count: 0: none; else 1 + floor(8 log2(count)), at most 255.
std::uint8_t log_byte(std::uint64_t count);

}  // namespace sonde::report
