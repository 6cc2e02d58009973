#include "gateway/checks/target_filter.h"

#include <fmt/format.h>

#include <string_view>

#include "targets/target_expression.h"

namespace sonde::gateway {
namespace {

Parsed<targets::AddressSet> read_set(std::string_view key, std::span<const std::string> items) {
  targets::AddressSet set;
  for (const std::string& item : items) {
    const auto parsed = targets::parse_target(item);
    if (!parsed) return input_error(fmt::format("{}: {}", key, parsed.error().text));
    if (parsed->is_name() || parsed->port != 0)
      return input_error(fmt::format("{}: '{}' is not a prefix, a range or an address", key, item));
    set.add(parsed->range);
  }
  set.normalize();
  return set;
}

}  // namespace

Parsed<TargetFilter> TargetFilter::create(std::span<const std::string> allow, std::span<const std::string> deny) {
  TargetFilter filter;
  auto allowed = read_set("allow_targets", allow);
  if (!allowed) return std::unexpected(std::move(allowed.error()));
  auto denied = read_set("deny_targets", deny);
  if (!denied) return std::unexpected(std::move(denied.error()));
  filter.allowed_ = std::move(*allowed);
  filter.denied_ = std::move(*denied);
  return filter;
}

bool TargetFilter::allows(const IpAddress& address) const {
  // The kernel connects the unspecified address to this machine: it may be had where loopback may.
  const IpAddress any_v4 = IpAddress::v4(0), loopback_v4 = IpAddress::v4(0x7f000001);
  if (address == any_v4) return is_listed(any_v4) && is_listed(loopback_v4);
  if (address.is_unspecified()) return is_listed(address) && is_listed(IpAddress::v6(1));
  return is_listed(address);
}

bool TargetFilter::is_listed(const IpAddress& address) const {
  return (allowed_.empty() || allowed_.contains(address)) && !denied_.contains(address);
}

}  // namespace sonde::gateway
