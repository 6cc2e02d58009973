// A sorted set of URLs (address or host name, port, path, scheme) in two blocks of memory, whatever its size: 12 bytes
// a URL beside its text (16 bytes for an address). normalize() before reading; then any thread may read.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/ip_address.h"
#include "targets/target_source.h"

namespace sonde::targets {

class UrlSet {
 public:
  // Addresses come before names; URLs of one endpoint stand together, the one without a path first.
  struct Item {
    std::string_view host;  // empty for an address. Borrowed from the set, as the path is
    IpAddress address;
    std::uint16_t port = 0;
    std::string_view path;
    Scheme scheme = Scheme::kNone;
    friend auto operator<=>(const Item&, const Item&) = default;
    bool same_endpoint(const Item& other) const {
      return host == other.host && address == other.address && port == other.port;
    }
  };

  // REQUIRES: host.size() < 256 (RFC 1123: 253), path.size() < 4096.
  void add(const Item& item) {
    SONDE_CHECK(item.host.size() < 256 && item.path.size() < 4096, "a URL longer than any");
    const std::uint64_t offset = chars_.size();
    entries_.push_back({.offset_low = static_cast<std::uint32_t>(offset),
                        .offset_high = static_cast<std::uint32_t>(offset >> 32) & 0xff,
                        .host_length = static_cast<std::uint32_t>(item.host.size()),
                        .port = item.port,
                        .path_length = static_cast<std::uint32_t>(item.path.size()),
                        .scheme = static_cast<std::uint32_t>(item.scheme)});
    if (item.host.empty()) {
      const U128 bits = item.address.bits();
      chars_.append(reinterpret_cast<const char*>(&bits), sizeof(bits));
    }
    chars_.append(item.host).append(item.path);
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
  // REQUIRES: normalize().
  bool has_names() const { return !empty() && !item(entries_.back()).host.empty(); }
  std::size_t memory_bytes() const { return chars_.capacity() + entries_.capacity() * sizeof(Entry); }

  // The scheme of the first URL of this endpoint that has no path; kNone when there is none.
  Scheme bare_scheme(std::string_view host, const IpAddress& address, std::uint16_t port) const {
    const Item wanted{.host = host, .address = address, .port = port};
    const auto found = std::lower_bound(entries_.begin(), entries_.end(), wanted,
                                        [this](const Entry& entry, const Item& w) { return item(entry) < w; });
    if (found == entries_.end()) return Scheme::kNone;
    const Item first = item(*found);
    return first.same_endpoint(wanted) && first.path.empty() ? first.scheme : Scheme::kNone;
  }

 private:
  struct Entry {
    std::uint32_t offset_low;
    std::uint32_t offset_high : 8;  // a terabyte of text
    std::uint32_t host_length : 8;
    std::uint32_t port : 16;
    std::uint32_t path_length : 12;
    std::uint32_t scheme : 2;
  };
  static_assert(sizeof(Entry) == 12);

  Item item(const Entry& entry) const {
    std::size_t offset = std::uint64_t{entry.offset_high} << 32 | entry.offset_low;
    const std::string_view chars(chars_);
    Item out{.port = static_cast<std::uint16_t>(entry.port), .scheme = static_cast<Scheme>(entry.scheme)};
    if (entry.host_length == 0) {
      U128 bits = 0;
      std::memcpy(&bits, chars.data() + offset, sizeof(bits));
      out.address = IpAddress::v6(bits);
      offset += sizeof(bits);
    }
    out.host = chars.substr(offset, entry.host_length);
    out.path = chars.substr(offset + entry.host_length, entry.path_length);
    return out;
  }

  std::string chars_;
  std::vector<Entry> entries_;
};

}  // namespace sonde::targets
