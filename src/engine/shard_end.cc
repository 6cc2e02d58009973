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

constexpr Nanos kFarewell = kSecond;  // for the kernel to take the last bytes; then the connection is reset

}  // namespace

// The probe has its verdict: try again, go on with the next probe of the pass, or close.
void Shard::end(Connection& connection, const Step& verdict) {
  const Outcome outcome = verdict.outcome;
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
    Start again = start_of(connection);
    ++again.attempts;
    again.dns_us = results::kNoTiming;  // the address is known by then
    close(connection);
    again_.push_back(std::move(again));
    return;
  }
  const bool connected = connection.probe != nullptr;
  const ProbeModule& module = *pass_[connection.module].module;
  const std::optional<io::TcpInfo> info = carried == nullptr ? ask_kernel(connection, outcome) : std::nullopt;
  // Kept before the probe, whose bytes they are, is called again.
  const bool farewell = !verdict.bytes.empty() && keep_farewell(connection, verdict);
  emit(connection, outcome, verdict.error, info);
  if (remaining(connection.module) > 1) {
    if (!connected || outcome == Outcome::kCancelled || outcome == Outcome::kLocalError) {
      end_rest_of_pass(connection, verdict, info);
    } else if (!module.reads() && carried == nullptr &&
               verdict.bytes.empty()) {  // the connection is untouched: the next probe has it
      destroy_probe(connection);
      ++connection.module;
      start_probe(connection);
      return;
    } else {
      destroy_probe(connection);
      if (carried != nullptr) connection.companion->carried.reset();
      Start next = start_of(connection);
      ++next.module;
      next.attempts = 1;
      next.dns_us = results::kNoTiming;
      leave(connection, verdict, farewell);
      again_.push_back(std::move(next));
      return;
    }
  }
  if (farewell || verdict.graceful || connection.lifecycle.state() == State::kIdle) {
    leave(connection, verdict, farewell);
  } else {
    close(connection);
  }
}

// What ended this probe ends the others of its pass too, before they began.
void Shard::end_rest_of_pass(Connection& connection, const Step& verdict, const std::optional<io::TcpInfo>& info) {
  const std::string error = verdict.error;  // it may lie in the probe
  destroy_probe(connection);
  if (connection.carried() != nullptr) connection.companion->carried.reset();
  while (remaining(connection.module) > 1) {
    ++connection.module;
    emit(connection, verdict.outcome, error.c_str(), info);
  }
}

// The probe goes on over another connection, which waits for its start as every attempt does.
void Shard::reconnect(Connection& connection, const Step& step) {
  if (!connection.companion) connection.companion = std::make_unique<Companion>();
  Carried* carried = connection.carried();
  if (carried == nullptr) {
    const Outcome outcome = backend_.now() >= deadline_of(connection) ? Outcome::kTimeout : Outcome::kSuccess;
    connection.companion->carried = std::make_unique<Carried>(probe_states_[connection.module]);
    carried = connection.carried();
    results::Record record;
    describe_connection(connection, outcome, ask_kernel(connection, outcome), record);
    carried->first = {.phase = record.phase, .cause = record.cause, .timing_us = record.timing_us, .tcp = record.tcp};
  } else if (carried->connections + 1 >= kMaxConnections) {
    end(connection, last_word(connection, Outcome::kTimeout));
    return;
  }
  const bool farewell = !step.bytes.empty() && keep_farewell(connection, step);
  ++carried->connections;
  carried->probe = std::exchange(connection.probe, nullptr);
  Start next = start_of(connection);
  next.dns_us = results::kNoTiming;  // the address is known by then
  next.local_faults = 0;
  leave(connection, step, farewell);
  again_.push_back(std::move(next));
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
  if (options_.tcp_info == TcpInfoUse::kNone) return std::nullopt;
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
  if (outcome == Outcome::kTimeout)
    record.cause = cause_of(connection.phase, connection.received, connection.sent, info);
  if (info) record.tcp = results::TcpFacts{.rtt_us = info->rtt_us, .retransmits = info->retransmits};
  record.timing_us.fill(results::kNoTiming);
  if (outcome == Outcome::kBlocked) return;
  const std::int32_t total = elapsed_us(connection);
  std::copy(connection.phase_us.begin(), connection.phase_us.end(), record.timing_us.begin());
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
  if (connection.companion) record.host = connection.companion->host;
  record.probe = module.module->name();
  record.outcome = outcome;
  record.attempts = connection.attempts;
  if (const Carried* carried = connection.carried()) {
    record.phase = carried->first.phase;
    record.cause = outcome == Outcome::kTimeout ? carried->first.cause : results::Cause::kNone;
    record.timing_us = carried->first.timing_us;
    record.tcp = carried->first.tcp;
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
  destroy_probe(connection);
  wheel_.cancel(connection);
  const State state = connection.lifecycle.state();
  if (state == State::kIdle) stats_.resting.subtract();
  if (state != State::kInit && state != State::kClosed) {
    if (state != State::kClosing) connection.lifecycle.move(State::kClosing, connection.id(), audit_);
    if (farewell.empty()) {
      backend_.close(connection.id(), mode);
    } else {
      backend_.part(connection.id(), farewell, mode);
    }
  }
  if (connection.writing) writes_.erase(connection.index);
  if (connection.limited) give_limits(connection.address);
  connection.lifecycle.force_closed();
  connection.companion.reset();
  connection.live = false;
  connections_.release(connection.index);
}

}  // namespace sonde::engine
