// A probe that a test writes as a few lambdas, a backend that bends what another does, and one shard with both.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <new>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "harness.h"

namespace sonde::testing_sim {

// What the probe has seen so far; fields 0 … 2 of its record.
struct Seen {
  std::uint32_t starts = 0;
  std::size_t bytes = 0;  // of the present connection
  results::Outcome failure = results::Outcome::kSuccess;
};

struct Hooks {
  using Hook = std::function<engine::Step(engine::ProbeContext&, Seen&)>;
  Hook start;
  Hook bytes;                                                            // seen.bytes counts them already
  Hook wake;                                                             // empty: more
  Hook failure;                                                          // of seen.failure; empty: done with it
  Hook deadline;                                                         // empty: done, timeout
  std::function<std::unique_ptr<engine::LateFields>(const Seen&)> late;  // empty: none
  std::function<std::unique_ptr<engine::ShardState>()> shard_state;      // empty: none
  std::function<std::unique_ptr<engine::OpenLayer>()> leave;             // empty: nothing is left open
  std::size_t most_unsent = std::size_t{64} << 10;
  int live = 0;  // probes that exist
};

class HookProbe final : public engine::Probe {
 public:
  explicit HookProbe(Hooks& hooks) : hooks_(hooks) { ++hooks_.live; }
  ~HookProbe() override { --hooks_.live; }
  HookProbe(const HookProbe&) = delete;
  HookProbe& operator=(const HookProbe&) = delete;

  engine::Step start(engine::ProbeContext& context) override {
    EXPECT_EQ(context.connection == 0, seen_.starts == 0);
    ++seen_.starts;
    seen_.bytes = 0;
    return hooks_.start(context, seen_);
  }
  engine::Step on_bytes(engine::ProbeContext& context, std::span<const std::byte> bytes) override {
    seen_.bytes += bytes.size();
    return hooks_.bytes(context, seen_);
  }
  engine::Step on_wake(engine::ProbeContext& context) override {
    return hooks_.wake ? hooks_.wake(context, seen_) : engine::Step::more();
  }
  engine::Step on_eof(engine::ProbeContext&) override { return engine::Step::done(results::Outcome::kClosed); }
  engine::Step on_deadline(engine::ProbeContext& context) override {
    return hooks_.deadline ? hooks_.deadline(context, seen_) : engine::Step::done(results::Outcome::kTimeout);
  }
  engine::Step on_failure(engine::ProbeContext& context, results::Outcome outcome) override {
    seen_.failure = outcome;
    return hooks_.failure ? hooks_.failure(context, seen_) : engine::Step::done(outcome);
  }
  void fill(std::span<results::Value> values) const override {
    values[0] = std::int64_t{seen_.starts};
    values[1] = std::string(results::name(seen_.failure));
  }
  std::unique_ptr<engine::LateFields> late_fields() override { return hooks_.late ? hooks_.late(seen_) : nullptr; }
  std::unique_ptr<engine::OpenLayer> leave_open() override { return hooks_.leave ? hooks_.leave() : nullptr; }

 private:
  Hooks& hooks_;
  Seen seen_;
};

class HookModule final : public engine::ProbeModule {
 public:
  explicit HookModule(Hooks& hooks, Transport transport = Transport::kTcp) : hooks_(hooks), transport_(transport) {}
  std::string_view name() const override { return "hook"; }
  Transport transport() const override { return transport_; }
  std::size_t most_unsent() const override { return hooks_.most_unsent; }
  std::string_view help() const override { return "a test's"; }
  std::span<const results::FieldDef> fields() const override {
    static constexpr std::array<results::FieldDef, 3> kFields = {{{"hook.starts", results::FieldType::kInteger, ""},
                                                                  {"hook.failure", results::FieldType::kString, ""},
                                                                  {"hook.late", results::FieldType::kString, ""}}};
    return kFields;
  }
  std::unique_ptr<engine::ShardState> make_shard_state() const override {
    return hooks_.shard_state ? hooks_.shard_state() : nullptr;
  }
  std::size_t state_bytes() const override { return sizeof(HookProbe); }
  engine::Probe* create(void* memory) const override { return new (memory) HookProbe(hooks_); }

 private:
  Hooks& hooks_;
  Transport transport_;
};

inline std::int64_t starts_of(const Kept& record) { return std::get<std::int64_t>(record.values[0]); }

inline std::span<const std::byte> as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// Another backend, but for: which endpoint a connection really goes to, writes that nobody takes or that are told late,
// connects that this machine refuses. Notes what was written and how connections were closed.
class BentBackend final : public io::Backend {
 public:
  struct Closed {
    io::CloseMode mode;
    Nanos at;
    std::string written;
  };

  explicit BentBackend(io::Backend& straight) : straight_(straight) {}
  const char* name() const override { return straight_.name(); }
  Nanos now() const override { return straight_.now(); }
  Nanos refresh() override { return straight_.refresh(); }
  Result<> connect(ConnectionId id, const Endpoint& endpoint, const io::ConnectOptions& options) override {
    const std::uint32_t earlier = connects[endpoint]++;
    transports.push_back(options.transport);
    if (earlier > 0 && no_ports_later) return std::unexpected(Error{.kind = ErrorKind::kNoPorts, .what = "connect"});
    return straight_.connect(id, earlier > 0 && later_endpoint ? *later_endpoint : endpoint, options);
  }
  void read(ConnectionId id, io::Patience patience) override { straight_.read(id, patience); }
  void write(ConnectionId id, std::span<const std::byte> bytes) override {
    std::string& written = written_[id.index];
    written.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (!stuck.empty() && written.ends_with(stuck)) return;
    straight_.write(id, bytes);
  }
  void close(ConnectionId id, io::CloseMode mode) override {
    note_close(id, mode);
    straight_.close(id, mode);
  }
  void part(ConnectionId id, std::span<const std::byte> farewell, io::CloseMode mode) override {
    written_[id.index].append(reinterpret_cast<const char*>(farewell.data()), farewell.size());
    note_close(id, mode);
    straight_.part(id, farewell, mode);
  }
  std::optional<io::TcpInfo> tcp_info(ConnectionId id) override { return straight_.tcp_info(id); }
  Result<> watch(int fd, bool read, bool write) override { return straight_.watch(fd, read, write); }
  std::span<io::Completion> wait(Nanos until) override {
    if (writes_told_after == 0) return straight_.wait(until);
    const Nanos next = held_.empty() ? until : std::min(until, held_.front().first);
    told_.clear();
    for (const io::Completion& completion : straight_.wait(next)) {
      if (completion.op == io::Op::kWrite) {
        held_.emplace_back(now() + writes_told_after, completion);
      } else {
        told_.push_back(completion);
      }
    }
    for (; !held_.empty() && held_.front().first <= now(); held_.pop_front()) {
      const io::Completion& completion = held_.front().second;
      if (gone_.erase({completion.id.index, completion.id.generation}) == 0) told_.push_back(completion);
    }
    return told_;
  }
  void drain() override { straight_.drain(); }

  std::string stuck;            // a write that ends so is never taken
  Nanos writes_told_after = 0;  // so much later than they were taken, what else happens meanwhile
  bool no_ports_later = false;
  std::optional<Endpoint> later_endpoint;  // where all connections to an endpoint but the first go
  std::map<Endpoint, std::uint32_t> connects;
  std::vector<Transport> transports;  // of all connects, in their order
  std::vector<Closed> closed;         // in their order

 private:
  void note_close(ConnectionId id, io::CloseMode mode) {
    closed.push_back({.mode = mode, .at = now(), .written = std::exchange(written_[id.index], {})});
    for (const auto& [at, completion] : held_)
      if (completion.id == id) gone_.insert({id.index, id.generation});
  }

  io::Backend& straight_;
  std::map<std::uint32_t, std::string> written_;  // by slot
  std::deque<std::pair<Nanos, io::Completion>> held_;
  std::set<std::pair<std::uint32_t, std::uint32_t>> gone_;  // closed while a write of theirs was not told
  std::vector<io::Completion> told_;
};

// A population that plays one script everywhere.
class OneScript {
 public:
  explicit OneScript(std::vector<population::Act> script, population::Arrival arrival = population::Arrival::kAccept)
      : script_(std::move(script)),
        role_{.name = "one",
              .help = {},
              .arrival = arrival,
              .script = script_,
              .tcp = {},
              .banner = {},
              .tls = {},
              .http = {}},
        population_(population::Mix{.weights = {{&role_, 1}}}, 1) {}
  OneScript(const OneScript&) = delete;
  OneScript& operator=(const OneScript&) = delete;
  const population::Population& population() const { return population_; }

 private:
  std::vector<population::Act> script_;
  population::Role role_;
  population::Population population_;
};

// A shard that runs the hooks' probe, and then a banner probe if wanted, over a backend that may be bent.
struct HookRun {
  HookRun(Hooks& hooks, io::Backend& straight, memory::RingPool& pool, engine::ShardOptions options,
          std::vector<Endpoint> targets, Pacing pacing = {}, bool then_banner = false)
      : hook_module(hooks), source(std::move(targets)), limits(make_limits(pacing)), backend(straight) {
    options.fatal_audit = true;
    std::vector<engine::PassModule> pass = {{.module = &hook_module, .first_value_id = 0}};
    if (then_banner) pass.push_back({.module = banner.pass.front().module, .first_value_id = 3});
    shard = std::make_unique<engine::Shard>(options, pass, source, limits, backend, pool, nullptr, consumer);
  }
  void run(Nanos step = kSecond) {
    while (shard->turn(backend.refresh() + step)) {
    }
  }

  HookModule hook_module;
  Modules banner{{"banner"}};
  ListSource source;
  KeepAll consumer;
  engine::Limits limits;
  BentBackend backend;
  std::unique_ptr<engine::Shard> shard;
};

// The same on a simulator of its own.
struct SimHookRun {
  SimHookRun(Hooks& hooks, const OneScript& script, engine::ShardOptions options, std::uint32_t targets = 1,
             Pacing pacing = {}, bool then_banner = false)
      : simulator(script.population(), {.rtt_min = 10 * kMillisecond, .rtt_max = 10 * kMillisecond}),
        run(hooks, simulator, pool, options, endpoints(targets), pacing, then_banner) {}
  HookRun* operator->() { return &run; }

  memory::RingPool pool;
  io::SimBackend simulator;
  HookRun run;
};

inline std::int32_t timing(const Kept& record, results::Phase phase) {
  return record.timing_us[static_cast<std::size_t>(phase)];
}

}  // namespace sonde::testing_sim
