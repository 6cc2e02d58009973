// A world: a population of targets on loopback, played on real sockets. A server answers for a whole prefix × ports:
// refused is where nobody listens; silent is a listener that a socket filter keeps from seeing its SYNs; the rest
// accept and play their role's script.
//
// Where no role refuses, a port's listener on the wildcard address answers for all of them, one in each thread. It
// hears loopback only, and resets what was meant for an address outside the prefix. Else each endpoint that does not
// refuse has a listener of its own, dealt out to threads. Threads have descriptor tables of their own (unshare(2),
// CLONE_FILES), so that the limit of open files bounds a thread and not the world.
//
// start() and stop() from one thread; the population outlives the server.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/ip_address.h"
#include "population/population.h"

namespace sonde::world {

struct ServerOptions {
  const population::Population* population = nullptr;
  IpAddress prefix = IpAddress::v4(0x7f4d0000);  // inside 127.0.0.0/8, or ::1
  unsigned prefix_length = 16;                   // 8 … 32, 128 for ::1
  std::vector<std::uint16_t> ports;              // 0: one that is free
  std::uint32_t threads = 1;                     // at least so many
  std::uint64_t descriptors_per_thread = 0;      // 0: the limit of open files, raised as far as it goes
};

// Whether there can be such a world: on loopback, with a port, and with roles that a kernel can play.
Parsed<> check(const ServerOptions& options);

// The endpoints of options, in order of address, then port. REQUIRES: check(options), and that they outlive this.
class Endpoints {
 public:
  explicit Endpoints(const ServerOptions& options) : options_(options) {}
  std::uint64_t count() const;
  Endpoint at(std::uint64_t index) const;

 private:
  const ServerOptions& options_;
};

class Server {
 public:
  static constexpr std::uint64_t kMaxListeners = 200'000;
  static constexpr std::uint64_t kMaxThreads = 256;

  Server();
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Returns when every listener listens. The error says what is in the way: options that check() refuses, more
  // listeners than a machine carries, a port that somebody else has.
  Parsed<> start(ServerOptions options);
  void stop();

  const std::vector<std::uint16_t>& ports() const { return options_.ports; }
  std::uint64_t listeners() const { return listeners_; }
  std::size_t threads() const { return tables_.size(); }
  std::uint64_t accepted() const { return accepted_.load(std::memory_order_relaxed); }

 private:
  class Table;
  Parsed<std::vector<Endpoint>> own_listeners(bool wildcard) const;
  Parsed<> deal_listeners(std::vector<std::vector<Endpoint>>& by_table);

  ServerOptions options_;
  std::uint64_t listeners_ = 0;
  std::atomic<std::uint64_t> accepted_{0};
  std::atomic<bool> stopping_{false};
  std::vector<std::unique_ptr<Table>> tables_;
};

}  // namespace sonde::world
