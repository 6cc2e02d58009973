// Drives a tls probe by hand, for its test and its fuzzer: bytes in any pieces, then silence, FIN or RST, and the
// connections that it asks for. Checks what the engine would rely on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "engine/probe.h"
#include "probes/tls/tls_fields.h"
#include "probes/tls/tls_probe.h"

namespace sonde::probes {

// A module that is set, with what one shard keeps for it.
struct Ready {
  using Options = std::vector<std::pair<std::string, std::string>>;
  explicit Ready(const Options& options) : module(make_tls_module()) {
    for (const auto& [name, value] : options) SONDE_CHECK(module->configure(name, value), "an option that there is");
    SONDE_CHECK(module->prepare({}), "options that go together");
    state = module->make_shard_state();
  }
  std::unique_ptr<engine::ProbeModule> module;
  std::unique_ptr<engine::ShardState> state;
};

// One probe on one target. What it was told and said last stays to be read.
class Driven {
 public:
  using Kind = engine::Step::Kind;
  static constexpr std::size_t kLargestRead = 16384;  // the engine's

  explicit Driven(Ready& ready, std::string host = "test.example")
      : ready_(ready),
        host_(std::move(host)),
        memory_(ready.module->state_bytes() + alignof(std::max_align_t)),
        context_{.now = kSecond,
                 .endpoint = {.address = IpAddress::v4(0x7f000001), .port = 443},
                 .host = host_,
                 .pool = pool_,
                 .unix_now = std::int64_t{1'800'000'000} * kSecond,
                 .started = kSecond,
                 .state = ready.state.get()} {
    void* place = memory_.data();
    std::size_t room = memory_.size();
    probe_ = ready.module->create(std::align(alignof(std::max_align_t), ready.module->state_bytes(), place, room));
  }
  ~Driven() {
    probe_->~Probe();
    SONDE_CHECK(pool_.stats().in_use == 0, "every lease is given back");
  }
  Driven(const Driven&) = delete;
  Driven& operator=(const Driven&) = delete;

  void connect() {
    SONDE_CHECK(step.kind == Kind::kMore || step.kind == Kind::kReconnect, "nothing follows a verdict");
    context_.connection = connections++;
    context_.handshaking = false;
    sent.clear();
    take(probe_->start(context_));
  }
  // What is left when the probe has its verdict, or wants another connection, is not given to it.
  void hear(std::span<const std::byte> bytes, std::size_t piece = kLargestRead) {
    sent.clear();
    while (!bytes.empty() && is_open()) {
      const auto part = bytes.first(std::min({piece, bytes.size(), kLargestRead}));
      bytes = bytes.subspan(part.size());
      heard += part.size();
      const std::vector<std::byte> own(part.begin(), part.end());  // so that a look beyond it is seen
      take(probe_->on_bytes(context_, own));
      peak_leases = std::max(peak_leases, pool_.stats().in_use);
    }
  }
  void fin() { end(probe_->on_eof(context_)); }
  void reset(results::Outcome outcome = results::Outcome::kReset) { end(probe_->on_failure(context_, outcome)); }
  void silence() {
    context_.now += 5 * kSecond;
    end(probe_->on_deadline(context_));
  }

  bool is_open() const { return step.kind == Kind::kMore || step.kind == Kind::kSend; }
  bool is_done() const { return step.kind == Kind::kDone; }
  results::Outcome outcome() const {
    SONDE_CHECK(is_done(), "a verdict");
    return step.outcome;
  }
  bool handshaking() const { return context_.handshaking; }
  Nanos now() const { return context_.now; }

  // The record's fields, once there is a verdict.
  const std::vector<results::Value>& values() {
    if (!values_.empty()) return values_;
    values_.resize(ready_.module->fields().size());
    probe_->fill(values_);
    const std::unique_ptr<engine::LateFields> late = probe_->late_fields();
    if (late == nullptr) return values_;
    while (!late->ready()) std::this_thread::yield();
    late->fill(values_);
    return values_;
  }
  bool has(TlsField id) { return values()[static_cast<std::size_t>(id)] != results::Value(); }
  std::string text(TlsField id) {
    const auto* found = std::get_if<std::string>(&values()[static_cast<std::size_t>(id)]);
    return found == nullptr ? "" : *found;
  }
  std::optional<bool> flag(TlsField id) {
    const auto* found = std::get_if<bool>(&values()[static_cast<std::size_t>(id)]);
    return found == nullptr ? std::nullopt : std::optional(*found);
  }

  engine::Step step;
  std::string error;            // of the verdict
  std::vector<std::byte> sent;  // since the last connect() or hear(); the farewell too
  std::uint32_t connections = 0;
  std::size_t heard = 0;
  std::uint64_t peak_leases = 0;

 private:
  void take(const engine::Step& next) {
    step = next;
    SONDE_CHECK(step.kind != Kind::kSend || !step.bytes.empty(), "a message has bytes");
    SONDE_CHECK(step.kind != Kind::kRest, "a tls probe does not rest");
    sent.insert(sent.end(), step.bytes.begin(), step.bytes.end());
    error = step.error;
    step.bytes = {};
    step.error = "";
  }
  void end(const engine::Step& next) {
    sent.clear();
    take(next);
    SONDE_CHECK(!is_open(), "a verdict at the end");
  }

  Ready& ready_;
  std::string host_;
  memory::RingPool pool_{std::size_t{64} << 10};
  std::vector<std::byte> memory_;
  engine::ProbeContext context_;
  engine::Probe* probe_;
  std::vector<results::Value> values_;
};

}  // namespace sonde::probes
