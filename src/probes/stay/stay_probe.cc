#include "probes/stay/stay_probe.h"

#include <new>

namespace sonde::probes {
namespace {

using engine::ProbeContext;
using engine::Step;
using results::Outcome;

class StayProbe final : public engine::Probe {
 public:
  explicit StayProbe(bool leaves_idle) : leaves_idle_(leaves_idle) {}
  Step start(ProbeContext&) override { return Step::rest(); }
  Step on_bytes(ProbeContext&, std::span<const std::byte>) override { return Step::rest(); }
  Step on_eof(ProbeContext&) override { return Step::done(Outcome::kClosed, "closed by the peer"); }
  Step on_idle(ProbeContext&) override { return leaves_idle_ ? Step::done(Outcome::kSuccess) : Step::rest(); }

 private:
  bool leaves_idle_;
};

class StayModule final : public engine::ProbeModule {
 public:
  explicit StayModule(bool leaves_idle) : leaves_idle_(leaves_idle) {}
  std::string_view name() const override { return "stay"; }
  std::string_view help() const override { return "connect and stay"; }
  std::size_t state_bytes() const override { return sizeof(StayProbe); }
  engine::Probe* create(void* memory) const override { return new (memory) StayProbe(leaves_idle_); }

 private:
  bool leaves_idle_;
};

}  // namespace

std::unique_ptr<engine::ProbeModule> make_stay_module(bool leaves_idle) {
  return std::make_unique<StayModule>(leaves_idle);
}

}  // namespace sonde::probes
