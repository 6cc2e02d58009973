#include "gateway/gateway.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "engine/capacity.h"
#include "gateway/alerts/alerts.h"
#include "gateway/alerts/caller.h"
#include "gateway/checks/check_book.h"
#include "gateway/checks/self_check.h"
#include "gateway/checks/snapshot.h"
#include "gateway/checks/worker.h"
#include "gateway/discovery/discovery.h"
#include "gateway/discovery/file_watch.h"
#include "gateway/gateway_metrics.h"
#include "gateway/history/history.h"
#include "gateway/log.h"
#include "gateway/routes.h"
#include "gateway/server/server.h"
#include "gateway/stream/stream.h"
#include "gateway/succession.h"
#include "os/doorbell.h"
#include "os/error.h"
#include "os/machine.h"
#include "os/signal_queue.h"

namespace sonde::gateway {
namespace {

constexpr Nanos kPatience = 10 * kSecond;           // at the end, for what is under way
constexpr Nanos kStatesEvery = 30 * kSecond;        // the states of checks are kept, beside their transitions
constexpr std::size_t kMostTold = 100;              // transitions in the log, of those that come at once
constexpr Nanos kLongestWait = kSecond;             // of the loop
constexpr std::uint32_t kMostConnections = 20'000;  // of a worker
constexpr std::uint32_t kMostRuns = 100'000;

std::shared_ptr<pacing::HybridLimiter> make_limiter(const std::optional<LimitOptions>& options) {
  if (!options) return nullptr;
  pacing::LimiterOptions limits{.rate = options->rate, .burst = options->burst, .window = options->window, .tiers = {}};
  for (const LimitTier& tier : options->tiers) {
    pacing::LimiterTier& to = limits.tiers.emplace_back(pacing::LimiterTier{.from = tier.from,
                                                                            .below = tier.below,
                                                                            .fill = tier.fill,
                                                                            .decays = tier.decays,
                                                                            .most_delay = tier.most_delay,
                                                                            .sheds = {}});
    if (tier.sheds) to.sheds = static_cast<pacing::Rank>(*tier.sheds);
  }
  return std::make_shared<pacing::HybridLimiter>(std::move(limits));
}

// The checks of this machine's own network, which are as others are, but that they are never delayed.
std::optional<CheckEntry> self_entry(const GatewayOptions& options) {
  if (!options.self) return std::nullopt;
  return CheckEntry{.name = "self",
                    .module = options.self->module,
                    .targets = options.self->targets,
                    .file_sd = {},
                    .http_sd = {},
                    .interval = options.self->interval,
                    .flap = {},
                    .priority = Priority::kHigh,
                    .labels = {}};
}

void warn(const std::vector<InputError>& warnings) {
  for (const InputError& warning : warnings)
    log(Level::kWarn, "each probe of a module fails", {{"module", warning.text}});
}

class Gateway final : public ResultListener {
 public:
  Gateway(const GatewayFlags& flags, const OptionsReader& read, Succession& succession)
      : flags_(flags), read_(read), succession_(succession) {}
  ~Gateway() override;

  Parsed<> start(ReadOptions first);
  void loop(os::SignalQueue& signals);

  void on_result(const Check& check, const CheckResult& result, const Transition* transition) override;

 private:
  using Told = std::function<void(std::string error)>;

  Parsed<> start_workers();
  SnapshotPtr snapshot() const;
  void ask_reload(Told told);
  std::string reload();
  std::string try_reload();
  void put_in_force(SnapshotPtr snapshot);
  void place();
  void begin_alerts(const AlertOptions& options);
  StreamFacts stream_facts(Nanos now) const;
  void record_self(const CheckResult& result);
  void tend(Nanos now);
  Nanos next_wake(Nanos now) const;
  void restore_states();
  void take_transitions();
  void keep_states();
  bool succeed();
  void drain();
  void stop();

  const GatewayFlags& flags_;
  const OptionsReader& read_;
  Succession& succession_;
  const Nanos started_ = os::unix_now();
  os::Doorbell bell_;
  engine::Capacity capacity_;
  std::atomic<bool> network_down_{false};

  mutable std::mutex mutex_;  // of what follows, up to the blank line
  SnapshotPtr snapshot_;
  std::shared_ptr<pacing::HybridLimiter> limiter_;
  ReloadState reload_state_;
  metrics::Samples rest_;  // of discovery and alerts, which are this thread's
  std::vector<Told> reloads_asked_;
  std::vector<Transition> transitions_;
  std::vector<CheckResult> self_results_;
  std::unordered_set<CheckId> self_ids_;
  std::string problems_;  // of discovery and alerts, as last logged

  std::unordered_map<CheckId, CheckPtr> placed_;  // all checks that the books have
  Nanos keep_states_at_ = 0;

  // In the order in which they are made; destroyed backwards.
  std::unique_ptr<History> history_;
  std::vector<std::unique_ptr<CheckBook>> books_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Caller> caller_;
  std::unique_ptr<Discovery> discovery_;
  std::unique_ptr<Alerts> alerts_;
  FileWatch files_;
  SelfCheck self_{{}};
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Routes> routes_;
  std::unique_ptr<Server> server_;
};

Gateway::~Gateway() {
  server_.reset();
  workers_.clear();  // their threads tell this object of results
}

SnapshotPtr Gateway::snapshot() const {
  const std::scoped_lock lock(mutex_);
  return snapshot_;
}

Parsed<> Gateway::start(ReadOptions first) {
  auto snapshot = make_snapshot(std::move(first.options), os::unix_now());
  if (!snapshot) return std::unexpected(snapshot.error());
  auto bell = os::Doorbell::create();
  if (!bell) return input_error(os::describe(bell.error()));
  bell_ = std::move(*bell);
  warn(first.warnings);
  warn((*snapshot)->warnings);
  const GatewayOptions& options = (*snapshot)->options;
  history_ = std::make_unique<History>(history_options(options.storage));
  if (const Parsed<> up = start_workers(); !up) return up;
  for (const std::unique_ptr<CheckBook>& book : books_) book->hold(succession_.inherits());
  caller_ = std::make_unique<Caller>(*workers_.front(), bell_);
  discovery_ = std::make_unique<Discovery>(*caller_);
  put_in_force(*snapshot);
  restore_states();
  begin_alerts(options.alerts);  // with the states that were restored
  stream_ = std::make_unique<Stream>(books_, [this](Nanos now) { return stream_facts(now); });
  routes_ = std::make_unique<Routes>(RouteParts{.workers = workers_,
                                                .books = books_,
                                                .history = *history_,
                                                .network_down = network_down_,
                                                .snapshot = [this] { return this->snapshot(); },
                                                .limiter =
                                                    [this] {
                                                      const std::scoped_lock lock(mutex_);
                                                      return limiter_;
                                                    },
                                                .reload_state =
                                                    [this] {
                                                      const std::scoped_lock lock(mutex_);
                                                      return reload_state_;
                                                    },
                                                .reload = [this](Told told) { ask_reload(std::move(told)); },
                                                .restart_problem = [this] { return succession_.problem(); },
                                                .sample_rest =
                                                    [this](metrics::Samples& out) {
                                                      server_->sample(out);
                                                      stream_->sample(out);
                                                      succession_.sample(out);
                                                      const std::scoped_lock lock(mutex_);
                                                      out.all().insert(out.all().end(), rest_.all().begin(),
                                                                       rest_.all().end());
                                                    },
                                                .stream = [this] { return stream_->open(); },
                                                .started = started_,
                                                .timeout_offset = flags_.timeout_offset,
                                                .most_probes = flags_.most_probes});
  auto server = Server::create({.listen = flags_.listen.value_or(options.listen),
                                .sockets = succession_.take_sockets(flags_.listen.value_or(options.listen)),
                                .threads = flags_.server_threads,
                                .tls = options.tls,
                                .auth = options.auth},
                               *routes_);
  if (!server) return std::unexpected(server.error());
  server_ = std::move(*server);
  for (const std::unique_ptr<Worker>& worker : workers_) worker->start();
  server_->start();
  routes_->ready(true);
  log(Level::kInfo, "listening",
      {{"address", flags_.listen.value_or(options.listen)},
       {"port", std::to_string(server_->port())},
       {"checks", std::to_string(placed_.size())},
       {"engine", std::string(capacity_.engine.engine == io::Engine::kUring ? "uring" : "epoll")}});
  return succession_.tell_ready();
}

Parsed<> Gateway::start_workers() {
  auto capacity = engine::plan_capacity({.concurrency = {}, .workers = flags_.workers, .engine = flags_.engine});
  if (!capacity) return input_error(os::describe(capacity.error()));
  capacity_ = std::move(*capacity);
  for (std::uint32_t i = 0; i < capacity_.workers; ++i) {
    books_.push_back(std::make_unique<CheckBook>(*this, network_down_, os::unix_now() - os::monotonic_now()));
    auto worker = Worker::create({.concurrency = std::min(capacity_.share_of(i), kMostConnections),
                                  .most_runs = kMostRuns,
                                  .capacity = capacity_,
                                  .names = {.servers = flags_.resolvers, .timeout = 5 * kSecond}},
                                 books_.back().get());
    if (!worker) return input_error(os::describe(worker.error()));
    workers_.push_back(std::move(*worker));
  }
  return {};
}

// What follows from a configuration, in one sweep.
void Gateway::put_in_force(SnapshotPtr snapshot) {
  for (const std::unique_ptr<Worker>& worker : workers_) worker->exclude(snapshot->excluded);
  const Nanos now = os::monotonic_now();
  discovery_->change(snapshot->options.checks, now);
  (void)discovery_->take_change();
  if (!snapshot_ || snapshot_->options.alerts != snapshot->options.alerts) begin_alerts(snapshot->options.alerts);
  files_.watch(snapshot->files, now);
  {
    const std::scoped_lock lock(mutex_);
    limiter_ = make_limiter(snapshot->options.limits);
    reload_state_ = {.successful = true, .loaded = snapshot->loaded, .hash = snapshot->options.hash, .error = {}};
    snapshot_ = std::move(snapshot);
  }
  place();
}

// Gives the books the checks that there are to be by now. What is as it was is left alone.
void Gateway::place() {
  std::vector<std::vector<CheckPtr>> put(books_.size());
  std::vector<std::vector<CheckId>> removed(books_.size());
  std::unordered_set<CheckId> there;
  const SnapshotPtr present = snapshot_;  // this thread alone changes it
  const auto add = [&](CheckPtr check) {
    if (!there.insert(check->id).second) return;
    CheckPtr& placed = placed_[check->id];
    if (placed && placed->prober == check->prober && same_terms(*placed, *check)) return;
    placed = check;
    put[check->id % books_.size()].push_back(std::move(check));
  };
  const std::vector<CheckEntry>& entries = present->options.checks;
  for (std::size_t i = 0; i < entries.size(); ++i)
    for (CheckPtr& check : checks_of(*present, entries[i], discovery_->targets(i))) add(std::move(check));
  std::vector<CheckId> self;
  if (const std::optional<CheckEntry> entry = self_entry(present->options)) {
    for (CheckPtr& check : checks_of(*present, *entry, {})) {
      self.push_back(check->id);
      add(std::move(check));
    }
  }
  if (std::unordered_set<CheckId> ids(self.begin(), self.end()); ids != self_ids_) {
    self_ = SelfCheck(self);
    network_down_.store(false, std::memory_order_relaxed);
    const std::scoped_lock lock(mutex_);
    self_ids_ = std::move(ids);
  }
  std::erase_if(placed_, [&](const auto& entry) {
    if (there.contains(entry.first)) return false;
    removed[entry.first % books_.size()].push_back(entry.first);
    alerts_->forget(entry.first, os::unix_now(), os::monotonic_now());
    return true;
  });
  for (std::size_t i = 0; i < books_.size(); ++i) {
    books_[i]->change(std::move(put[i]), removed[i], os::monotonic_now(), limiter_);
    workers_[i]->post([] {});  // its next turn may be another one
  }
  succession_.adopt_late(books_);
}

StreamFacts Gateway::stream_facts(Nanos now) const {
  StreamFacts facts;
  facts.unix_now = os::unix_now();
  facts.started = started_;
  facts.network_down = network_down_.load(std::memory_order_relaxed);
  std::shared_ptr<pacing::HybridLimiter> limiter;
  {
    const std::scoped_lock lock(mutex_);
    facts.config_hash = reload_state_.hash;
    facts.config_loaded = reload_state_.loaded;
    facts.config_error = reload_state_.error;
    limiter = limiter_;
    if (limiter) facts.limiter = {.rate = snapshot_->options.limits->rate, .view = {}};
  }
  if (limiter) facts.limiter->view = limiter->view(now);
  facts.connections = connections(workers_);
  return facts;
}

void Gateway::restore_states() {
  for (const auto& [id, bytes] : history_->states()) {
    Parsed<CheckState> state = CheckState::restore(bytes);
    if (state) books_[id % books_.size()]->restore(id, std::move(*state));
  }
}

void Gateway::on_result(const Check& check, const CheckResult& result, const Transition* transition) {
  if (!is_own_fault(result.outcome)) history_->add(result);
  {
    const std::scoped_lock lock(mutex_);
    const bool of_self = self_ids_.contains(check.id);
    if (of_self) self_results_.push_back(result);
    if (transition == nullptr && !of_self) return;
    if (transition != nullptr) transitions_.push_back(*transition);
  }
  bell_.ring();
}

void Gateway::ask_reload(Told told) {
  {
    const std::scoped_lock lock(mutex_);
    reloads_asked_.push_back(std::move(told));
  }
  bell_.ring();
}

// Empty: it is in force. Else nothing has changed.
std::string Gateway::try_reload() {
  ReadOptions read = read_();
  std::string errors;
  for (const InputError& error : read.errors) errors += (errors.empty() ? "" : "\n") + error.text;
  if (!errors.empty()) return errors;
  auto next = make_snapshot(std::move(read.options), os::unix_now());
  if (!next) return next.error().text;
  const GatewayOptions &before = snapshot_->options, &after = (*next)->options;
  if (const Parsed<> changed = server_->change(after.tls, after.auth); !changed) return changed.error().text;
  if (!flags_.listen && before.listen != after.listen)
    log(Level::kWarn, "listen: another address needs a restart", {{"address", after.listen}});
  if (before.storage.path != after.storage.path)
    log(Level::kWarn, "storage.path: another file needs a restart", {{"path", after.storage.path}});
  warn(read.warnings);
  warn((*next)->warnings);
  put_in_force(std::move(*next));
  return "";
}

std::string Gateway::reload() {
  succession_.systemd().tell_reloading();
  std::string error = try_reload();
  succession_.systemd().tell("READY=1");
  if (error.empty()) {
    log(Level::kInfo, "config loaded", {{"checks", std::to_string(placed_.size())}, {"hash", snapshot_->options.hash}});
  } else {
    log(Level::kError, "config refused, the old one stays", {{"errors", error}});
    const std::scoped_lock lock(mutex_);
    reload_state_.successful = false;
    reload_state_.error = error;
  }
  history_->add(
      Reload{.unix_time = os::unix_now(), .ok = error.empty(), .hash = snapshot_->options.hash, .error = error});
  return error;
}

void Gateway::take_transitions() {
  std::vector<Transition> transitions;
  {
    const std::scoped_lock lock(mutex_);
    transitions.swap(transitions_);
  }
  std::size_t told = 0;
  for (Transition& transition : transitions) {
    const bool news = is_news(transition);
    books_[transition.id % books_.size()]->look(transition.id, [&](const CheckView& view) {
      history_->keep_state(transition.id, view.state.save());
      if (!news) return;
      alerts_->tell(view.check, transition, os::monotonic_now());
      if (++told > kMostTold) return;
      log(transition.to == "down" ? Level::kWarn : Level::kInfo, "transition",
          {{"check", view.check.name},
           {"target", view.check.target},
           {"from", transition.from},
           {"to", transition.to},
           {"cause", transition.cause}});
    });
    history_->add(std::move(transition));
  }
  if (told > kMostTold)
    log(Level::kWarn, "more transitions at once than are told here", {{"more", std::to_string(told - kMostTold)}});
}

void Gateway::keep_states() {
  for (const std::unique_ptr<CheckBook>& book : books_)
    book->for_each([&](const CheckView& view) { history_->keep_state(view.check.id, view.state.save()); });
}

// Alertmanagers forget what nobody repeats: those that are down already are told again.
void Gateway::begin_alerts(const AlertOptions& options) {
  alerts_ = std::make_unique<Alerts>(options, *caller_, os::random_seed());
  for (const std::unique_ptr<CheckBook>& book : books_)
    book->for_each([&](const CheckView& view) {
      if (view.state.status() == CheckStatus::kDown && !view.state.flapping())
        alerts_->resume(view.check, view.state.last() != nullptr ? view.state.last()->cause : "", view.state.since(),
                        os::monotonic_now());
    });
}

Nanos Gateway::next_wake(Nanos now) const {
  return std::min({now + kLongestWait, keep_states_at_, discovery_->next(), alerts_->next(), files_.due(),
                   now + succession_.systemd().watchdog_every() / 2});
}

void Gateway::record_self(const CheckResult& result) {
  if (!self_.record(result)) return;
  const bool down = self_.state() == SelfState::kNetworkDown;
  network_down_.store(down, std::memory_order_relaxed);
  log(down ? Level::kError : Level::kInfo,
      down ? "this machine's own network is down: failures do not count" : "this machine's own network is back");
}

// What is due of all that this thread sees to.
void Gateway::tend(Nanos now) {
  caller_->answer();
  discovery_->on_readable(now);
  discovery_->tick(now);
  if (discovery_->take_change()) place();
  take_transitions();
  std::vector<CheckResult> self;
  {
    const std::scoped_lock lock(mutex_);
    self.swap(self_results_);
  }
  for (const CheckResult& result : self) record_self(result);
  alerts_->tick(now);
  std::string problems = alerts_->problem();
  for (const std::string& problem : discovery_->problems()) problems += (problems.empty() ? "" : "; ") + problem;
  if (problems != problems_ && !problems.empty()) log(Level::kWarn, "discovery or alerts", {{"problem", problems}});
  problems_ = std::move(problems);
  metrics::Samples rest;
  discovery_->sample(rest);
  alerts_->sample(rest);
  {
    const std::scoped_lock lock(mutex_);
    rest_ = std::move(rest);
  }
  if (now >= keep_states_at_) {
    keep_states();
    keep_states_at_ = now + kStatesEvery;
  }
}

void Gateway::loop(os::SignalQueue& signals) {
  keep_states_at_ = os::monotonic_now() + kStatesEvery;
  for (;;) {
    const auto [before_it, behind_it] = succession_.fds();
    const std::array<int, 6> fds = {signals.fd(), bell_.fd(), discovery_->fd(), files_.fd(), before_it, behind_it};
    const Nanos before = os::monotonic_now();
    os::wait_readable(fds, next_wake(before) - before);
    os::quiet(bell_.fd());
    bool wanted = false;
    while (const std::optional<int> signal = signals.take()) {
      if (*signal == SIGUSR2) {
        succession_.restart(server_->sockets());
        continue;
      }
      if (*signal != SIGHUP) {
        stop();
        return;
      }
      wanted = true;
    }
    std::vector<Told> told;
    {
      const std::scoped_lock lock(mutex_);
      told.swap(reloads_asked_);
    }
    const Nanos now = os::monotonic_now();
    files_.on_readable(now);
    wanted = files_.take_change(now) || wanted;
    if (wanted || !told.empty()) {
      const std::string error = reload();
      for (const Told& one : told) one(error);
    }
    tend(now);
    if (succeed()) return;
  }
}

// Whoever was before this process, or comes behind it. True: the successor has all, and this process is over.
bool Gateway::succeed() {
  succession_.tell_alive(workers_);
  const Succession::Turn turn = succession_.look(books_, [this] { take_transitions(); });
  if (turn == Succession::Turn::kNothing) return false;
  if (turn == Succession::Turn::kLeave) {
    take_transitions();
    alerts_->tick(os::monotonic_now());
    keep_states();
    history_->let_go();  // before requests end, which may take their time: the successor waits for it
    drain();
    return true;
  }
  if (turn == Succession::Turn::kBegin) {  // with the states that were taken over
    for (const CheckId id : self_ids_)
      books_[id % books_.size()]->look(id, [this](const CheckView& view) {
        if (view.state.last() != nullptr) record_self(*view.state.last());
      });
    begin_alerts(snapshot_->options.alerts);
  }
  for (const std::unique_ptr<CheckBook>& book : books_) book->hold(false);
  for (const std::unique_ptr<Worker>& worker : workers_) worker->post([] {});
  return false;
}

void Gateway::drain() {
  routes_->ready(false);
  const bool drained = server_->drain(kPatience);
  for (const std::unique_ptr<Worker>& worker : workers_) (void)worker->drain(drained ? kPatience : 0);
}

void Gateway::stop() {
  log(Level::kInfo, "stopping");
  succession_.systemd().tell("STOPPING=1");
  succession_.give_up();
  drain();
  take_transitions();
  keep_states();
  history_->flush();
}

}  // namespace

int check(const OptionsReader& read) {
  ReadOptions file = read();
  if (file.errors.empty()) {
    const auto snapshot = make_snapshot(std::move(file.options), os::unix_now());
    if (snapshot)
      file.warnings.insert(file.warnings.end(), (*snapshot)->warnings.begin(), (*snapshot)->warnings.end());
    else
      file.errors.push_back(snapshot.error());
  }
  for (const InputError& warning : file.warnings) fmt::print(stderr, "{} (each probe of it fails)\n", warning.text);
  for (const InputError& error : file.errors) fmt::print(stderr, "{}\n", error.text);
  return file.errors.empty() ? 0 : 2;
}

int run(const GatewayFlags& flags, const OptionsReader& read) {
  // Before any thread is there: all of them are to leave these to the loop.
  auto signals = os::SignalQueue::create({SIGHUP, SIGTERM, SIGINT, SIGUSR2});
  if (!signals) {
    fmt::print(stderr, "sonde: {}\n", os::describe(signals.error()));
    return 1;
  }
  const auto succession = Succession::of_environment();
  if (!succession) {
    fmt::print(stderr, "sonde: watch: {}\n", succession.error().text);
    return 1;
  }
  ReadOptions first = read();
  for (const InputError& error : first.errors) fmt::print(stderr, "{}\n", error.text);
  if (!first.errors.empty()) return 2;
  Gateway gateway(flags, read, **succession);
  if (const Parsed<> up = gateway.start(std::move(first)); !up) {
    fmt::print(stderr, "sonde: watch: {}\n", up.error().text);
    return 1;
  }
  gateway.loop(*signals);
  return 0;
}

}  // namespace sonde::gateway
