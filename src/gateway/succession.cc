#include "gateway/succession.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "gateway/log.h"
#include "os/error.h"
#include "os/machine.h"

namespace sonde::gateway {
namespace {

constexpr Nanos kUnplacedFor = 600 * kSecond;  // file_sd and http_sd find checks by and by

constexpr metrics::Family kFailures{"sonde_restart_failures_total",
                                    "Restarts that failed: this process went on in place of its successor",
                                    metrics::Type::kCounter};

}  // namespace

Parsed<std::unique_ptr<Succession>> Succession::of_environment() {
  auto predecessor = Predecessor::of_environment();
  if (!predecessor) return std::unexpected(std::move(predecessor.error()));
  auto program = os::own_program();
  if (!program) return input_error(os::describe(program.error()));
  auto made = std::make_unique<Succession>();
  made->predecessor_ = std::move(*predecessor);
  made->program_ = std::move(*program);
  made->systemd_ = os::ServiceManager::of_environment();
  made->activated_ = os::take_activation_sockets();
  return made;
}

std::vector<os::Fd> Succession::take_sockets(const std::string& listen) {
  std::vector<os::Fd> sockets = std::move(activated_);
  bool are_systemds = !sockets.empty();
  if (predecessor_) {
    are_systemds = predecessor_->listen().empty();
    sockets = predecessor_->take_sockets(listen);
  }
  listens_for_ = are_systemds ? "" : listen;
  return sockets;
}

Parsed<> Succession::tell_ready() {
  if (predecessor_) return predecessor_->tell_ready();  // systemd hears of it when all is taken over
  systemd_.tell("READY=1");
  return {};
}

std::array<int, 2> Succession::fds() const {
  return {predecessor_ ? predecessor_->fd() : -1, successor_ ? successor_->fd() : -1};
}

Succession::Turn Succession::look(const Books& books, const std::function<void()>& meanwhile) {
  const Turn turn = predecessor_ ? follow_predecessor(books) : Turn::kNothing;
  return successor_ ? follow_successor(books, meanwhile) : turn;
}

// ── the one behind it ────────────────────────────────────────────────────────────────────────────────────────────

void Succession::restart(const std::vector<int>& sockets) {
  if (successor_ || predecessor_) {
    log(Level::kWarn, "a restart is under way already");
    return;
  }
  auto successor = Successor::start(program_, listens_for_, sockets);
  if (!successor) return fail(successor.error().text);
  successor_ = std::move(*successor);
  log(Level::kInfo, "restart: the successor starts",
      {{"pid", std::to_string(successor_->pid())}, {"program", program_.path}});
}

Succession::Turn Succession::follow_successor(const Books& books, const std::function<void()>& meanwhile) {
  const Parsed<bool> ready = successor_->look(os::monotonic_now());
  if (!ready) {
    fail(ready.error().text);
    return Turn::kNothing;
  }
  if (!*ready) return Turn::kNothing;
  if (const Parsed<> done = successor_->take_over(books, meanwhile); !done) {
    fail(done.error().text);
    return Turn::kGoOn;
  }
  const std::string pid = std::to_string(successor_->pid());
  systemd_.tell("MAINPID=" + pid);
  successor_->let_go();
  log(Level::kInfo, "restart: the successor has taken over", {{"pid", pid}});
  return Turn::kLeave;
}

void Succession::fail(const std::string& why) {
  successor_.reset();
  failures_.fetch_add(1, std::memory_order_relaxed);
  log(Level::kError, "restart failed, this process goes on", {{"error", why}});
  const std::scoped_lock lock(mutex_);
  problem_ = "the successor: " + why;
}

void Succession::give_up() { successor_.reset(); }

// ── the one before it ────────────────────────────────────────────────────────────────────────────────────────────

Succession::Turn Succession::follow_predecessor(const Books& books) {
  const Nanos now = os::monotonic_now();
  const Predecessor::State state = predecessor_->follow(books, now);
  if (state == Predecessor::State::kWaiting) return Turn::kNothing;
  for (HandedCheck& check : predecessor_->take_unplaced()) unplaced_.insert_or_assign(check.id, std::move(check));
  if (state == Predecessor::State::kOver) {
    predecessor_.reset();
    unplaced_until_ = now + kUnplacedFor;
    systemd_.tell(fmt::format("MAINPID={}\nREADY=1", ::getpid()));
    log(Level::kInfo, "restart: taken over");
  }
  return std::exchange(begun_, true) ? Turn::kNothing : Turn::kBegin;
}

void Succession::adopt_late(const Books& books) {
  const Nanos now = os::monotonic_now();
  if (now >= unplaced_until_) unplaced_.clear();
  std::erase_if(unplaced_, [&](const auto& one) { return books[one.first % books.size()]->adopt(one.second, now); });
}

// ── systemd and whoever looks ────────────────────────────────────────────────────────────────────────────────────

// A worker that makes no turns is none; it makes one a second at least.
void Succession::tell_alive(const std::vector<std::unique_ptr<Worker>>& workers) {
  const Nanos now = os::monotonic_now();
  if (systemd_.watchdog_every() == kNever || now < alive_at_) return;
  turns_told_.resize(workers.size(), UINT64_MAX);
  for (std::size_t i = 0; i < workers.size(); ++i)
    if (workers[i]->turns() == turns_told_[i]) return;
  for (std::size_t i = 0; i < workers.size(); ++i) turns_told_[i] = workers[i]->turns();
  systemd_.tell("WATCHDOG=1");
  alive_at_ = now + systemd_.watchdog_every();
}

std::string Succession::problem() const {
  const std::scoped_lock lock(mutex_);
  return problem_;
}

void Succession::sample(metrics::Samples& out) const {
  out.add(kFailures, static_cast<double>(failures_.load(std::memory_order_relaxed)));
}

}  // namespace sonde::gateway
