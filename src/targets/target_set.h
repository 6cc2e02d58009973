// Everything that one scan probes, as numbers 0 … size()-1: at(index) is the target. Each (address, port) and each
// (name, port) is there once; where URLs are kept (TargetSetBuilder), each URL with a path or another scheme too.
// Memory grows with the number of ranges, names and URLs, never with their size. Built by TargetSetBuilder; immutable,
// any thread may read.
//
// The numbers run through sections: ranges × ports (IPv4, then IPv6), addresses with ports of their own that the former
// do not hold (by port), names × ports, names with ports of their own, URLs. Within a section by address, then port.
// They depend on the targets, the ports and the exclusions that the set was built with alone, not on the order of
// input.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "targets/exclusion.h"
#include "targets/name_set.h"
#include "targets/port_set.h"
#include "targets/range_index.h"
#include "targets/target_source.h"
#include "targets/url_set.h"

namespace sonde::targets {

class TargetSet {
 public:
  std::uint64_t size() const { return size_; }  // 1 … 2^62 - 1

  // Fills all but the position. REQUIRES: index < size().
  void at(std::uint64_t index, Target& out) const {
    if (index < base_v4_end_) {
      const auto [number, port] = split(index);
      out.endpoint = {IpAddress::v4(base_v4_.at(number)), port};
      out.host.clear();
      out.path.clear();
      out.scheme = Scheme::kNone;
      out.blocked = false;
    } else {
      at_section(index, out);
    }
    if (!schemes_.empty() && out.scheme == Scheme::kNone)
      out.scheme = schemes_.bare_scheme(out.host, out.endpoint.address, out.endpoint.port);
  }

  // Hints for a batch of at() calls: all of the first kind, then all of the second, then the calls.
  void prefetch_bucket(std::uint64_t index) const {
    if (index < base_v4_end_) base_v4_.prefetch_bucket(split(index).number);
  }
  void prefetch_range(std::uint64_t index) const {
    if (index < base_v4_end_) base_v4_.prefetch_range(split(index).number);
  }

  // Of the targets (reserved ranges cut out) and ports, without the exclusions: two builds have the same digest when
  // they were given the same targets, in whatever order and form and however often.
  std::uint64_t digest() const { return digest_; }
  bool has_names() const { return !names_.empty() || !own_names_.empty() || urls_.has_names(); }

 private:
  friend class TargetSetBuilder;
  TargetSet() = default;

  enum class Kind : std::uint8_t { kBaseV4, kBaseV6, kOwnV4, kOwnV6, kNames, kOwnNames, kUrls };
  struct Section {
    std::uint64_t begin;
    Kind kind;
    std::uint16_t port;  // kOwnV4, kOwnV6
    std::uint32_t slot;  // in own_v4_, own_v6_
  };
  struct AddressAndPort {
    std::uint64_t number;
    std::uint16_t port;
  };

  // index / ports and ports[index % ports]. A division by multiplication: with m = ceil(2^64 / d), index · m / 2^64
  // is exact while index · d < 2^64, and here index < 2^32 · d and d < 2^16.
  AddressAndPort split(std::uint64_t index) const {
    const std::uint64_t ports = ports_.size();
    if (ports == 1) return {index, ports_[0]};
    const auto number = static_cast<std::uint64_t>((U128{index} * ports_reciprocal_) >> 64);
    return {number, ports_[index - number * ports]};
  }
  void at_section(std::uint64_t index, Target& out) const;
  void name_at(std::string_view name, std::uint16_t port, Target& out) const;
  void url_at(const UrlSet::Item& url, Target& out) const;
  void set_ports(const PortSet& ports);

  std::uint64_t size_ = 0;
  std::uint64_t digest_ = 0;
  std::uint64_t base_v4_end_ = 0;
  std::uint64_t ports_reciprocal_ = 0;
  std::vector<std::uint16_t> ports_;
  RangeIndex<std::uint32_t> base_v4_;
  RangeIndex<U128> base_v6_;
  std::vector<RangeIndex<std::uint32_t>> own_v4_;
  std::vector<RangeIndex<U128>> own_v6_;
  NameSet names_;
  NameSet own_names_;
  UrlSet urls_;
  UrlSet schemes_;                 // of pairs that are numbered as ranges × ports or names × ports: URLs without a path
  std::vector<Section> sections_;  // ascending, the first begins at 0
  std::vector<std::string> excluded_names_;
};

}  // namespace sonde::targets
