#include "targets/target_set.h"

#include <algorithm>

#include "base/check.h"

namespace sonde::targets {

void TargetSet::set_ports(const PortSet& ports) {
  ports_.assign(ports.ports().begin(), ports.ports().end());
  if (ports_.size() > 1) ports_reciprocal_ = UINT64_MAX / ports_.size() + 1;  // ceil(2^64 / size)
}

void TargetSet::name_at(std::string_view name, std::uint16_t port, Target& out) const {
  out.endpoint = {IpAddress(), port};
  out.host.assign(name);
  out.blocked = !excluded_names_.empty() &&
                std::binary_search(excluded_names_.begin(), excluded_names_.end(), name, std::less<>());
}

void TargetSet::url_at(const UrlSet::Item& url, Target& out) const {
  if (url.host.empty())
    out.endpoint = {url.address, url.port};
  else
    name_at(url.host, url.port, out);
  out.path.assign(url.path);
  out.scheme = url.scheme;
}

void TargetSet::at_section(std::uint64_t index, Target& out) const {
  SONDE_CHECK(index < size_, "no such target");
  const auto after = std::upper_bound(sections_.begin(), sections_.end(), index,
                                      [](std::uint64_t i, const Section& section) { return i < section.begin; });
  const Section& section = *std::prev(after);
  const std::uint64_t local = index - section.begin;
  const auto address = [&](const IpAddress& ip, std::uint16_t port) { out.endpoint = {ip, port}; };
  out.host.clear();
  out.path.clear();
  out.scheme = Scheme::kNone;
  out.blocked = false;
  switch (section.kind) {
    case Kind::kBaseV4:  // at() has them; the general way gives the same
      return address(IpAddress::v4(base_v4_.at(local / ports_.size())), ports_[local % ports_.size()]);
    case Kind::kBaseV6:
      return address(IpAddress::v6(base_v6_.at(local / ports_.size())), ports_[local % ports_.size()]);
    case Kind::kOwnV4:
      return address(IpAddress::v4(own_v4_[section.slot].at(local)), section.port);
    case Kind::kOwnV6:
      return address(IpAddress::v6(own_v6_[section.slot].at(local)), section.port);
    case Kind::kNames:
      return name_at(names_[local / ports_.size()].name, ports_[local % ports_.size()], out);
    case Kind::kOwnNames:
      return name_at(own_names_[local].name, own_names_[local].port, out);
    case Kind::kUrls:
      return url_at(urls_[local], out);
  }
}

}  // namespace sonde::targets
