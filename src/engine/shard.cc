// The loop of a shard and how probes are started; what happens to them then is in shard_drive.cc, their end in
// shard_end.cc; how several addresses of a name are tried in shard_race.cc.
#include "engine/shard.h"

#include <algorithm>

#include "base/check.h"
#include "os/error.h"

namespace sonde::engine {
namespace {

constexpr Nanos kPoll = 5 * kMillisecond;  // how soon to look again at what gives no signal (others' limits)
constexpr Nanos kLatePoll = kMillisecond;  // the same, of what other threads work on for a record
constexpr Nanos kFirstPause = 5 * kMillisecond;
constexpr Nanos kLongestPause = 320 * kMillisecond;
constexpr std::uint8_t kMaxLocalFaults = 16;        // then the probe ends in local_error; a connection counts to 31
constexpr Nanos kUsedUpAfter = 4 * kSecond;         // of local faults alone, among connections that stay
constexpr Nanos kCeilingRest = 250 * kMillisecond;  // after a local fault, before more in flight than then is tried
constexpr std::size_t kDeferredLooks = 64;          // a turn
constexpr Nanos kStall = 50 * kMillisecond;         // deadlines that late: the process did not run
constexpr int kMostLooks = 1024;                    // of some hundred completions each

}  // namespace

Shard::Shard(ShardOptions options, std::vector<PassModule> pass, targets::TargetSource& source, Limits& limits,
             io::Backend& backend, memory::RingPool& pool, Resolver* resolver, RecordConsumer& consumer)
    : options_(std::move(options)),
      pass_(std::move(pass)),
      source_(source),
      limits_(limits),
      backend_(backend),
      pool_(pool),
      resolver_(resolver),
      consumer_(consumer),
      connections_(options_.concurrency),
      wheel_(backend.now()),
      audit_(options_.fatal_audit),
      ceiling_(options_.concurrency) {
  SONDE_CHECK(!pass_.empty() && options_.concurrency > 0, "a shard needs a probe and room for one connection");
  for (const PassModule& module : pass_) {
    probe_states_.emplace_back(module.module->state_bytes());
    values_.emplace_back(module.module->fields().size());
    shard_states_.push_back(module.module->make_shard_state());
  }
}

Shard::~Shard() {
  for (std::uint32_t i = 0; i < connections_.made(); ++i)
    if (connections_[i].live) close(connections_[i]);
}

bool Shard::turn(Nanos latest) {
  const Nanos start_again = start_some();
  Nanos until = std::min({latest, start_again, wheel_.next_due()});
  if (resolver_ != nullptr) until = std::min(until, resolver_->next_time(backend_.now()));
  if (!late_.empty()) until = std::min(until, backend_.now() + kLatePoll);
  for (const io::Completion& completion : backend_.wait(until)) handle(completion);
  if (wheel_.next_due() < backend_.now() - kStall) catch_up();
  if (resolver_ != nullptr) {
    resolver_->on_time();
    for (const Resolved& resolved : resolver_->take_answers()) on_resolved(resolved);
  }
  expire();
  if (!late_.empty()) hand_over_late();
  stats_.in_flight.set(connections_.in_use());
  stats_.timers.set(wheel_.armed());
  if (wheel_.armed() > stats_.timers_peak.value()) stats_.timers_peak.set(wheel_.armed());
  if (connections_.in_use() > 0 || !late_.empty()) return true;
  return !stopping_ && !(again_.empty() && deferred_.empty() && batch_next_ == batch_size_ && source_.exhausted());
}

// Behind a stop of the whole process (SIGSTOP, a suspended machine) deadlines have passed and answers have come: these
// are looked at first, for they came in time. A look may only begin the read that tells, so it takes two quiet ones.
void Shard::catch_up() {
  int quiet = 0;
  for (int looks = 0; looks < kMostLooks && quiet < 2; ++looks) {
    const std::span<io::Completion> came = backend_.wait(backend_.now());
    quiet = came.empty() ? quiet + 1 : 0;
    for (const io::Completion& completion : came) handle(completion);
  }
}

// Starts what may be started now. Gives the time from which more may be: the present when only the turn's share is used
// up, kNever when only a completion can change it.
Nanos Shard::start_some() {
  for (int started = 0; started < kStartsPerTurn; ++started) {
    if (stopping_ || connections_.in_use() >= options_.concurrency) return kNever;
    if (Nanos again_at = kNever; at_ceiling(again_at)) return again_at;
    const Nanos now = backend_.refresh();
    if (now < paused_until_) return paused_until_;
    if (consumer_.full() || (!late_.empty() && late_.size() >= kMaxLate)) return now + kMillisecond;
    if (const Nanos token_at = limits_.rate.ready_at(now); token_at > now) return token_at;
    Start start;
    Nanos again_at = kNever;
    if (!next_start(now, start, again_at)) return again_at;
    if (start.target.blocked) {
      Connection& connection = open_slot(start);
      connection.phase = results::Phase::kDns;
      end(connection, results::Outcome::kBlocked, "excluded");
    } else if (start.target.endpoint.address.is_unspecified()) {
      resolve(start);
    } else if (used_up_) {
      give_limits(start.target.endpoint.address, start.pace_round);
      give_up(start, {.kind = *used_up_, .what = ""});
    } else if (!limits_.rate.take(now)) {  // another shard was quicker
      give_limits(start.target.endpoint.address, start.pace_round);
      again_.push_front(std::move(start));
    } else {
      launch(start);
    }
  }
  return backend_.now();
}

// After a local fault only as many are in flight as then were; what was missing may be back, so twice that is tried
// after a while.
bool Shard::at_ceiling(Nanos& again_at) {
  if (connections_.in_use() < ceiling_) return false;
  const Nanos now = backend_.refresh();
  if (now < raise_at_) {
    again_at = raise_at_;
    return true;
  }
  ceiling_ = ceiling_ > options_.concurrency / 2 ? options_.concurrency : ceiling_ * 2;
  raise_at_ = now + kCeilingRest;
  return false;
}

// The next attempt, its limits taken: first what waits to be tried again, then what a limit kept back, then new
// targets.
bool Shard::next_start(Nanos now, Start& out, Nanos& again_at) {
  if (!again_.empty() && again_.front().not_before <= now) {
    out = std::move(again_.front());
    again_.pop_front();
    const IpAddress& address = out.target.endpoint.address;
    if (out.target.blocked || address.is_unspecified() || take_limits(address, out.pace_round)) return true;
    deferred_.push_back(std::move(out));
    again_at = now;
    return false;
  }
  if (!again_.empty()) again_at = again_.front().not_before;
  if (!deferred_.empty()) {
    again_at = std::min(again_at, now + kPoll);
    if (next_deferred(out)) return true;
  }
  while (deferred_.size() < kMaxDeferred) {
    if (batch_next_ == batch_size_) {
      batch_next_ = 0;
      batch_size_ = source_.take(batch_);
      if (batch_size_ == 0) {
        if (!source_.exhausted()) again_at = std::min(again_at, source_.next_time(now));
        return false;
      }
    }
    targets::Target& target = batch_[batch_next_];
    const IpAddress address = target.endpoint.address;
    if (address.is_unspecified() && !target.blocked && resolver_ != nullptr && resolver_->full()) {
      again_at = std::min(again_at, now + kPoll);
      return false;
    }
    out = Start{};
    out.target = std::move(target);
    out.transport =
        options_.terms_of ? options_.terms_of(out.target.position).transport : pass_.front().module->transport();
    ++batch_next_;
    if (out.target.blocked || address.is_unspecified() || take_limits(address, out.pace_round)) return true;
    deferred_.push_back(std::move(out));
    again_at = std::min(again_at, now + kPoll);
  }
  return false;
}

// The first of the kept back whose limits allow it; a turn looks at so many and goes on behind them in the next.
bool Shard::next_deferred(Start& out) {
  for (std::size_t looks = std::min(kDeferredLooks, deferred_.size()); looks > 0; --looks) {
    out = std::move(deferred_.front());
    deferred_.pop_front();
    if (take_limits(out.target.endpoint.address, out.pace_round)) return true;
    deferred_.push_back(std::move(out));
  }
  return false;
}

bool Shard::take_limits(const IpAddress& address, std::uint8_t& pace_round) {
  if (!limits_.per_host.take(address.hash())) return false;
  if (limits_.per_prefix.take(address.prefix_key())) {
    if (options_.prefix_pace == nullptr || options_.prefix_pace->take(address.prefix_key(), pace_round)) return true;
    limits_.per_prefix.give(address.prefix_key());
  }
  limits_.per_host.give(address.hash());
  return false;
}

void Shard::give_limits(const IpAddress& address, std::uint8_t pace_round) {
  limits_.per_host.give(address.hash());
  limits_.per_prefix.give(address.prefix_key());
  if (options_.prefix_pace != nullptr) options_.prefix_pace->give(address.prefix_key(), pace_round);
}

Connection& Shard::open_slot(Start& start) {
  const std::uint32_t index = connections_.acquire();
  SONDE_CHECK(index != memory::Slab<Connection>::kNone, "more connections than the shard has room for");
  Connection& connection = connections_[index];
  const std::uint32_t generation = connection.generation + 1;
  connection = Connection{};
  connection.index = index;
  connection.generation = generation;
  connection.live = true;
  connection.position = start.target.position;
  connection.address = start.target.endpoint.address;
  connection.port = start.target.endpoint.port;
  if (!start.target.host.empty() || start.target.scheme != targets::Scheme::kNone || start.carried ||
      start.leader.generation != 0)
    connection.companion = std::make_unique<Companion>(Companion{.host = std::move(start.target.host),
                                                                 .path = std::move(start.target.path),
                                                                 .scheme = start.target.scheme,
                                                                 .carried = std::move(start.carried),
                                                                 .race = std::move(start.race),
                                                                 .leader = start.leader});
  connection.module = start.module;
  connection.attempts = start.attempts;
  connection.local_faults = start.local_faults;
  connection.transport = start.transport;
  connection.phase_us.fill(results::kNoTiming);
  connection.started = backend_.now();
  if (!start.counted) stats_.started.add(remaining(start.module));
  if (connections_.in_use() > stats_.in_flight_peak.value()) stats_.in_flight_peak.set(connections_.in_use());
  return connection;
}

// The attempt that a connection was, to be made again; with the probe that goes on, if there is one.
Shard::Start Shard::start_of(Connection& connection) {
  Start start;
  start.target.position = connection.position;
  start.target.endpoint = {.address = connection.address, .port = connection.port};
  if (connection.companion) {
    start.target.host = std::move(connection.companion->host);
    start.target.path = std::move(connection.companion->path);
    start.target.scheme = connection.companion->scheme;
    start.carried = std::move(connection.companion->carried);
    start.race = std::move(connection.companion->race);
  }
  start.dns_us = connection.phase_us[static_cast<std::size_t>(results::Phase::kDns)];
  start.module = connection.module;
  start.attempts = connection.attempts;
  start.local_faults = connection.local_faults;
  start.transport = connection.transport;
  start.counted = true;
  if (start.race) start.raced_us = connection.phase_start_us - std::max(start.dns_us, 0);
  return start;
}

void Shard::launch(Start& start) {
  // The attempt began with its name, and may have been made elsewhere; the wait for rate and limits is not its own.
  const std::int32_t dns_us = start.dns_us, before_us = std::max(dns_us, 0) + start.raced_us;
  Connection& connection = open_slot(start);
  connection.limited = true;
  connection.pace_round = start.pace_round & 1U;
  connection.phase_us[static_cast<std::size_t>(results::Phase::kDns)] = dns_us;
  connection.started -= Nanos{before_us} * kMicrosecond;
  connection.phase_start_us = before_us;
  connection.phase = results::Phase::kConnect;
  stats_.attempts.add();
  if (connection.companion && connection.companion->race) await_turn(connection);
  if (connection.companion && connection.companion->follows())
    leader_of(connection).companion->race->rivals.push_back(connection.id());
  connection.lifecycle.move(State::kConnecting, connection.id(), audit_);
  if (connection.transport == Transport::kNone) {
    on_connected(connection, {.id = connection.id(), .op = io::Op::kConnect});
    return;
  }
  io::ConnectOptions how{.source = {}, .keepalive = options_.keepalive, .transport = connection.transport};
  if (options_.terms_of) {
    const Terms terms = options_.terms_of(connection.position);
    how.source = terms.source;
    how.hop_limit = terms.hop_limit;
    how.dont_fragment = terms.dont_fragment;
  }
  if (const Result<> connecting =
          backend_.connect(connection.id(), {.address = connection.address, .port = connection.port}, how);
      !connecting) {
    const Error error = connecting.error();
    if (os::is_local(error.kind)) {
      fault(connection, error);
      return;
    }
    const io::Completion failed{.id = connection.id(), .op = io::Op::kConnect, .failed = true, .error = error};
    on_connected(connection, failed);
    return;
  }
  arm(connection);
}

void Shard::resolve(Start& start) {
  SONDE_CHECK(resolver_ != nullptr, "a name without a resolver");
  Connection& connection = open_slot(start);
  connection.phase = results::Phase::kDns;
  arm(connection);
  std::optional<IpVersion> version;
  if (options_.terms_of) version = options_.terms_of(connection.position).ip_version;
  resolver_->resolve(connection.id(), connection.companion->host, version);
}

// Connecting met a local fault.
void Shard::fault(Connection& connection, const Error& error) {
  if (in_company(connection)) {  // the others may connect
    stats_.local_faults.add();
    if (error.kind != ErrorKind::kNoPorts) pause_starting();
    end(connection, results::Outcome::kLocalError, "the connection could not be started");
    return;
  }
  Start again = start_of(connection);
  close(connection);
  local_fault(std::move(again), error);
}

// This machine could not do it: slow down, try the target again, count it. Only what stays impossible is recorded, as
// local_error; while connections are in flight their ends can free what is missing, so that does not count against the
// target. Of connections that stay no end frees anything: when faults were all there was for a while, what they lack is
// used up, and to ask the kernel for each of the rest (which may search all ports in vain) would tell nothing new.
void Shard::local_fault(Start start, const Error& error) {
  stats_.local_faults.add();
  const Nanos now = backend_.now();
  if (failing_since_ == 0) failing_since_ = now;
  const std::uint64_t coming = connections_.in_use() - (options_.stays ? stats_.resting.value() : 0);
  const bool hopeful = error.kind != ErrorKind::kNoPorts && coming > 0;
  if (!hopeful) ++start.local_faults;
  if (options_.stays && coming == 0 && now - failing_since_ >= kUsedUpAfter) used_up_ = error.kind;
  if (used_up_ || start.local_faults > kMaxLocalFaults) {
    give_up(start, error);
    return;
  }
  // A lack of ports concerns one destination: it waits, the others go on.
  if (error.kind != ErrorKind::kNoPorts) pause_starting();
  start.not_before = now + std::min(kLongestPause, kFirstPause << std::min<unsigned>(start.local_faults, 6));
  again_.push_back(std::move(start));
}

void Shard::give_up(Start& start, const Error& error) {
  Connection& connection = open_slot(start);
  connection.phase = results::Phase::kConnect;
  const bool foreign =
      error.kind == ErrorKind::kNoPorts && std::string_view(error.what) == "bind";  // which takes no port, see io/
  const char* text = foreign                                   ? kForeignSource
                     : error.kind == ErrorKind::kNoDescriptors ? "out of descriptors"
                     : error.kind == ErrorKind::kNoPorts       ? "no source port or address for this destination"
                                                               : "out of memory";
  end(connection, results::Outcome::kLocalError, text);
}

void Shard::pause_starting() {
  const Nanos now = backend_.now();
  pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
  paused_until_ = std::max(paused_until_, now + pause_);
  if (options_.stays) return;
  ceiling_ = std::max<std::uint32_t>(1, std::min(ceiling_, connections_.in_use()));
  raise_at_ = now + kCeilingRest;
}

// A target was reached, or was silent: this machine did its part.
void Shard::connecting_works() {
  pause_ = 0;
  failing_since_ = 0;
}

void Shard::cut() {
  stopping_ = true;
  for (std::uint32_t i = 0; i < connections_.made(); ++i) {
    Connection& connection = connections_[i];
    if (!connection.live) continue;
    if (connection.companion && connection.companion->follows()) continue;  // closed with its leader
    if (connection.lifecycle.state() == State::kClosing) {                  // its record is made
      close(connection);
      continue;
    }
    cut_.push_back(connection.position);
    if (options_.cut_records) {
      end(connection, results::Outcome::kCancelled, kCutError);
    } else {
      stats_.abandoned.add(remaining(connection.module));
      close(connection);
    }
  }
  for (std::deque<Start>* queue : {&again_, &deferred_}) {
    for (Start& start : *queue) cut_start(start);
    queue->clear();
  }
  cut_late();
  stats_.in_flight.set(0);
}

// A probe that waits for its next connection has something to tell already.
void Shard::cut_start(Start& start) {
  cut_.push_back(start.target.position);
  if (start.carried && options_.cut_records) {
    end(open_slot(start), results::Outcome::kCancelled, kCutError);
  } else if (start.counted) {
    stats_.abandoned.add(remaining(start.module));
  }
}

std::vector<std::uint64_t> Shard::pending() const {
  std::vector<std::uint64_t> positions = cut_;
  for (std::size_t i = batch_next_; i < batch_size_; ++i) positions.push_back(batch_[i].position);
  for (const Start& start : deferred_) positions.push_back(start.target.position);
  for (const Start& start : again_) positions.push_back(start.target.position);
  for (const LateRecord& late : late_) positions.push_back(late.position());
  for (std::uint32_t i = 0; i < connections_.made(); ++i) {
    const Connection& connection = connections_[i];
    if (connection.live && connection.lifecycle.state() != State::kClosing) positions.push_back(connection.position);
  }
  return positions;
}

}  // namespace sonde::engine
