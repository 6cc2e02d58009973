// A prober: a module of the configuration put to work. It plans a run, makes the probe that the engine drives, judges
// what came, and tells it as blackbox_exporter's metrics. One object a module, made when the configuration is read;
// immutable, any thread.
//
//   plan → (the engine resolves, connects) → begin → … the probe writes into run.findings … → conclude → sample
//
// A run whose plan fails, whose name has no address or whose connection is refused never begins: findings are null
// then.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "engine/probe.h"
#include "metrics/sample.h"
#include "probes/check/check_run.h"
#include "probes/check/module_options.h"

namespace sonde::probes {

class Prober {
 public:
  explicit Prober(ModuleOptions options) : options_(std::move(options)) {}
  virtual ~Prober() = default;
  const ModuleOptions& options() const { return options_; }

  // Fills run.plan from the target's text. An error ends the run as a failure of phase dns, with this text.
  virtual Parsed<> plan(CheckRun& run) const = 0;
  // Connected: the probe of this run, which outlives the probe. `tools`: of the shard, by make_tools().
  virtual std::unique_ptr<engine::Probe> begin(CheckRun& run, engine::ShardState* tools) const = 0;
  // What a shard keeps for all runs of this prober; made at the first of them there. Null: nothing.
  virtual std::unique_ptr<engine::ShardState> make_tools() const { return nullptr; }
  // It ended: run.ending holds what the engine told. Decides run.success; where an expectation was not met, says so in
  // run.ending (outcome protocol_error, cause, error).
  virtual void conclude(CheckRun& run) const = 0;
  // The metrics of the run, those of blackbox_exporter and sonde's own beyond them, without probe_success and
  // probe_duration_seconds and what common_samples() has.
  virtual void sample(const CheckRun& run, metrics::Samples& out) const = 0;

 private:
  ModuleOptions options_;
};

// Reads the files that the options name and prepares what all runs share. The error names the key or file.
Parsed<std::shared_ptr<const Prober>> make_prober(ModuleOptions options);

// One of each kind; make_prober chooses.
Parsed<std::shared_ptr<const Prober>> make_http_prober(ModuleOptions options);
Parsed<std::shared_ptr<const Prober>> make_tcp_prober(ModuleOptions options);
Parsed<std::shared_ptr<const Prober>> make_dns_prober(ModuleOptions options);
Parsed<std::shared_ptr<const Prober>> make_icmp_prober(ModuleOptions options);
Parsed<std::shared_ptr<const Prober>> make_grpc_prober(ModuleOptions options);

// All of a run: probe_success, probe_duration_seconds, probe_dns_lookup_time_seconds, probe_ip_protocol,
// probe_ip_addr_hash, probe_cause_info{cause,outcome,phase} of a failure, and the prober's own. `took`: from the
// request on.
void sample_run(const CheckRun& run, Nanos took, metrics::Samples& out);

}  // namespace sonde::probes
