// One thread that inspects what comes over the lanes of the desks, and remembers what it made. Private to Inspector and
// Desk. Lives as long as the Inspector; everything but add_lane() and wake() happens on its own thread.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "x509/facts_cache.h"
#include "x509/lane.h"

namespace sonde::x509 {

class Inspector;

class InspectionThread {
 public:
  explicit InspectionThread(Inspector& inspector);
  ~InspectionThread();
  InspectionThread(const InspectionThread&) = delete;
  InspectionThread& operator=(const InspectionThread&) = delete;

  bool start();      // false: the system gives no thread
  Lane* add_lane();  // any thread
  void wake();       // any thread; something was put into a lane or a lane was closed

 private:
  void run();
  void adopt_lanes();
  bool serve_lanes();  // one job of each lane; false: there was none
  Reply answer(Job job);

  Inspector& inspector_;
  FactsCache cache_;
  std::vector<std::unique_ptr<Lane>> lanes_;  // the thread's own
  std::mutex arrivals_mutex_;
  std::vector<std::unique_ptr<Lane>> arrivals_;  // lanes that the thread has not taken over yet
  std::atomic<bool> has_arrivals_{false};
  // Counts what could give the thread work; it sleeps on the count that it last saw (a futex, no lock).
  std::atomic<int> signals_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;  // last: it uses all the others
};

}  // namespace sonde::x509
