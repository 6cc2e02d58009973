// One thread of a world: a descriptor table of its own, its listeners, and the connections that came through them.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <future>
#include <queue>
#include <string>
#include <thread>
#include <vector>

#include "os/fd.h"
#include "world/server.h"

namespace sonde::world {

// Whether the wildcard address answers, so that listeners share their ports.
bool uses_wildcard(const ServerOptions& options);

// start() and the destructor, which joins, are for the thread that made it; all else happens in its own. Whatever has a
// descriptor is closed there, for the number means another file elsewhere.
class Server::Table {
 public:
  // endpoints: where to listen; 0.0.0.0 is the wildcard.
  Table(const ServerOptions& options, std::vector<Endpoint> endpoints, std::atomic<std::uint64_t>& accepted,
        std::atomic<bool>& stopping)
      : options_(options), endpoints_(std::move(endpoints)), accepted_(accepted), stopping_(stopping) {}
  ~Table() {
    if (thread_.joinable()) thread_.join();
  }

  // Starts the thread; the future holds "" when all listen, else what is wrong.
  std::future<std::string> start();

 private:
  struct Connection {
    const population::Role* role = nullptr;  // null: the descriptor is no connection
    std::uint32_t generation = 0;
    std::uint32_t act = 0;
    std::uint32_t from_client = 0;
  };
  struct Wake {
    Nanos at;
    int fd;
    std::uint32_t generation;
    bool operator>(const Wake& other) const { return at > other.at; }
  };
  struct Listener {
    int fd = -1;
    Endpoint endpoint;
  };

  void run();
  void close_all();
  std::string set_up();
  std::string listen_on(const Endpoint& endpoint);
  void serve();
  void accept_some(const Listener& listener);
  bool belongs_here(const IpAddress& address) const;
  void make_room(const Listener& listener);
  void open(int fd, const Endpoint& local);
  void on_connection(int fd);
  void play(int fd);
  void close(int fd, bool with_reset);
  void run_wakes(Nanos now);

  const ServerOptions& options_;
  std::vector<Endpoint> endpoints_;
  std::atomic<std::uint64_t>& accepted_;
  std::atomic<bool>& stopping_;
  std::promise<std::string> ready_;
  std::thread thread_;
  os::Fd epoll_;
  os::Fd reserve_;  // given up to accept and drop one when the table is full
  std::vector<Listener> listeners_;
  std::vector<Connection> connections_;  // by descriptor
  std::priority_queue<Wake, std::vector<Wake>, std::greater<>> wakes_;
};

}  // namespace sonde::world
