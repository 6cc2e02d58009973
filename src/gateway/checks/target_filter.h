// Which addresses /probe and the checks may go to: allow_targets and deny_targets, asked of every address after it is
// resolved and of every redirect, so that a name cannot lead where an address may not. Deny wins; no allow list allows
// all. Immutable once made, any thread.
#pragma once

#include <span>
#include <string>

#include "base/error.h"
#include "base/ip_address.h"
#include "targets/cidr_set.h"

namespace sonde::gateway {

class TargetFilter {
 public:
  // Prefixes, ranges and addresses. The error names the key and the item.
  static Parsed<TargetFilter> create(std::span<const std::string> allow, std::span<const std::string> deny);

  bool allows(const IpAddress& address) const;
  bool allows_all() const { return allowed_.empty() && denied_.empty(); }

 private:
  bool is_listed(const IpAddress& address) const;

  targets::AddressSet allowed_, denied_;
};

}  // namespace sonde::gateway
