// Small files of /proc and /sys below a root that tests may choose. What cannot be read is empty or absent, never an
// error: the readings are optional. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sonde::doctor {

// The decimal numbers that `text` begins with, separated by blanks; ends at the first word that is none.
std::vector<std::uint64_t> numbers_of(std::string_view text);

class Tree {
 public:
  explicit Tree(std::string root) : root_(std::move(root)) {
    if (!root_.ends_with('/')) root_ += '/';
  }
  bool is_real() const { return root_ == "/"; }
  std::string path(std::string_view name) const { return root_ + std::string(name); }  // name: "proc/sys/fs/nr_open"
  std::string text(std::string_view name) const;
  std::string line(std::string_view name) const;  // without the line's end
  std::vector<std::uint64_t> numbers(std::string_view name) const { return numbers_of(text(name)); }
  std::optional<std::uint64_t> number(std::string_view name) const;

 private:
  std::string root_;
};

}  // namespace sonde::doctor
