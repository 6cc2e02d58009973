#include "doctor/tree.h"

#include <charconv>

#include "os/fd.h"

namespace sonde::doctor {

std::vector<std::uint64_t> numbers_of(std::string_view text) {
  std::vector<std::uint64_t> numbers;
  for (;;) {
    const std::size_t start = text.find_first_not_of(" \t\n");
    if (start == std::string_view::npos) return numbers;
    text.remove_prefix(start);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return numbers;
    numbers.push_back(number);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
}

std::string Tree::text(std::string_view name) const {
  constexpr std::size_t kMost = std::size_t{1} << 20;
  return os::read_file(path(name), kMost).value_or("");
}

std::string Tree::line(std::string_view name) const {
  std::string first = text(name);
  return first.substr(0, first.find('\n'));
}

std::optional<std::uint64_t> Tree::number(std::string_view name) const {
  const std::vector<std::uint64_t> all = numbers(name);
  return all.empty() ? std::nullopt : std::optional(all.front());
}

}  // namespace sonde::doctor
