#include "probes/icmp/icmp_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <new>
#include <optional>
#include <vector>

#include "base/mix.h"
#include "os/machine.h"
#include "probes/icmp/icmp_fields.h"
#include "wire/icmp.h"

namespace sonde::probes {
namespace {

using engine::ProbeContext;
using engine::Step;
using results::FieldDef;
using results::FieldType;
using results::Outcome;

constexpr std::size_t kStamp = 16;  // at the begin of each payload: the nonce, and when it was sent
constexpr std::uint32_t kMostCount = 1000;
constexpr std::uint32_t kMostSize = 4000;  // a reply is read whole (io::kMostDatagram)
constexpr Nanos kLeastInterval = kMillisecond;
constexpr Nanos kMostInterval = 60 * kSecond;
constexpr std::int32_t kNoAnswer = -1;

constexpr auto kFields = std::to_array<FieldDef>({
    {"icmp.sent", FieldType::kInteger, "echo requests sent", false, R"({"type":"integer","minimum":1,"maximum":1000})"},
    {"icmp.received", FieldType::kInteger, "requests that were answered", true},
    {"icmp.loss_percent", FieldType::kInteger, "requests that were not, in percent of those sent", false,
     R"({"type":"integer","minimum":0,"maximum":100})"},
    {"icmp.ttl", FieldType::kInteger, "TTL or hop limit of the first answer as it arrived", true,
     R"({"type":"integer","minimum":1,"maximum":255})"},
    {"icmp.rtt_us.min", FieldType::kInteger, "shortest round trip, in microseconds"},
    {"icmp.rtt_us.avg", FieldType::kInteger, "mean round trip", true},
    {"icmp.rtt_us.max", FieldType::kInteger, "longest round trip"},
    {"icmp.rtts_us", FieldType::kJson, "the round trip of each request in their order, null where there was no answer",
     false, R"({"type":"array","minItems":1,"items":{"type":["integer","null"],"minimum":0}})"},
    {"icmp.duplicates", FieldType::kInteger, "further answers to requests that were answered"},
    {"icmp.error.type", FieldType::kInteger, "the last ICMP error that came instead of an answer: its type"},
    {"icmp.error.code", FieldType::kInteger, "its code"},
    {"icmp.error.from", FieldType::kString, "the router or host that sent it"},
});
static_assert(kFields.size() == static_cast<std::size_t>(IcmpField::kCount));

constexpr auto kOptions = std::to_array<engine::OptionDef>({
    {"count", "N", "1", "icmp: echo requests to each target, 1 to 1000"},
    {"interval", "TIME", "1s", "icmp: from one to the next, 1ms to 60s; less than --read-timeout"},
    {"size", "BYTES", "56", "icmp: payload of each, 16 to 4000"},
});

struct IcmpOptions {
  std::uint32_t count = 1;
  Nanos interval = kSecond;
  std::uint32_t size = 56;
};

// What makes one run's requests different from everybody else's, and the room that they are written in: the engine
// copies what a probe sends before it calls another.
class IcmpWorker final : public engine::ShardState {
 public:
  IcmpWorker(std::uint64_t seed, std::size_t size) : seed_(seed), message_(wire::kIcmpEchoHeader + size) {
    for (std::size_t i = 0; i < size; ++i) message_[wire::kIcmpEchoHeader + i] = static_cast<std::byte>(i);
  }
  std::uint64_t next_key() { return mix64(seed_, ++count_); }
  std::span<std::byte> message() { return message_; }

 private:
  std::uint64_t seed_;
  std::uint64_t count_ = 0;
  std::vector<std::byte> message_;
};

class IcmpProbe final : public engine::Probe {
 public:
  explicit IcmpProbe(const IcmpOptions& options) : options_(options) {}

  Step start(ProbeContext& context) override {
    key_ = static_cast<IcmpWorker*>(context.state)->next_key();
    v4_ = context.endpoint.address.is_v4();
    return Step::send(next_request(context));
  }

  // The read budget begins again, so that it is the last request that it runs out for.
  Step on_wake(ProbeContext& context) override {
    return sent_ < options_.count ? Step::exchange(next_request(context)) : Step::more();
  }

  Step on_bytes(ProbeContext& context, std::span<const std::byte> bytes) override {
    const std::optional<wire::EchoReply> reply = wire::parse_echo_reply(v4_, bytes);
    if (!reply || reply->payload.size() != options_.size) return Step::more();
    std::array<std::uint64_t, 2> stamp{};
    std::memcpy(stamp.data(), reply->payload.data(), kStamp);
    if (reply->sequence == 0 || reply->sequence > sent_ || stamp[0] != nonce(reply->sequence, stamp[1]))
      return Step::more();
    note(context, reply->sequence, context.now - static_cast<Nanos>(stamp[1]));
    return go_on();
  }

  Step on_failure(ProbeContext& context, Outcome outcome) override {
    if (outcome == Outcome::kLocalError) return Step::done(outcome);
    ++failed_;
    error_text_ = "no route, or ICMP unreachable";
    if (context.icmp != nullptr) {
      error_ = *context.icmp;
      error_text_ = wire::icmp_error_text(v4_, error_->type, error_->code);
    }
    return go_on();
  }

  Step on_deadline(ProbeContext&) override { return verdict(); }
  Step on_eof(ProbeContext&) override { return verdict(); }  // which datagrams do not know

  void fill(std::span<results::Value> values) const override {
    const auto put = [&](IcmpField field, std::int64_t value) { values[static_cast<std::size_t>(field)] = value; };
    if (sent_ == 0) return;
    put(IcmpField::kSent, sent_);
    put(IcmpField::kReceived, received_);
    put(IcmpField::kLossPercent, (100 * (sent_ - received_) + sent_ / 2) / sent_);
    put(IcmpField::kDuplicates, duplicates_);
    if (error_) {
      put(IcmpField::kErrorType, error_->type);
      put(IcmpField::kErrorCode, error_->code);
      if (!error_->from.is_unspecified())
        values[static_cast<std::size_t>(IcmpField::kErrorFrom)] = to_string(error_->from);
    }
    if (received_ == 0) return;
    if (hop_limit_ > 0) put(IcmpField::kTtl, hop_limit_);
    std::int64_t sum = 0;
    std::int32_t least = INT32_MAX;
    std::int32_t most = 0;
    std::string list;
    for (std::uint32_t i = 0; i < sent_; ++i) {
      list += i == 0 ? '[' : ',';
      const std::int32_t rtt = i < rtts_us_.size() ? rtts_us_[i] : kNoAnswer;
      if (rtt == kNoAnswer) {
        list += "null";
        continue;
      }
      fmt::format_to(std::back_inserter(list), "{}", rtt);
      sum += rtt;
      least = std::min(least, rtt);
      most = std::max(most, rtt);
    }
    list += ']';
    put(IcmpField::kRttMin, least);
    put(IcmpField::kRttAvg, (sum + received_ / 2) / received_);
    put(IcmpField::kRttMax, most);
    values[static_cast<std::size_t>(IcmpField::kRtts)] = results::Json{std::move(list)};
  }

 private:
  std::uint64_t nonce(std::uint16_t sequence, std::uint64_t sent_at) const { return mix64(key_ + sequence, sent_at); }

  std::span<const std::byte> next_request(ProbeContext& context) {
    const std::span<std::byte> message = static_cast<IcmpWorker*>(context.state)->message();
    ++sent_;
    const auto sequence = static_cast<std::uint16_t>(sent_);
    const auto sent_at = static_cast<std::uint64_t>(context.now);
    const std::array<std::uint64_t, 2> stamp = {nonce(sequence, sent_at), sent_at};
    std::memcpy(message.data() + wire::kIcmpEchoHeader, stamp.data(), kStamp);
    wire::write_echo_request(v4_, static_cast<std::uint16_t>(key_), sequence, message);
    context.wake_at = sent_ < options_.count ? context.now + options_.interval : kNever;
    return message;
  }

  void note(ProbeContext& context, std::uint16_t sequence, Nanos rtt) {
    if (rtts_us_.size() < sequence) rtts_us_.resize(sequence, kNoAnswer);
    std::int32_t& noted = rtts_us_[sequence - 1];
    if (noted != kNoAnswer) {
      ++duplicates_;
      return;
    }
    noted = static_cast<std::int32_t>(std::clamp<Nanos>(rtt / kMicrosecond, 0, INT32_MAX));
    ++received_;
    if (received_ == 1) hop_limit_ = context.hop_limit;
  }

  Step go_on() const {
    return sent_ == options_.count && received_ + failed_ >= options_.count ? verdict() : Step::more();
  }

  Step verdict() const {
    if (received_ > 0) return Step::done(Outcome::kSuccess);
    return failed_ > 0 ? Step::done(Outcome::kUnreachable, error_text_) : Step::done(Outcome::kTimeout, "no answer");
  }

  const IcmpOptions& options_;
  std::uint64_t key_ = 0;
  std::vector<std::int32_t> rtts_us_;  // by sequence number, from 1; as long as answers were there
  std::optional<IcmpError> error_;
  const char* error_text_ = "";
  std::uint32_t sent_ = 0;
  std::uint32_t received_ = 0;  // each request once
  std::uint32_t duplicates_ = 0;
  std::uint32_t failed_ = 0;
  std::uint8_t hop_limit_ = 0;
  bool v4_ = true;
};
static_assert(sizeof(IcmpProbe) <= 128);

template <typename Number>
bool parse_number(std::string_view text, Number least, Number most, Number& out) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) return false;
  out = value;
  return true;
}

bool parse_interval(std::string_view text, Nanos& out) {
  Nanos unit = kSecond;
  if (text.ends_with("ms")) {
    unit = kMillisecond;
    text.remove_suffix(2);
  } else if (text.ends_with('s')) {
    text.remove_suffix(1);
  }
  Nanos count = 0;
  if (!parse_number<Nanos>(text, 1, kMostInterval / unit, count)) return false;
  out = count * unit;
  return out >= kLeastInterval;
}

class IcmpModule final : public engine::ProbeModule {
 public:
  std::string_view name() const override { return "icmp"; }
  std::string_view help() const override { return "does the host answer a ping (ICMP echo); targets have no ports"; }
  std::span<const engine::OptionDef> options() const override { return kOptions; }
  std::span<const FieldDef> fields() const override { return kFields; }
  Transport transport() const override { return Transport::kPing; }
  bool has_ports() const override { return false; }
  std::size_t state_bytes() const override { return sizeof(IcmpProbe); }
  engine::Probe* create(void* memory) const override { return new (memory) IcmpProbe(options_); }
  std::unique_ptr<engine::ShardState> make_shard_state() const override {
    return std::make_unique<IcmpWorker>(os::random_seed(), options_.size);
  }

  Parsed<> configure(std::string_view option, std::string_view value) override {
    if (option == "count" && !parse_number<std::uint32_t>(value, 1, kMostCount, options_.count))
      return input_error(fmt::format("'{}' is not a number from 1 to {}", value, kMostCount));
    if (option == "interval" && !parse_interval(value, options_.interval))
      return input_error(fmt::format("'{}' is not a time from 1ms to 60s, such as 200ms or 1s", value));
    if (option == "size" && !parse_number<std::uint32_t>(value, kStamp, kMostSize, options_.size))
      return input_error(fmt::format("'{}' is not a number of bytes from {} to {}", value, kStamp, kMostSize));
    return {};
  }

 private:
  IcmpOptions options_;
};

}  // namespace

std::unique_ptr<engine::ProbeModule> make_icmp_module() { return std::make_unique<IcmpModule>(); }

}  // namespace sonde::probes
