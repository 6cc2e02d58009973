// epoll as completions: one non-blocking socket and one edge-triggered epoll_ctl a connection. A connection that only
// connects costs the system calls of a bare loop: socket, connect, epoll_ctl, its share of epoll_wait,
// setsockopt(SO_LINGER), close.
#pragma once

#include <memory>
#include <vector>

#include "io/backend.h"
#include "io/datagrams.h"
#include "io/watch_set.h"
#include "memory/ring_pool.h"

namespace sonde::io {

class EpollBackend final : public Backend {
 public:
  // pool: where reads land; owned by the same shard and outlives the backend.
  static Result<std::unique_ptr<EpollBackend>> create(memory::RingPool& pool);
  ~EpollBackend() override;

  const char* name() const override { return "epoll"; }
  Nanos now() const override { return now_; }
  Nanos refresh() override;
  using Backend::connect;
  using Backend::read;
  Result<> connect(ConnectionId id, const Endpoint& endpoint, const ConnectOptions& options) override;
  void read(ConnectionId id, Patience patience) override;
  void write(ConnectionId id, std::span<const std::byte> bytes) override;
  void close(ConnectionId id, CloseMode mode) override;
  void part(ConnectionId id, std::span<const std::byte> farewell, CloseMode mode) override;
  std::optional<TcpInfo> tcp_info(ConnectionId id) override;
  Result<> watch(int fd, bool read, bool write) override;
  std::span<Completion> wait(Nanos until) override;
  void drain() override;

 private:
  EpollBackend(WatchSet watches, memory::RingPool& pool);

  struct Socket {
    int fd = -1;
    std::uint32_t generation = 0;
    bool connecting : 1 = false;
    bool registered : 1 = false;
    bool readable : 1 = false;
    bool hung_up : 1 = false;  // EPOLLRDHUP or EPOLLHUP: the FIN or RST is behind what is readable
    bool wants_read : 1 = false;
    bool wants_write : 1 = false;
    bool queued : 1 = false;     // in ready_
    bool was_reset : 1 = false;  // the kernel, which tells it once, said ECONNRESET to something else than a read
    std::span<const std::byte> unwritten;
  };

  Socket* find(ConnectionId id);
  Result<> add_to_epoll(Socket& socket, ConnectionId id);
  void on_event(const epoll_event& event);
  void on_foreign(const epoll_event& event);
  void finish_connect(Socket& socket, ConnectionId id, std::uint32_t events);
  void queue(Socket& socket, ConnectionId id);
  void run_ready();
  void do_read(Socket& socket, ConnectionId id);
  void do_write(Socket& socket, ConnectionId id);

  WatchSet watches_;
  memory::RingPool& pool_;
  Datagrams datagrams_;  // what sockets_ does not know
  Nanos now_;
  std::vector<Socket> sockets_;       // by ConnectionId::index
  std::vector<ConnectionId> ready_;   // wants_read or wants_write that can be tried
  std::vector<ConnectionId> trying_;  // ready_ of the turn that runs
  std::vector<Completion> completions_;
  std::vector<Completion> immediate_;  // of connects that were decided at once
  std::vector<memory::Lease> leases_;  // behind completions_' data
};

}  // namespace sonde::io
