// A sink: listeners on all of 127.0.0.0/8 that hold whatever connects, so that a client can be measured at a number of
// connections which no server would take.
//
// Queued, the default: nothing is ever accepted. The kernel completes the handshake and keeps the connection in the
// listener's accept queue, where it costs this process neither a descriptor nor a byte. The queue is as deep as
// net.core.somaxconn was at the moment of listen(2); when it is full, the kernel drops SYNs. A connection that its
// client has ended keeps its place in the queue until the sink stops.
//
// Accepting: connections are accepted, and what they send is read and thrown away. A thread accepts until its
// descriptor table is full and then starts the next, which has a table of its own (unshare(2), CLONE_FILES). What the
// last of kMaxThreads has no room for waits in the queue.
//
// start(), stop() and held() from one thread. Ending resets every connection.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "os/fd.h"

namespace sonde::world {

struct SinkOptions {
  std::vector<std::uint16_t> ports;          // 0: one that is free
  bool accept = false;                       // accept and drain, instead of leaving all in the queue
  std::uint64_t descriptors_per_thread = 0;  // 0: the limit of open files, raised as far as it goes
};

class Sink {
 public:
  static constexpr std::uint32_t kMaxThreads = 256;

  Sink();
  ~Sink();
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

  // The error says what is in the way: a port that somebody else has, a kernel that does not let us bind to loopback.
  Parsed<> start(SinkOptions options);
  void stop();

  const std::vector<std::uint16_t>& ports() const { return options_.ports; }
  // How many connections wait in one port's queue at most, as the kernel has it.
  std::uint64_t queue_depth() const;
  // Connections in the queues and accepted ones that are open.
  std::uint64_t held() const;
  std::uint32_t threads() const;

 private:
  class Table;

  Parsed<> listen_on(std::uint16_t& port);
  // From any thread. "", else why there could be none.
  std::string add_table_if_none_listens();

  SinkOptions options_;
  std::vector<os::Fd> listeners_;
  os::Fd stopping_;                         // an eventfd: readable once the threads are to end
  std::atomic<std::uint64_t> accepted_{0};  // and not yet closed
  std::atomic<std::int32_t> listening_{0};  // threads that have room
  mutable std::mutex adding_;               // guards what follows
  bool ending_ = false;
  std::vector<std::unique_ptr<Table>> tables_;
};

// What net.core.somaxconn must be for `wanted` connections over so many ports: twice the need, for what clients have
// ended keeps its place.
std::uint64_t somaxconn_for(std::uint64_t wanted, std::size_t ports);

}  // namespace sonde::world
