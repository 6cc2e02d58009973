// What happens to a probe once it is started: completions, deadlines, the probe's steps.
#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "engine/shard.h"
#include "os/doorbell.h"
#include "os/error.h"

namespace sonde::engine {

using results::Outcome;
using results::Phase;

namespace {

struct Verdict {
  Outcome outcome;
  const char* error;
};

constexpr std::string_view kPingSocket = "ping socket";  // Error::what, of io/

// What a failed connect says of the target, or of this machine.
Verdict verdict_of_connect(const Error& error) {
  if (error.kind == ErrorKind::kNotPermitted && error.what == kPingSocket)
    return {Outcome::kLocalError,
            "ping is not permitted: it needs CAP_NET_RAW, or a group in net.ipv4.ping_group_range"};
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

// What a failed read says. Refused and unreachable: an ICMP error about a datagram.
Outcome verdict_of_read(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kRefused:
      return Outcome::kRefused;
    case ErrorKind::kTimedOut:
      return Outcome::kTimeout;
    case ErrorKind::kUnreachable:
      return Outcome::kUnreachable;
    default:
      return Outcome::kReset;
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
  if (completion.op == io::Op::kWatch && completion.fd == options_.doorbell) {
    os::quiet(options_.doorbell);
    return;
  }
  if (completion.op == io::Op::kWatch) {
    if (resolver_ != nullptr) resolver_->on_descriptor(completion.fd, completion.readable, completion.writable);
    return;
  }
  Connection* connection = find(completion.id);
  if (connection == nullptr) return;  // ended earlier in this turn
  if (connection->lifecycle.state() == State::kClosing) {
    on_parting(*connection, completion);
    return;
  }
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
    fault(connection, completion.error);
    return;
  }
  connecting_works();
  if (completion.failed) {
    const Verdict verdict = verdict_of_connect(completion.error);
    end(connection, verdict.outcome, verdict.error);
    return;
  }
  win(connection);
  if (!connection.lifecycle.move(State::kConnected, connection.id(), audit_)) {
    close(connection);
    return;
  }
  if (connection.transport == Transport::kTcp) {
    enter(connection, Phase::kFirstByte);
  } else {               // nothing was sent yet: there was no such phase
    backend_.refresh();  // the times of answers are to be true, whatever came before in this turn
    connection.phase = Phase::kFirstByte;
    connection.phase_start_us = elapsed_us(connection);
  }
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
  std::unique_ptr<Race> race;
  if (options_.happy_eyeballs && connection->transport == Transport::kTcp && resolved.addresses.size() > 1) {
    race = std::make_unique<Race>(race_to(resolved.addresses));
    if (!race->addresses.empty()) connection->address = race->addresses.front();
    if (race->addresses.size() < 2) race.reset();
  }
  if (options_.is_excluded && options_.is_excluded(connection->address)) {
    end(*connection, Outcome::kBlocked, "the name's address is excluded");
    return;
  }
  Start start = start_of(*connection);
  start.race = std::move(race);
  close(*connection);
  again_.push_front(std::move(start));
}

// What comes is another exchange: its phases begin again, with the whole read budget.
void Shard::begin_exchange(Connection& connection) {
  if (!connection.companion) connection.companion = std::make_unique<Companion>();
  enter(connection, Phase::kFirstByte);
  connection.received = false;
  connection.sent = false;
  connection.companion->read_start_us = connection.phase_start_us;
}

// Leaves the present phase, whose time is noted, for another.
void Shard::enter(Connection& connection, Phase phase) {
  const std::int32_t now_us = elapsed_us(connection);
  const auto index = static_cast<std::size_t>(connection.phase);
  const std::int32_t took = now_us - connection.phase_start_us;
  if (index < connection.phase_us.size()) {
    connection.phase_us[index] = std::max(connection.phase_us[index], 0) + took;
  } else if (connection.phase == Phase::kRead && connection.companion) {
    connection.companion->read_us = std::max(connection.companion->read_us, 0) + took;
  }
  connection.phase = phase;
  connection.phase_start_us = now_us;
}

Nanos Shard::total_deadline_of(const Connection& connection) const {
  Nanos timeout = options_.timeout;
  if (options_.terms_of)
    if (const Nanos own = options_.terms_of(connection.position).timeout; own > 0) timeout = own;
  Nanos deadline = connection.started + timeout;
  if (const Carried* carried = connection.carried(); carried != nullptr && carried->same_task)
    deadline -= Nanos{carried->spent_us} * kMicrosecond;
  return deadline;
}

Nanos Shard::deadline_of(const Connection& connection) const {
  const State state = connection.lifecycle.state();
  if (state == State::kIdle || state == State::kClosing) return connection.wake_at;
  const Nanos phase_start = connection.started + Nanos{connection.phase_start_us} * kMicrosecond;
  const Nanos deadline = total_deadline_of(connection);
  if (connection.phase == Phase::kDns) return std::min(deadline, phase_start + options_.dns_timeout);
  if (connection.phase == Phase::kConnect) return std::min(deadline, phase_start + options_.connect_timeout);
  if (connection.phase == Phase::kTls) return std::min(deadline, phase_start + options_.tls_timeout);
  // The read budget runs through write, first byte and read: from the moment of connection, or from the end of the TLS
  // handshake.
  Nanos read_start_us = 0;
  for (const Phase phase : {Phase::kDns, Phase::kConnect, Phase::kTls})
    read_start_us += std::max(connection.phase_us[static_cast<std::size_t>(phase)], 0);
  if (connection.companion && connection.companion->read_start_us > 0)
    read_start_us = connection.companion->read_start_us;
  return std::min(deadline, connection.started + read_start_us * kMicrosecond + options_.read_timeout);
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
  if (connection.lifecycle.state() == State::kClosing) {  // the farewell was not taken in its time
    close(connection);
    return;
  }
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
    if (racing(connection)) {
      race_on(connection);
      return;
    }
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

void Shard::start_probe(Connection& connection, std::unique_ptr<OpenLayer> layer) {
  if (Carried* carried = connection.carried()) {
    connection.probe = std::exchange(carried->probe, nullptr);
  } else {
    connection.probe = pass_[connection.module].module->create(probe_states_[connection.module].acquire());
  }
  drive(connection, [&layer](Probe& probe, ProbeContext& context) {
    if (layer) context.layer = &layer;
    return probe.start(context);
  });
}

void Shard::destroy_probe(Connection& connection) {
  if (connection.probe == nullptr) return;
  connection.probe->~Probe();
  probe_states_[connection.module].release(connection.probe);
  connection.probe = nullptr;
}

ProbeContext Shard::context_of(Connection& connection) {
  const Companion* companion = connection.companion.get();
  return {.now = backend_.now(),
          .endpoint = {.address = connection.address, .port = connection.port},
          .host = companion != nullptr ? std::string_view(companion->host) : std::string_view(),
          .pool = pool_,
          .wake_at = connection.wake_at,
          .unix_now = backend_.now() + options_.unix_offset,
          .started = connection.started,
          .state = shard_states_[connection.module].get(),
          .connection = companion != nullptr && companion->carried ? companion->carried->connections : 0,
          .handshaking = connection.phase == Phase::kTls,
          .scheme = companion != nullptr ? targets::name(companion->scheme) : std::string_view(),
          .path = companion != nullptr ? std::string_view(companion->path) : std::string_view(),
          .dns_us = connection.phase_us[static_cast<std::size_t>(Phase::kDns)],
          .connect_us = connection.phase_us[static_cast<std::size_t>(Phase::kConnect)],
          .position = connection.position,
          .next = remaining(connection.module) > 1 ? pass_[connection.module + std::size_t{1}].module->name()
                                                   : std::string_view()};
}

// One call of the probe, and what follows from its step.
template <typename Call>
void Shard::drive(Connection& connection, Call call) {
  ProbeContext context = context_of(connection);
  const Step step = call(*connection.probe, context);
  const State state = connection.lifecycle.state();
  if (state != State::kIdle) connection.wake_at = context.wake_at;
  const bool moves = state == State::kConnected || context.handshaking != (connection.phase == Phase::kTls);
  if (!moves || settle(connection, context.handshaking, step)) apply(connection, step);
}

// Moves the connection to where the probe's call has left it: a TLS handshake begins or is over, or there is none and
// the probe reads at once. False: it had to be closed.
bool Shard::settle(Connection& connection, bool handshaking, const Step& step) {
  const State from = connection.lifecycle.state();
  const bool over = connection.phase == Phase::kTls;
  if (over) {
    // Where the handshake's end is the probe's as well, no phase comes behind it that could take time.
    if (step.kind == Step::Kind::kReconnect) return true;
    if (step.kind == Step::Kind::kDone && step.outcome == Outcome::kSuccess) return true;
  } else if (!handshaking && !pass_[connection.module].module->reads()) {
    return true;
  }
  if (!connection.lifecycle.move(handshaking ? State::kHandshaking : State::kActive, connection.id(), audit_)) {
    close(connection);
    return false;
  }
  if (handshaking) {
    if (from == State::kConnected) {
      connection.phase = Phase::kTls;  // from the moment of connection, nothing else came before
    } else {
      enter(connection, Phase::kTls);
      if (!connection.companion) connection.companion = std::make_unique<Companion>();
    }
    connection.received = false;
  } else if (over) {
    enter(connection, Phase::kFirstByte);
    connection.received = false;
    if (connection.companion) connection.companion->read_start_us = connection.phase_start_us;
  }
  return true;
}

void Shard::apply(Connection& connection, const Step& step) {
  if (step.kind == Step::Kind::kDone) {
    end(connection, step);
    return;
  }
  if (step.kind == Step::Kind::kReconnect) {
    reconnect(connection, step);
    return;
  }
  if (step.kind == Step::Kind::kRest) {
    rest(connection);
    return;
  }
  if (!rouse(connection)) return;
  if (step.kind == Step::Kind::kSend) {
    if (step.anew) begin_exchange(connection);
    if (!send(connection, step.bytes)) return;
  }
  if (!connection.reading) {
    connection.reading = true;
    backend_.read(connection.id());
  }
  arm(connection);
}

void Shard::rest(Connection& connection) {
  SONDE_CHECK(connection.phase != Phase::kTls, "a connection does not rest in its TLS handshake");
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
  connection.answered = false;
  connection.sent = false;
  if (connection.companion) {
    connection.companion->read_start_us = 0;
    connection.companion->read_us = results::kNoTiming;
  }
  return true;
}

// False: it was too much, and the probe has left the connection.
bool Shard::send(Connection& connection, std::span<const std::byte> bytes) {
  SONDE_CHECK(connection.lifecycle.accepts_writes(), "a closing connection takes no more");
  if (!keep(connection, bytes)) {
    overfull(connection);
    return false;
  }
  connection.sent = true;
  // A datagram is gone at once: that is no phase.
  if (!connection.received && connection.phase != Phase::kTls && connection.transport == Transport::kTcp)
    enter(connection, Phase::kWrite);
  if (writes_[connection.index].present.empty()) write_next(connection);
  return true;
}

// Copies bytes to where those wait that the connection is to write next. False: too many wait already.
bool Shard::keep(Connection& connection, std::span<const std::byte> bytes) {
  SONDE_CHECK(!bytes.empty(), "a message has bytes");
  Outgoing& outgoing = writes_[connection.index];
  if (connection.transport != Transport::kTcp) outgoing.next_size = 0;
  const std::size_t size = outgoing.next_size + bytes.size();
  if (!outgoing.present.empty() && size > pass_[connection.module].module->most_unsent()) return false;
  if (size > outgoing.next.bytes().size()) {
    memory::Lease larger = pool_.lend(size);
    copy_bytes(outgoing.next.bytes().first(outgoing.next_size), larger.bytes().data());
    outgoing.next = std::move(larger);
  }
  copy_bytes(bytes, outgoing.next.bytes().data() + outgoing.next_size);
  outgoing.next_size = static_cast<std::uint32_t>(size);
  connection.writing = true;
  return true;
}

// REQUIRES: no write is on its way.
void Shard::write_next(Connection& connection) {
  Outgoing& outgoing = writes_[connection.index];
  outgoing.present = std::move(outgoing.next);
  const std::uint32_t size = std::exchange(outgoing.next_size, 0);
  backend_.write(connection.id(), outgoing.present.bytes().first(size));
}

// A write was completed: what waited behind it is written. False: nothing is on its way any more.
bool Shard::written(Connection& connection, bool failed) {
  Outgoing& outgoing = writes_[connection.index];
  outgoing.present = memory::Lease();
  if (!failed && outgoing.next_size > 0) {
    write_next(connection);
    return true;
  }
  writes_.erase(connection.index);
  connection.writing = false;
  return false;
}

// More waits to be said than is kept.
void Shard::overfull(Connection& connection) {
  ProbeContext context = context_of(connection);
  Step step = connection.probe->on_failure(context, Outcome::kProtocolError);
  SONDE_CHECK(step.kind == Step::Kind::kDone || step.kind == Step::Kind::kReconnect,
              "a failure leaves a verdict or another connection");
  if (step.outcome == Outcome::kProtocolError && *step.error == '\0')
    step.error = "the peer asks on and on, and takes nothing";
  apply(connection, step);
}

void Shard::on_write(Connection& connection, const io::Completion& completion) {
  if (written(connection, completion.failed)) return;
  // A write that failed is told by the read as well, after what the peer had still said.
  if (!completion.failed && connection.phase == Phase::kWrite) enter(connection, Phase::kFirstByte);
}

void Shard::on_read(Connection& connection, const io::Completion& completion) {
  connection.reading = false;
  if (completion.failed) {
    if (os::is_local(completion.error.kind) || completion.error.kind == ErrorKind::kNotPermitted) {
      end(connection, last_word(connection, Outcome::kLocalError));
      return;
    }
    const Outcome outcome = verdict_of_read(completion.error.kind);
    drive(connection, [&](Probe& probe, ProbeContext& context) {
      context.icmp = completion.icmp;
      return probe.on_failure(context, outcome);
    });
  } else if (completion.data.empty() && connection.transport == Transport::kTcp) {
    drive(connection, [](Probe& probe, ProbeContext& context) { return probe.on_eof(context); });
  } else if (rouse(connection)) {
    connection.answered = true;
    drive(connection, [&](Probe& probe, ProbeContext& context) {
      context.hop_limit = completion.hop_limit;
      const Step step = probe.on_bytes(context, completion.data);
      if (context.unanswered) return step;
      if (!connection.received && connection.phase != Phase::kTls) enter(connection, Phase::kRead);
      connection.received = true;
      return step;
    });
  }
}

}  // namespace sonde::engine
