// Bytes that one process writes for its successor: numbers little-endian, texts behind their length of two bytes.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace sonde::gateway {

class SavedWriter {
 public:
  template <std::integral Number>
  void number(Number value) {
    for (std::size_t i = 0; i < sizeof(Number); ++i) {
      out_.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i)));
    }
  }
  // REQUIRES: most < 64 Ki. What is longer is cut.
  void text(std::string_view value, std::size_t most) {
    value = value.substr(0, most);
    number(static_cast<std::uint16_t>(value.size()));
    out_ += value;
  }
  std::size_t size() const { return out_.size(); }
  std::string take() { return std::exchange(out_, {}); }

 private:
  std::string out_;
};

// Behind the end it reads zeros, and is not ok() any more.
class SavedReader {
 public:
  explicit SavedReader(std::string_view bytes) : left_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return left_.empty(); }

  template <std::integral Number>
  Number number() {
    std::uint64_t value = 0;
    const std::string_view bytes = take(sizeof(Number));
    for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<std::uint8_t>(bytes[i]);
    return static_cast<Number>(value);
  }
  // One of `count` values, from 0.
  template <typename Enum>
  Enum one_of(std::size_t count) {
    const auto value = number<std::uint8_t>();
    if (value >= count) ok_ = false;
    return static_cast<Enum>(ok_ ? value : 0);
  }
  bool flag() { return one_of<std::uint8_t>(2) != 0; }
  std::string text(std::size_t most) {
    const auto size = number<std::uint16_t>();
    if (size > most) ok_ = false;
    return std::string(take(size));
  }

 private:
  std::string_view take(std::size_t size) {
    if (size > left_.size()) ok_ = false;
    if (!ok_) {
      left_ = {};
      return {};
    }
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }

  std::string_view left_;
  bool ok_ = true;
};

}  // namespace sonde::gateway
