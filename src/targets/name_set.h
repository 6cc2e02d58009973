// A sorted set of (host name, port) in two blocks of memory, whatever its size. normalize() before reading; then any
// thread may read.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"

namespace sonde::targets {

class NameSet {
 public:
  struct Item {
    std::string_view name;  // borrowed from the set
    std::uint16_t port;
    friend auto operator<=>(const Item&, const Item&) = default;
  };

  // REQUIRES: name.size() < 256 (RFC 1123: 253). Port 0 where the name has none of its own.
  void add(std::string_view name, std::uint16_t port) {
    SONDE_CHECK(name.size() < 256, "a host name longer than any");
    entries_.push_back({chars_.size(), static_cast<std::uint8_t>(name.size()), port});
    chars_.append(name);
  }

  void normalize() {
    const auto before = [this](const Entry& a, const Entry& b) { return item(a) < item(b); };
    const auto same = [this](const Entry& a, const Entry& b) { return item(a) == item(b); };
    std::sort(entries_.begin(), entries_.end(), before);
    entries_.erase(std::unique(entries_.begin(), entries_.end(), same), entries_.end());
    entries_.shrink_to_fit();
    chars_.shrink_to_fit();
  }

  template <typename Predicate>
  void remove_if(Predicate&& predicate) {
    std::erase_if(entries_, [&](const Entry& entry) { return predicate(item(entry)); });
  }

  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  Item operator[](std::size_t i) const { return item(entries_[i]); }

  bool contains(const Item& wanted) const {
    const auto found = std::lower_bound(entries_.begin(), entries_.end(), wanted,
                                        [this](const Entry& entry, const Item& w) { return item(entry) < w; });
    return found != entries_.end() && item(*found) == wanted;
  }

 private:
  struct Entry {
    std::uint64_t offset : 40;  // a terabyte of names
    std::uint64_t length : 8;
    std::uint64_t port : 16;
  };
  static_assert(sizeof(Entry) == 8);

  Item item(const Entry& entry) const {
    return {std::string_view(chars_).substr(entry.offset, entry.length), static_cast<std::uint16_t>(entry.port)};
  }

  std::string chars_;
  std::vector<Entry> entries_;
};

}  // namespace sonde::targets
