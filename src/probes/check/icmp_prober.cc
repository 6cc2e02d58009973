// The icmp prober: one echo request (RFC 792, RFC 4443) and its reply, which brings back what was sent. The identifier
// says nothing: of a ping socket the kernel sets it, so that who asks is known by the sequence number.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "os/machine.h"
#include "probes/check/prober.h"
#include "probes/check/run_log.h"
#include "probes/check/run_plan.h"
#include "results/escape.h"
#include "wire/icmp.h"

namespace sonde::probes {
namespace {

using engine::ProbeContext;
using engine::Step;
using results::Outcome;
using results::Phase;

constexpr std::string_view kText = "Prometheus Blackbox Exporter";
constexpr std::size_t kReadWhole = 4000;  // of a longer message the front is read (io::kMostDatagram, less IP's header)

constexpr std::size_t kMostPayload = 65507;  // of an IPv4 datagram

constexpr metrics::Family kDuration{"probe_icmp_duration_seconds", "Duration of icmp request by phase"};
constexpr metrics::Family kHopLimit{"probe_icmp_reply_hop_limit", "Replied packet hop limit (TTL for ipv4)"};

struct IcmpFindings final : CheckFindings {
  Nanos rtt = 0;
  std::uint8_t hop_limit = 0;  // 0: unknown
};

// The numbers of one shard's requests.
class IcmpNumbers final : public engine::ShardState {
 public:
  std::uint16_t identifier() const { return static_cast<std::uint16_t>(seed_); }
  std::uint16_t next_sequence() { return sequence_++; }

 private:
  std::uint64_t seed_ = os::random_seed();
  std::uint16_t sequence_ = static_cast<std::uint16_t>(seed_ >> 16);
};

class IcmpProber final : public Prober {
 public:
  explicit IcmpProber(ModuleOptions options) : Prober(std::move(options)) {
    if (!check().source_ip_address.empty()) source_ = parse_ip(check().source_ip_address);
  }
  const IcmpCheck& check() const { return options().icmp; }

  Parsed<> plan(CheckRun& run) const override {
    if (const Parsed<> planned = plan_address(run, run.target, 0, check().ip); !planned) return planned;
    run.plan.terms.transport = Transport::kPing;
    run.plan.terms.source = source_.value_or(IpAddress{});
    run.plan.terms.hop_limit = check().ttl;
    run.plan.terms.dont_fragment = check().dont_fragment;
    return {};
  }

  // Why the module can ask nothing of this address; empty: it can.
  std::string fault(const IpAddress& address) const {
    if (check().payload_size > kMostPayload) return "message too long";
    if (check().source_ip_address.empty()) return "";
    if (!source_) return "Error parsing source ip address " + results::escaped(check().source_ip_address);
    if (source_->is_v4() == address.is_v4()) return "";
    return "address " + to_string(*source_) + ": no suitable address found";
  }

  std::unique_ptr<engine::Probe> begin(CheckRun& run, engine::ShardState* tools) const override;
  std::unique_ptr<engine::ShardState> make_tools() const override { return std::make_unique<IcmpNumbers>(); }
  void conclude(CheckRun& run) const override;
  void sample(const CheckRun& run, metrics::Samples& out) const override;

 private:
  std::optional<IpAddress> source_;
};

class IcmpCheckProbe final : public engine::Probe {
 public:
  IcmpCheckProbe(const IcmpProber& prober, CheckRun& run, IcmpFindings& findings)
      : prober_(prober), run_(run), findings_(findings) {}

  Step start(ProbeContext& context) override {
    log_resolution(run_, prober_.check().ip, context.endpoint.address, context.unix_now);
    error_ = prober_.fault(context.endpoint.address);
    if (!error_.empty()) return give_up(context, Outcome::kProtocolError);
    auto& numbers = *static_cast<IcmpNumbers*>(context.state);
    v4_ = context.endpoint.address.is_v4();
    sequence_ = numbers.next_sequence();
    const std::size_t size = prober_.check().payload_size;
    message_.resize(wire::kIcmpEchoHeader + (size == 0 ? kText.size() : size));
    copy_bytes(std::as_bytes(std::span(kText)).first(std::min(kText.size(), payload().size())),
               message_.data() + wire::kIcmpEchoHeader);
    wire::write_echo_request(v4_, numbers.identifier(), sequence_, message_);
    log_line(run_, context.unix_now, "info", "Writing out packet", {{"seq", std::to_string(sequence_)}});
    sent_at_ = context.now;
    return Step::send(message_);
  }

  Step on_bytes(ProbeContext& context, std::span<const std::byte> bytes) override {
    if (!is_reply(bytes)) return Step::more();
    findings_.rtt = context.now - sent_at_;
    findings_.hop_limit = context.hop_limit;
    log_line(run_, context.unix_now, "info", "Found matching reply packet");
    return Step::done(Outcome::kSuccess);
  }
  Step on_failure(ProbeContext& context, Outcome outcome) override {
    error_ = context.icmp != nullptr ? wire::icmp_error_text(v4_, context.icmp->type, context.icmp->code)
                                     : "no route, or too long for the way";
    return give_up(context, outcome);
  }
  Step on_deadline(ProbeContext& context) override {
    error_ = "no answer";
    return give_up(context, Outcome::kTimeout);
  }
  Step on_eof(ProbeContext& context) override { return on_deadline(context); }  // which datagrams do not know

 private:
  std::span<const std::byte> payload() const { return std::span(message_).subspan(wire::kIcmpEchoHeader); }

  bool is_reply(std::span<const std::byte> bytes) const {
    if (bytes.size() < std::min(message_.size(), kReadWhole)) return false;
    if (bytes.size() < message_.size()) {  // its checksum is that of the whole, which is not here
      constexpr std::byte kReplyV4{0};
      constexpr std::byte kReplyV6{129};
      return bytes[0] == (v4_ ? kReplyV4 : kReplyV6) && bytes[1] == std::byte{0} &&
             std::ranges::equal(bytes.subspan(6), std::span(message_).subspan(6, bytes.size() - 6));
    }
    const std::optional<wire::EchoReply> reply = wire::parse_echo_reply(v4_, bytes);
    return reply && reply->sequence == sequence_ && std::ranges::equal(reply->payload, payload());
  }

  Step give_up(ProbeContext& context, Outcome outcome) {
    log_line(run_, context.unix_now, "warn", "Error reading from socket", {{"err", error_}});
    return Step::done(outcome, error_.c_str());
  }

  const IcmpProber& prober_;
  CheckRun& run_;
  IcmpFindings& findings_;
  std::vector<std::byte> message_;
  std::string error_;
  Nanos sent_at_ = 0;
  std::uint16_t sequence_ = 0;
  bool v4_ = true;
};

std::unique_ptr<engine::Probe> IcmpProber::begin(CheckRun& run, engine::ShardState* tools) const {
  (void)tools;
  return std::make_unique<IcmpCheckProbe>(*this, run, run.begin_findings<IcmpFindings>());
}

void IcmpProber::conclude(CheckRun& run) const {
  run.success = run.findings && run.ending.outcome == Outcome::kSuccess;
  if (run.success) return;
  if (!run.findings) {
    log_resolution(run, check().ip, run.ending.address, run.ending.unix_time);
    log_line(run, run.ending.unix_time, "warn",
             run.ending.address.is_unspecified() ? "Error resolving address" : "Error listening to socket",
             {{"err", run.ending.error}});
  } else if (run.ending.outcome == Outcome::kProtocolError && !fault(run.ending.address).empty()) {
    run.ending.cause = "configuration";
  }
}

void IcmpProber::sample(const CheckRun& run, metrics::Samples& out) const {
  const auto seconds = [](double nanos) { return nanos / static_cast<double>(kSecond); };
  const auto phase = [&](Phase of) {
    return seconds(1e3 * std::max(run.ending.timing_us[static_cast<std::size_t>(of)], 0));
  };
  const auto* findings = static_cast<const IcmpFindings*>(run.findings.get());
  out.add(kDuration, {{"phase", "resolve"}}, phase(Phase::kDns));
  out.add(kDuration, {{"phase", "setup"}}, phase(Phase::kConnect));
  out.add(kDuration, {{"phase", "rtt"}}, findings == nullptr ? 0 : seconds(static_cast<double>(findings->rtt)));
  if (run.success && findings->hop_limit > 0) out.add(kHopLimit, findings->hop_limit);
}

}  // namespace

Parsed<std::shared_ptr<const Prober>> make_icmp_prober(ModuleOptions options) {
  return std::make_shared<IcmpProber>(std::move(options));
}

}  // namespace sonde::probes
