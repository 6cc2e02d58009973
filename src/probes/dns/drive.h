// Drives a dns probe by hand, for its tests and its fuzzer.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "engine/probe.h"
#include "probes/dns/dns_fields.h"
#include "probes/dns/dns_probe.h"

namespace sonde::probes {

using Octets = std::vector<std::byte>;

class DnsDrive {
 public:
  using Kind = engine::Step::Kind;
  using Options = std::vector<std::pair<std::string, std::string>>;

  explicit DnsDrive(const Options& options = {}, std::string_view host = {})
      : module_(make_dns_module()),
        host_(host),
        context{.now = kSecond,
                .endpoint = {.address = IpAddress::v4(0x7f000001), .port = 53},
                .host = host_,
                .pool = pool_} {
    for (const auto& [name, value] : options) SONDE_CHECK(module_->configure(name, value), "an option that there is");
    SONDE_CHECK(module_->prepare({}), "options that go together");
    state_ = module_->make_shard_state();
    context.state = state_.get();
    memory_.resize(module_->state_bytes() + alignof(std::max_align_t));
    void* memory = memory_.data();
    std::size_t room = memory_.size();
    probe_ = module_->create(std::align(alignof(std::max_align_t), module_->state_bytes(), memory, room));
  }
  ~DnsDrive() {
    probe_->~Probe();
    SONDE_CHECK(pool_.stats().in_use == 0, "what was lent is given back");
  }
  DnsDrive(const DnsDrive&) = delete;
  DnsDrive& operator=(const DnsDrive&) = delete;

  void start() { take(probe_->start(context)); }
  void bytes(std::span<const std::byte> bytes) { take(probe_->on_bytes(context, bytes)); }
  void eof() { take(probe_->on_eof(context)); }
  void fail(results::Outcome outcome) { take(probe_->on_failure(context, outcome)); }
  void deadline() { take(probe_->on_deadline(context)); }
  // Time passes; false when no wake came due.
  bool pass(Nanos time) {
    context.now += time;
    if (context.wake_at > context.now) return false;
    context.wake_at = kNever;
    take(probe_->on_wake(context));
    return true;
  }
  // The connection that the probe asked for is there.
  void reconnected() {
    SONDE_CHECK(step.kind == Kind::kReconnect && step.detour != nullptr, "no other connection was asked for");
    host_ = step.detour->host;
    context.host = host_;
    context.endpoint = {.address = step.detour->address, .port = step.detour->port};
    context.wake_at = kNever;
    ++context.connection;
    step = {};
    take(probe_->start(context));
  }
  bool done() const { return step.kind == Kind::kDone; }
  const engine::ProbeModule& module() const { return *module_; }

  results::Value value(DnsField field) const {
    std::vector<results::Value> out(module_->fields().size());
    probe_->fill(out);
    return out[static_cast<std::size_t>(field)];
  }
  std::int64_t number(DnsField field) const {  // -1: absent
    const results::Value found = value(field);
    const auto* number = std::get_if<std::int64_t>(&found);
    return number == nullptr ? -1 : *number;
  }
  std::string text(DnsField field) const {
    const results::Value found = value(field);
    if (const auto* json = std::get_if<results::Json>(&found)) return json->text;
    if (const auto* truth = std::get_if<bool>(&found)) return *truth ? "true" : "false";
    if (const auto* list = std::get_if<std::vector<std::string>>(&found)) {
      std::string all;
      for (const std::string& one : *list) all += (all.empty() ? "" : " ") + one;
      return all;
    }
    const auto* text = std::get_if<std::string>(&found);
    return text == nullptr ? "" : *text;
  }

 private:
  void take(const engine::Step& next) {
    SONDE_CHECK(!done() && step.kind != Kind::kReconnect, "called after it left the connection");
    step = next;
    if (step.kind == Kind::kSend) sent.emplace_back(step.bytes.begin(), step.bytes.end());
    farewell.assign(step.bytes.begin(), step.bytes.end());
  }

  std::unique_ptr<engine::ProbeModule> module_;
  memory::RingPool pool_{std::size_t{256} << 10};
  std::unique_ptr<engine::ShardState> state_;
  std::vector<std::byte> memory_;
  std::string host_;
  engine::Probe* probe_ = nullptr;

 public:
  engine::ProbeContext context;
  engine::Step step;
  std::vector<Octets> sent;
  Octets farewell;  // of the last step
};

}  // namespace sonde::probes
