// How often each name came, with a bound on the names that are held: when there are more, the half that came least
// often is forgotten into `others`. The sum is always exact; counts are exact until something was forgotten, lower
// bounds from then on. Of one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sonde::report {

inline constexpr std::size_t kMostNames = 4096;
inline constexpr std::size_t kLongestName = 128;  // bytes; what is longer is cut

// At most `most` bytes of it, cut between two characters.
std::string_view cut(std::string_view text, std::size_t most = kLongestName);

class TopCounts {
 public:
  void add(std::string_view name, std::uint64_t count = 1);
  void merge(const TopCounts& other);

  std::uint64_t total() const { return total_; }
  std::size_t distinct() const { return counts_.size(); }
  bool forgot() const { return forgot_; }
  // The names that came most often, at most `most`; equal ones in the order of their names.
  std::vector<std::pair<std::string_view, std::uint64_t>> top(std::size_t most) const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  void forget_half();

  std::unordered_map<std::string, std::uint64_t, Hash, std::equal_to<>> counts_;
  std::uint64_t total_ = 0;
  bool forgot_ = false;
};

}  // namespace sonde::report
