// A shard: one event loop on one thread, with everything it owns: connections, deadlines, buffers, probes in flight. It
// draws targets from the source when pacing lets it, drives each through connect and its probes, and hands one record a
// probe to its consumer. Nothing is shared with other shards but the source, the limits and the counters that others
// may read.
//
// A turn: start what may start → wait → handle completions → handle deadlines. Work that must wait sits in a bounded
// queue:
//   batch_      targets drawn and not looked at yet (at most kBatch)
//   deferred_   kept back by a per-address or per-prefix limit (at most kMaxDeferred; full: no new targets are looked
//   at) again_      to be tried again: retries, local faults, names that were resolved, the further connections of a
//   probe (at most one a connection that was in flight)
//   late_       records whose last fields another thread still works on (at kMaxLate nothing new is started; what is
//   in flight then may exceed it)
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/connection.h"
#include "engine/late_record.h"
#include "engine/probe.h"
#include "engine/resolver.h"
#include "engine/shard_options.h"
#include "engine/timer_wheel.h"
#include "io/backend.h"
#include "memory/slab.h"
#include "memory/state_slab.h"
#include "metrics/histogram.h"
#include "results/record.h"
#include "targets/target_source.h"

namespace sonde::engine {

class Shard {
 public:
  // resolver may be null when no target is a name. Everything borrowed outlives the shard.
  Shard(ShardOptions options, std::vector<PassModule> pass, targets::TargetSource& source, Limits& limits,
        io::Backend& backend, memory::RingPool& pool, Resolver* resolver, RecordConsumer& consumer);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // One turn of the loop, which waits no longer than `latest`. False when there is nothing left to do.
  bool turn(Nanos latest);
  // From now on nothing new is started; what is in flight goes on.
  void stop_starting() { stopping_ = true; }
  // The wall clock was set: its distance from the backend's clock is another one.
  void set_unix_offset(Nanos offset) { options_.unix_offset = offset; }
  // Ends everything in flight at once.
  void cut();

  // Positions that were drawn from the source and lack a record yet: what a checkpoint must take up again. One can be
  // there twice.
  std::vector<std::uint64_t> pending() const;

  const ShardStats& stats() const { return stats_; }
  const metrics::Histogram& deadline_lateness_us() const { return lateness_us_; }  // own thread, or after it ended
  const AuditLog& audit() const { return audit_; }

 private:
  static constexpr std::size_t kBatch = 64;
  static constexpr std::size_t kMaxDeferred = 1024;
  static constexpr std::size_t kMaxLate = 4096;
  static constexpr std::uint32_t kMaxConnections = 512;  // of one probe; then it is ended with what it has
  static constexpr const char* kCutError = "cut before it ended";
  static constexpr int kStartsPerTurn = 32;  // then completions get their turn, so that measured times stay true

  // A peer may answer before our write's completion was seen, so that a probe has more to say: that waits here until
  // the write is done, at most ProbeModule::most_unsent(). Beyond it the probe is told of a failure, protocol_error.
  struct Outgoing {
    memory::Lease present;  // on its way
    memory::Lease next;     // behind it
    std::uint32_t next_size = 0;
  };

  // One attempt to be made.
  struct Start {
    targets::Target target;
    Nanos not_before = 0;
    std::int32_t dns_us = results::kNoTiming;
    std::uint8_t module = 0;
    std::uint8_t attempts = 1;
    std::uint8_t local_faults = 0;
    Transport transport = Transport::kTcp;
    std::uint8_t pace_round = 0;       // of its prefix, once its limits are taken
    bool counted = false;              // in stats_.started
    std::unique_ptr<Carried> carried;  // a probe that goes on; null: one is made when connected
    std::unique_ptr<Race> race;        // of the name's addresses, of which the target's is one
    std::int32_t raced_us = 0;         // that the race has taken before
    ConnectionId leader;               // of a rival
  };

  // starting
  Nanos start_some();
  bool next_start(Nanos now, Start& out, Nanos& again_at);
  bool next_deferred(Start& out);
  bool take_limits(const IpAddress& address, std::uint8_t& pace_round);
  void give_limits(const IpAddress& address, std::uint8_t pace_round);
  void tell_pace(const Connection& connection, results::Outcome outcome, std::uint32_t retransmits);
  void launch(Start& start);
  void resolve(Start& start);
  void fault(Connection& connection, const Error& error);
  void local_fault(Start start, const Error& error);
  void give_up(Start& start, const Error& error);
  Connection& open_slot(Start& start);
  static Start start_of(Connection& connection);

  // completions
  void handle(const io::Completion& completion);
  void on_connected(Connection& connection, const io::Completion& completion);
  void on_read(Connection& connection, const io::Completion& completion);
  void on_write(Connection& connection, const io::Completion& completion);
  void on_parting(Connection& connection, const io::Completion& completion);
  void on_resolved(const Resolved& resolved);
  void catch_up();
  void expire();
  void on_deadline(Connection& connection);
  void on_idle_deadline(Connection& connection);

  // races between the addresses of a name
  Race race_to(std::span<const IpAddress> addresses) const;
  static bool racing(const Connection& connection);
  static bool in_company(const Connection& connection);
  Connection& leader_of(Connection& connection);
  void hand_lead(Connection& from, Connection& to);
  void await_turn(Connection& leader) const;
  bool take_room(const IpAddress& address, std::uint8_t& pace_round);
  void race_on(Connection& leader);
  void fall_out(Connection& connection, const Step& verdict);
  void win(Connection& connection);
  void close_rivals(Race& race);
  void leave_race(const Connection& connection);
  static void rewind(Start& start);

  // probes
  void start_probe(Connection& connection, std::unique_ptr<OpenLayer> layer = nullptr);
  void destroy_probe(Connection& connection);
  ProbeContext context_of(Connection& connection);
  template <typename Call>
  void drive(Connection& connection, Call call);
  bool settle(Connection& connection, bool handshaking, const Step& step);
  void apply(Connection& connection, const Step& step);
  void rest(Connection& connection);
  bool rouse(Connection& connection);
  bool send(Connection& connection, std::span<const std::byte> bytes);
  bool keep(Connection& connection, std::span<const std::byte> bytes);
  void write_next(Connection& connection);
  bool written(Connection& connection, bool failed);
  void overfull(Connection& connection);
  void begin_exchange(Connection& connection);
  void enter(Connection& connection, results::Phase phase);
  Nanos total_deadline_of(const Connection& connection) const;
  Nanos deadline_of(const Connection& connection) const;
  void arm(Connection& connection);

  // ends
  void end(Connection& connection, const Step& verdict);
  void end(Connection& connection, results::Outcome outcome, const char* error) {
    end(connection, Step::done(outcome, error));
  }
  bool pass_on(Connection& connection, const Step& verdict);
  Start next_of_pass(Connection& connection);
  void end_rest_of_pass(Connection& connection, const Step& verdict, const std::optional<io::TcpInfo>& info);
  void reconnect(Connection& connection, const Step& step);
  void turn_to(const Detour& detour, Start& next) const;
  ConnectionFacts facts_of(const Connection& connection, results::Outcome told);
  void later_failed(Connection& connection, results::Outcome outcome);
  Step last_word(Connection& connection, results::Outcome outcome);
  std::optional<io::TcpInfo> ask_kernel(const Connection& connection, results::Outcome outcome);
  void describe_connection(const Connection& connection, results::Outcome outcome,
                           const std::optional<io::TcpInfo>& info, results::Record& record) const;
  void emit(const Connection& connection, results::Outcome outcome, const char* error,
            const std::optional<io::TcpInfo>& info);
  void hand_over(const results::Record& record, std::uint64_t position);
  void hand_over_late();
  void cut_late();
  void cut_start(Start& start);
  bool keep_farewell(Connection& connection, const Step& step);
  void leave(Connection& connection, const Step& step, bool farewell);
  void close(Connection& connection, io::CloseMode mode = io::CloseMode::kReset,
             std::span<const std::byte> farewell = {});

  Connection* find(ConnectionId id);
  std::int32_t elapsed_us(const Connection& connection) const;
  void pause_starting();
  void connecting_works();
  bool at_ceiling(Nanos& again_at);
  std::size_t remaining(std::uint8_t module) const { return pass_.size() - module; }

  ShardOptions options_;
  std::vector<PassModule> pass_;
  targets::TargetSource& source_;
  Limits& limits_;
  io::Backend& backend_;
  memory::RingPool& pool_;
  Resolver* resolver_;
  RecordConsumer& consumer_;

  std::vector<std::unique_ptr<ShardState>> shard_states_;  // by module; outlive all that probes have made
  memory::Slab<Connection> connections_;
  std::vector<memory::StateSlab> probe_states_;  // by module
  TimerWheel wheel_;
  AuditLog audit_;
  std::unordered_map<std::uint32_t, Outgoing> writes_;  // what is to be written, by connection index
  std::vector<std::vector<results::Value>> values_;     // scratch, by module

  std::array<targets::Target, kBatch> batch_;
  std::size_t batch_next_ = 0;
  std::size_t batch_size_ = 0;
  std::deque<Start> deferred_;
  std::deque<Start> again_;
  std::deque<LateRecord> late_;
  std::array<std::byte, io::Backend::kMostFarewell> farewell_{};  // of the connection that is left at this moment
  std::size_t farewell_size_ = 0;
  std::vector<std::uint64_t> cut_;  // positions whose probes were cut

  std::uint32_t ceiling_;             // in flight at once as local faults allow, ≤ options_.concurrency
  Nanos raise_at_ = 0;                // when more may be tried
  Nanos paused_until_ = 0;            // after a local fault
  Nanos pause_ = 0;                   // the last pause, doubled by the next fault; 0 when something connected since
  Nanos failing_since_ = 0;           // local faults alone, no target was reached; 0: it works
  std::optional<ErrorKind> used_up_;  // what connections that stay have taken all of: the rest is given up
  bool stopping_ = false;

  ShardStats stats_;
  metrics::Histogram lateness_us_;
};

}  // namespace sonde::engine
