// The dns prober: one question over UDP, TCP or TLS, and what a module expects of the answer. The answer is the first
// message with the question's id (over UDP others are waited past, over a stream they fail); a truncated one is an
// answer too, and nothing is sent twice. No EDNS, so of a datagram 512 bytes count (RFC 1035, 4.2.1).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/mix.h"
#include "os/machine.h"
#include "probes/check/dns_records.h"
#include "probes/check/go_port.h"
#include "probes/check/prober.h"
#include "probes/check/run_log.h"
#include "probes/check/run_plan.h"
#include "probes/check/tls_samples.h"
#include "probes/dns/dns_stream.h"
#include "results/escape.h"
#include "wire/dns.h"

namespace sonde::probes {
namespace {

using engine::ProbeContext;
using engine::Step;
using results::Outcome;
using results::Phase;

constexpr std::size_t kMostDatagram = 512;

constexpr metrics::Family kDuration{"probe_dns_duration_seconds", "Duration of DNS request by phase"};
constexpr metrics::Family kAnswers{"probe_dns_answer_rrs",
                                   "Returns number of entries in the answer resource record list"};
constexpr metrics::Family kAuthorities{"probe_dns_authority_rrs",
                                       "Returns number of entries in the authority resource record list"};
constexpr metrics::Family kAdditionals{"probe_dns_additional_rrs",
                                       "Returns number of entries in the additional resource record list"};
constexpr metrics::Family kSucceeded{"probe_dns_query_succeeded",
                                     "Displays whether or not the query was executed successfully"};
constexpr metrics::Family kSerial{"probe_dns_serial", "Returns the serial number of the zone"};

struct DnsFindings final : CheckFindings {
  std::optional<DnsRecords> answer;
};

// The ids of one shard's queries.
class DnsIds final : public engine::ShardState {
 public:
  std::uint16_t next() { return static_cast<std::uint16_t>(mix64(seed_, ++count_)); }

 private:
  std::uint64_t seed_ = os::random_seed();
  std::uint64_t count_ = 0;
};

class DnsProber final : public Prober {
 public:
  DnsProber(ModuleOptions options, std::unique_ptr<tls::ClientContext> context)
      : Prober(std::move(options)), context_(std::move(context)) {
    const DnsCheck& check = this->options().dns;
    if (!check.source_ip_address.empty()) source_ = parse_ip(check.source_ip_address);
    if (const auto name = wire::DnsName::from_text(check.query_name.empty() ? "." : check.query_name)) {
      query_.name = *name;
      named_ = true;
    }
    query_.type = check.query_type;
    query_.klass = check.query_class;
    query_.recursion_desired = check.recursion_desired;
    query_.edns_size = 0;
  }

  const DnsCheck& check() const { return options().dns; }
  bool over_stream() const { return check().over_tcp; }
  const tls::ClientContext* context() const { return context_.get(); }
  const wire::DnsQuery& query() const { return query_; }

  Parsed<> plan(CheckRun& run) const override {
    const Target target = target_of(run);
    const std::uint16_t port = go_port(target.port).value_or(0);
    if (const Parsed<> planned = plan_address(run, target.host, port, check().ip); !planned) return planned;
    run.plan.terms.source = source_.value_or(IpAddress{});
    // What cannot be asked over TCP ends before a packet: there are none until a datagram is sent.
    const bool asks = fault(run, run.plan.endpoint.address).empty();
    run.plan.terms.transport = over_stream() && asks ? Transport::kTcp : Transport::kUdp;
    return {};
  }

  // Why no query can be sent, though its target is known; empty: it can.
  std::string fault(const CheckRun& run, const IpAddress& address) const {
    if (check().over_tls && !check().over_tcp) return "Configuration error: Expected transport protocol tcp for DoT";
    if (!check().source_ip_address.empty() && !source_)
      return "Error parsing source ip address " + results::escaped(check().source_ip_address);
    if (!named_) return "the query name is no name of DNS";
    if (const Parsed<std::uint16_t> port = go_port(target_of(run).port); !port) return port.error().text;
    if (source_ && !address.is_unspecified() && source_->is_v4() != address.is_v4())
      return "address " + to_string(*source_) + ": no suitable address found";
    return "";
  }

  // The name that a certificate must be of.
  std::string server_name(const CheckRun& run) const {
    return check().tls_config.server_name.empty() ? target_of(run).host : check().tls_config.server_name;
  }

  std::unique_ptr<engine::Probe> begin(CheckRun& run, engine::ShardState* tools) const override;
  std::unique_ptr<engine::ShardState> make_tools() const override { return std::make_unique<DnsIds>(); }
  void conclude(CheckRun& run) const override;
  void sample(const CheckRun& run, metrics::Samples& out) const override;

 private:
  struct Target {
    std::string host, port;
  };
  Target target_of(const CheckRun& run) const {
    if (Parsed<HostPort> parts = split_host_port(run.target))
      return {.host = std::move(parts->host), .port = std::move(parts->port)};
    return {.host = run.target, .port = check().over_tls ? "853" : "53"};
  }
  bool valid_rcode(CheckRun& run, std::uint16_t rcode) const;

  std::unique_ptr<tls::ClientContext> context_;  // of DNS over TLS
  std::optional<IpAddress> source_;
  wire::DnsQuery query_;
  bool named_ = false;
};

class DnsCheckProbe final : public engine::Probe {
 public:
  DnsCheckProbe(const DnsProber& prober, CheckRun& run, DnsFindings& findings)
      : prober_(prober), run_(run), findings_(findings) {}

  Step start(ProbeContext& context) override {
    log_resolution(run_, prober_.check().ip, context.endpoint.address, context.unix_now);
    error_ = prober_.fault(run_, context.endpoint.address);
    if (!error_.empty()) return Step::done(Outcome::kProtocolError, error_.c_str());
    log_query(context);
    wire::DnsQuery query = prober_.query();
    query.id = id_ = static_cast<DnsIds*>(context.state)->next();
    room_.resize(wire::kLongestDnsQuery);
    room_.resize(wire::write_dns_query(query, room_));
    if (!prober_.over_stream()) return Step::send(room_);
    const std::string name = prober_.server_name(run_);
    const std::string sni = server_name_for(name);
    const tls::SessionOptions session{.server_name = sni, .verify_name = name};
    stream_ = std::make_unique<DnsStream>(prober_.context(), session, room_);
    context.handshaking = prober_.context() != nullptr;
    return take(context, stream_->start());
  }

  Step on_bytes(ProbeContext& context, std::span<const std::byte> bytes) override {
    if (stream_) return take(context, stream_->on_bytes(context.pool, bytes));
    return on_message(context, bytes.first(std::min(bytes.size(), kMostDatagram)));
  }
  Step on_eof(ProbeContext& context) override { return give_up(context, Outcome::kClosed, "EOF"); }
  Step on_deadline(ProbeContext& context) override { return give_up(context, Outcome::kTimeout, "i/o timeout"); }
  Step on_failure(ProbeContext& context, Outcome outcome) override {
    return give_up(context, outcome, outcome == Outcome::kRefused ? "connection refused" : "");
  }

 private:
  void log_query(const ProbeContext& context) {
    if (!run_.keeps_log) return;
    const DnsCheck& check = prober_.check();
    if (!check.source_ip_address.empty())
      log_line(run_, context.unix_now, "info", "Using local address", {{"srcIP", check.source_ip_address}});
    const std::string protocol = std::string(check.over_tcp ? "tcp" : "udp") +
                                 (context.endpoint.address.is_v4() ? "4" : "6") + (check.over_tls ? "-tls" : "");
    log_line(run_, context.unix_now, "info", "Making DNS query",
             {{"target", to_string(context.endpoint)},
              {"dial_protocol", protocol},
              {"query", check.query_name},
              {"type", std::to_string(check.query_type)},
              {"class", std::to_string(check.query_class)}});
  }

  Step on_message(ProbeContext& context, std::span<const std::byte> message) {
    Parsed<DnsRecords> read = read_dns_records(message);
    if (!read) return give_up(context, Outcome::kProtocolError, std::move(read.error().text));
    if (read->id != id_) return stream_ ? give_up(context, Outcome::kProtocolError, "id mismatch") : Step::more();
    if (run_.keeps_log)
      log_line(run_, context.unix_now, "info", "Got response",
               {{"bytes", std::to_string(message.size())}, {"rcode", wire::dns_rcode_name(read->rcode)}});
    findings_.answer = std::move(*read);
    return farewell(Step::done(Outcome::kSuccess));
  }

  Step take(ProbeContext& context, DnsStream::Progress progress) {
    using Kind = DnsStream::Progress::Kind;
    if (progress.kind == Kind::kMessage) return on_message(context, progress.bytes);
    context.handshaking = stream_->handshaking();
    if (progress.kind == Kind::kFailed) return give_up(context, progress.outcome, progress.error);
    return progress.bytes.empty() ? Step::more() : Step::send(progress.bytes);
  }

  Step give_up(ProbeContext& context, Outcome outcome, std::string error) {
    error_ = std::move(error);
    log_line(run_, context.unix_now, "error", "Error while sending a DNS query", {{"err", error_}});
    return farewell(Step::done(outcome, error_.c_str()));
  }
  Step farewell(Step step) const { return stream_ ? step.after(stream_->farewell()) : step; }

  const DnsProber& prober_;
  CheckRun& run_;
  DnsFindings& findings_;
  std::vector<std::byte> room_;
  std::unique_ptr<DnsStream> stream_;
  std::string error_;
  std::uint16_t id_ = 0;
};

std::unique_ptr<engine::Probe> DnsProber::begin(CheckRun& run, engine::ShardState* tools) const {
  (void)tools;
  return std::make_unique<DnsCheckProbe>(*this, run, run.begin_findings<DnsFindings>());
}

bool DnsProber::valid_rcode(CheckRun& run, std::uint16_t rcode) const {
  const auto& valid = check().valid_rcodes;
  const bool good = valid ? std::ranges::find(*valid, rcode) != valid->end() : rcode == wire::dns_rcode::kNoError;
  if (run.keeps_log)
    log_line(run, run.ending.unix_time, good ? "info" : "error",
             good ? "Rcode is valid" : "Rcode is not one of the valid rcodes",
             {{"rcode", std::to_string(rcode)}, {"string_rcode", wire::dns_rcode_name(rcode)}});
  return good;
}

void DnsProber::conclude(CheckRun& run) const {
  run.success = false;
  judge_source(run);
  const Nanos now = run.ending.unix_time;
  const auto* findings = static_cast<const DnsFindings*>(run.findings.get());
  if (findings == nullptr) {  // it never came to a query
    log_resolution(run, check().ip, run.ending.address, now);
    if (run.plan.resolves && run.ending.address.is_unspecified())
      log_line(run, now, "error", "Error resolving address", {{"err", run.ending.error}});
    else
      log_line(run, now, "error", "Error while sending a DNS query", {{"err", run.ending.error}});
    return;
  }
  if (run.ending.outcome != Outcome::kSuccess) {
    if (run.ending.cause.empty() && !fault(run, run.ending.address).empty()) run.ending.cause = "configuration";
    return;
  }
  SONDE_CHECK(findings->answer.has_value(), "a success without an answer");
  const auto fail = [&](const char* cause, std::string error) {
    run.ending.outcome = Outcome::kProtocolError;
    run.ending.cause = cause;
    run.ending.error = std::move(error);
  };
  const DnsRecords& answer = *findings->answer;
  if (!valid_rcode(run, answer.rcode)) {
    fail("rcode", "the answer's rcode is " + wire::dns_rcode_name(answer.rcode));
    return;
  }
  const struct {
    const char* title;
    const RrValidation& validation;
  } kSections[] = {{"Answer", check().answer}, {"Authority", check().authority}, {"Additional", check().additional}};
  for (std::size_t i = 0; i < std::size(kSections); ++i) {
    const auto& [title, validation] = kSections[i];
    log_line(run, now, "info", fmt::format("Validating {} RRs", title));
    if (records_are_valid(run, answer.sections[i], validation, now)) continue;
    log_line(run, now, "error", fmt::format("{} RRs validation failed", title));
    fail("rr_regexp", fmt::format("the records of section {} are not as expected", title));
    return;
  }
  run.success = true;
}

void DnsProber::sample(const CheckRun& run, metrics::Samples& out) const {
  const auto* findings = static_cast<const DnsFindings*>(run.findings.get());
  const bool answered = findings != nullptr && findings->answer.has_value();
  const auto phases = [&](std::initializer_list<Phase> of) {
    double sum = 0;
    for (const Phase phase : of) sum += std::max(run.ending.timing_us[static_cast<std::size_t>(phase)], 0);
    return sum / 1e6;
  };
  out.add(kDuration, {{"phase", "resolve"}}, phases({Phase::kDns}));
  out.add(kDuration, {{"phase", "connect"}}, phases({Phase::kConnect, Phase::kTls}));
  out.add(kDuration, {{"phase", "request"}}, phases({Phase::kWrite, Phase::kFirstByte, Phase::kRead}));
  constexpr std::array kCounts = {&kAnswers, &kAuthorities, &kAdditionals};
  for (std::size_t i = 0; i < kCounts.size(); ++i)
    out.add(*kCounts[i], answered ? static_cast<double>(findings->answer->sections[i].size()) : 0);
  out.add(kSucceeded, answered ? 1 : 0);
  if (answered && check().query_type == wire::dns_type::kSoa) out.add(kSerial, findings->answer->serial.value_or(0));
}

}  // namespace

Parsed<std::shared_ptr<const Prober>> make_dns_prober(ModuleOptions options) {
  std::unique_ptr<tls::ClientContext> context;
  if (options.dns.over_tls) {
    auto made = make_tls_context(options.dns.tls_config);
    if (!made) return std::unexpected(std::move(made.error()));
    context = std::move(*made);
  }
  return std::make_shared<DnsProber>(std::move(options), std::move(context));
}

}  // namespace sonde::probes
