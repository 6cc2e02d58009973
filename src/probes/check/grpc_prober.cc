// The grpc prober: one Check of gRPC's health service (grpc.health.v1) over HTTP/2, in the clear by prior knowledge or
// within TLS.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/check.h"
#include "base/version.h"
#include "http2/client_session.h"
#include "probes/check/check_link.h"
#include "probes/check/go_port.h"
#include "probes/check/grpc_call.h"
#include "probes/check/grpc_target.h"
#include "probes/check/prober.h"
#include "probes/check/run_log.h"
#include "probes/check/run_plan.h"
#include "probes/check/tls_samples.h"
#include "results/escape.h"
#include "wire/grpc.h"
#include "wire/line.h"

namespace sonde::probes {
namespace {

using engine::ProbeContext;
using engine::Step;
using results::Outcome;
using results::Phase;

constexpr metrics::Family kDuration{"probe_grpc_duration_seconds", "Duration of gRPC request by phase"};
constexpr metrics::Family kSsl{"probe_grpc_ssl", "Indicates if SSL was used for the connection"};
constexpr metrics::Family kStatusCode{"probe_grpc_status_code", "Response gRPC status code"};
constexpr metrics::Family kHealth{"probe_grpc_healthcheck_response", "Response HealthCheck response"};

constexpr std::int32_t kServing = 1;
constexpr std::int32_t kNamedStatuses = 4;

struct GrpcFindings final : CheckFindings {
  TlsSeen tls;
  const TlsSeen* tls_seen() const override { return &tls; }
  std::optional<GrpcResult> result;  // nothing: the call was not answered
  std::string cause;                 // of an answer that is no success: "grpc_status", "not_serving"
};

class GrpcCheckProbe final : public engine::Probe {
 public:
  struct Asked {
    std::string authority;
    std::string name;                   // whom the certificate must be of
    const tls::ClientContext* context;  // null: in the clear
    ChainViews* chains;
  };

  GrpcCheckProbe(CheckRun& run, GrpcFindings& findings, const GrpcCheck& check, Asked asked)
      : run_(run), findings_(findings), check_(check), asked_(std::move(asked)) {}

  Step start(ProbeContext& context) override {
    log_resolution(run_, check_.ip, context.endpoint.address, context.unix_now);
    if (asked_.context != nullptr) {
      link_.secure(*asked_.context, asked_.name);
      context.handshaking = true;
      return send_or_more();
    }
    log_line(run_, context.unix_now, "debug", "Dialing GRPC without TLS");
    return ask() ? send_or_more() : leave(Outcome::kProtocolError, kNoRequest);
  }

  Step on_bytes(ProbeContext& context, std::span<const std::byte> bytes) override {
    std::string text;
    const bool shaking = link_.state() == CheckLink::State::kHandshaking;
    const CheckLink::State state = link_.hear(bytes, text);
    if (state == CheckLink::State::kHandshaking) return send_or_more();
    if (state == CheckLink::State::kFailed && (shaking || text.empty())) return fail_by_tls();
    if (shaking) {
      see_tls_of_link();
      context.handshaking = false;
      if (!ask()) return leave(Outcome::kProtocolError, kNoRequest);
    }
    return hear(context, text);
  }

  Step on_eof(ProbeContext& context) override {
    (void)context;
    const bool shaking = link_.state() == CheckLink::State::kHandshaking;
    (void)link_.end();
    return shaking ? fail_by_tls() : hear_no_more();
  }

  Step on_deadline(ProbeContext& context) override { return on_failure(context, Outcome::kTimeout); }

  Step on_failure(ProbeContext& context, Outcome outcome) override {
    (void)context;
    see_tls_of_link();
    return Step::done(outcome);
  }

 private:
  static constexpr const char* kNoRequest = "the request cannot be written in HTTP/2";

  // False: the target's name can stand in no request.
  bool ask() {
    constexpr http2::Header kType{"content-type", "application/grpc"}, kTrailers{"te", "trailers"};
    const std::string agent = "sonde/" + std::string(kVersion);
    const std::array headers = {kType, kTrailers, http2::Header{"user-agent", agent}};
    request_ = wire::grpc_health_request(check_.service);
    const http2::StreamId stream = session_.submit({.method = "POST",
                                                    .scheme = asked_.context != nullptr ? "https" : "http",
                                                    .authority = asked_.authority,
                                                    .path = "/grpc.health.v1.Health/Check",
                                                    .headers = headers,
                                                    .body = wire::as_bytes(request_)},
                                                   call_);
    say_frames();
    return stream != http2::kNoStream;
  }

  Step hear(ProbeContext& context, std::string_view text) {
    using http2::ClientSession;
    while (!call_.result() && !text.empty()) {
      const std::string_view piece = text.substr(0, ClientSession::kFeedMax);
      text.remove_prefix(piece.size());
      session_.feed(wire::as_bytes(piece));
      say_frames();
    }
    context.unanswered = !call_.heard();
    if (call_.result()) return judge(*call_.result());
    if (link_.state() == CheckLink::State::kFailed) return fail_by_tls();
    return link_.peer_closed() ? hear_no_more() : send_or_more();
  }

  Step hear_no_more() {
    (void)session_.end_of_input();
    SONDE_CHECK(call_.result(), "a stream ends with its session");
    return judge(*call_.result());
  }

  Step judge(const GrpcResult& result) {
    if (call_.lost()) return leave(outcome_of(session_.failure()), session_.error());
    findings_.result = result;
    if (result.code != 0) {
      findings_.cause = "grpc_status";
      const std::string name = wire::grpc_code_name(result.code);
      return leave(Outcome::kProtocolError,
                   result.text.empty() ? fmt::format("grpc status {}", name)
                                       : fmt::format("grpc status {}: {}", name, results::escaped(result.text)));
    }
    if (result.serving == kServing) return leave(Outcome::kSuccess);
    findings_.cause = "not_serving";
    return leave(Outcome::kProtocolError,
                 fmt::format("the service's status is {}", wire::serving_status_name(result.serving)));
  }

  static Outcome outcome_of(http2::ClientSession::Failure failure) {
    using Failure = http2::ClientSession::Failure;
    if (failure == Failure::kLocal) return Outcome::kLocalError;
    return failure == Failure::kNotHttp2 || failure == Failure::kProtocol ? Outcome::kProtocolError : Outcome::kClosed;
  }

  void see_tls_of_link() {
    if (link_.session() != nullptr) findings_.tls = see_tls(*link_.session(), *asked_.chains);
  }

  void say_frames() {
    for (auto frames = session_.outgoing(); !frames.empty(); frames = session_.outgoing()) {
      link_.say(wire::as_text(frames));
      session_.sent(frames.size());
    }
  }

  Step send_or_more() {
    const std::span<const std::byte> bytes = link_.take_outgoing();
    return bytes.empty() ? Step::more() : Step::send(bytes);
  }

  Step fail_by_tls() {
    see_tls_of_link();
    return leave(link_.outcome(), link_.error());
  }

  Step leave(Outcome outcome, std::string error = {}) {
    error_ = std::move(error);
    if (link_.state() != CheckLink::State::kFailed && link_.state() != CheckLink::State::kHandshaking) {
      session_.close();
      say_frames();
      link_.close();
    }
    return Step::done(outcome, error_.c_str()).after(link_.take_outgoing());
  }

  CheckRun& run_;
  GrpcFindings& findings_;
  const GrpcCheck& check_;
  Asked asked_;
  CheckLink link_;
  std::string request_;
  GrpcCall call_;  // outlives the session, which tells it how it ended
  http2::ClientSession session_;
  std::string error_;
};

class GrpcProber final : public Prober {
 public:
  GrpcProber(ModuleOptions options, std::unique_ptr<tls::ClientContext> context)
      : Prober(std::move(options)), context_(std::move(context)) {}

  Parsed<> plan(CheckRun& run) const override {
    const Parsed<GrpcTarget> target = read_grpc_target(run.target);
    if (!target) {
      run.plan.resolves = false;
      return std::unexpected(target.error());
    }
    if (Parsed<> planned = plan_address(run, target->host, 0, check().ip); !planned) return planned;
    const Parsed<std::uint16_t> port = go_port(port_of(*target));
    if (!port) return std::unexpected(port.error());
    run.plan.endpoint.port = *port;
    return {};
  }

  std::unique_ptr<engine::Probe> begin(CheckRun& run, engine::ShardState* tools) const override {
    const GrpcTarget target = *read_grpc_target(run.target);  // the plan has read it
    GrpcCheckProbe::Asked asked{.authority = {}, .name = {}, .context = context_.get(), .chains = nullptr};
    const bool is_v6 = target.host.find(':') != std::string::npos;
    const std::string host = is_v6 ? "[" + target.host + "]" : target.host;
    if (context_) {
      // As grpc-go: the authority is whom the certificate is of, without a port.
      asked.chains = &static_cast<ChainTools*>(tools)->chains;
      asked.name = check().tls_config.server_name.empty() ? target.host : check().tls_config.server_name;
      asked.authority = check().tls_config.server_name.empty() ? host : check().tls_config.server_name;
    } else {
      asked.authority = host + ":" + std::string(port_of(target));
    }
    return std::make_unique<GrpcCheckProbe>(run, run.begin_findings<GrpcFindings>(), check(), std::move(asked));
  }

  std::unique_ptr<engine::ShardState> make_tools() const override {
    return context_ ? std::make_unique<ChainTools>() : nullptr;
  }

  void conclude(CheckRun& run) const override {
    run.success = run.ending.outcome == Outcome::kSuccess;
    const auto* found = static_cast<const GrpcFindings*>(run.findings.get());
    if (found != nullptr && !found->cause.empty()) run.ending.cause = found->cause;
    const Nanos now = run.ending.unix_time;
    if (run.success) return log_line(run, now, "debug", "connect the grpc server successfully");
    const std::string_view error =
        run.ending.error.empty() ? results::name(run.ending.outcome) : std::string_view(run.ending.error);
    if (!run.plan.resolves) return log_line(run, now, "error", "Could not parse target URL", {{"err", error}});
    if (found == nullptr) log_resolution(run, check().ip, address_of(run), now);
    if (was_called(run)) {
      log_line(run, now, "error", "can't connect grpc server:", {{"err", error}});
    } else {
      log_line(run, now, "error", "Error resolving address", {{"err", error}});
    }
  }

  void sample(const CheckRun& run, metrics::Samples& out) const override {
    const auto* found = static_cast<const GrpcFindings*>(run.findings.get());
    const GrpcResult* result = found != nullptr && found->result ? &*found->result : nullptr;
    sample_phases(run, out);
    out.add(kSsl, context_ && result != nullptr && result->code == 0 ? 1 : 0);
    out.add(kStatusCode, status_code(run, result));
    if (was_called(run)) sample_health(result, out);
    if (found != nullptr && found->tls.chain) {
      sample_tls(found->tls, out, false);  // which 0.23 has not of grpc
    } else {
      out.add(kEarliestCertExpiry, 0);
    }
  }

 private:
  const GrpcCheck& check() const { return options().grpc; }

  std::string_view port_of(const GrpcTarget& target) const {
    return !target.port.empty() ? std::string_view(target.port) : context_ ? "443" : "80";
  }

  static const IpAddress& address_of(const CheckRun& run) {
    return run.ending.address.is_unspecified() ? run.plan.endpoint.address : run.ending.address;
  }
  // There was an address to go to.
  static bool was_called(const CheckRun& run) { return run.plan.resolves && !address_of(run).is_unspecified(); }

  // Of a call without an answer what grpc-go gives.
  static std::uint32_t status_code(const CheckRun& run, const GrpcResult* result) {
    if (result != nullptr) return result->code;
    if (!was_called(run)) return 0;
    const bool late = run.ending.outcome == Outcome::kTimeout;
    return static_cast<std::uint32_t>(late ? GrpcCode::kDeadlineExceeded : GrpcCode::kUnavailable);
  }

  // "resolve" and "check" as in blackbox_exporter; the others are parts of "check".
  static void sample_phases(const CheckRun& run, metrics::Samples& out) {
    const auto took = [&](std::initializer_list<Phase> parts) {
      Nanos sum = 0;
      for (const Phase part : parts)
        sum += Nanos{std::max(run.ending.timing_us[static_cast<std::size_t>(part)], 0)} * kMicrosecond;
      return static_cast<double>(sum) / static_cast<double>(kSecond);
    };
    out.add(kDuration, {{"phase", "resolve"}}, took({Phase::kDns}));
    if (!was_called(run)) return;
    out.add(kDuration, {{"phase", "check"}},
            took({Phase::kConnect, Phase::kTls, Phase::kWrite, Phase::kFirstByte, Phase::kRead}));
    out.add(kDuration, {{"phase", "connect"}}, took({Phase::kConnect}));
    out.add(kDuration, {{"phase", "tls"}}, took({Phase::kTls}));
    out.add(kDuration, {{"phase", "request"}}, took({Phase::kWrite, Phase::kFirstByte, Phase::kRead}));
  }

  static void sample_health(const GrpcResult* result, metrics::Samples& out) {
    const bool known = result != nullptr && result->code == 0;
    const auto add = [&](std::int32_t status) {
      out.add(kHealth, {{"serving_status", wire::serving_status_name(status)}},
              known && result->serving == status ? 1 : 0);
    };
    for (std::int32_t status = 0; status < kNamedStatuses; ++status) add(status);
    if (known && (result->serving < 0 || result->serving >= kNamedStatuses)) add(result->serving);
  }

  std::unique_ptr<tls::ClientContext> context_;
};

}  // namespace

Parsed<std::shared_ptr<const Prober>> make_grpc_prober(ModuleOptions options) {
  std::unique_ptr<tls::ClientContext> context;
  if (options.grpc.tls) {
    Parsed<std::unique_ptr<tls::ClientContext>> made = make_tls_context(options.grpc.tls_config, {"h2"});
    if (!made) return std::unexpected(std::move(made.error()));
    context = std::move(*made);
  }
  return std::make_shared<GrpcProber>(std::move(options), std::move(context));
}

}  // namespace sonde::probes
