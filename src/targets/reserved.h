// Addresses that a wide target never means: IANA's special-purpose registries, multicast and 240.0.0.0/4. They are cut
// out of any wider target; a target that lies itself inside them (127.0.0.0/16) was meant. Immutable, any thread.
#pragma once

#include "targets/cidr_set.h"

namespace sonde::targets {

const AddressSet& reserved_addresses();

// Calls visit(AddressRange) for what is left of a target: the whole of it when it lies inside the reserved addresses
// (or is one address), else its pieces outside of them. A visit that returns false ends it.
template <typename Visit>
bool for_each_unreserved(const AddressRange& target, Visit&& visit) {
  if (target.single() || reserved_addresses().covers(target)) return visit(target);
  return reserved_addresses().for_each_outside(target, visit);
}

}  // namespace sonde::targets
