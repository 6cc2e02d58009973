#include "probes/tcp/tcp_probe.h"

#include <new>

namespace sonde::probes {
namespace {

using engine::ProbeContext;
using engine::Step;
using results::Outcome;

class TcpProbe final : public engine::Probe {
 public:
  Step start(ProbeContext&) override { return Step::done(Outcome::kSuccess); }
  Step on_bytes(ProbeContext&, std::span<const std::byte>) override { return Step::done(Outcome::kSuccess); }
  Step on_eof(ProbeContext&) override { return Step::done(Outcome::kSuccess); }
};

class TcpModule final : public engine::ProbeModule {
 public:
  std::string_view name() const override { return "tcp"; }
  std::string_view help() const override { return "is the port open (TCP handshake, then RST)"; }
  bool reads() const override { return false; }
  std::size_t state_bytes() const override { return sizeof(TcpProbe); }
  engine::Probe* create(void* memory) const override { return new (memory) TcpProbe; }
};

}  // namespace

std::unique_ptr<engine::ProbeModule> make_tcp_module() { return std::make_unique<TcpModule>(); }

}  // namespace sonde::probes
