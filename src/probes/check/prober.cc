#include "probes/check/prober.h"

#include <memory>
#include <utility>

#include "base/check.h"

namespace sonde::probes {

namespace {

// Of a module that can come to nothing: says why. Its samples are those of a plain module whose run never began.
class BrokenProber final : public Prober {
 public:
  BrokenProber(ModuleOptions options, std::shared_ptr<const Prober> plain)
      : Prober(std::move(options)), plain_(std::move(plain)) {}
  Parsed<> plan(CheckRun& run) const override {
    // Of gRPC blackbox_exporter finds it before it looks for an address, of the others after.
    if (plain_ == nullptr || options().kind == ProberKind::kGrpc)
      run.plan.resolves = false;
    else
      (void)plain_->plan(run);
    return input_error("module " + options().name + ": " + options().broken);
  }
  std::unique_ptr<engine::Probe> begin(CheckRun&, engine::ShardState*) const override { return nullptr; }
  void conclude(CheckRun& run) const override { run.success = false; }
  void sample(const CheckRun& run, metrics::Samples& out) const override {
    if (plain_ != nullptr) plain_->sample(run, out);
  }

 private:
  std::shared_ptr<const Prober> plain_;  // null: none can be made
};

std::shared_ptr<const Prober> make_broken(ModuleOptions options) {
  ModuleOptions plain{
      .name = options.name, .kind = options.kind, .http = {}, .tcp = {}, .dns = {}, .icmp = {}, .grpc = {}};
  plain.http.ip = options.http.ip;
  plain.tcp.ip = options.tcp.ip;
  plain.dns.ip = options.dns.ip;
  plain.icmp.ip = options.icmp.ip;
  auto prober = make_prober(std::move(plain));
  return std::make_shared<const BrokenProber>(std::move(options), prober ? std::move(*prober) : nullptr);
}

}  // namespace

Parsed<std::shared_ptr<const Prober>> make_prober(ModuleOptions options) {
  if (!options.broken.empty()) return make_broken(std::move(options));
  switch (options.kind) {
    case ProberKind::kHttp:
      return make_http_prober(std::move(options));
    case ProberKind::kTcp:
      return make_tcp_prober(std::move(options));
    case ProberKind::kDns:
      return make_dns_prober(std::move(options));
    case ProberKind::kIcmp:
      return make_icmp_prober(std::move(options));
    case ProberKind::kGrpc:
      return make_grpc_prober(std::move(options));
  }
  SONDE_CHECK(false, "a prober of no kind");
}

}  // namespace sonde::probes
