// One run of a check as a module, for tests and fuzzers that drive it without a shard.
#pragma once

#include <memory>
#include <new>
#include <utility>

#include "engine/probe.h"
#include "probes/check/prober.h"

namespace sonde::probes::driven {

// What a shard would make of one run.
class RunModule final : public engine::ProbeModule {
 public:
  RunModule(CheckRun& run, engine::ShardState* tools) : run_(run), tools_(tools) {}
  std::string_view name() const override { return "run"; }
  std::string_view help() const override { return "one run of a check"; }
  std::size_t state_bytes() const override { return sizeof(Forward); }
  engine::Probe* create(void* memory) const override { return new (memory) Forward(run_.prober->begin(run_, tools_)); }

 private:
  class Forward final : public engine::Probe {
   public:
    explicit Forward(std::unique_ptr<engine::Probe> probe) : probe_(std::move(probe)) {}
    engine::Step start(engine::ProbeContext& context) override { return probe_->start(context); }
    engine::Step on_bytes(engine::ProbeContext& context, std::span<const std::byte> bytes) override {
      return probe_->on_bytes(context, bytes);
    }
    engine::Step on_eof(engine::ProbeContext& context) override { return probe_->on_eof(context); }
    engine::Step on_wake(engine::ProbeContext& context) override { return probe_->on_wake(context); }
    engine::Step on_deadline(engine::ProbeContext& context) override { return probe_->on_deadline(context); }
    engine::Step on_failure(engine::ProbeContext& context, results::Outcome outcome) override {
      return probe_->on_failure(context, outcome);
    }

   private:
    std::unique_ptr<engine::Probe> probe_;
  };
  CheckRun& run_;
  engine::ShardState* tools_;
};

}  // namespace sonde::probes::driven
