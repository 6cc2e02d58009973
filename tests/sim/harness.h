// Drives one shard through a list of targets on any backend, and keeps what came out. Shared by the scenario tests.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "engine/shard.h"
#include "io/sim_backend.h"
#include "probes/stay/stay_probe.h"
#include "scan/registry.h"

namespace sonde::testing_sim {

// A record with its borrowed parts copied.
struct Kept {
  Endpoint endpoint;
  std::string host;
  std::string probe;
  results::Outcome outcome;
  results::Phase phase;
  std::uint32_t attempts;
  std::array<std::int32_t, results::kPhaseNames.size()> timing_us;
  std::vector<results::Value> values;
  std::string error;
  results::Cause cause = results::Cause::kNone;
  std::optional<std::uint32_t> rtt_us;  // when there was a `tcp`

  std::string text(std::size_t value) const {
    const auto* found = value < values.size() ? std::get_if<std::string>(&values[value]) : nullptr;
    return found == nullptr ? "" : *found;
  }
  bool operator==(const Kept&) const = default;
};

class KeepAll : public engine::RecordConsumer {
 public:
  bool consume(const results::Record& record) override {
    if (kept.size() >= limit) return false;
    kept.push_back({.endpoint = {.address = record.ip, .port = record.port},
                    .host = std::string(record.host),
                    .probe = std::string(record.probe),
                    .outcome = record.outcome,
                    .phase = record.phase,
                    .attempts = record.attempts,
                    .timing_us = record.timing_us,
                    .values = {record.values.begin(), record.values.end()},
                    .error = std::string(record.error),
                    .cause = record.cause,
                    .rtt_us = record.tcp ? std::optional(record.tcp->rtt_us) : std::nullopt});
    return true;
  }
  bool full() const override { return false; }
  std::vector<Kept> kept;
  std::size_t limit = SIZE_MAX;
};

// Counts only: for a million probes.
class CountOnly : public engine::RecordConsumer {
 public:
  bool consume(const results::Record& record) override {
    ++outcomes[record.outcome];
    return true;
  }
  bool full() const override { return false; }
  std::map<results::Outcome, std::uint64_t> outcomes;
};

class ListSource : public targets::TargetSource {
 public:
  explicit ListSource(std::vector<Endpoint> endpoints) : endpoints_(std::move(endpoints)) {}
  std::size_t take(std::span<targets::Target> out) override {
    std::size_t count = 0;
    while (count < out.size() && next_ < endpoints_.size()) {
      out[count] = targets::Target{.position = next_, .endpoint = endpoints_[next_], .host = {}, .blocked = false};
      ++count;
      ++next_;
    }
    return count;
  }
  bool exhausted() const override { return next_ == endpoints_.size(); }
  std::optional<std::uint64_t> total() const override { return endpoints_.size(); }
  std::uint64_t cursor() const override { return next_; }

 private:
  std::vector<Endpoint> endpoints_;
  std::size_t next_ = 0;
};

// `count` addresses from 127.91.0.0 on, each with every port.
inline std::vector<Endpoint> endpoints(std::uint32_t count, const std::vector<std::uint16_t>& ports = {80}) {
  std::vector<Endpoint> out;
  for (std::uint32_t i = 0; i < count; ++i)
    for (const std::uint16_t port : ports) out.push_back({.address = IpAddress::v4(0x7f5b0000 + i), .port = port});
  return out;
}

using ModuleOptions = std::vector<std::pair<std::string, std::string>>;

struct Modules {
  explicit Modules(const std::vector<std::string>& names, const ModuleOptions& options = {}) {
    for (const std::string& name : names) {
      const bool full = name == "tls_full";        // the tls probe by OpenSSL
      const bool follows = name == "http_follow";  // the http probe with redirects
      const std::string module = full ? "tls" : follows ? "http" : name;
      owned.push_back(name == "stay" ? probes::make_stay_module(false) : scan::make_probe(module));
      SONDE_CHECK(owned.back() != nullptr, "unknown probe");
      SONDE_CHECK(!full || owned.back()->configure("tls-engine", "full"), "an engine that there is");
      SONDE_CHECK(!follows || owned.back()->configure("follow", "3"), "an option that there is");
      for (const auto& [option, value] : options)
        SONDE_CHECK(owned.back()->configure(option, value), "an option that there is");
      SONDE_CHECK(owned.back()->prepare({}), "options that go together");
      pass.push_back({.module = owned.back().get(), .first_value_id = 0});
    }
  }
  std::vector<std::unique_ptr<engine::ProbeModule>> owned;
  std::vector<engine::PassModule> pass;
};

struct Pacing {
  double rate = 0;
  std::uint32_t per_host = 0;
  std::uint32_t per_prefix = 0;
};

inline engine::Limits make_limits(Pacing pacing) {
  return {.rate = {pacing.rate, pacing.rate / 100},
          .per_host = {pacing.per_host, 4096},
          .per_prefix = {pacing.per_prefix, 4096}};
}

using ResolverMaker = std::function<std::unique_ptr<engine::Resolver>(const io::Backend& clock)>;

// One shard with all it needs, on the simulator.
struct SimRun {
  SimRun(const population::Population& population, io::SimOptions sim, engine::ShardOptions options,
         const std::vector<std::string>& probes, targets::TargetSource& source, engine::RecordConsumer& consumer,
         Pacing pacing = {}, const ResolverMaker& make_resolver = {}, const ModuleOptions& module_options = {})
      : modules(probes, module_options), limits(make_limits(pacing)), backend(population, sim) {
    options.fatal_audit = true;
    if (make_resolver) resolver = make_resolver(backend);
    shard =
        std::make_unique<engine::Shard>(options, modules.pass, source, limits, backend, pool, resolver.get(), consumer);
  }
  void run() {
    while (shard->turn(backend.now() + kSecond)) {
    }
  }
  std::uint64_t outcome(results::Outcome outcome) const {
    return shard->stats().outcomes[static_cast<std::size_t>(outcome)].value();
  }

  memory::RingPool pool;
  Modules modules;
  engine::Limits limits;
  io::SimBackend backend;
  std::unique_ptr<engine::Resolver> resolver;
  std::unique_ptr<engine::Shard> shard;
};

}  // namespace sonde::testing_sim
