#include "probes/check/check_module.h"

#include <new>
#include <utility>

#include "base/check.h"

namespace sonde::probes {
namespace {

using engine::ProbeContext;
using engine::Step;

// What the probers keep for one shard.
class CheckTools final : public engine::ShardState {
 public:
  explicit CheckTools(CheckRuns& runs) : runs_(runs) {}
  CheckRuns& runs() { return runs_; }
  // Of a prober, kept as long as a run of it may be in flight; of those that a reload has left behind nothing is.
  engine::ShardState* of(const std::shared_ptr<const Prober>& prober) {
    const auto [found, fresh] = tools_.try_emplace(prober.get());
    if (fresh) {
      std::erase_if(tools_, [&](const auto& entry) {
        return entry.first != prober.get() && entry.second.prober.use_count() == 1;
      });
      found->second = {.prober = prober, .state = prober->make_tools()};
    }
    return found->second.state.get();
  }

 private:
  struct Tools {
    std::shared_ptr<const Prober> prober;
    std::unique_ptr<engine::ShardState> state;
  };
  CheckRuns& runs_;
  std::unordered_map<const Prober*, Tools> tools_;
};

// The probe in the shard's slot: the prober's own, found at the start.
class CheckProbe final : public engine::Probe {
 public:
  Step start(ProbeContext& context) override {
    auto& tools = *static_cast<CheckTools*>(context.state);
    if (!probe_) {
      CheckRun& run = tools.runs().at(context.position);
      tools_ = tools.of(run.prober);
      probe_ = run.prober->begin(run, tools_);
    }
    return probe_->start(lent(context));
  }
  Step on_bytes(ProbeContext& context, std::span<const std::byte> bytes) override {
    return probe_->on_bytes(lent(context), bytes);
  }
  Step on_eof(ProbeContext& context) override { return probe_->on_eof(lent(context)); }
  Step on_wake(ProbeContext& context) override { return probe_->on_wake(lent(context)); }
  Step on_idle(ProbeContext& context) override { return probe_->on_idle(lent(context)); }
  Step on_deadline(ProbeContext& context) override { return probe_->on_deadline(lent(context)); }
  Step on_failure(ProbeContext& context, results::Outcome outcome) override {
    return probe_->on_failure(lent(context), outcome);
  }

 private:
  // As the prober's probe sees it: with the tools of its own prober.
  ProbeContext& lent(ProbeContext& context) const {
    context.state = tools_;
    return context;
  }

  std::unique_ptr<engine::Probe> probe_;
  engine::ShardState* tools_ = nullptr;
};

class CheckModule final : public engine::ProbeModule {
 public:
  explicit CheckModule(CheckRuns& runs) : runs_(runs) {}
  std::string_view name() const override { return "check"; }
  std::string_view help() const override { return "runs of the gateway's checks"; }
  bool wanders() const override { return true; }
  std::size_t most_unsent() const override { return std::size_t{16} << 20; }  // a body that a module sends
  std::unique_ptr<engine::ShardState> make_shard_state() const override { return std::make_unique<CheckTools>(runs_); }
  std::size_t state_bytes() const override { return sizeof(CheckProbe); }
  engine::Probe* create(void* memory) const override { return new (memory) CheckProbe(); }

 private:
  CheckRuns& runs_;
};

}  // namespace

std::uint64_t CheckRuns::add(std::unique_ptr<CheckRun> run) {
  const std::uint32_t index = slots_.acquire();
  SONDE_CHECK(index != memory::Slab<Slot>::kNone, "more runs than there is room for");
  Slot& slot = slots_[index];
  slot.run = std::move(run);
  return std::uint64_t{++slot.uses} << 32 | index;
}

CheckRuns::Slot& CheckRuns::slot(std::uint64_t position) {
  const auto index = static_cast<std::uint32_t>(position);
  SONDE_CHECK(index < slots_.made() && slots_[index].run && slots_[index].uses == position >> 32,
              "a run that there is");
  return slots_[index];
}

CheckRun& CheckRuns::at(std::uint64_t position) { return *slot(position).run; }

std::unique_ptr<CheckRun> CheckRuns::remove(std::uint64_t position) {
  std::unique_ptr<CheckRun> run = std::move(slot(position).run);
  slots_.release(static_cast<std::uint32_t>(position));
  return run;
}

std::unique_ptr<engine::ProbeModule> make_check_module(CheckRuns& runs) { return std::make_unique<CheckModule>(runs); }

}  // namespace sonde::probes
