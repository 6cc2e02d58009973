#include "gateway/stream/stream_frame.h"

#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "base/version.h"
#include "sonde/v1/stream.pb.h"

namespace sonde::gateway {
namespace {

namespace wire = ::sonde::v1;

constexpr char kSequenceTag = 1 << 3;  // field 1, a varint (protobuf's encoding)

std::string utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t length = utf8_length(bytes);
    text += length == 0 ? "\xef\xbf\xbd" : bytes.substr(0, length);
    bytes.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return text;
}

std::int64_t ms(Nanos time) { return time / kMillisecond; }

wire::CheckStatus status_of(ShownState shown) {
  switch (shown) {
    case ShownState::kUp:
      return wire::CHECK_STATUS_UP;
    case ShownState::kDown:
      return wire::CHECK_STATUS_DOWN;
    case ShownState::kFlapping:
      return wire::CHECK_STATUS_FLAPPING;
    case ShownState::kUnknown:
      break;
  }
  return wire::CHECK_STATUS_UNKNOWN;
}

wire::CheckStatus status_of(std::string_view shown) {
  const auto found = std::ranges::find(kShownNames, shown);
  return found == kShownNames.end() ? wire::CHECK_STATUS_UNKNOWN
                                    : status_of(static_cast<ShownState>(found - kShownNames.begin()));
}

void add_count(std::string_view name, std::uint64_t count, wire::NamedCount& to) {
  to.set_name(std::string(name));
  to.set_count(count);
}

void write(const CheckBook::Counts& counts, wire::GatewayStatus& to) {
  const auto shown = [&](ShownState state) { return counts.shown[static_cast<std::size_t>(state)]; };
  to.set_up(shown(ShownState::kUp));
  to.set_down(shown(ShownState::kDown));
  to.set_unknown(shown(ShownState::kUnknown));
  to.set_flapping(shown(ShownState::kFlapping));
  to.set_waiting(counts.waiting);
  to.set_local_faults(counts.local_faults);
}

void write(const StreamFacts::Limit& limit, const CheckBook::Counts& counts, wire::Limiter& to) {
  to.set_rate(limit.rate);
  to.set_window_rate(limit.view.offered);
  to.set_fill(limit.view.fill);
  to.set_tier(limit.view.tier ? static_cast<std::uint32_t>(*limit.view.tier + 1) : 0);
  for (std::size_t i = 0; i < counts.shed.size(); ++i) add_count(kPriorityNames[i], counts.shed[i], *to.add_shed());
}

void write(const metrics::Histogram& late_us, wire::Lateness& to) {
  to.set_count(late_us.total());
  to.set_p50_us(late_us.quantile(0.5));
  to.set_p99_us(late_us.quantile(0.99));
  to.set_max_us(late_us.max());
}

}  // namespace

struct StreamFrame::Batch {
  wire::MetricsBatch message;
};

StreamFrame::StreamFrame() : batch_(std::make_unique<Batch>()) {}
StreamFrame::~StreamFrame() = default;

void StreamFrame::begin(Nanos unix_now, std::uint64_t ticks) {
  batch_->message.Clear();  // keeps its memory
  batch_->message.set_time_us(unix_now / kMicrosecond);
  batch_->message.set_ticks(static_cast<std::uint32_t>(std::min<std::uint64_t>(ticks, UINT32_MAX)));
}

void StreamFrame::set_picture(bool first, std::size_t following) {
  batch_->message.set_first(first);
  batch_->message.set_following(static_cast<std::uint32_t>(following));
}

void StreamFrame::set(const StreamFacts& facts) {
  wire::GatewayStatus& to = *batch_->message.mutable_gateway();
  to.set_version(std::string(kVersion));
  to.set_started_ms(ms(facts.started));
  write(facts.counts, to);
  to.set_network_down(facts.network_down);
  to.set_config_hash(facts.config_hash);
  to.set_config_loaded_ms(ms(facts.config_loaded));
  to.set_config_error(utf8(facts.config_error));
  if (facts.limiter) write(*facts.limiter, facts.counts, *to.mutable_limiter());
  for (const auto& [state, count] : facts.connections) add_count(state, count, *to.add_connections());
  write(facts.late_us, *to.mutable_lateness());
  to.set_runs_per_second(facts.runs_per_second);
  to.set_viewers(facts.viewers);
}

void StreamFrame::add_group(std::uint32_t index, const Check& of) {
  wire::CheckGroup& to = *batch_->message.add_groups();
  to.set_index(index);
  to.set_name(utf8(of.name));
  to.set_module(utf8(of.module));
  for (const auto& [name, value] : of.labels) (*to.mutable_labels())[utf8(name)] = utf8(value);
  to.set_interval_ms(static_cast<std::uint32_t>(std::min<std::int64_t>(ms(of.interval), UINT32_MAX)));
  to.set_priority(std::string(name(of.priority)));
}

void StreamFrame::add_check(const WatchedCheck& check) {
  wire::CheckUpdate& to = *batch_->message.add_checks();
  to.set_id(check.id);
  to.set_status(status_of(check.shown));
  to.set_since_ms(ms(check.since));
  to.set_last_ms(ms(check.last));
  to.set_success(check.success);
  to.set_duration_us(check.duration_us);
  if (!check.failure) return;
  const auto& [outcome, phase, cause, error] = *check.failure;
  to.set_phase(std::string(results::name(phase)));
  to.set_outcome(std::string(results::name(outcome)));
  to.set_cause(utf8(cause));
  to.set_error(utf8(error));
}

void StreamFrame::add_whole_check(const WatchedCheck& check, std::uint32_t group) {
  add_check(check);
  wire::CheckUpdate& to = *batch_->message.mutable_checks()->rbegin();
  to.set_target(utf8(check.check->target));
  to.set_group(group);
  to.set_recent(std::string(check.recent.bytes()));
}

void StreamFrame::add_removed(CheckId id) { batch_->message.add_removed(id); }

void StreamFrame::add(const Transition& transition) {
  wire::Transition& to = *batch_->message.add_transitions();
  to.set_id(transition.id);
  to.set_time_ms(ms(transition.unix_time));
  to.set_from(status_of(transition.from));
  to.set_to(status_of(transition.to));
  to.set_cause(utf8(transition.cause));
}

std::string StreamFrame::end() const { return batch_->message.SerializeAsString(); }

// Fields may come in any order, so one may be put before the others, whose bytes are the same for all.
std::string StreamFrame::numbered(std::uint64_t sequence, const std::string& frame) {
  std::string bytes;
  bytes.reserve(frame.size() + 11);
  bytes += kSequenceTag;
  for (; sequence >= 0x80; sequence >>= 7) bytes += static_cast<char>((sequence & 0x7f) | 0x80);
  bytes += static_cast<char>(sequence);
  bytes += frame;
  return bytes;
}

}  // namespace sonde::gateway
