#include "gateway/checks/handover_message.h"

#include <utility>

#include "base/check.h"
#include "gateway/checks/saved_bytes.h"

namespace sonde::gateway {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kMostListen = 256;
constexpr std::size_t kGoodSize = 32 << 10;    // of a packet; one state more still fits
constexpr std::size_t kCheckSize = 8 * 3 + 3;  // beside the state

}  // namespace

std::string write_handover(const HandoverMessage& message) {
  SavedWriter to;
  to.number(kVersion);
  to.number(static_cast<std::uint8_t>(message.kind));
  if (message.kind == HandoverKind::kHello) to.text(message.listen, kMostListen);
  for (const HandedCheck& check : message.checks) {
    SONDE_CHECK(message.kind == HandoverKind::kChecks && check.state.size() <= kMostSavedState, "a packet of checks");
    to.number(check.id);
    to.number(check.interval);
    to.number(check.next_due);
    to.number(static_cast<std::uint8_t>(check.running));
    to.text(check.state, kMostSavedState);
  }
  SONDE_CHECK(to.size() <= kMostHandoverPacket, "a packet of the handover is bounded");
  return to.take();
}

Parsed<HandoverMessage> parse_handover(std::string_view packet) {
  if (packet.size() > kMostHandoverPacket) return input_error("handover: a packet that is too long");
  SavedReader from(packet);
  if (from.number<std::uint8_t>() != kVersion) return input_error("handover: another version of the protocol");
  HandoverMessage message;
  const auto kind = from.number<std::uint8_t>();
  if (kind < static_cast<std::uint8_t>(HandoverKind::kHello) || kind > static_cast<std::uint8_t>(HandoverKind::kTaken))
    return input_error("handover: a packet of no known kind");
  message.kind = static_cast<HandoverKind>(kind);
  if (message.kind == HandoverKind::kHello) message.listen = from.text(kMostListen);
  while (message.kind == HandoverKind::kChecks && from.ok() && !from.at_end()) {
    HandedCheck& check = message.checks.emplace_back();
    check.id = from.number<CheckId>();
    check.interval = from.number<Nanos>();
    check.next_due = from.number<Nanos>();
    check.running = from.flag();
    check.state = from.text(kMostSavedState);
  }
  if (!from.ok() || !from.at_end()) return input_error("handover: a packet that is damaged");
  return message;
}

bool HandoverPacker::add(HandedCheck check) {
  size_ += kCheckSize + check.state.size();
  message_.checks.push_back(std::move(check));
  return size_ >= kGoodSize;
}

std::string HandoverPacker::take() {
  std::string packet = write_handover(message_);
  message_.checks.clear();
  size_ = 0;
  return packet;
}

}  // namespace sonde::gateway
