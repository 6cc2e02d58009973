// What happens to a probe once it is started: completions, deadlines, the probe's steps, its end.
#include <algorithm>

#include "base/check.h"
#include "engine/shard.h"
#include "os/error.h"

namespace sonde::engine {

using results::Outcome;
using results::Phase;

namespace {

struct Verdict {
  Outcome outcome;
  const char* error;
};

// What a failed connect says of the target, or of this machine.
Verdict verdict_of_connect(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kRefused:
      return {Outcome::kRefused, "connection refused"};
    case ErrorKind::kTimedOut:
      return {Outcome::kTimeout, ""};
    case ErrorKind::kUnreachable:
      return {Outcome::kUnreachable, "no route, or ICMP unreachable"};
    case ErrorKind::kReset:
      return {Outcome::kReset, "reset by the peer"};
    case ErrorKind::kNotPermitted:
      return {Outcome::kLocalError, "this machine does not permit the connection"};
    default:
      return {Outcome::kLocalError, "the connection could not be started"};
  }
}

}  // namespace

Connection* Shard::find(ConnectionId id) {
  if (id.index >= connections_.made()) return nullptr;
  Connection& connection = connections_[id.index];
  return connection.live && connection.generation == id.generation ? &connection : nullptr;
}

std::int32_t Shard::elapsed_us(const Connection& connection) const {
  return static_cast<std::int32_t>(
      std::clamp<Nanos>((backend_.now() - connection.started) / kMicrosecond, 0, INT32_MAX));
}

void Shard::handle(const io::Completion& completion) {
  if (completion.op == io::Op::kWatch) {
    if (resolver_ != nullptr) resolver_->on_descriptor(completion.fd, completion.readable, completion.writable);
    return;
  }
  Connection* connection = find(completion.id);
  if (connection == nullptr) return;  // ended earlier in this turn
  switch (completion.op) {
    case io::Op::kConnect:
      on_connected(*connection, completion);
      return;
    case io::Op::kRead:
      on_read(*connection, completion);
      return;
    case io::Op::kWrite:
      on_write(*connection, completion);
      return;
    case io::Op::kWatch:
      return;
  }
}

void Shard::on_connected(Connection& connection, const io::Completion& completion) {
  if (completion.failed && os::is_local(completion.error.kind)) {
    Start again = start_of(connection);
    close(connection);
    local_fault(std::move(again), completion.error);
    return;
  }
  connecting_works();
  if (completion.failed) {
    const Verdict verdict = verdict_of_connect(completion.error);
    end(connection, verdict.outcome, verdict.error);
    return;
  }
  if (!connection.lifecycle.move(State::kConnected, connection.id(), audit_)) {
    close(connection);
    return;
  }
  enter(connection, Phase::kFirstByte);
  start_probe(connection);
}

void Shard::on_resolved(const Resolved& resolved) {
  Connection* connection = find(resolved.id);
  if (connection == nullptr || connection->phase != Phase::kDns) return;  // its deadline came first
  if (resolved.outcome != Outcome::kSuccess) {
    end(*connection, resolved.outcome, resolved.error);
    return;
  }
  connection->phase_us[static_cast<std::size_t>(Phase::kDns)] = elapsed_us(*connection);
  connection->address = resolved.address;
  if (options_.is_excluded && options_.is_excluded(resolved.address)) {
    end(*connection, Outcome::kBlocked, "the name's address is excluded");
    return;
  }
  Start start = start_of(*connection);
  close(*connection);
  again_.push_front(std::move(start));
}

// Leaves the present phase, whose time is noted, for another.
void Shard::enter(Connection& connection, Phase phase) {
  const std::int32_t now_us = elapsed_us(connection);
  const auto index = static_cast<std::size_t>(connection.phase);
  if (index < connection.phase_us.size())
    connection.phase_us[index] = std::max(connection.phase_us[index], 0) + now_us - connection.phase_start_us;
  connection.phase = phase;
  connection.phase_start_us = now_us;
}

Nanos Shard::deadline_of(const Connection& connection) const {
  if (connection.lifecycle.state() == State::kIdle) return connection.wake_at;
  const Nanos phase_start = connection.started + Nanos{connection.phase_start_us} * kMicrosecond;
  Nanos deadline = connection.started + options_.timeout;
  if (connection.phase == Phase::kDns) return std::min(deadline, phase_start + options_.dns_timeout);
  if (connection.phase == Phase::kConnect) return std::min(deadline, phase_start + options_.connect_timeout);
  // The read budget runs from the moment of connection through write, first byte and read.
  const Nanos connected_us = Nanos{std::max(connection.phase_us[0], 0)} + std::max(connection.phase_us[1], 0);
  return std::min(deadline, connection.started + connected_us * kMicrosecond + options_.read_timeout);
}

void Shard::arm(Connection& connection) {
  wheel_.arm(connection, std::min(deadline_of(connection), connection.wake_at));
}

void Shard::expire() {
  while (TimerNode* node = wheel_.pop_expired(backend_.now())) on_deadline(static_cast<Connection&>(*node));
}

void Shard::on_idle_deadline(Connection& connection) {
  if (backend_.now() < connection.wake_at) {
    arm(connection);
    return;
  }
  lateness_us_.record(static_cast<std::uint64_t>((backend_.now() - connection.wake_at) / kMicrosecond));
  connection.wake_at = kNever;
  drive(connection, [](Probe& probe, ProbeContext& context) { return probe.on_idle(context); });
}

void Shard::on_deadline(Connection& connection) {
  if (connection.lifecycle.state() == State::kIdle) {
    on_idle_deadline(connection);
    return;
  }
  const Nanos deadline = deadline_of(connection);
  if (backend_.now() < std::min(deadline, connection.wake_at)) {  // farther away than the wheel reaches
    arm(connection);
    return;
  }
  if (backend_.now() < deadline) {  // the probe's own wake
    connection.wake_at = kNever;
    drive(connection, [](Probe& probe, ProbeContext& context) { return probe.on_wake(context); });
    return;
  }
  lateness_us_.record(static_cast<std::uint64_t>((backend_.now() - deadline) / kMicrosecond));
  if (connection.probe == nullptr) {
    if (connection.phase == Phase::kConnect) connecting_works();
    end(connection, Outcome::kTimeout, connection.phase == Phase::kDns ? "no answer from the resolver" : "");
    return;
  }
  drive(connection, [](Probe& probe, ProbeContext& context) { return probe.on_deadline(context); });
  SONDE_CHECK(!connection.live || !connection.armed() || deadline_of(connection) > backend_.now(),
              "a probe must give its verdict at the deadline");
}

void Shard::start_probe(Connection& connection) {
  const ProbeModule& module = *pass_[connection.module].module;
  connection.probe = module.create(probe_states_[connection.module].acquire());
  if (module.reads() && connection.lifecycle.state() == State::kConnected &&
      !connection.lifecycle.move(State::kActive, connection.id(), audit_)) {
    close(connection);
    return;
  }
  drive(connection, [](Probe& probe, ProbeContext& context) { return probe.start(context); });
}

void Shard::destroy_probe(Connection& connection) {
  if (connection.probe == nullptr) return;
  connection.probe->~Probe();
  probe_states_[connection.module].release(connection.probe);
  connection.probe = nullptr;
}

// One call of the probe, and what follows from its step.
template <typename Call>
void Shard::drive(Connection& connection, Call call) {
  ProbeContext context{.now = backend_.now(),
                       .endpoint = {.address = connection.address, .port = connection.port},
                       .host = connection.host ? std::string_view(*connection.host) : std::string_view(),
                       .pool = pool_,
                       .wake_at = connection.wake_at};
  const Step step = call(*connection.probe, context);
  if (connection.lifecycle.state() != State::kIdle) connection.wake_at = context.wake_at;
  apply(connection, step);
}

void Shard::apply(Connection& connection, const Step& step) {
  if (step.kind == Step::Kind::kDone) {
    end(connection, step.outcome, step.error);
    return;
  }
  if (step.kind == Step::Kind::kRest) {
    rest(connection);
    return;
  }
  if (!rouse(connection)) return;
  if (step.kind == Step::Kind::kSend) send(connection, step.bytes);
  if (!connection.reading) {
    connection.reading = true;
    backend_.read(connection.id());
  }
  arm(connection);
}

void Shard::rest(Connection& connection) {
  if (connection.lifecycle.state() == State::kActive) {
    if (!connection.lifecycle.move(State::kIdle, connection.id(), audit_)) {
      close(connection);
      return;
    }
    stats_.resting.add();
  }
  connection.wake_at = backend_.now() + options_.idle_timeout;
  if (!connection.reading) {
    connection.reading = true;
    backend_.read(connection.id(), io::Patience::kIdle);
  }
  arm(connection);
}

// Idle becomes Active: another exchange begins, with timings and deadlines of its own. False: it had to be closed.
bool Shard::rouse(Connection& connection) {
  if (connection.lifecycle.state() != State::kIdle) return true;
  stats_.resting.subtract();
  if (!connection.lifecycle.move(State::kActive, connection.id(), audit_)) {
    close(connection);
    return false;
  }
  connection.started = backend_.now();
  connection.wake_at = kNever;
  connection.phase_us.fill(results::kNoTiming);
  connection.phase_start_us = 0;
  connection.phase = Phase::kFirstByte;
  connection.received = false;
  return true;
}

void Shard::send(Connection& connection, std::span<const std::byte> bytes) {
  SONDE_CHECK(!connection.writing && connection.lifecycle.accepts_writes(), "a probe sends one message at a time");
  connection.writing = true;
  if (!connection.received) enter(connection, Phase::kWrite);
  memory::Lease lease = pool_.lend(bytes.size());
  std::copy(bytes.begin(), bytes.end(), lease.bytes().begin());
  backend_.write(connection.id(), lease.bytes().first(bytes.size()));
  writes_.insert_or_assign(connection.index, std::move(lease));
}

void Shard::on_write(Connection& connection, const io::Completion& completion) {
  writes_.erase(connection.index);
  connection.writing = false;
  // A write that failed is told by the read as well, after what the peer had still said.
  if (!completion.failed && connection.phase == Phase::kWrite) enter(connection, Phase::kFirstByte);
}

void Shard::on_read(Connection& connection, const io::Completion& completion) {
  connection.reading = false;
  if (completion.failed) {
    const Outcome outcome = completion.error.kind == ErrorKind::kTimedOut ? Outcome::kTimeout
                            : os::is_local(completion.error.kind)         ? Outcome::kLocalError
                                                                          : Outcome::kReset;
    drive(connection, [outcome](Probe& probe, ProbeContext& context) { return probe.on_failure(context, outcome); });
  } else if (completion.data.empty()) {
    drive(connection, [](Probe& probe, ProbeContext& context) { return probe.on_eof(context); });
  } else if (rouse(connection)) {
    if (!connection.received) enter(connection, Phase::kRead);
    connection.received = true;
    drive(connection, [&](Probe& probe, ProbeContext& context) { return probe.on_bytes(context, completion.data); });
  }
}

// The probe has its verdict: try again, go on with the next probe of the pass, or close.
void Shard::end(Connection& connection, Outcome outcome, const char* error) {
  if (outcome == Outcome::kTimeout && !connection.received && connection.attempts <= options_.retries && !stopping_) {
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
  const std::optional<io::TcpInfo> info = ask_kernel(connection, outcome);
  emit(connection, outcome, error, info);
  destroy_probe(connection);
  if (remaining(connection.module) > 1) {
    if (!connected || outcome == Outcome::kCancelled ||
        outcome == Outcome::kLocalError) {  // the same for the rest of the pass
      while (remaining(connection.module) > 1) {
        ++connection.module;
        emit(connection, outcome, error, info);
      }
    } else if (!module.reads()) {  // the connection is untouched: the next probe has it
      ++connection.module;
      start_probe(connection);
      return;
    } else {
      Start next = start_of(connection);
      ++next.module;
      next.attempts = 1;
      next.dns_us = results::kNoTiming;
      close(connection);
      again_.push_back(std::move(next));
      return;
    }
  }
  // What has idled its time takes its leave as a client does.
  const bool idled = connection.lifecycle.state() == State::kIdle && outcome == Outcome::kSuccess;
  if (idled) connection.lifecycle.expire_idle();
  close(connection, idled ? io::CloseMode::kGraceful : io::CloseMode::kReset);
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
  if (connection.host) record.host = *connection.host;
  record.probe = module.module->name();
  record.outcome = outcome;
  record.phase = outcome == Outcome::kSuccess ? Phase::kDone : connection.phase;
  record.attempts = connection.attempts;
  if (outcome == Outcome::kTimeout) {
    const bool sent = connection.phase == Phase::kWrite ||
                      connection.phase_us[static_cast<std::size_t>(Phase::kWrite)] != results::kNoTiming;
    record.cause = cause_of(connection.phase, connection.received, sent, info);
    if (*error == '\0' || outweighs_probe(record.cause)) error = describe(record.cause);
  }
  if (info) record.tcp = results::TcpFacts{.rtt_us = info->rtt_us, .retransmits = info->retransmits};
  if (outcome != Outcome::kSuccess) record.error = *error == '\0' ? results::name(outcome) : std::string_view(error);
  record.timing_us.fill(results::kNoTiming);
  const std::int32_t total = elapsed_us(connection);
  if (outcome != Outcome::kBlocked) {
    std::copy(connection.phase_us.begin(), connection.phase_us.end(), record.timing_us.begin());
    record.timing_us[static_cast<std::size_t>(Phase::kDone)] = total;
    // The phase it ended in took time too, unless the verdict came as that phase began.
    std::int32_t& last = record.timing_us[static_cast<std::size_t>(connection.phase)];
    const bool began = connection.phase != Phase::kFirstByte || module.module->reads();
    if (began && connection.phase != Phase::kDone) last = std::max(last, 0) + total - connection.phase_start_us;
  }
  record.values = values;
  record.first_value_id = module.first_value_id;
  if (!consumer_.consume(record)) {
    stats_.abandoned.add();
    cut_.push_back(connection.position);
    return;
  }
  stats_.finished.add();
  stats_.outcomes[static_cast<std::size_t>(outcome)].add();
}

void Shard::close(Connection& connection, io::CloseMode mode) {
  destroy_probe(connection);
  wheel_.cancel(connection);
  const State state = connection.lifecycle.state();
  if (state == State::kIdle) stats_.resting.subtract();
  if (state != State::kInit && state != State::kClosed) {
    connection.lifecycle.move(State::kClosing, connection.id(), audit_);
    backend_.close(connection.id(), mode);
  }
  if (connection.writing) writes_.erase(connection.index);
  if (connection.limited) give_limits(connection.address);
  connection.lifecycle.force_closed();
  connection.host.reset();
  connection.live = false;
  connections_.release(connection.index);
}

}  // namespace sonde::engine
