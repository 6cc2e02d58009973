// What a gateway and its successor tell each other, as packets: a version, a kind, and its body. Pure bytes; the socket
// is handover.h's.
//
//   old → new   hello    what it listens on; with it the sockets that do
//   new → old   ready    its configuration is read, it answers requests as well as the old one does
//   old → new   checks   some of its checks: from here on it begins none of them
//   old → new   begin    those were all: what is due begins, but for what still runs in the old one
//   old → new   checks   what has run meanwhile, when it has ended
//   old → new   done     nothing runs there any more
//   new → old   taken    the old one may go; until here it can go on as if nothing had been
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "gateway/checks/check.h"

namespace sonde::gateway {

inline constexpr std::size_t kMostHandoverPacket = 128 << 10;  // bytes
inline constexpr std::size_t kMostSavedState = 0xffff;         // bytes of CheckState::save()

enum class HandoverKind : std::uint8_t { kHello = 1, kReady, kChecks, kBegin, kDone, kTaken };

// A check in the hands of the successor. The clock is the machine's steady one, the same in all its processes: so the
// turns of both are the same to the nanosecond, and none is taken twice or by nobody.
struct HandedCheck {
  CheckId id = 0;
  Nanos interval = 0;
  Nanos next_due = 0;    // steady; the first turn that was not begun
  bool running = false;  // one that was begun has not ended: there is more to come of it
  std::string state;     // CheckState::save()
  bool operator==(const HandedCheck&) const = default;
};

struct HandoverMessage {
  HandoverKind kind = HandoverKind::kHello;
  std::string listen;               // of a hello: `listen`; empty: the sockets are someone else's (systemd's)
  std::vector<HandedCheck> checks;  // of checks
  bool operator==(const HandoverMessage&) const = default;
};

// REQUIRES: a packet's worth: see HandoverPacker.
std::string write_handover(const HandoverMessage& message);
// The error says what is wrong; another version of this protocol is one, too.
Parsed<HandoverMessage> parse_handover(std::string_view packet);

// Puts checks into packets of a good size.
class HandoverPacker {
 public:
  // True: what is gathered is enough for a packet.
  bool add(HandedCheck check);
  bool empty() const { return message_.checks.empty(); }
  std::string take();  // the packet

 private:
  HandoverMessage message_{.kind = HandoverKind::kChecks};
  std::size_t size_ = 0;
};

}  // namespace sonde::gateway
