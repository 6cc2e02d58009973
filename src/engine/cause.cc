#include "engine/cause.h"

namespace sonde::engine {

using results::Cause;
using results::Phase;

Cause cause_of(Phase phase, bool received, bool sent, const std::optional<io::TcpInfo>& info) {
  if (phase == Phase::kDns) return Cause::kNone;
  if (phase == Phase::kConnect) return Cause::kSynUnanswered;
  if (received) return Cause::kPartialReply;
  if (!sent) return Cause::kAckedNoReply;  // there was nothing that could have been lost
  if (!info) return Cause::kNone;
  // A closed connection has nothing under way any more: the kernel gave up, after what it sent was not acknowledged.
  if (info->unacked == 0 && info->not_sent == 0 && !info->closed) return Cause::kAckedNoReply;
  return info->has_peer_window && info->peer_window == 0 && !info->closed ? Cause::kZeroWindow : Cause::kRequestUnacked;
}

const char* describe(Cause cause) {
  switch (cause) {
    case Cause::kNone:
      return "";
    case Cause::kSynUnanswered:
      return "no answer to the SYN";
    case Cause::kRequestUnacked:
      return "connected, but the request was never acknowledged";
    case Cause::kAckedNoReply:
      return "connected, but the peer said nothing";
    case Cause::kPartialReply:
      return "the reply stopped before it was whole";
    case Cause::kZeroWindow:
      return "connected, but the peer takes no more data (its window is zero)";
  }
  return "";
}

bool outweighs_probe(Cause cause) { return cause == Cause::kRequestUnacked || cause == Cause::kZeroWindow; }

}  // namespace sonde::engine
