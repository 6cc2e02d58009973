// The checks of one worker: when each runs, and what is known of it. The worker's thread runs them; others look and
// change under a lock, which is held for a few microseconds.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/checks/check.h"
#include "gateway/checks/check_state.h"
#include "gateway/checks/handover_message.h"
#include "gateway/checks/recent_lateness.h"
#include "gateway/checks/recent_results.h"
#include "gateway/checks/result.h"
#include "gateway/checks/schedule.h"
#include "gateway/checks/start_queue.h"
#include "gateway/checks/worker.h"
#include "metrics/counter.h"
#include "metrics/histogram.h"
#include "pacing/hybrid_limiter.h"
#include "probes/check/tls_samples.h"

namespace sonde::gateway {

// What others are told of each end of a run, on the worker's thread; they must not wait.
class ResultListener {
 public:
  virtual ~ResultListener() = default;
  // `transition`: what changed by it, or null; null too for this machine's own faults, which a self check wants to
  // know.
  virtual void on_result(const Check& check, const CheckResult& result, const Transition* transition) = 0;
};

// One check, as others see it. Valid during the call that brings it.
struct CheckView {
  const Check& check;
  const CheckState& state;
  std::uint64_t runs = 0, successes = 0;  // since the start of the process
  Nanos next = kNever;                    // unix time of its next turn
  std::uint16_t http_status = 0;          // of the last run; 0: it is not of http, or no answer came
  const probes::TlsSeen* tls = nullptr;   // of the last run that brought a chain; null: none did
};

// One check as those who watch copy it (CheckBook::watch).
struct WatchedCheck {
  struct Failure {
    results::Outcome outcome;
    results::Phase phase;
    std::string cause, error;
  };
  CheckId id = 0;
  CheckPtr check;           // null: it is no more
  std::uint64_t terms = 0;  // another number: all of it is to be told anew; no two checks of a book have the same
  std::uint32_t ended = 0;  // its runs since `terms`
  ShownState shown = ShownState::kUnknown;
  bool success = false;
  std::uint32_t duration_us = 0;
  Nanos since = 0, last = 0;               // unix time; last: of the end of its last run, 0: none
  std::shared_ptr<const Failure> failure;  // of the last run; null: it did not fail
  RecentResults recent;                    // with the last one
};

// Upper bounds of the histograms' cells in microseconds; beyond the last there is one more.
inline constexpr std::array<std::uint64_t, 14> kDurationBounds = {100,       500,       1'000,     2'500,     5'000,
                                                                  10'000,    25'000,    50'000,    100'000,   250'000,
                                                                  1'000'000, 2'500'000, 5'000'000, 10'000'000};
struct DurationCells {
  std::array<std::uint64_t, kDurationBounds.size() + 1> counts{};
  std::uint64_t sum_us = 0;
  void record(std::uint64_t us);
  void add(const DurationCells& others);
};

// Of an entry of the configuration, all its targets on this worker together; by phase.
using EntryDurations = std::array<DurationCells, results::kPhaseNames.size()>;

class CheckBook final : public Book {
 public:
  // network_down: read at each end; all borrowed things outlive the book.
  CheckBook(ResultListener& listener, const std::atomic<bool>& network_down, Nanos wall_offset)
      : listener_(listener),
        network_down_(network_down),
        schedule_(wall_offset),
        queue_(nullptr, 0),
        wall_offset_(wall_offset) {}

  // --- one thread, the gateway's ---
  // Puts checks in, with the place of those of the same id, whose timers and state stay; and takes others out.
  // `from`: the steady time from which new ones may run; a limiter of null is none.
  void change(std::vector<CheckPtr> put, const std::vector<CheckId>& removed, Nanos from,
              std::shared_ptr<pacing::HybridLimiter> limiter);

  // --- any thread ---
  // What was known before a restart. A check that is not there is passed over.
  void restore(CheckId id, CheckState state);

  // --- a restart (handover.h), any thread ---
  // Held, it begins nothing; what runs goes on. The worker is to be woken when it is no longer held.
  void hold(bool held);
  // What a successor is to know: of each check, in pieces as for_each(); or of one. REQUIRES: it is held.
  void for_each_handed(const std::function<void(HandedCheck)>& take) const;
  std::optional<HandedCheck> handed(CheckId id) const;
  // What a predecessor knew, of a check that has not run here; one that runs there does not begin before finish().
  // False: there is no such check.
  bool adopt(const HandedCheck& check, Nanos now);
  bool finish(const HandedCheck& check);

  // Each check, by name and target, in pieces between which the lock is free.
  void for_each(const std::function<void(const CheckView&)>& see) const;
  // False: there is none.
  bool look(CheckId id, const std::function<void(const CheckView&)>& see) const;

  struct Counts {
    std::array<std::uint64_t, kPriorityNames.size()> shed{}, skipped{};
    std::array<std::uint64_t, kShownNames.size()> shown{};  // checks by state
    std::uint64_t local_faults = 0;                         // runs that this machine could not make
    std::uint64_t waiting = 0;                              // turns that are due and wait for their start
    std::uint64_t ended = 0;                                // runs, all of them
    DurationCells lateness;
    void add(const Counts& others);
  };
  Counts counts() const;
  // Adds the lateness of the last minute's starts.
  void gather_lateness(Nanos now, metrics::Histogram& into) const;
  // By "name\nmodule".
  std::unordered_map<std::string, EntryDurations> durations() const;

  // --- one watcher, any thread ---
  // Changes are noted from now on: a check once, however often it changes. All that there are now.
  std::shared_ptr<const std::vector<CheckId>> watch();
  void unwatch();
  struct Changes {
    std::vector<CheckId> ids;            // changed, come or gone; some may be there twice
    std::deque<Transition> transitions;  // the newest of them, at most kMostNoted
    bool lost = false;                   // more changed than is noted: watch() again
  };
  // Since it was called last, or since watch().
  Changes take_changes();
  // Appends what is known of each by now, and their transitions behind `since` that are news; in pieces.
  void look(std::span<const CheckId> ids, std::vector<WatchedCheck>& out, Nanos since = kNever,
            std::vector<Transition>* transitions = nullptr) const;
  static constexpr std::size_t kMostNoted = 500;

  // --- the worker's thread ---
  Nanos next_time(Nanos now) override;
  void begin(Nanos now, Nanos unix_now, std::size_t room, const Start& start) override;

 private:
  struct Entry {
    CheckPtr check;
    CheckState state;
    std::uint64_t runs = 0, successes = 0;
    std::uint64_t terms = 0;  // as WatchedCheck's
    std::uint64_t noted = 0;  // the `watch_` in which its change is noted
    std::uint32_t ended = 0;
    std::uint16_t http_status = 0;
    std::unique_ptr<probes::TlsSeen> tls;  // its chain is shared by all that have met it
    RecentResults recent;
    bool running = false;
  };
  void ended(const CheckPtr& check, Nanos due, const probes::CheckRun& run);
  CheckView view(const Entry& entry) const;
  std::uint64_t& shown(const Entry& entry) { return counts_.shown[static_cast<std::size_t>(entry.state.shown())]; }
  void note(CheckId id, Entry& entry);
  bool take_over(CheckId id, Parsed<CheckState> state);
  static void see_tls(const probes::CheckRun& run, Entry& entry);
  static WatchedCheck watched(const Entry& entry);
  HandedCheck handed(const Entry& entry) const;
  void shed(const std::vector<Turn>& turns);

  ResultListener& listener_;
  const std::atomic<bool>& network_down_;

  mutable std::mutex mutex_;
  std::unordered_map<CheckId, Entry> entries_;
  std::shared_ptr<const std::vector<CheckId>> order_ = std::make_shared<std::vector<CheckId>>();  // by name and target
  Schedule schedule_;
  std::shared_ptr<pacing::HybridLimiter> limiter_;
  StartQueue queue_;
  Nanos wall_offset_ = 0;
  Nanos steady_now_ = 0;
  bool held_ = false;
  bool full_ = false;  // the worker had no room for what waits
  Counts counts_;      // but for those that the queue and the schedule have
  RecentLateness recent_lateness_;
  std::uint64_t terms_ = 0;  // the last that was given
  std::uint64_t watch_ = 0;  // rises with each watch() and take_changes()
  bool watched_ = false;
  bool order_is_old_ = false;  // change() is under way
  Changes changes_;
  std::unordered_map<std::string, EntryDurations> durations_;
  std::vector<Turn> turns_, shed_;  // scratch
};

}  // namespace sonde::gateway
