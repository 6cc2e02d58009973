// Drives an icmp probe by hand, for its test and its fuzzer.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "engine/probe.h"
#include "probes/icmp/icmp_fields.h"
#include "probes/icmp/icmp_probe.h"
#include "wire/icmp.h"

namespace sonde::probes {

using EchoBytes = std::vector<std::byte>;

// What a host makes of an echo request.
inline EchoBytes reply_to(bool v4, EchoBytes message) {
  message[0] = static_cast<std::byte>(v4 ? 0 : 129);
  message[2] = message[3] = std::byte{0};
  if (!v4) return message;
  const std::uint16_t sum = wire::internet_checksum(message);
  message[2] = static_cast<std::byte>(sum >> 8);
  message[3] = static_cast<std::byte>(sum & 0xff);
  return message;
}

class IcmpDrive {
 public:
  using Kind = engine::Step::Kind;

  explicit IcmpDrive(const IpAddress& target = IpAddress::v4(0x7f000001),
                     const std::vector<std::pair<std::string, std::string>>& options = {})
      : module_(make_icmp_module()),
        context{.now = kSecond, .endpoint = {.address = target, .port = 0}, .host = {}, .pool = pool_} {
    for (const auto& [name, value] : options) SONDE_CHECK(module_->configure(name, value), "an option that there is");
    state_ = module_->make_shard_state();
    context.state = state_.get();
    memory_.resize(module_->state_bytes() + alignof(std::max_align_t));
    void* memory = memory_.data();
    std::size_t room = memory_.size();
    probe_ = module_->create(std::align(alignof(std::max_align_t), module_->state_bytes(), memory, room));
  }
  ~IcmpDrive() { probe_->~Probe(); }
  IcmpDrive(const IcmpDrive&) = delete;
  IcmpDrive& operator=(const IcmpDrive&) = delete;

  void start() { take(probe_->start(context)); }
  void bytes(std::span<const std::byte> bytes, std::uint8_t hop_limit = 57) {
    context.hop_limit = hop_limit;
    take(probe_->on_bytes(context, bytes));
  }
  void fail(results::Outcome outcome, const IcmpError* error = nullptr) {
    context.icmp = error;
    take(probe_->on_failure(context, outcome));
  }
  void deadline() { take(probe_->on_deadline(context)); }
  // Time passes, up to the next wake at most; false when there is none.
  bool pass(Nanos time) {
    context.now += time;
    if (context.wake_at > context.now) return false;
    context.wake_at = kNever;
    take(probe_->on_wake(context));
    return true;
  }
  bool done() const { return step.kind == Kind::kDone; }

  std::vector<results::Value> values() const {
    std::vector<results::Value> out(module_->fields().size());
    probe_->fill(out);
    return out;
  }
  // -1: absent.
  std::int64_t number(IcmpField field) const {
    const results::Value value = values()[static_cast<std::size_t>(field)];
    const auto* found = std::get_if<std::int64_t>(&value);
    return found == nullptr ? -1 : *found;
  }
  std::string rtts() const {
    const results::Value value = values()[static_cast<std::size_t>(IcmpField::kRtts)];
    const auto* found = std::get_if<results::Json>(&value);
    return found == nullptr ? "" : found->text;
  }

 private:
  void take(const engine::Step& next) {
    SONDE_CHECK(!done(), "called after its verdict");
    step = next;
    if (step.kind == Kind::kSend) sent.emplace_back(step.bytes.begin(), step.bytes.end());
  }

  std::unique_ptr<engine::ProbeModule> module_;
  memory::RingPool pool_{std::size_t{64} << 10};
  std::unique_ptr<engine::ShardState> state_;
  std::vector<std::byte> memory_;
  engine::Probe* probe_ = nullptr;

 public:
  engine::ProbeContext context;
  engine::Step step;
  std::vector<EchoBytes> sent;
};

}  // namespace sonde::probes
