// Names of things that outlive a pointer.
#pragma once

#include <cstdint>

namespace sonde {

// A connection: its slot in a shard's slab and the generation of that slot. A stale id (same index, older generation)
// names nothing. Never keep a Connection* across a turn of the loop; keep this.
struct ConnectionId {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;
  friend bool operator==(const ConnectionId&, const ConnectionId&) = default;
};

}  // namespace sonde
