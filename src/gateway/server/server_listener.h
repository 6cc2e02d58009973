// The sockets that listen and what is accepted from them, on the loop of one worker, handed to the workers in turn. One
// set of sockets for all threads: sockets of their own each (SO_REUSEPORT) would lose what waits in the queue of one
// that closes, and cannot be handed over in another number than the successor has threads; connections stay, so that
// accepting is not what costs.
#pragma once

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ip_address.h"
#include "gateway/server/server_worker.h"
#include "os/fd.h"

namespace sonde::gateway {

// "[ADDRESS]:PORT"; without an address all of this machine (IPv6's unspecified one); "localhost" is 127.0.0.1.
Parsed<Endpoint> parse_listen(std::string_view text);

// Bound and listening, non-blocking, close-on-exec. The error names `listen`.
Parsed<os::Fd> open_listener(std::string_view listen);

// Of one that was handed over: nothing when it listens for streams, and then it is made non-blocking.
Parsed<> check_listener(int fd);

class ServerListener {
 public:
  // Runs on the loop of workers.front(); they outlive it. `sockets` stay its owner's, and open.
  ServerListener(const std::vector<int>& sockets, std::vector<ServerWorker*> workers);
  ~ServerListener();  // REQUIRES: the loop runs no more
  ServerListener(const ServerListener&) = delete;
  ServerListener& operator=(const ServerListener&) = delete;

  void start();  // before the loop runs
  void stop();   // on the loop: accepts no more

 private:
  using Executor = boost::asio::io_context::executor_type;
  using Descriptor = boost::asio::posix::basic_stream_descriptor<Executor>;
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

  void wait(std::size_t socket);
  void accept(std::size_t socket);
  bool make_room();

  std::vector<ServerWorker*> workers_;
  std::vector<Descriptor> sockets_;
  std::vector<std::unique_ptr<Timer>> pauses_;  // one a socket
  std::size_t next_ = 0;
  bool stopped_ = false;
};

}  // namespace sonde::gateway
