// How a probe ends: its record, what comes behind it in the pass, its next connection, the farewell, the close.
#include <algorithm>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "engine/shard.h"

namespace sonde::engine {

using results::Outcome;
using results::Phase;

namespace {

// From then on a connect has taken a second SYN: the first goes out again after a second (RFC 6298, section 2.1).
constexpr std::int32_t kSynAgainUs = 1'000'000;
constexpr Nanos kFarewell = kSecond;  // for the kernel to take the last bytes; then the connection is reset

// Adds what a later connection of the same task took.
void add_timings(std::span<const std::int32_t> later, std::span<std::int32_t> sums) {
  for (std::size_t i = 0; i < sums.size(); ++i)
    if (later[i] != results::kNoTiming) sums[i] = std::max(sums[i], 0) + later[i];
}

}  // namespace

// The probe has its verdict: try again, go on with the next probe of the pass, or close.
void Shard::end(Connection& connection, const Step& verdict) {
  const Outcome outcome = verdict.outcome;
  if (outcome != Outcome::kCancelled && racing(connection)) {
    fall_out(connection, verdict);
    return;
  }
  Carried* const carried = connection.carried();
  if (carried != nullptr && connection.probe == nullptr) {
    connection.probe = std::exchange(carried->probe, nullptr);
    if (outcome != Outcome::kCancelled) {
      later_failed(connection, outcome);
      return;
    }
  }
  if (outcome == Outcome::kTimeout && !connection.answered && carried == nullptr &&
      connection.attempts <= options_.retries && !stopping_) {
    stats_.retries.add();
    tell_pace(connection, outcome, 0);
    Start again = start_of(connection);
    ++again.attempts;
    again.dns_us = results::kNoTiming;  // the address is known by then
    if (again.race) rewind(again);
    close(connection);
    again_.push_back(std::move(again));
    return;
  }
  const bool connected = connection.probe != nullptr;
  const std::optional<io::TcpInfo> info =
      carried == nullptr || carried->same_task ? ask_kernel(connection, outcome) : std::nullopt;
  tell_pace(connection, outcome, info ? info->retransmits : 0);
  // Kept before the probe, whose bytes they are, is called again.
  const bool farewell = !verdict.bytes.empty() && keep_farewell(connection, verdict);
  emit(connection, outcome, verdict.error, info);
  if (remaining(connection.module) > 1) {
    if (!connected || outcome == Outcome::kCancelled || outcome == Outcome::kLocalError) {
      end_rest_of_pass(connection, verdict, info);
    } else if (!pass_on(connection, verdict)) {
      destroy_probe(connection);
      Start next = next_of_pass(connection);
      leave(connection, verdict, farewell);
      again_.push_back(std::move(next));
      return;
    } else {
      return;
    }
  }
  if (farewell || verdict.graceful || connection.lifecycle.state() == State::kIdle) {
    leave(connection, verdict, farewell);
  } else {
    close(connection);
  }
}

// Whether an attempt that ends was in trouble, as far as that tells of its prefix; each connection once.
void Shard::tell_pace(const Connection& connection, Outcome outcome, std::uint32_t retransmits) {
  if (options_.prefix_pace == nullptr || !connection.limited || connection.module > 0) return;
  if (outcome == Outcome::kLocalError || outcome == Outcome::kCancelled) return;
  const std::int32_t connect_us = connection.phase_us[static_cast<std::size_t>(Phase::kConnect)];
  const bool again = connection.transport == Transport::kTcp && connect_us >= kSynAgainUs;
  options_.prefix_pace->tell(connection.address.prefix_key(), connection.pace_round,
                             outcome == Outcome::kTimeout || retransmits > 0 || again);
}

// The next probe of the pass goes on over this connection, where it is untouched or what this one has opened is left
// open. False: it needs its own.
bool Shard::pass_on(Connection& connection, const Step& verdict) {
  const ProbeModule& module = *pass_[connection.module].module;
  if (connection.carried() != nullptr || !verdict.bytes.empty() || verdict.graceful ||
      pass_[connection.module + std::size_t{1}].module->transport() != connection.transport)
    return false;
  std::unique_ptr<OpenLayer> layer;
  if (module.reads()) {
    if (verdict.outcome != Outcome::kSuccess) return false;
    layer = connection.probe->leave_open();
    if (!layer) return false;
    if (connection.phase == Phase::kTls && !connection.lifecycle.move(State::kActive, connection.id(), audit_))
      return false;
    begin_exchange(connection);
  }
  destroy_probe(connection);
  ++connection.module;
  connection.wake_at = kNever;
  start_probe(connection, std::move(layer));
  return true;
}

// The start of the next probe of the pass, over a connection of its own to the target.
Shard::Start Shard::next_of_pass(Connection& connection) {
  const std::unique_ptr<Carried> carried =
      connection.companion ? std::move(connection.companion->carried) : std::unique_ptr<Carried>();
  Start next = start_of(connection);
  if (carried) {
    next.target.endpoint = carried->target;
    next.target.host = carried->target_host;
  }
  ++next.module;
  next.transport = pass_[next.module].module->transport();
  next.attempts = 1;
  next.dns_us = results::kNoTiming;  // the address is known by then
  return next;
}

// What ended this probe ends the others of its pass too, before they began.
void Shard::end_rest_of_pass(Connection& connection, const Step& verdict, const std::optional<io::TcpInfo>& info) {
  const std::string error = verdict.error;  // it may lie in the probe
  destroy_probe(connection);
  if (const Carried* carried = connection.carried()) {
    if (connection.limited) give_limits(connection.address, connection.pace_round);
    connection.limited = false;
    connection.address = carried->target.address;
    connection.port = carried->target.port;
    connection.companion->host = carried->target_host;
    connection.companion->carried.reset();
  }
  while (remaining(connection.module) > 1) {
    ++connection.module;
    emit(connection, verdict.outcome, error.c_str(), info);
  }
}

// The probe goes on over another connection, which waits for its start as every attempt does.
void Shard::reconnect(Connection& connection, const Step& step) {
  if (!connection.companion) connection.companion = std::make_unique<Companion>();
  Carried* carried = connection.carried();
  if (carried != nullptr && carried->connections + 1 >= kMaxConnections) {
    end(connection, last_word(connection, Outcome::kTimeout));
    return;
  }
  if (carried == nullptr) {
    connection.companion->carried = std::make_unique<Carried>(probe_states_[connection.module]);
    carried = connection.carried();
    carried->target = {.address = connection.address, .port = connection.port};
    carried->target_host = connection.companion->host;
    carried->first = facts_of(connection, step.outcome);
  } else if (carried->same_task) {
    ConnectionFacts facts = facts_of(connection, step.outcome);
    std::swap(facts, carried->first);
    add_timings(facts.timing_us, carried->first.timing_us);
  }
  carried->spent_us += elapsed_us(connection);
  carried->same_task = step.same_task;
  const bool farewell = !step.bytes.empty() && keep_farewell(connection, step);
  ++carried->connections;
  carried->probe = std::exchange(connection.probe, nullptr);
  Start next = start_of(connection);
  next.dns_us = results::kNoTiming;  // the address is known by then
  next.local_faults = 0;
  next.race.reset();
  if (step.detour != nullptr) turn_to(*step.detour, next);
  leave(connection, step, farewell);
  again_.push_back(std::move(next));
}

void Shard::turn_to(const Detour& detour, Start& next) const {
  next.target.endpoint = {.address = detour.address, .port = detour.port};
  next.target.host = detour.host;
  next.transport = detour.transport;
  next.target.blocked =
      (options_.is_excluded && !detour.address.is_unspecified() && options_.is_excluded(detour.address)) ||
      (options_.is_excluded_name && !detour.host.empty() && options_.is_excluded_name(detour.host));
}

// What the connection tells, as it is left for another.
ConnectionFacts Shard::facts_of(const Connection& connection, Outcome told) {
  const Outcome outcome = backend_.now() >= deadline_of(connection) ? Outcome::kTimeout : told;
  results::Record record;
  describe_connection(connection, outcome, ask_kernel(connection, outcome), record);
  return {.phase = record.phase, .cause = record.cause, .timing_us = record.timing_us, .tcp = record.tcp};
}

// A later connection could not be opened: the probe, which is back in its slot, says what that means.
void Shard::later_failed(Connection& connection, Outcome outcome) {
  if (outcome == Outcome::kLocalError) {
    end(connection, last_word(connection, outcome));
    return;
  }
  ProbeContext context = context_of(connection);
  const Step step = connection.probe->on_failure(context, outcome);
  SONDE_CHECK(step.kind == Step::Kind::kDone || step.kind == Step::Kind::kReconnect,
              "a connection that could not be opened leaves a verdict or another connection");
  apply(connection, step);
}

// The verdict of a probe that gets no other connection. One that has none by then ends as it was told.
Step Shard::last_word(Connection& connection, Outcome outcome) {
  ProbeContext context = context_of(connection);
  const Step step = connection.probe->on_failure(context, outcome);
  return step.kind == Step::Kind::kDone ? step : Step::done(outcome);
}

// What the kernel knows of the connection, where it is wanted and there is one.
std::optional<io::TcpInfo> Shard::ask_kernel(const Connection& connection, Outcome outcome) {
  if (options_.tcp_info == TcpInfoUse::kNone || connection.transport != Transport::kTcp) return std::nullopt;
  if (outcome == Outcome::kTimeout) {
    if (connection.phase == Phase::kDns) return std::nullopt;
  } else if (options_.tcp_info == TcpInfoUse::kTimeouts || connection.probe == nullptr ||
             outcome == Outcome::kCancelled) {
    return std::nullopt;
  }
  stats_.tcp_info_reads.add();
  return backend_.tcp_info(connection.id());
}

// What a record tells of the connection under its probe as it stands, with `outcome` for a verdict.
void Shard::describe_connection(const Connection& connection, Outcome outcome, const std::optional<io::TcpInfo>& info,
                                results::Record& record) const {
  record.phase = connection.phase;
  if (outcome == Outcome::kTimeout && connection.transport == Transport::kTcp)
    record.cause = cause_of(connection.phase, connection.received, connection.sent, info);
  if (info) record.tcp = results::TcpFacts{.rtt_us = info->rtt_us, .retransmits = info->retransmits};
  record.timing_us.fill(results::kNoTiming);
  if (outcome == Outcome::kBlocked) return;
  const std::int32_t total = elapsed_us(connection);
  std::copy(connection.phase_us.begin(), connection.phase_us.end(), record.timing_us.begin());
  if (connection.companion) record.timing_us[static_cast<std::size_t>(Phase::kRead)] = connection.companion->read_us;
  record.timing_us[static_cast<std::size_t>(Phase::kDone)] = total;
  // The phase it ended in took time too, unless the verdict came as that phase began.
  std::int32_t& last = record.timing_us[static_cast<std::size_t>(connection.phase)];
  const bool began = connection.phase != Phase::kFirstByte || pass_[connection.module].module->reads();
  if (began && connection.phase != Phase::kDone) last = std::max(last, 0) + total - connection.phase_start_us;
}

void Shard::emit(const Connection& connection, Outcome outcome, const char* error,
                 const std::optional<io::TcpInfo>& info) {
  const PassModule& module = pass_[connection.module];
  std::vector<results::Value>& values = values_[connection.module];
  std::fill(values.begin(), values.end(), results::Value());
  if (connection.probe != nullptr) connection.probe->fill(values);
  results::Record record;
  record.unix_time = backend_.now() + options_.unix_offset;
  record.ip = connection.address;
  record.port = connection.port;
  const Carried* carried = connection.carried();
  if (carried != nullptr) {
    record.ip = carried->target.address;
    record.port = carried->target.port;
    record.host = carried->target_host;
  } else if (connection.companion) {
    record.host = connection.companion->host;
  }
  record.probe = module.module->name();
  record.position = connection.position;
  record.outcome = outcome;
  record.attempts = connection.attempts;
  if (carried != nullptr && carried->same_task) {
    describe_connection(connection, outcome, info, record);
    std::array<std::int32_t, results::kPhaseNames.size()> sums = carried->first.timing_us;
    add_timings(record.timing_us, sums);
    record.timing_us = sums;
  } else if (carried != nullptr) {
    record.phase = carried->first.phase;
    record.cause = outcome == Outcome::kTimeout ? carried->first.cause : results::Cause::kNone;
    record.timing_us = carried->first.timing_us;
    // What was asked for the cause of a timeout tells nothing of what ended otherwise.
    if (outcome == Outcome::kTimeout || options_.tcp_info == TcpInfoUse::kAll) record.tcp = carried->first.tcp;
  } else {
    describe_connection(connection, outcome, info, record);
  }
  if (outcome == Outcome::kSuccess) record.phase = Phase::kDone;
  if (outcome == Outcome::kTimeout) {
    if (*error == '\0' || outweighs_probe(record.cause)) error = describe(record.cause);
  }
  if (outcome != Outcome::kSuccess) record.error = *error == '\0' ? results::name(outcome) : std::string_view(error);
  record.values = values;
  record.first_value_id = module.first_value_id;
  if (connection.probe != nullptr) {
    if (std::unique_ptr<LateFields> late = connection.probe->late_fields()) {
      if (!late->ready()) {
        late_.emplace_back(record, values, connection.position, std::move(late));
        return;
      }
      late->fill(values);
    }
  }
  hand_over(record, connection.position);
}

void Shard::hand_over(const results::Record& record, std::uint64_t position) {
  if (!consumer_.consume(record)) {
    stats_.abandoned.add();
    cut_.push_back(position);
    return;
  }
  stats_.finished.add();
  stats_.outcomes[static_cast<std::size_t>(record.outcome)].add();
}

// In the order of the verdicts: one that is slow keeps those behind it, which costs a copy of theirs and nothing else.
void Shard::hand_over_late() {
  while (!late_.empty() && late_.front().ready()) {
    late_.front().fill();
    hand_over(late_.front().record(), late_.front().position());
    late_.pop_front();
  }
}

// What is whole is told; of the rest nothing is waited for.
void Shard::cut_late() {
  for (LateRecord& late : late_) {
    if (late.ready()) {
      late.fill();
      hand_over(late.record(), late.position());
      continue;
    }
    cut_.push_back(late.position());
    if (options_.cut_records) {
      late.cancel(kCutError);
      hand_over(late.record(), late.position());
    } else {
      stats_.abandoned.add();
    }
  }
  late_.clear();
}

// Copies the step's farewell. A short one goes out with the close; a long one, or one behind a write that is
// outstanding still, to where writes are kept. False: there is no connection to say it on, or too much waits already.
bool Shard::keep_farewell(Connection& connection, const Step& step) {
  const State state = connection.lifecycle.state();
  if (state == State::kInit || state == State::kConnecting) return false;
  if (connection.writing || step.bytes.size() > farewell_.size()) return keep(connection, step.bytes);
  copy_bytes(step.bytes, farewell_.data());
  farewell_size_ = step.bytes.size();
  return true;
}

// Closes the connection of a probe that has no more use for it; with a farewell, once that is written. While it is on
// the way the slot and its limits stay in use, at most kFarewell.
void Shard::leave(Connection& connection, const Step& step, bool farewell) {
  const bool idle = connection.lifecycle.state() == State::kIdle;
  // What has idled its time takes its leave as a client does.
  const bool idled = idle && step.kind == Step::Kind::kDone && step.outcome == Outcome::kSuccess;
  if (idled) connection.lifecycle.expire_idle();
  const bool graceful = idled || step.graceful;
  const std::size_t short_farewell = std::exchange(farewell_size_, 0);
  if (!farewell || short_farewell > 0) {
    close(connection, graceful ? io::CloseMode::kGraceful : io::CloseMode::kReset,
          std::span(farewell_).first(short_farewell));
    return;
  }
  destroy_probe(connection);
  if (!connection.lifecycle.move(State::kClosing, connection.id(), audit_)) {
    close(connection);
    return;
  }
  if (idle) stats_.resting.subtract();
  connection.graceful = graceful;
  if (writes_[connection.index].present.empty()) write_next(connection);
  connection.wake_at = backend_.now() + kFarewell;
  wheel_.arm(connection, connection.wake_at);
}

// Of a connection that is Closing: its farewell was taken, or cannot be. What the peer says is not looked at.
void Shard::on_parting(Connection& connection, const io::Completion& completion) {
  if (completion.op != io::Op::kWrite) {
    connection.reading = false;
    return;
  }
  if (written(connection, completion.failed)) return;
  const bool graceful = connection.graceful && !completion.failed;
  close(connection, graceful ? io::CloseMode::kGraceful : io::CloseMode::kReset);
}

void Shard::close(Connection& connection, io::CloseMode mode, std::span<const std::byte> farewell) {
  if (connection.companion) leave_race(connection);
  destroy_probe(connection);
  wheel_.cancel(connection);
  const State state = connection.lifecycle.state();
  if (state == State::kIdle) stats_.resting.subtract();
  if (state != State::kInit && state != State::kClosed) {
    if (state != State::kClosing) connection.lifecycle.move(State::kClosing, connection.id(), audit_);
    if (connection.transport == Transport::kNone) {
      // The backend does not know it.
    } else if (farewell.empty()) {
      backend_.close(connection.id(), mode);
    } else {
      backend_.part(connection.id(), farewell, mode);
    }
  }
  if (connection.writing) writes_.erase(connection.index);
  if (connection.limited) give_limits(connection.address, connection.pace_round);
  connection.lifecycle.force_closed();
  connection.companion.reset();
  connection.live = false;
  connections_.release(connection.index);
}

}  // namespace sonde::engine
