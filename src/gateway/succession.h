// The process among others: the one before it and the one behind it (handover.h), and systemd, which is told of both.
// One thread, the gateway's, but for problem() and sample().
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "gateway/checks/worker.h"
#include "gateway/handover.h"
#include "metrics/sample.h"
#include "os/fd.h"
#include "os/respawn.h"
#include "os/service_manager.h"

namespace sonde::gateway {

class Succession {
 public:
  // What the process came with. To be called before there are threads.
  static Parsed<std::unique_ptr<Succession>> of_environment();

  // True: there is a predecessor; the books are to be held until look() says kBegin.
  bool inherits() const { return predecessor_ != nullptr; }
  // What listens already; empty: `listen` is to be opened.
  std::vector<os::Fd> take_sockets(const std::string& listen);
  // This gateway answers.
  Parsed<> tell_ready();

  // SIGUSR2: the program is started again, with these sockets that listen.
  void restart(const std::vector<int>& sockets);

  enum class Turn : std::uint8_t {
    kNothing,
    kBegin,  // the books have what the predecessor knew, and are to be held no longer
    kGoOn,   // the successor has failed: the same
    kLeave,  // the successor has all; what is left is to answer what was asked
  };
  // What has come, and what is due; calls `meanwhile` often while it waits for checks that run.
  Turn look(const Books& books, const std::function<void()>& meanwhile);
  // What a predecessor knew of checks that are in the books only by now.
  void adopt_late(const Books& books);
  std::array<int, 2> fds() const;  // readable: time for look(); -1: none
  // The process is told to end: so is a successor that is not ready.
  void give_up();

  const os::ServiceManager& systemd() const { return systemd_; }
  // Now and then: systemd is told that this process lives, if all workers have turned since.
  void tell_alive(const std::vector<std::unique_ptr<Worker>>& workers);

  std::string problem() const;  // of the last restart; empty: none
  void sample(metrics::Samples& out) const;

 private:
  Turn follow_predecessor(const Books& books);
  Turn follow_successor(const Books& books, const std::function<void()>& meanwhile);
  void fail(const std::string& why);

  os::Program program_;
  os::ServiceManager systemd_;
  std::vector<os::Fd> activated_;  // systemd's sockets
  std::string listens_for_;        // the `listen` of the sockets; empty: they are systemd's
  std::unique_ptr<Predecessor> predecessor_;
  bool begun_ = false;
  std::unordered_map<CheckId, HandedCheck> unplaced_;
  Nanos unplaced_until_ = kNever;
  std::unique_ptr<Successor> successor_;
  std::vector<std::uint64_t> turns_told_;  // of each worker, at the last sign of life
  Nanos alive_at_ = 0;

  std::atomic<std::uint64_t> failures_{0};
  mutable std::mutex mutex_;  // of the problem
  std::string problem_;
};

}  // namespace sonde::gateway
