#include "probes/banner/banner_probe.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <new>
#include <optional>
#include <utility>

#include "probes/banner/banner_fields.h"
#include "probes/banner/heard.h"
#include "probes/banner/hellos.h"
#include "probes/banner/suspects.h"
#include "wire/http_head.h"
#include "wire/identify.h"
#include "wire/line.h"
#include "wire/ssh_kex.h"

namespace sonde::probes {
namespace {

using engine::ProbeContext;
using engine::Step;
using results::Outcome;

constexpr Nanos kSilence = 500 * kMillisecond;
constexpr Nanos kLongestSilence = 2 * kSecond;
constexpr std::uint32_t kDefaultMaxBanner = 4096;
constexpr std::uint32_t kLargestMaxBanner = 65536;

constexpr auto kOptions = std::to_array<engine::OptionDef>({
    {"max-banner", "BYTES", "4096", "how much of a banner is kept in the record; suffix k"},
    {"hello", "auto|none|NAME[,NAME]", "auto",
     "what is said to the silent: the port's hello, then http and tls; nothing; or these in their order: http, tls, "
     "redis, mqtt, amqp, rdp, memcached, mongodb, ldap, sip, dns, postgres"},
});

// What a run sets.
struct BannerOptions {
  std::uint32_t max_banner = kDefaultMaxBanner;
  std::optional<HelloPlan> hellos;  // nullopt: by the port
};

class BannerProbe final : public engine::Probe {
 public:
  BannerProbe(const BannerOptions& options, Suspects& suspects) : options_(options), suspects_(suspects) {}

  Step start(ProbeContext& context) override {
    open_ = true;
    if (context.connection > 0) return say_hello(context);
    plan_ = options_.hellos ? *options_.hellos : plan_for(context.endpoint.port);
    port_ = context.endpoint.port;
    // To a server that is far away the silence of its road is no silence.
    silence_ = std::clamp(2 * (context.now - context.started), kSilence, kLongestSilence);
    context.wake_at = context.now + silence_;
    return Step::more();
  }

  Step on_bytes(ProbeContext& context, std::span<const std::byte> bytes) override {
    heard_.add(bytes, room(), context.pool);
    context.wake_at = context.now + silence_;
    if (in_ssh()) return read_kexinit(context);
    const wire::Identified found = wire::identify(heard_.kept(), port_);
    if (found.whole > 0) return on_whole(context, found);
    if (heard_.total == Heard::kMostBytes) return finish(context, Outcome::kSuccess);
    return Step::more();
  }

  Step on_wake(ProbeContext& context) override {
    context.wake_at = kNever;
    if (in_ssh()) return finish(context, Outcome::kSuccess);
    if (heard_.total == 0) {
      if (!said_) return has_more_hellos() ? say_hello(context) : Step::more();
      if (has_more_hellos()) return next_hello(Outcome::kTimeout);
      return aside_.total > 0 ? finish(context, Outcome::kSuccess) : Step::more();
    }
    const wire::Identified found = wire::identify(heard_.kept(), port_);
    if (is_nonsense(found) && has_more_hellos()) return next_hello();
    const bool over = heard_.ends_with_line() || (!found.begun && (found.named() || aside_.total > 0));
    return over ? finish(context, Outcome::kSuccess) : Step::more();
  }

  Step on_eof(ProbeContext& context) override {
    if (in_ssh()) return finish(context, Outcome::kSuccess);
    if (heard_.total == 0) return turned_away(context, Outcome::kClosed);
    const wire::Identified found = wire::identify(heard_.kept(), port_);
    if (is_nonsense(found) && has_more_hellos()) return next_hello();
    if (!found.begun || is_known_by(context, found)) return finish(context, Outcome::kSuccess);
    return finish(context, Outcome::kClosed,
                  heard_.ends_with_line() ? "closed within a greeting or answer" : "closed within a line");
  }

  Step on_deadline(ProbeContext& context) override {
    if (in_ssh()) return finish(context, Outcome::kSuccess);
    if (heard_.total == 0) {
      if (said_ && has_more_hellos()) return next_hello(Outcome::kTimeout);
      return end_unheard(context);
    }
    const wire::Identified found = wire::identify(heard_.kept(), port_);
    if (heard_.has_line || !found.begun || is_known_by(context, found)) return finish(context, Outcome::kSuccess);
    return finish(context, Outcome::kTimeout, "a greeting or answer was not finished");
  }

  Step on_failure(ProbeContext& context, Outcome outcome) override {
    if (in_ssh()) return finish(context, Outcome::kSuccess);
    // Of a later connection that cannot be had: what came before has the last word.
    if (outcome == Outcome::kLocalError) return finish(context, outcome);
    if (!open_ || (context.connection > 0 && outcome != Outcome::kReset)) return end_unheard(context);
    if (heard_.total == 0 && outcome == Outcome::kReset) return turned_away(context, outcome);
    if (heard_.total == 0) return finish(context, outcome);
    const wire::Identified found = wire::identify(heard_.kept(), port_);
    if (is_nonsense(found) && has_more_hellos()) return next_hello();
    return finish(context, is_known_by(context, found) ? Outcome::kSuccess : outcome);
  }

  void fill(std::span<results::Value> values) const override {
    if (heard_.total == 0) {
      fill_suspicion(values);
      return;
    }
    fill_banner(values, heard_, port_, options_.max_banner,
                heard_.hello < 0 ? std::string_view() : name_of(plan_.hellos[static_cast<std::size_t>(heard_.hello)]));
    fill_suspicion(values);
  }

 private:
  // Enough for every processor to decide by, whatever part of it the record shows.
  std::size_t room() const { return std::max<std::size_t>(options_.max_banner, 16384); }
  bool has_more_hellos() const { return next_ < plan_.count; }
  bool in_ssh() const { return ssh_; }
  // A hello was answered with what no protocol knows.
  bool is_nonsense(const wire::Identified& found) const { return said_ && !found.named() && !found.begun; }
  // On a later connection a name is enough, whole or not: the record's phase tells of the first.
  bool is_known_by(const ProbeContext& context, const wire::Identified& found) const {
    return context.connection > 0 && found.named();
  }

  Step say_hello(ProbeContext& context) {
    const std::uint8_t place = next_++;
    said_ = true;
    heard_.hello = place;
    // The last one is waited for as long as the read phase lasts.
    if (has_more_hellos() || aside_.total > 0) context.wake_at = context.now + silence_;
    return Step::send(bytes_of(plan_.hellos[place]));
  }

  // The next hello, on a connection of its own. What came is kept for the case that nothing better does.
  Step next_hello(Outcome outcome = Outcome::kSuccess) {
    if (aside_.total == 0) aside_ = std::move(heard_);
    heard_ = Heard();
    said_ = false;
    open_ = false;
    return Step::reconnect(outcome);
  }

  Step on_whole(ProbeContext& context, const wire::Identified& found) {
    heard_.whole = static_cast<std::uint32_t>(found.whole);
    if (found.protocol == "ssh" && plan_.count > 0) {
      ssh_ = true;
      const Step step = read_kexinit(context);
      return step.kind == Step::Kind::kMore ? Step::send(wire::as_bytes(kSshIdentification)) : step;
    }
    // So do servers of TLS answer what is none.
    if (found.protocol == "http" && has_more_hellos() && said_ && plan_.hellos[next_ - 1U] == Hello::kHttp &&
        wire::HttpHeadProcessor().parse(heard_.kept()).frame.status == 400)
      return next_hello();
    return plan_own_hello(found) ? next_hello() : finish(context, Outcome::kSuccess);
  }

  // Who answered another protocol's hello shows by that what it is; of which version it says to its own.
  bool plan_own_hello(const wire::Identified& found) {
    if (options_.hellos || !said_ || next_ == HelloPlan::kMost) return false;
    if (!found.product.empty() || !found.version.empty()) return false;
    const std::optional<Hello> own = hello_of(found.protocol);
    const auto said_end = plan_.hellos.begin() + next_;
    if (!own || std::find(plan_.hellos.begin(), said_end, *own) != said_end) return false;
    plan_.hellos[next_] = *own;
    plan_.count = next_ + 1;
    aside_ = std::move(heard_);
    return true;
  }

  Step read_kexinit(ProbeContext& context) {
    const auto parsed = wire::SshKexProcessor().parse(heard_.kept().subspan(heard_.whole));
    const bool waits = parsed.kind == decltype(parsed)::Kind::kNeed && heard_.size < room();
    return waits ? Step::more() : finish(context, Outcome::kSuccess);
  }

  // Closed or reset without a word.
  Step turned_away(ProbeContext& context, Outcome outcome) {
    if (!said_) return finish(context, outcome, outcome == Outcome::kClosed ? "closed without a word" : "");
    turned_away_ = outcome;
    return has_more_hellos() ? next_hello() : end_unheard(context);
  }

  // Nothing was heard on this connection, and no other follows.
  Step end_unheard(ProbeContext& context) {
    if (aside_.total > 0) return finish(context, Outcome::kSuccess);
    if (turned_away_)
      return finish(
          context, *turned_away_,
          turned_away_ == Outcome::kReset ? "reset without a word, at a hello" : "closed without a word, at a hello");
    return finish(context, Outcome::kTimeout, next_ > 0 ? "silent, also to a hello" : "silent");
  }

  Step finish(ProbeContext& context, Outcome outcome, const char* error = "") {
    context.wake_at = kNever;
    // What was put aside is an answer, unless a later one has a name.
    if (aside_.total > 0 && !wire::identify(heard_.banner(), port_).named()) {
      heard_ = std::move(aside_);
      outcome = Outcome::kSuccess;
    }
    if (heard_.total > 0) {
      const std::string_view said = wire::as_text(heard_.banner());
      suspicion_ = suspects_.answered(context.endpoint, std::hash<std::string_view>()(said));
    } else if (outcome == Outcome::kTimeout && next_ > 0) {
      suspicion_ = suspects_.silent(context.endpoint);
    }
    return Step::done(outcome, error);
  }

  void fill_suspicion(std::span<results::Value> values) const {
    if (suspicion_ != Suspicion::kNone)
      values[static_cast<std::size_t>(BannerField::kSuspect)] = std::string(name_of(suspicion_));
  }

  const BannerOptions& options_;
  Suspects& suspects_;
  Heard heard_;  // on this connection
  Heard aside_;  // on an earlier one, of no known protocol or not to be trusted
  Nanos silence_ = kSilence;
  HelloPlan plan_;
  std::optional<Outcome> turned_away_;  // by the last connection that ended without a word behind a hello
  std::uint16_t port_ = 0;
  std::uint8_t next_ = 0;  // the hello that comes next
  Suspicion suspicion_ = Suspicion::kNone;
  bool said_ = false;  // a hello, on this connection
  bool open_ = false;  // this connection
  bool ssh_ = false;   // the identification came
};
static_assert(sizeof(BannerProbe) <= 256);

class BannerModule final : public engine::ProbeModule {
 public:
  std::string_view name() const override { return "banner"; }
  std::string_view help() const override {
    return "what speaks behind the port (reads, and says hellos to the silent)";
  }
  std::span<const engine::OptionDef> options() const override { return kOptions; }
  std::span<const results::FieldDef> fields() const override { return banner_fields(); }
  std::size_t state_bytes() const override { return sizeof(BannerProbe); }
  engine::Probe* create(void* memory) const override { return new (memory) BannerProbe(options_, *suspects_); }

  Parsed<> configure(std::string_view option, std::string_view value) override {
    return option == "hello" ? set_hellos(value) : set_max_banner(value);
  }

 private:
  Parsed<> set_hellos(std::string_view value) {
    Parsed<std::optional<HelloPlan>> plan = parse_hellos(value);
    if (!plan) return std::unexpected(plan.error());
    options_.hellos = *plan;
    return {};
  }

  Parsed<> set_max_banner(std::string_view value) {
    std::string_view digits = value;
    const bool kilo = digits.ends_with('k') || digits.ends_with('K');
    if (kilo) digits.remove_suffix(1);
    std::uint32_t bytes = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bytes);
    const std::uint64_t wanted = kilo ? std::uint64_t{bytes} * 1024 : bytes;
    if (error != std::errc() || end != digits.data() + digits.size() || wanted == 0 || wanted > kLargestMaxBanner)
      return input_error("'" + std::string(value) + "' is not a size from 1 to 64k, such as 4096 or 8k");
    options_.max_banner = static_cast<std::uint32_t>(wanted);
    return {};
  }

  BannerOptions options_;
  std::unique_ptr<Suspects> suspects_ = std::make_unique<Suspects>();  // all shards' together, with locks of its own
};

}  // namespace

std::unique_ptr<engine::ProbeModule> make_banner_module() { return std::make_unique<BannerModule>(); }

}  // namespace sonde::probes
