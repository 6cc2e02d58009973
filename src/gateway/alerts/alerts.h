// Who is told when a check turns: webhooks, Alertmanagers, a file of events. Pure but for the file: time is passed in
// and posting is the gateway's. One thread; nobody waits here, whatever the others do.
//
//   webhook       each transition is one POST, in order, from a queue of its own: 10,000 of them, the oldest goes first
//                 where it is full. One that fails is tried again after 1 s … 5 min, and given up after an hour.
//   Alertmanager  firing when a check turns down, again each minute while it is (else Alertmanager forgets it), ended
//                 when it is up. What waits is kept by check, the latest state of each, at most 200,000.
//   events        a line a transition; the file is opened for each piece, so it may be rotated. 4 MiB wait for a disk.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/alerts/alert_text.h"
#include "gateway/options.h"
#include "metrics/sample.h"

namespace sonde::gateway {

class Poster {
 public:
  using Done = std::function<void(bool ok, std::string error)>;
  virtual ~Poster() = default;
  // POSTs JSON. Calls `done` exactly once, on the caller's thread, now or later; ok: an answer of 2xx.
  virtual void post(const std::string& url, std::string body, Done done) = 0;
};

class Alerts {
 public:
  // `poster` outlives it; what it still does when the alerts are gone is nobody's. `seed`: of the jitter.
  Alerts(AlertOptions options, Poster& poster, std::uint64_t seed);
  ~Alerts();

  // `now`: monotonic, here and below. What follows from it is sent by the next tick.
  void tell(const Check& check, const Transition& transition, Nanos now);
  // A check that was down before the restart still is: Alertmanagers hear of it again, nobody else.
  void resume(const Check& check, const std::string& cause, Nanos since, Nanos now);
  // A check that is no longer there: its alert ends.
  void forget(CheckId id, Nanos unix_now, Nanos now);

  void tick(Nanos now);
  Nanos next() const;  // when tick has something to do; kNever: when something is told

  // Why somebody is not told, of the last failure; empty: all are.
  std::string problem() const;
  void sample(metrics::Samples& out) const;  // sonde_alerts_*

 private:
  class Receiver;
  class Webhook;
  class Alertmanager;

  void write_events(Nanos now);

  AlertOptions options_;
  std::vector<std::unique_ptr<Webhook>> webhooks_;
  std::vector<std::unique_ptr<Alertmanager>> alertmanagers_;
  std::string lines_;  // of events that are not written yet
  std::uint64_t waiting_lines_ = 0;
  Nanos write_at_ = 0;
  std::string events_problem_;
  std::uint64_t events_written_ = 0, events_dropped_ = 0, event_failures_ = 0;
};

}  // namespace sonde::gateway
