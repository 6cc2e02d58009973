// The simulator: a real backend without a kernel. Virtual time, a seeded population of hosts that play the same scripts
// as the loopback world, and seeded faults of this side (descriptors, memory, ports). The same seed gives the same run,
// event by event; a million probes take seconds.
//
// Model: a path of fixed round-trip time a host; a server's acts take no time but their pauses; bytes arrive cut into
// random pieces; a write is taken in random parts. Retransmission is not modelled: silence is silence. A datagram
// arrives whole, once, in order.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "io/backend.h"
#include "population/population.h"

namespace sonde::io {

struct SimOptions {
  std::uint64_t seed = 1;
  Nanos rtt_min = kMillisecond;
  Nanos rtt_max = 80 * kMillisecond;
  bool cut_reads = true;                   // deliver each send in random pieces
  std::uint32_t descriptors = 0xffffffff;  // connections open at once; more gives kNoDescriptors
  double no_memory = 0;                    // share of connects that fail with kNoMemory
  double no_ports = 0;                     // share of connects that fail with kNoPorts
  // Connections that the way to one /24 or /48 carries at once: a SYN beyond them is dropped. 0: any number.
  std::uint32_t prefix_carries = 0;
};

class SimBackend final : public Backend {
 public:
  // population outlives the backend.
  SimBackend(const population::Population& population, SimOptions options);

  const char* name() const override { return "sim"; }
  Nanos now() const override { return now_; }
  Nanos refresh() override { return now_; }
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

  std::uint32_t open() const { return open_; }  // connections open at this moment

 private:
  enum class EventKind : std::uint8_t { kArrival, kServer, kBytes, kFin, kReset, kWriteDone, kDatagram, kIcmp };
  struct Event {
    Nanos at;
    std::uint64_t order;  // ties run in the order they were made
    ConnectionId id;
    EventKind kind;
    const char* bytes;  // kBytes
    std::uint32_t length;
    bool operator>(const Event& other) const { return at != other.at ? at > other.at : order > other.order; }
  };
  // What is under way between a client of datagrams and its peer; of a stream `request` and `answers` alone.
  struct Exchange {
    bool ping = false;
    std::deque<std::string> requests;  // not yet taken by a kAwait; those that arrived come first
    std::uint32_t arrived = 0;
    std::string request;              // taken last
    std::deque<std::string> answers;  // on their way, and not yet read; the latter come first
    std::uint32_t to_read = 0;
    std::optional<ErrorKind> error;  // of an ICMP error that no read was told
    IcmpError icmp;
  };
  struct Socket {
    bool open = false;
    std::uint32_t generation = 0;
    const population::Role* role = nullptr;
    Nanos rtt = 0;
    Nanos arrives = 0;              // nothing overtakes: the last scheduled arrival at the client
    std::uint32_t act = 0;          // next act of the server
    std::uint32_t from_client = 0;  // bytes that reached the server since its last kAwait
    std::uint32_t to_write = 0;
    bool wants_read = false;
    bool answered = false;  // the SYN was
    bool deaf = false;      // the server hears nothing more
    bool unacked = false;   // and something was sent to it since
    bool fin = false;
    bool reset = false;
    bool ended = false;         // the server has closed or reset
    std::uint64_t carried = 0;  // the prefix that counts it; 0: none does
    std::string inbox;
    std::unique_ptr<Exchange> datagrams;  // null: TCP
    std::unique_ptr<Exchange> stream;     // of TCP, where the script replies to what came
  };

  Socket* find(ConnectionId id);
  void post(Nanos at, ConnectionId id, EventKind kind, const char* bytes = nullptr, std::uint32_t length = 0);
  void run(const Event& event);
  void run_server(Socket& socket, ConnectionId id);
  void send_cut(Socket& socket, ConnectionId id, std::string_view bytes);
  void answer_read(Socket& socket, ConnectionId id);
  bool run_datagrams(Socket& socket, const Event& event);
  void send_datagram(Socket& socket, ConnectionId id, std::string bytes);
  void answer_datagram_read(Socket& socket, ConnectionId id);
  std::uint64_t random();
  bool chance(double share);

  const population::Population& population_;
  SimOptions options_;
  std::uint64_t random_state_;
  std::uint64_t order_ = 0;
  std::uint32_t open_ = 0;
  Nanos now_ = kSecond;  // not zero, so that "unset" shows
  std::vector<Socket> sockets_;
  std::unordered_map<std::uint64_t, std::uint32_t> carried_;  // by prefix, where that is bounded
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::vector<Completion> completions_;
  std::vector<std::string> delivered_;  // behind completions_' data
};

}  // namespace sonde::io
