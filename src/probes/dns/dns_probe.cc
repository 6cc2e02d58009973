#include "probes/dns/dns_probe.h"

#include <array>
#include <new>
#include <string>

#include "base/bytes.h"
#include "base/mix.h"
#include "os/machine.h"
#include "probes/dns/dns_fields.h"
#include "probes/dns/dns_options.h"
#include "probes/dns/dns_stream.h"
#include "wire/dns.h"
#include "wire/tls_names.h"

namespace sonde::probes {
namespace {

using engine::ProbeContext;
using engine::Step;
using results::Outcome;

constexpr std::array kResendAfter = {kSecond, 2 * kSecond};  // each since the query before
constexpr const char* kNoAnswer = "answers, but none to the query";

// What makes one run's queries different from everybody else's, and the room that they are written in: the engine
// copies what a probe sends before it calls another.
class DnsWorker final : public engine::ShardState {
 public:
  explicit DnsWorker(std::uint64_t seed) : seed_(seed) {}
  std::uint16_t next_id() { return static_cast<std::uint16_t>(mix64(seed_, ++count_)); }
  std::span<std::byte> room() { return room_; }

 private:
  std::uint64_t seed_;
  std::uint64_t count_ = 0;
  std::array<std::byte, wire::kLongestDnsQuery> room_{};
};

struct DnsRun {
  DnsOptions options;
  std::unique_ptr<tls::ClientContext> context;  // of DNS over TLS
};

class DnsProbe final : public engine::Probe {
 public:
  explicit DnsProbe(const DnsRun& run) : run_(run), transport_(run.options.transport) {}

  Step start(ProbeContext& context) override {
    if (context.connection == 0) {
      id_ = static_cast<DnsWorker*>(context.state)->next_id();
      host_ = context.host;
    }
    ++sent_;
    if (transport_ == DnsTransport::kUdp) {
      context.wake_at = context.now + kResendAfter[0];
      return Step::send(query(context));
    }
    const bool tls = transport_ == DnsTransport::kTls;
    const tls::SessionOptions session{.server_name = host_};
    stream_ = std::make_unique<DnsStream>(tls ? run_.context.get() : nullptr, session, query(context));
    context.handshaking = tls;
    return take(context, stream_->start());
  }

  // The query is lost, or its answer.
  Step on_wake(ProbeContext& context) override {
    if (transport_ != DnsTransport::kUdp || sent_ > kResendAfter.size()) return Step::more();
    ++sent_;
    if (sent_ <= kResendAfter.size()) context.wake_at = context.now + kResendAfter[sent_ - 1];
    return Step::send(query(context));
  }

  Step on_bytes(ProbeContext& context, std::span<const std::byte> bytes) override {
    if (transport_ == DnsTransport::kUdp) return on_message(context, bytes);
    return take(context, stream_->on_bytes(context.pool, bytes));
  }

  Step on_eof(ProbeContext&) override { return give_up(Outcome::kClosed, "closed without an answer"); }
  Step on_deadline(ProbeContext&) override {
    return ignored_ > 0 ? give_up(Outcome::kProtocolError, kNoAnswer) : give_up(Outcome::kTimeout, "no answer");
  }
  Step on_failure(ProbeContext&, Outcome outcome) override {
    return give_up(outcome, outcome == Outcome::kRefused && transport_ == DnsTransport::kUdp ? "port unreachable" : "");
  }

  void fill(std::span<results::Value> values) const override {
    const auto put = [&](DnsField field, results::Value value) {
      values[static_cast<std::size_t>(field)] = std::move(value);
    };
    if (sent_ == 0) return;
    fill_question(run_.options.question(host_), values);
    put(DnsField::kTransport, std::string(name(transport_)));
    put(DnsField::kSent, std::int64_t{sent_});
    put(DnsField::kIgnored, std::int64_t{ignored_});
    if (stream_ && stream_->tls_version() != 0)
      put(DnsField::kTlsVersion, std::string(wire::tls_version_name(stream_->tls_version())));
    if (size_ == 0) return;
    fill_answer(answer_.bytes().first(size_), values);
    if (run_.options.transport == DnsTransport::kUdp) put(DnsField::kTruncated, truncated_);
  }

 private:
  std::span<const std::byte> query(ProbeContext& context) const {
    const std::span<std::byte> room = static_cast<DnsWorker*>(context.state)->room();
    wire::DnsQuery question = run_.options.question(host_);
    question.id = id_;
    return room.first(wire::write_dns_query(question, room));
  }

  // A server that does not understand the query may leave the question out of its answer.
  bool answers(ProbeContext& context, std::span<const std::byte> message) const {
    if (wire::dns_answers(message, query(context))) return true;
    const wire::DnsHeader header = wire::DnsReader(message).header();
    return header.response && header.id == id_ && header.opcode == 0 && header.questions == 0 && header.rcode != 0;
  }

  Step on_message(ProbeContext& context, std::span<const std::byte> message) {
    if (!answers(context, message)) {
      ++ignored_;
      return Step::more();
    }
    answer_ = context.pool.lend(message.size());
    size_ = message.size();
    copy_bytes(message, answer_.bytes().data());
    wire::DnsReader reader(answer_.bytes().first(size_));
    if (transport_ == DnsTransport::kUdp && reader.header().truncated) {
      truncated_ = true;
      transport_ = DnsTransport::kTcp;
      context.wake_at = kNever;
      detour_ = std::make_unique<engine::Detour>(engine::Detour{.host = host_,
                                                                .address = context.endpoint.address,
                                                                .port = context.endpoint.port,
                                                                .transport = Transport::kTcp});
      return Step::go_on_at(*detour_);
    }
    Step step = reader.finish() ? Step::done(Outcome::kSuccess) : Step::done(Outcome::kProtocolError, reader.error());
    return stream_ ? step.after(stream_->farewell()) : step;
  }

  Step take(ProbeContext& context, DnsStream::Progress progress) {
    using Kind = DnsStream::Progress::Kind;
    while (progress.kind == Kind::kMessage) {
      const Step step = on_message(context, progress.bytes);
      if (step.kind == Step::Kind::kDone) return step;
      progress = stream_->on_bytes(context.pool, {});
    }
    context.handshaking = stream_->handshaking();
    if (progress.kind == Kind::kFailed) return give_up(progress.outcome, progress.error).after(stream_->farewell());
    return progress.bytes.empty() ? Step::more() : Step::send(progress.bytes);
  }

  // Behind a cut answer that is what there is to tell, whatever became of TCP.
  Step give_up(Outcome outcome, const char* error) {
    if (truncated_ && outcome != Outcome::kLocalError) {
      transport_ = DnsTransport::kUdp;
      return Step::done(Outcome::kSuccess);
    }
    return Step::done(outcome, error);
  }

  const DnsRun& run_;
  std::string host_;
  memory::Lease answer_;
  std::size_t size_ = 0;
  std::unique_ptr<DnsStream> stream_;
  std::unique_ptr<engine::Detour> detour_;
  std::uint32_t sent_ = 0;
  std::uint32_t ignored_ = 0;
  std::uint16_t id_ = 0;
  DnsTransport transport_;
  bool truncated_ = false;
};
static_assert(sizeof(DnsProbe) <= 192);

class DnsModule final : public engine::ProbeModule {
 public:
  std::string_view name() const override { return "dns"; }
  std::string_view help() const override { return "what a name server answers, over UDP, TCP or TLS"; }
  std::span<const engine::OptionDef> options() const override { return dns_option_defs(); }
  std::span<const results::FieldDef> fields() const override { return dns_fields(); }
  Transport transport() const override {
    return run_.options.transport == DnsTransport::kUdp ? Transport::kUdp : Transport::kTcp;
  }
  std::span<const std::uint16_t> default_ports() const override {
    static constexpr std::array<std::uint16_t, 2> kPorts = {53, 853};
    return std::span(kPorts).subspan(run_.options.transport == DnsTransport::kTls ? 1 : 0, 1);
  }
  std::size_t state_bytes() const override { return sizeof(DnsProbe); }
  engine::Probe* create(void* memory) const override { return new (memory) DnsProbe(run_); }
  std::unique_ptr<engine::ShardState> make_shard_state() const override {
    return std::make_unique<DnsWorker>(os::random_seed());
  }

  Parsed<> configure(std::string_view option, std::string_view value) override {
    return set_dns_option(run_.options, option, value);
  }

  Parsed<> prepare(std::span<const std::string> pass) override {
    (void)pass;
    if (run_.options.transport != DnsTransport::kTls) return {};
    auto context = tls::ClientContext::create({.alpn = {"dot"}});
    if (!context) return input_error("--dns-transport: " + context.error().text);
    run_.context = std::move(*context);
    return {};
  }

 private:
  DnsRun run_;
};

}  // namespace

std::unique_ptr<engine::ProbeModule> make_dns_module() { return std::make_unique<DnsModule>(); }

}  // namespace sonde::probes
