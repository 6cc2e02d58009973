// io_uring: connections are direct descriptors, which count against no limit of open files, spread over as many rings
// as their tables ask for. Rings are made when first needed, by the thread that uses the backend.
//
// A connection is named to the kernel by its slot, an entry of a ring's table. A slot that was closed is used again
// only after the last completion of its last request came back, so a late one can never be taken for its successor's;
// a generation in user_data checks that.
//
// What a connection costs in system calls: nothing of its own. Requests are gathered and handed over once a turn:
// SOCKET and CONNECT, the reads and writes, then CANCEL of what is pending, CONNECT to AF_UNSPEC (which resets) and
// CLOSE. Where there is one ring and nothing else to watch (datagrams are), that same call sleeps. Else one eventfd
// tells of news in any ring: the descriptor of a ring does not, where completions are made only when asked for
// (DEFER_TASKRUN). A ring runs the requests of one submission in order, each to its first wait, so what follows SOCKET
// finds it done; were it not so, CONNECT would fail with EBADF.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "io/backend.h"
#include "io/datagrams.h"
#include "io/uring_features.h"
#include "io/uring_ring.h"
#include "io/watch_set.h"
#include "memory/ring_pool.h"
#include "os/fd.h"

namespace sonde::io {

// Direct descriptors of a ring, at most. The kernel could hold more, but it finds a request that is to be cancelled in
// a hash of at most 256 chains a ring: with 20,000 pending a ring, cancelling takes longer than all else that ends a
// timeout (docs/decisions/0008-short-tables.md).
inline constexpr std::uint32_t kLongestTable = 4096;

struct UringOptions {
  UringFeatures features;         // of probe_uring()
  std::uint32_t connections = 0;  // at once, at most
  std::uint32_t table = 0;        // direct descriptors a ring; 0: as many as there can be
  std::uint32_t submissions = 256;
  std::uint32_t completions = 8192;
};

class UringBackend final : public Backend {
 public:
  // pool: where reads land; owned by the same shard and outlives the backend. REQUIRES: options.features.usable().
  static Result<std::unique_ptr<UringBackend>> create(memory::RingPool& pool, const UringOptions& options);

  const char* name() const override { return "uring"; }
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

  std::size_t rings() const { return rings_.size(); }
  std::size_t slots_in_use() const { return in_use_; }  // those too that wait for their last completion

 private:
  UringBackend(WatchSet watches, os::Fd wake, memory::RingPool& pool, const UringOptions& options);

  enum class Request : std::uint8_t {
    kSocket,
    kConnect,
    kPoll,
    kRead,
    kWrite,
    kFarewell,
    kCancel,
    kReset,
    kClose,
    kInstall
  };

  struct Slot {
    ConnectionId id{};
    std::uint32_t generation = 0;  // of the slot's use; 24 bits of it are in user_data
    std::uint16_t fault = 0;       // errno of SOCKET
    std::uint8_t pending = 0;      // requests whose completion is to come
    bool used : 1 = false;
    bool connecting : 1 = false;
    bool polling : 1 = false;
    bool reading : 1 = false;
    bool writing : 1 = false;
    bool closing : 1 = false;
    bool closed : 1 = false;     // CLOSE was done
    bool was_reset : 1 = false;  // the kernel, which tells it once, told CONNECT or SEND of the RST
    std::uint32_t unwritten = 0;
    const std::byte* out = nullptr;
  };
  static_assert(sizeof(Slot) <= 32);

  struct Unsent {  // a request that the kernel did not take yet
    std::uint32_t slot;
    std::uint32_t generation;
    Request request;
    CloseMode mode;  // kClose
  };

  Result<std::uint32_t> take_slot();
  Result<> add_ring();
  UringRing& ring_of(std::uint32_t slot) { return *rings_[slot / table_]; }
  std::uint32_t slot_of(ConnectionId id) const;  // kNoSlot when there is none
  io_uring_sqe* prepare(std::uint32_t slot, Request request);
  bool start_connect(std::uint32_t slot, const Endpoint& endpoint, bool with_socket);
  void start_read(std::uint32_t slot, Request request);
  void start_write(std::uint32_t slot);
  void start_close(std::uint32_t slot, CloseMode mode);
  bool prepare_close(std::uint32_t slot, CloseMode mode);
  void put_off(std::uint32_t slot, Request request, CloseMode mode = CloseMode::kReset);
  void send_again(const Unsent& unsent);
  bool cancel(std::uint32_t slot, Request request);
  void retire_if_done(std::uint32_t slot);
  void collect(std::size_t ring);
  void collect_all();
  void submit_all();
  void send_unsent();
  void choose_sleep();
  void wait_in_ring(Nanos until);
  void wait_for_signal(Nanos until);
  void list_dirty(std::uint32_t ring);
  void handle(const io_uring_cqe& completion);
  void handle_connect(std::uint32_t slot, int result);
  void handle_read(std::uint32_t slot, int result, memory::Lease data);
  void handle_write(std::uint32_t slot, int result);
  void fail(std::uint32_t slot, Op op, const Error& error);

  WatchSet watches_;
  os::Fd wake_;  // in watches_, edge-triggered: some ring has news
  memory::RingPool& pool_;
  Datagrams datagrams_;  // what no slot knows
  UringOptions options_;
  std::uint32_t table_;  // of each ring but the last
  Nanos now_;
  std::vector<std::unique_ptr<UringRing>> rings_;
  std::vector<std::uint32_t> dirty_;       // rings with entries that are not submitted, once each
  std::vector<std::uint32_t> submitting_;  // dirty_ of the turn that runs
  std::vector<Slot> slots_;                // ring * table_ + index
  std::vector<std::uint32_t> by_id_;       // ConnectionId::index → slot
  std::size_t in_use_ = 0;
  std::size_t open_ring_ = 0;  // where a free slot was found last
  std::deque<Unsent> unsent_;
  bool sleeps_in_ring_ = false;
  bool unfinished_ = false;     // a wait had enough before the rings had no more
  std::size_t first_ring_ = 0;  // where the next wait begins to collect
  std::vector<Completion> completions_;
  std::vector<Completion> immediate_;  // of requests that the kernel did not even take
  std::vector<memory::Lease> leases_;  // behind completions_' data
};

}  // namespace sonde::io
