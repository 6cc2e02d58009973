// blackbox_exporter's http prober: its metrics in the cases in which 0.23 has them, and beyond them the facts of a
// certificate that did not verify.
#include <algorithm>
#include <memory>
#include <utility>

#include "base/check.h"
#include "probes/check/http_course.h"
#include "probes/check/http_findings.h"
#include "probes/check/http_settings.h"
#include "probes/check/http_target.h"
#include "probes/check/prober.h"
#include "probes/check/run_log.h"
#include "probes/check/run_plan.h"

namespace sonde::probes {
namespace {

using metrics::Family;

constexpr Family kDuration = {.name = "probe_http_duration_seconds",
                              .help = "Duration of http request by phase, summed over all redirects"};
constexpr Family kContentLength = {.name = "probe_http_content_length", .help = "Length of http content response"};
constexpr Family kBodyLength = {.name = "probe_http_uncompressed_body_length",
                                .help = "Length of uncompressed response body"};
constexpr Family kRedirects = {.name = "probe_http_redirects", .help = "The number of redirects"};
constexpr Family kSsl = {.name = "probe_http_ssl", .help = "Indicates if SSL was used for the final redirect"};
constexpr Family kStatus = {.name = "probe_http_status_code", .help = "Response HTTP status code"};
constexpr Family kVersion = {.name = "probe_http_version", .help = "Returns the version of HTTP of the probe response"};
constexpr Family kRegex = {.name = "probe_failed_due_to_regex", .help = "Indicates if probe failed due to regex"};
constexpr Family kLastModified = {.name = "probe_http_last_modified_timestamp_seconds",
                                  .help = "Returns the Last-Modified HTTP response header in unixtime"};

void sample_phase(HttpPhase phase, std::int64_t us, metrics::Samples& out) {
  out.add(kDuration, {{"phase", kHttpPhaseNames[static_cast<std::size_t>(phase)]}}, static_cast<double>(us) / 1e6);
}

class HttpProber final : public Prober {
 public:
  HttpProber(ModuleOptions options, std::unique_ptr<const HttpSettings> settings)
      : Prober(std::move(options)), settings_(std::move(settings)) {}

  Parsed<> plan(CheckRun& run) const override {
    const Parsed<HttpTarget> target = read_http_target(run.target);
    if (!target) {
      run.plan.resolves = false;
      return std::unexpected(target.error());
    }
    const HttpCheck& check = settings_->check;
    const HttpProxy* proxy = settings_->proxies.proxy_for(target->url);
    run.plan.resolves = proxy == nullptr || !check.skip_resolve_phase_with_proxy;
    // A target that has no address, or one of the wrong family, fails through a proxy too.
    if (run.plan.resolves) {
      const std::uint16_t port = target->no_port ? 0 : target->url.port;
      if (Parsed<> done = plan_address(run, target->url.host, port, check.ip); !done) return done;
      if (target->no_port) return input_error("address " + target->host + ": invalid port");
      if (proxy == nullptr) return {};
      if (!run.plan.host.empty()) {
        run.plan.terms.transport = Transport::kNone;
        return {};
      }
    }
    return plan_address(run, proxy->url.host, proxy->url.port, kOfProxies);
  }

  std::unique_ptr<engine::Probe> begin(CheckRun& run, engine::ShardState* tools) const override {
    Parsed<HttpTarget> target = read_http_target(run.target);
    SONDE_CHECK(target, "a run whose plan was made");
    return make_http_course(*settings_, run, std::move(*target), *static_cast<HttpTools*>(tools));
  }

  std::unique_ptr<engine::ShardState> make_tools() const override { return std::make_unique<HttpTools>(); }

  void conclude(CheckRun& run) const override {
    const auto* found = static_cast<const HttpFindings*>(run.findings.get());
    CheckEnding& ending = run.ending;
    run.success = false;
    const Parsed<HttpTarget> target = read_http_target(run.target);
    const bool looked_for = run.plan.terms.transport == Transport::kNone;
    if (target && settings_->proxies.proxy_for(target->url) != nullptr && !looked_for) {
      // The proxy's is not the target's.
      ending.address = parse_ip(target->url.host).value_or(IpAddress());
    } else if (found == nullptr) {
      log_resolution(run, settings_->check.ip, ending.address, ending.unix_time);
    }
    if (found == nullptr) {
      log_line(run, ending.unix_time, "error", "Error for HTTP request", {{"err", ending.error}});
      return;
    }
    if (ending.outcome == results::Outcome::kSuccess) {
      run.success = found->cause.empty();
      if (run.success) return;
      ending.outcome = results::Outcome::kProtocolError;
      ending.error = found->error;
      ending.cause = found->cause;
    } else if (found->cause == "certificate") {
      ending.cause = found->cause;
    }
  }

  void sample(const CheckRun& run, metrics::Samples& out) const override {
    const HttpFindings none;
    const auto* found = static_cast<const HttpFindings*>(run.findings.get());
    sample_phases(run, found, out);
    if (found == nullptr) found = &none;
    out.add(kContentLength, static_cast<double>(found->content_length));
    out.add(kBodyLength, static_cast<double>(found->body_bytes));
    out.add(kRedirects, found->redirects);
    out.add(kSsl, found->over_tls ? 1 : 0);
    out.add(kStatus, found->status);
    out.add(kVersion, found->version);
    out.add(kRegex, found->failed_due_to_regex ? 1 : 0);
    if (found->last_modified) out.add(kLastModified, static_cast<double>(*found->last_modified));
    sample_tls(found->tls, out);
  }

 private:
  // All of them once the target's address is known, or is not looked for; before that the search alone. To a port that
  // none is a connection is tried too.
  static void sample_phases(const CheckRun& run, const HttpFindings* found, metrics::Samples& out) {
    const std::int32_t dns_us = run.ending.timing_us[static_cast<std::size_t>(results::Phase::kDns)];
    const bool resolves = found != nullptr ? found->resolved || run.plan.resolves : run.plan.resolves;
    if (resolves)
      sample_phase(
          HttpPhase::kResolve,
          found != nullptr ? found->phases_us[static_cast<std::size_t>(HttpPhase::kResolve)] : std::max(dns_us, 0),
          out);
    const bool is_planned = run.plan.endpoint.port != 0;
    const bool dials = is_planned ? !run.plan.resolves : !run.plan.endpoint.address.is_unspecified();
    if (found == nullptr && run.ending.phase == results::Phase::kDns && !dials) return;
    for (const HttpPhase phase : {HttpPhase::kConnect, HttpPhase::kTls, HttpPhase::kProcessing, HttpPhase::kTransfer})
      sample_phase(phase, found == nullptr ? 0 : found->phases_us[static_cast<std::size_t>(phase)], out);
  }

  std::unique_ptr<const HttpSettings> settings_;
};

}  // namespace

Parsed<std::shared_ptr<const Prober>> make_http_prober(ModuleOptions options) {
  auto settings = make_http_settings(options.http);
  if (!settings) return std::unexpected(settings.error());
  return std::make_shared<const HttpProber>(std::move(options), std::move(*settings));
}

}  // namespace sonde::probes
