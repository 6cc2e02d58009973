// Reads big-endian numbers and length-prefixed vectors off the front of some bytes. Reading beyond the end gives zeros
// and empty spans from then on, and ok() is false: a parser reads all it wants and looks once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sonde::wire {

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : left_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return left_.empty(); }
  std::span<const std::byte> rest() const { return left_; }

  std::span<const std::byte> bytes(std::size_t count) {
    if (count > left_.size()) {
      ok_ = false;
      left_ = {};
      return {};
    }
    const std::span<const std::byte> taken = left_.first(count);
    left_ = left_.subspan(count);
    return taken;
  }
  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u24() { return number(3); }
  std::uint32_t u32() { return number(4); }
  // A vector behind a length of one to four bytes.
  std::span<const std::byte> vector8() { return bytes(u8()); }
  std::span<const std::byte> vector16() { return bytes(u16()); }
  std::span<const std::byte> vector24() { return bytes(u24()); }
  std::span<const std::byte> vector32() { return bytes(u32()); }

 private:
  std::uint32_t number(std::size_t size) {
    std::uint32_t value = 0;
    for (const std::byte byte : bytes(size)) value = value << 8 | std::to_integer<std::uint32_t>(byte);
    return value;
  }

  std::span<const std::byte> left_;
  bool ok_ = true;
};

}  // namespace sonde::wire
