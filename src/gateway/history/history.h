// What the gateway remembers: results of runs, transitions, reloads, the states of checks; in SQLite, or in memory
// alone where no path is set. Any thread adds and asks; one thread of its own writes, a batch every half second, so
// that what is older than that survives the process's death.
//
// Nothing that goes wrong here stops a probe. A disk that is full or read-only: what is added waits, within bounds, and
// writing is tried again. A damaged file is moved aside as NAME.corrupt-<unix time> and another begun. All of it is
// told by problem() and counted.
//
// What is kept, of 100,000 checks a minute by default: each result for some 8 hours (50 million; fewer checks: for the
// whole retention), roll-ups by minute for 3 hours (20 million), by hour for the whole retention, in some 2.5 GB. In
// memory: a tenth to a twentieth of it, within some 300 MB.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gateway/history/history_reader.h"
#include "gateway/history/history_store.h"
#include "gateway/options.h"
#include "metrics/sample.h"
#include "os/fd.h"

namespace sonde::gateway {

struct HistoryOptions {
  StorageOptions storage;
  HistoryBounds bounds;              // its retention is storage's
  Nanos batch = 500 * kMillisecond;  // between two transactions
  Nanos slice = 600 * kSecond;       // after which, or after so many results, a slice is sealed
  std::uint64_t slice_results = 2'000'000;
  std::size_t seal_piece = 1000;      // checks a transaction
  std::size_t most_queued = 100'000;  // results; as many transitions. Full: results are dropped, the oldest transition
  Nanos retry = 2 * kSecond;          // after a failure
  std::function<Nanos()> now;         // unix time; empty: the machine's
};

// The options of a gateway: in memory the bounds are smaller.
HistoryOptions history_options(const StorageOptions& storage);

class History {
 public:
  explicit History(HistoryOptions options);
  ~History();  // what is queued is written first
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  void add(CheckResult result);
  void add(std::vector<CheckResult> results);
  void add(Transition transition);
  void add(Reload reload);
  // A check's state as bytes that its owner understands; the last one counts.
  void keep_state(CheckId id, std::string state);

  // Returns when all that was added before is written, or could not be (see problem()).
  void flush();

  // Writes what was added and lets go of the file, so that another process may write it. What is added from now on is
  // lost; asked it can be as before.
  void let_go();

  // The states of the last run: before the file's other user, whom this one follows, has let go of it, as far as he
  // has written.
  std::vector<std::pair<CheckId, std::string>> states() const;
  // Half a second behind.
  std::vector<HistoryPoint> query(CheckId id, const HistoryRange& range) const;
  std::vector<Transition> transitions(CheckId id, std::size_t most = 1000) const;
  std::vector<Reload> reloads(std::size_t most = 100) const;

  std::string problem() const;               // why nothing is written; empty: it is
  void sample(metrics::Samples& out) const;  // sonde_history_*

 private:
  struct Batch {
    std::vector<CheckResult> results;
    std::deque<Transition> transitions;
    std::deque<Reload> reloads;
    std::unordered_map<CheckId, std::string> states;
    bool empty() const { return results.empty() && transitions.empty() && reloads.empty() && states.empty(); }
  };

  bool in_memory() const { return options_.storage.path.empty(); }
  void write_until_stopped();
  bool turn(bool forced);  // one transaction; true: there is more to do at once
  bool write(bool seals, bool thins, bool& more);
  void take_queued(bool all_states);
  void put_back();
  bool open();
  void open_reader();
  void move_aside();
  void fail(const std::string& what);
  void begin_slice();
  template <typename Question>
  auto ask(Question question) const;
  std::vector<std::string> recent(CheckId id) const;

  HistoryOptions options_;

  // The queue.
  mutable std::mutex queue_mutex_;
  std::condition_variable wake_, flushed_;
  Batch queued_;
  std::uint64_t flush_asked_ = 0, flush_done_ = 0;
  bool stop_ = false;
  std::string problem_;

  // The writer's own.
  os::Fd lock_;
  std::unique_ptr<HistoryStore> store_;
  Batch batch_;                                                           // being written
  Nanos retry_at_ = 0, thin_at_ = 0, checkpoint_at_ = 0, forget_at_ = 0;  // monotonic
  std::int64_t next_slice_ = 1;

  // What readers see of memory: changed by the writer, and only with a commit.
  mutable std::mutex slices_mutex_;
  std::deque<Slice> slices_;  // the last one is open

  mutable std::mutex reader_mutex_;  // in memory it is that of the store too
  mutable std::unique_ptr<Database> reader_database_;
  mutable std::unique_ptr<HistoryReader> reader_;

  mutable std::atomic<bool> reader_found_damage_ = false;
  std::atomic<std::uint64_t> written_ = 0, dropped_results_ = 0, dropped_transitions_ = 0, failures_ = 0, damaged_ = 0;

  std::thread writer_;
};

}  // namespace sonde::gateway
