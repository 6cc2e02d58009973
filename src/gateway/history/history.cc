#include "gateway/history/history.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <iterator>

#include "os/error.h"
#include "os/machine.h"

namespace sonde::gateway {
namespace {

constexpr Nanos kThinEvery = 10 * kSecond;
constexpr Nanos kCheckpointEvery = 5 * kSecond;
constexpr Nanos kForgetEvery = 3600 * kSecond;
constexpr std::size_t kStatesPerBatch = 1000;

constexpr metrics::Family kWritten{"sonde_history_results_total", "Results that the history has written.",
                                   metrics::Type::kCounter};
constexpr metrics::Family kDropped{"sonde_history_dropped_total",
                                   "What the history had no room for while it could not write.",
                                   metrics::Type::kCounter};
constexpr metrics::Family kFailures{"sonde_history_failures_total", "Transactions that failed.",
                                    metrics::Type::kCounter};
constexpr metrics::Family kDamaged{"sonde_history_damaged_files_total", "Damaged files that were moved aside.",
                                   metrics::Type::kCounter};
constexpr metrics::Family kQueued{"sonde_history_queued", "Results that wait to be written."};
constexpr metrics::Family kOk{"sonde_history_ok", "1 while the history can be written."};

std::string pack_batch(const std::vector<CheckResult>& results) {
  std::string batch;
  std::int64_t previous_us = 0;
  for (const CheckResult& result : results) {
    pack_id(result.id, batch);
    pack(result, previous_us, batch);
  }
  return batch;
}

}  // namespace

HistoryOptions history_options(const StorageOptions& storage) {
  HistoryOptions options{.storage = storage};
  options.bounds.retention = storage.retention;
  if (storage.path.empty()) {
    options.bounds = {.retention = storage.retention, .points = {4'000'000, 2'000'000, 1'000'000}};
    options.bounds.transitions = 200'000;
  }
  return options;
}

History::History(HistoryOptions options) : options_(std::move(options)) {
  if (!options_.now) options_.now = os::unix_now;
  open_reader();  // for states(), should the file be another's still
  (void)open();
  if (slices_.empty()) begin_slice();
  writer_ = std::thread([this] { write_until_stopped(); });
}

History::~History() {
  let_go();
  const std::lock_guard lock(reader_mutex_);
  reader_.reset();
}

void History::let_go() {
  {
    const std::lock_guard lock(queue_mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (!writer_.joinable()) return;
  writer_.join();
  if (store_) store_->checkpoint();
  if (in_memory()) return;
  store_.reset();
  lock_.reset();
}

void History::add(CheckResult result) {
  const std::lock_guard lock(queue_mutex_);
  if (queued_.results.size() >= options_.most_queued) {
    ++dropped_results_;
  } else {
    queued_.results.push_back(std::move(result));
  }
}

void History::add(std::vector<CheckResult> results) {
  const std::lock_guard lock(queue_mutex_);
  const std::size_t room = options_.most_queued - std::min(options_.most_queued, queued_.results.size());
  const std::size_t count = std::min(room, results.size());
  std::move(results.begin(), results.begin() + static_cast<std::ptrdiff_t>(count), std::back_inserter(queued_.results));
  dropped_results_ += results.size() - count;
}

void History::add(Transition transition) {
  const std::lock_guard lock(queue_mutex_);
  queued_.transitions.push_back(std::move(transition));
  if (queued_.transitions.size() <= options_.most_queued) return;
  queued_.transitions.pop_front();
  ++dropped_transitions_;
}

void History::add(Reload reload) {
  const std::lock_guard lock(queue_mutex_);
  queued_.reloads.push_back(std::move(reload));
  if (queued_.reloads.size() > options_.most_queued) queued_.reloads.pop_front();
}

// As many as there are checks: the last state of each.
void History::keep_state(CheckId id, std::string state) {
  const std::lock_guard lock(queue_mutex_);
  queued_.states[id] = std::move(state);
}

void History::flush() {
  std::unique_lock lock(queue_mutex_);
  if (stop_) return;
  const std::uint64_t mine = ++flush_asked_;
  wake_.notify_all();
  flushed_.wait(lock, [&] { return flush_done_ >= mine; });
}

// The first one after the file was begun anew holds what memory has, too: closed, it is sealed into it.
void History::begin_slice() {
  const std::lock_guard lock(slices_mutex_);
  Slice& slice = slices_.emplace_back();
  slice.number = next_slice_++;
  slice.opened = os::monotonic_now();
}

void History::write_until_stopped() {
  std::unique_lock lock(queue_mutex_);
  while (true) {
    wake_.wait_for(lock, std::chrono::nanoseconds(options_.batch),
                   [&] { return stop_ || flush_asked_ != flush_done_; });
    const bool stops = stop_;
    const std::uint64_t asked = flush_asked_;
    const bool flushes = asked != flush_done_;
    lock.unlock();
    bool more = turn(stops || flushes);
    // A flush does all there is to do; a stop leaves to the next process what is not sealed.
    while (more && flushes) more = turn(true);
    lock.lock();
    flush_done_ = asked;
    flushed_.notify_all();
    if (stops) return;
  }
}

bool History::turn(bool forced) {
  const Nanos monotonic = os::monotonic_now();
  if (!forced && monotonic < retry_at_) return false;
  if (reader_found_damage_.exchange(false) && store_) {
    fail("read: the file is damaged");
    move_aside();
  }
  if (!store_ && !open()) return false;
  take_queued(forced);
  const Slice& open_slice = slices_.back();
  if (open_slice.results >= options_.slice_results ||
      (open_slice.results > 0 && monotonic - open_slice.opened >= options_.slice))
    begin_slice();
  const bool seals = slices_.size() > 1;
  const bool thins = forced || monotonic >= thin_at_;
  bool more = false;
  if (!batch_.empty() || seals || thins) {
    if (!write(seals, thins, more)) {
      put_back();
      return false;
    }
    if (thins && !more) thin_at_ = monotonic + kThinEvery;
  }
  if (monotonic >= checkpoint_at_ && !in_memory()) {
    store_->checkpoint();
    checkpoint_at_ = monotonic + kCheckpointEvery;
  }
  const std::lock_guard lock(queue_mutex_);
  problem_.clear();
  return more || slices_.size() > 1 || !queued_.states.empty();
}

void History::take_queued(bool all_states) {
  const std::lock_guard lock(queue_mutex_);
  std::swap(batch_.results, queued_.results);
  std::swap(batch_.transitions, queued_.transitions);
  std::swap(batch_.reloads, queued_.reloads);
  while (!queued_.states.empty() && (all_states || batch_.states.size() < kStatesPerBatch))
    batch_.states.insert(queued_.states.extract(queued_.states.begin()));
}

// What could not be written goes before what has come since, as far as there is room.
void History::put_back() {
  const std::lock_guard lock(queue_mutex_);
  std::swap(batch_.results, queued_.results);
  const std::size_t room = options_.most_queued - std::min(options_.most_queued, queued_.results.size());
  const std::size_t count = std::min(room, batch_.results.size());
  std::move(batch_.results.begin(), batch_.results.begin() + static_cast<std::ptrdiff_t>(count),
            std::back_inserter(queued_.results));
  dropped_results_ += batch_.results.size() - count;
  queued_.transitions.insert(queued_.transitions.begin(), std::make_move_iterator(batch_.transitions.begin()),
                             std::make_move_iterator(batch_.transitions.end()));
  for (; queued_.transitions.size() > options_.most_queued; ++dropped_transitions_) queued_.transitions.pop_front();
  queued_.reloads.insert(queued_.reloads.begin(), std::make_move_iterator(batch_.reloads.begin()),
                         std::make_move_iterator(batch_.reloads.end()));
  queued_.states.merge(batch_.states);  // a later state stays
  batch_ = {};
}

bool History::write(bool seals, bool thins, bool& more) {
  // In memory the readers use this connection too.
  std::unique_lock exclusive(reader_mutex_, std::defer_lock);
  if (in_memory()) exclusive.lock();
  HistoryStore& store = *store_;
  const Nanos now = options_.now();
  bool ok = store.begin();
  if (!in_memory() && !batch_.results.empty())
    ok = ok && store.append(slices_.back().number, pack_batch(batch_.results));
  for (const Transition& transition : batch_.transitions) ok = ok && store.add(transition);
  for (const Reload& reload : batch_.reloads) ok = ok && store.add(reload);
  for (const auto& [id, state] : batch_.states) ok = ok && store.keep_state(id, state, now);
  if (seals) ok = ok && store.seal(slices_.front(), options_.seal_piece);
  if (thins) ok = ok && store.thin(options_.bounds, now, more);
  if (const Nanos monotonic = os::monotonic_now(); thins && monotonic >= forget_at_) {
    ok = ok && store.forget_states(now - options_.bounds.retention);
    forget_at_ = monotonic + kForgetEvery;
  }
  {
    // No reader sees a result in the file and in memory, or in neither. A commit does not wait for the disk.
    const std::lock_guard lock(slices_mutex_);
    ok = ok && store.commit();
    if (ok) {
      for (const CheckResult& result : batch_.results) slices_.back().add(result);
      if (seals) slices_.front().drop(options_.seal_piece);
      if (seals && slices_.front().series.empty()) slices_.pop_front();
    }
  }
  if (ok) {
    written_ += batch_.results.size();
    batch_ = {};
    return true;
  }
  const bool corrupt = store.database().is_corrupt();
  fail("write: " + store.database().error());
  store.roll_back();
  store.database().forget_error();
  if (exclusive) exclusive.unlock();
  if (corrupt) move_aside();
  return false;
}

bool History::open() {
  if (!in_memory()) {
    // SQLite lets two processes write; but each holds a slice in memory. Its own locks are not touched by this one.
    const std::string lock_path = options_.storage.path + ".lock";
    if (!lock_) lock_ = os::Fd(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (!lock_) {
      fail(os::describe(os::error_from(errno, "open")));
      return false;
    }
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
      fail("another process writes it");
      retry_at_ = 0;
      return false;
    }
  }
  store_ = std::make_unique<HistoryStore>(in_memory() ? ":memory:" : options_.storage.path);
  std::deque<Slice> loaded;
  const bool knows_some = std::ranges::any_of(slices_, [](const Slice& slice) { return slice.results > 0; });
  if (!store_->database().failed() && !knows_some) {
    (void)store_->load(loaded, next_slice_);
    std::erase_if(loaded, [](const Slice& slice) { return slice.results == 0; });
    {
      const std::lock_guard lock(slices_mutex_);
      slices_ = std::move(loaded);
    }
    begin_slice();  // what was loaded is closed: keys of its last slice may be sealed already
  }
  if (store_->database().failed()) {
    fail("open: " + store_->database().error());
    if (store_->database().is_corrupt()) {
      move_aside();
    } else {
      store_.reset();
    }
    return false;
  }
  open_reader();
  return true;
}

void History::open_reader() {
  const std::lock_guard lock(reader_mutex_);
  reader_.reset();
  reader_database_.reset();
  if (in_memory()) {
    if (store_) reader_ = std::make_unique<HistoryReader>(store_->database());
    return;
  }
  if (::access(options_.storage.path.c_str(), R_OK) != 0) return;
  reader_database_ = std::make_unique<Database>(options_.storage.path, Database::Access::kRead);
  if (!reader_database_->failed()) reader_ = std::make_unique<HistoryReader>(*reader_database_);
  if (!reader_database_->failed()) return;
  reader_.reset();  // no file, or one that is not begun yet
  reader_database_.reset();
}

void History::move_aside() {
  {
    const std::lock_guard lock(reader_mutex_);
    reader_.reset();
    reader_database_.reset();
  }
  store_.reset();
  ++damaged_;
  retry_at_ = 0;
  begin_slice();
  if (in_memory()) return;
  const std::string aside = fmt::format("{}.corrupt-{}", options_.storage.path, options_.now() / kSecond);
  for (const char* ending : {"", "-wal", "-shm"})
    (void)std::rename((options_.storage.path + ending).c_str(), (aside + ending).c_str());
}

void History::fail(const std::string& what) {
  ++failures_;
  retry_at_ = os::monotonic_now() + options_.retry;
  const std::lock_guard lock(queue_mutex_);
  problem_ = (in_memory() ? "history in memory" : options_.storage.path) + ": " + what;
}

std::vector<std::string> History::recent(CheckId id) const {
  std::vector<std::string> packed;
  for (const Slice& slice : slices_)
    if (const auto found = slice.series.find(key_of(id)); found != slice.series.end())
      packed.push_back(found->second.packed);
  return packed;
}

// Asks with a snapshot of the file and what memory holds of that moment, by `question(reader)`; behind `begin` only.
template <typename Question>
auto History::ask(Question question) const {
  decltype(question(*reader_)) answer;
  const std::lock_guard lock(reader_mutex_);
  if (!reader_) return answer;
  Database& database = in_memory() ? store_->database() : *reader_database_;
  answer = question(*reader_);
  if (!database.failed()) return answer;
  if (database.is_corrupt()) reader_found_damage_ = true;
  database.forget_error();
  return answer;
}

std::vector<std::pair<CheckId, std::string>> History::states() const {
  return ask([](HistoryReader& reader) { return reader.states(); });
}

std::vector<HistoryPoint> History::query(CheckId id, const HistoryRange& range) const {
  return ask([&](HistoryReader& reader) {
    std::unique_lock lock(slices_mutex_);
    const bool begun = reader.begin();
    const std::vector<std::string> packed = recent(id);
    lock.unlock();
    std::vector<HistoryPoint> points;
    if (begun) points = reader.points(id, range, packed);
    reader.end();
    return points;
  });
}

std::vector<Transition> History::transitions(CheckId id, std::size_t most) const {
  return ask([&](HistoryReader& reader) { return reader.transitions(id, most); });
}

std::vector<Reload> History::reloads(std::size_t most) const {
  return ask([&](HistoryReader& reader) { return reader.reloads(most); });
}

std::string History::problem() const {
  const std::lock_guard lock(queue_mutex_);
  return problem_;
}

void History::sample(metrics::Samples& out) const {
  const std::lock_guard lock(queue_mutex_);
  out.add(kWritten, static_cast<double>(written_));
  out.add(kDropped, {{"kind", "result"}}, static_cast<double>(dropped_results_));
  out.add(kDropped, {{"kind", "transition"}}, static_cast<double>(dropped_transitions_));
  out.add(kFailures, static_cast<double>(failures_));
  out.add(kDamaged, static_cast<double>(damaged_));
  out.add(kQueued, static_cast<double>(queued_.results.size()));
  out.add(kOk, problem_.empty() ? 1 : 0);
}

}  // namespace sonde::gateway
