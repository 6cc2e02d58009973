// The tcp prober: connects, shakes hands where TLS is asked for, and holds the dialogue of query_response.
#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "probes/check/check_link.h"
#include "probes/check/go_port.h"
#include "probes/check/prober.h"
#include "probes/check/run_log.h"
#include "probes/check/run_plan.h"
#include "probes/check/tcp_dialogue.h"
#include "probes/check/tls_samples.h"
#include "results/escape.h"
#include "wire/line.h"

namespace sonde::probes {
namespace {

using engine::ProbeContext;
using engine::Step;
using results::Outcome;
using results::Phase;
using Dialogue = TcpDialogue::State;

constexpr metrics::Family kFailedDueToRegex{"probe_failed_due_to_regex", "Indicates if probe failed due to regex"};
constexpr metrics::Family kDuration{"probe_tcp_duration_seconds", "Duration of tcp probe by phase"};

constexpr std::string_view kHandshakeFailed = "TLS Handshake (client) failed";
constexpr std::string_view kReadingFailed = "Error reading from connection";

struct TcpFindings final : CheckFindings {
  TlsSeen tls;
  const TlsSeen* tls_seen() const override { return &tls; }
  bool dialled = false;  // connected, and the handshake done where it comes first
  std::string cause;     // of a dialogue that failed: "no_match", "line_too_long"
};

// What is logged of the way to the connection.
void log_dialling(CheckRun& run, const TcpCheck& check, const IpAddress& address, Nanos unix_time) {
  log_resolution(run, check.ip, address, unix_time);
  if (address.is_unspecified()) return;
  const std::string& source = check.source_ip_address;
  if (!source.empty() && !parse_ip(source)) {
    log_line(run, unix_time, "error", "Error parsing source ip address", {{"srcIP", source}});
    return;
  }
  if (!source.empty()) log_line(run, unix_time, "info", "Using local address", {{"srcIP", source}});
  log_line(run, unix_time, "info", check.tls ? "Dialing TCP with TLS" : "Dialing TCP without TLS");
}

class TcpCheckProbe final : public engine::Probe {
 public:
  // context, chains: null where nothing speaks TLS; name: whom the certificate must be of.
  TcpCheckProbe(CheckRun& run, TcpFindings& findings, const TcpCheck& check, const tls::ClientContext* context,
                ChainViews* chains, std::string name)
      : run_(run),
        findings_(findings),
        check_(check),
        tls_(context),
        chains_(chains),
        name_(std::move(name)),
        dialogue_(check.query_response, logger()) {}

  Step start(ProbeContext& context) override {
    unix_now_ = context.unix_now;
    log_dialling(run_, check_, context.endpoint.address, unix_now_);
    if (check_.tls) return shake_hands(context);
    note_dialled();
    return follow(context, dialogue_.go_on());
  }

  Step on_bytes(ProbeContext& context, std::span<const std::byte> bytes) override {
    unix_now_ = context.unix_now;
    std::string text;
    const bool shaking = link_.state() == CheckLink::State::kHandshaking;
    const CheckLink::State state = link_.hear(bytes, text);
    if (shaking) return on_handshake(context, text);
    context.unanswered = text.empty();
    if (text.empty() && state == CheckLink::State::kFailed) return fail_by_tls();
    return hear(context, Dialogue::kHearing, text);
  }

  Step on_eof(ProbeContext& context) override {
    unix_now_ = context.unix_now;
    const bool shaking = link_.state() == CheckLink::State::kHandshaking;
    (void)link_.end();
    if (shaking) return fail_by_tls();
    const Dialogue next = dialogue_.end();
    if (next == Dialogue::kStartTls) return leave(Outcome::kClosed, "closed before the TLS handshake");
    return follow(context, next);
  }

  Step on_deadline(ProbeContext& context) override { return on_failure(context, Outcome::kTimeout); }

  Step on_failure(ProbeContext& context, Outcome outcome) override {
    unix_now_ = context.unix_now;
    see_tls_of_link();
    return Step::done(outcome);
  }

 private:
  TcpDialogue::Log logger() {
    if (!run_.keeps_log) return {};
    return [this](std::string_view level, std::string_view message, LogPairs pairs) {
      log_line(run_, unix_now_, level, message, pairs);
    };
  }

  void note_dialled() {
    findings_.dialled = true;
    log_line(run_, unix_now_, "info", "Successfully dialed");
  }

  void see_tls_of_link() {
    if (link_.session() != nullptr) findings_.tls = see_tls(*link_.session(), *chains_);
  }

  // Behind what is still to be said in the clear.
  Step shake_hands(ProbeContext& context) {
    link_.secure(*tls_, name_);
    context.handshaking = true;
    return send_or_more();
  }

  Step on_handshake(ProbeContext& context, std::string_view text) {
    if (link_.state() == CheckLink::State::kHandshaking) return send_or_more();
    if (link_.state() == CheckLink::State::kFailed) return fail_by_tls();
    see_tls_of_link();
    context.handshaking = false;
    shaken_ = true;
    if (check_.tls) {
      note_dialled();
    } else {
      log_line(run_, unix_now_, "info", "TLS Handshake (client) succeeded.");
    }
    return hear(context, dialogue_.go_on(), text);
  }

  Step hear(ProbeContext& context, Dialogue state, std::string_view text) {
    if (state == Dialogue::kHearing && !text.empty()) state = dialogue_.hear(wire::as_bytes(text));
    if (state == Dialogue::kHearing && link_.state() == CheckLink::State::kFailed) return fail_by_tls();
    if (state == Dialogue::kHearing && link_.peer_closed()) state = dialogue_.end();
    return follow(context, state);
  }

  // What the dialogue's state asks for.
  Step follow(ProbeContext& context, Dialogue state) {
    link_.say(dialogue_.take_output());
    switch (state) {
      case Dialogue::kHearing:
        return send_or_more();
      case Dialogue::kDone:
        return leave(Outcome::kSuccess);
      case Dialogue::kTooLong:
        findings_.cause = "line_too_long";
        return leave(Outcome::kProtocolError, "a line is longer than 64 KiB");
      case Dialogue::kNoMatch:
        findings_.cause = "no_match";
        return leave(Outcome::kProtocolError,
                     dialogue_.last_line().empty()
                         ? fmt::format("no line matches {}", dialogue_.awaited()->pattern())
                         : fmt::format("no line matches {}, the last was {}", dialogue_.awaited()->pattern(),
                                       results::escaped(dialogue_.last_line())));
      case Dialogue::kStartTls:
        break;
    }
    const std::string early = dialogue_.take_rest();  // said before it heard our hello: the handshake is to judge it
    const Step step = shake_hands(context);
    return early.empty() ? step : on_early(context, early);
  }

  Step on_early(ProbeContext& context, std::string_view early) {
    std::string text;
    (void)link_.hear(wire::as_bytes(early), text);
    return on_handshake(context, text);
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
    const bool shaking = link_.session() != nullptr && !shaken_;
    if (outcome != Outcome::kSuccess && findings_.dialled && findings_.cause != "no_match")
      log_line(run_, unix_now_, "error", shaking ? kHandshakeFailed : kReadingFailed, {{"err", error}});
    error_ = std::move(error);
    link_.close();
    Step step = Step::done(outcome, error_.c_str()).after(link_.take_outgoing());
    step.graceful = dialogue_.ends_with_send();  // a reset could overtake what was said last
    return step;
  }

  CheckRun& run_;
  TcpFindings& findings_;
  const TcpCheck& check_;
  const tls::ClientContext* tls_;
  ChainViews* chains_;
  std::string name_;
  Nanos unix_now_ = 0;
  CheckLink link_;
  TcpDialogue dialogue_;
  std::string error_;
  bool shaken_ = false;  // hands
};

class TcpProber final : public Prober {
 public:
  TcpProber(ModuleOptions options, std::unique_ptr<tls::ClientContext> context)
      : Prober(std::move(options)), context_(std::move(context)) {}

  Parsed<> plan(CheckRun& run) const override {
    const Parsed<HostPort> parts = split_host_port(run.target);
    if (!parts) {
      run.plan.resolves = false;
      return std::unexpected(parts.error());
    }
    if (Parsed<> planned = plan_address(run, parts->host, 0, check().ip); !planned) return planned;
    if (const std::string& text = check().source_ip_address; !text.empty()) {
      const std::optional<IpAddress> source = parse_ip(text);
      if (!source) return input_error("error parsing source ip address: " + text);
      const IpAddress& to = run.plan.endpoint.address;
      if (!to.is_unspecified() && to.is_v4() != source->is_v4())
        return input_error(fmt::format("address {}: no suitable address found", to_string(Endpoint{*source, 0})));
      run.plan.terms.source = *source;
    }
    const Parsed<std::uint16_t> port = go_port(parts->port);
    if (!port) return std::unexpected(port.error());
    run.plan.endpoint.port = *port;
    return {};
  }

  std::unique_ptr<engine::Probe> begin(CheckRun& run, engine::ShardState* tools) const override {
    std::string name;
    ChainViews* chains = nullptr;
    if (context_) {
      chains = &static_cast<ChainTools*>(tools)->chains;
      name = check().tls_config.server_name.empty() ? run.hostname : check().tls_config.server_name;
      if (name.empty()) name = split_host_port(run.target)->host;  // the plan has read it
    }
    return std::make_unique<TcpCheckProbe>(run, run.begin_findings<TcpFindings>(), check(), context_.get(), chains,
                                           std::move(name));
  }

  std::unique_ptr<engine::ShardState> make_tools() const override {
    return context_ ? std::make_unique<ChainTools>() : nullptr;
  }

  void conclude(CheckRun& run) const override {
    judge_source(run);
    run.success = run.ending.outcome == Outcome::kSuccess;
    const auto* found = static_cast<const TcpFindings*>(run.findings.get());
    if (found != nullptr && !found->cause.empty()) run.ending.cause = found->cause;
    if (run.success) return;
    const Nanos now = run.ending.unix_time;
    if (found == nullptr && !run.plan.resolves) {
      log_line(run, now, "error", "Error splitting target address and port", {{"err", run.ending.error}});
    } else if (found == nullptr) {
      const bool known = !run.ending.address.is_unspecified();
      log_dialling(run, check(), known ? run.ending.address : run.plan.endpoint.address, now);
    }
    if (found == nullptr || !found->dialled) {
      log_line(run, now, "error", "Error dialing TCP", {{"err", reason(run.ending)}});
    } else if (run.ending.outcome == Outcome::kTimeout || run.ending.outcome == Outcome::kReset) {
      log_line(run, now, "error", run.ending.phase == Phase::kTls ? kHandshakeFailed : kReadingFailed,
               {{"err", reason(run.ending)}});
    }
  }

  void sample(const CheckRun& run, metrics::Samples& out) const override {
    const auto* found = static_cast<const TcpFindings*>(run.findings.get());
    out.add(kFailedDueToRegex, found != nullptr && found->cause == "no_match" ? 1 : 0);
    const auto add_phase = [&](const char* phase, std::initializer_list<Phase> parts) {
      Nanos took = 0;
      for (const Phase part : parts)
        took += Nanos{std::max(run.ending.timing_us[static_cast<std::size_t>(part)], 0)} * kMicrosecond;
      out.add(kDuration, {{"phase", phase}}, static_cast<double>(took) / static_cast<double>(kSecond));
    };
    add_phase("resolve", {Phase::kDns});
    add_phase("connect", {Phase::kConnect});
    add_phase("tls", {Phase::kTls});
    add_phase("dialogue", {Phase::kWrite, Phase::kFirstByte, Phase::kRead});
    if (found != nullptr) sample_tls(found->tls, out);
  }

 private:
  const TcpCheck& check() const { return options().tcp; }
  static std::string_view reason(const CheckEnding& ending) {
    return ending.error.empty() ? results::name(ending.outcome) : std::string_view(ending.error);
  }

  std::unique_ptr<tls::ClientContext> context_;
};

}  // namespace

Parsed<std::shared_ptr<const Prober>> make_tcp_prober(ModuleOptions options) {
  const TcpCheck& check = options.tcp;
  const auto turns = std::ranges::count_if(check.query_response, &QueryResponse::starttls) + (check.tls ? 1 : 0);
  if (turns > 1) return input_error("query_response: starttls where TLS has begun already");
  std::unique_ptr<tls::ClientContext> context;
  if (turns > 0) {
    Parsed<std::unique_ptr<tls::ClientContext>> made = make_tls_context(check.tls_config);
    if (!made) return std::unexpected(std::move(made.error()));
    context = std::move(*made);
  }
  return std::make_shared<TcpProber>(std::move(options), std::move(context));
}

}  // namespace sonde::probes
