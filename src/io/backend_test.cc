// The seam between engine and kernel, case by case, on every backend that has a kernel behind it.
#include "io/backend.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <thread>
#include <vector>

#include "io/engine.h"
#include "io/epoll_backend.h"
#include "io/plain_peer.h"
#include "io/uring_backend.h"
#include "os/error.h"
#include "os/machine.h"

namespace sonde::io {
namespace {

constexpr Nanos kBound = 10 * kSecond;  // of what comes at once, unless something is broken

struct Kind {
  const char* name;
  bool uring;
  UringOptions options;
  bool old_kernel;  // without what Linux 6.0 and later brought
};

const Kind kEpoll{.name = "epoll", .uring = false, .options = {}, .old_kernel = false};
const Kind kUring{.name = "uring", .uring = true, .options = {.table = 2048}, .old_kernel = false};
const Kind kUringOld{.name = "uring_old", .uring = true, .options = {.table = 2048}, .old_kernel = true};
const Kind kUringTight{.name = "uring_tight",
                       .uring = true,
                       .options = {.table = 4, .submissions = 4, .completions = 8},
                       .old_kernel = false};
// Room for what is closed and not yet let go of, but queues that are always full.
const Kind kUringQueues{.name = "uring_queues",
                        .uring = true,
                        .options = {.table = 2048, .submissions = 4, .completions = 8},
                        .old_kernel = false};

void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

// The timer of a socket, as /proc/net/tcp tells: a direct descriptor cannot be asked.
struct KernelTimer {
  unsigned kind = 0;      // 0: none, 1: retransmission, 2: keepalive
  unsigned long due = 0;  // in hundredths of a second
};

std::optional<KernelTimer> timer_of(std::uint32_t address, std::uint16_t port) {
  std::FILE* table = std::fopen("/proc/net/tcp", "re");
  std::array<char, 512> line{};
  std::optional<KernelTimer> found;
  while (table != nullptr && std::fgets(line.data(), line.size(), table) != nullptr) {
    unsigned local = 0;
    unsigned local_port = 0;
    KernelTimer timer;
    if (std::sscanf(line.data(), " %*d: %x:%x %*x:%*x %*x %*x:%*x %x:%lx", &local, &local_port, &timer.kind,
                    &timer.due) == 4 &&
        ntohl(local) == address && local_port == port)
      found = timer;
  }
  if (table != nullptr) std::fclose(table);
  return found;
}

// What became of a connection so far.
struct Story {
  int connects = 0;
  int reads = 0;
  int writes = 0;
  bool connect_failed = false;
  bool write_failed = false;
  Error error;
  Received received{.start = 0};  // as the client read it
};

class BackendTest : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    const Kind& kind = GetParam();
    if (!kind.uring) {
      auto made = EpollBackend::create(pool_);
      ASSERT_TRUE(made);
      backend_ = std::move(*made);
      return;
    }
    UringOptions options = kind.options;
    options.features = probe_uring();
    if (!options.features.usable()) GTEST_SKIP() << "no io_uring: " << options.features.why_not();
    if (kind.old_kernel)
      options.features.single_issuer = options.features.defer_taskrun = options.features.fd_install = false;
    options.connections = 1024;
    fd_install_ = options.features.fd_install;
    auto made = UringBackend::create(pool_, options);
    ASSERT_TRUE(made);
    uring_ = made->get();
    backend_ = std::move(*made);
  }

  void TearDown() override {
    if (backend_ == nullptr) return;
    backend_->drain();
    EXPECT_EQ(pool_.stats().in_use, 0U) << "every buffer must have come back";
    if (uring_ != nullptr) {
      EXPECT_EQ(uring_->slots_in_use(), 0U);
    }
  }

  static ConnectionId id(std::uint32_t index, std::uint32_t generation = 1) {
    return {.index = index, .generation = generation};
  }
  Story& story(ConnectionId of) { return stories_[std::pair(of.index, of.generation)]; }

  // One wait; what came is told to its story. What was not asked for, or comes after close, fails.
  std::size_t wait(Nanos until) {
    const std::span<Completion> completions = backend_->wait(until);
    for (const Completion& completion : completions) {
      EXPECT_FALSE(closed_[completion.id.index] >= completion.id.generation) << "a completion after close";
      Story& of = story(completion.id);
      switch (completion.op) {
        case Op::kConnect:
          EXPECT_EQ(++of.connects, 1);
          of.connect_failed = completion.failed;
          if (completion.failed) of.error = completion.error;
          break;
        case Op::kRead:
          ++of.reads;
          if (completion.failed) {
            of.error = completion.error;
            of.received.end = completion.error.kind == ErrorKind::kReset ? StreamEnd::kReset : StreamEnd::kOther;
          } else if (completion.data.empty()) {
            of.received.end = StreamEnd::kFin;
          } else {
            EXPECT_TRUE(Pattern::matches(of.received.bytes, completion.data));
            of.received.bytes += completion.data.size();
          }
          break;
        case Op::kWrite:
          ++of.writes;
          of.write_failed = completion.failed;
          break;
        case Op::kWatch:
          ADD_FAILURE() << "nothing is watched";
      }
    }
    return completions.size();
  }

  // Waits until `done`; false when that does not come.
  template <typename Done>
  bool wait_for(Done done) {
    const Nanos give_up = backend_->refresh() + kBound;
    while (!done() && backend_->now() < give_up) wait(backend_->now() + kMillisecond);
    return done();
  }
  // Until nothing comes any more.
  void settle() {
    for (int quiet = 0, waits = 0; quiet < 3 && waits < 10'000; ++waits) quiet = wait(0) > 0 ? 0 : quiet + 1;
  }

  void close(ConnectionId of, CloseMode mode) {
    backend_->close(of, mode);
    closed_[of.index] = of.generation;
  }

  // The peer of what connected. The handshake may be over for the client first.
  os::Fd accept() { return accept(listener_); }
  os::Fd accept(const PlainListener& listener) {
    os::Fd peer;
    EXPECT_TRUE(wait_for([&] {
      if (!peer) peer = listener.accept();
      return static_cast<bool>(peer);
    }));
    return peer;
  }
  // A connection, with its peer.
  os::Fd connected(ConnectionId of, const ConnectOptions& options = {}) {
    EXPECT_TRUE(backend_->connect(of, listener_.endpoint(), options));
    EXPECT_TRUE(wait_for([&] { return story(of).connects > 0; }));
    EXPECT_FALSE(story(of).connect_failed) << os::describe(story(of).error);
    return accept();
  }
  // Reads until the end of what the peer sends.
  StreamEnd read_to_end(ConnectionId of, Patience patience = Patience::kSoon) {
    Story& mine = story(of);
    while (mine.received.end == StreamEnd::kNone) {
      const int reads = mine.reads;
      backend_->read(of, patience);
      if (!wait_for([&] { return mine.reads > reads; })) break;
    }
    return mine.received.end;
  }
  // Until the peer has all that comes.
  StreamEnd peer_reads_to_end(const os::Fd& peer, Received& received) {
    EXPECT_TRUE(wait_for([&] {
      received.read(peer.get());
      return received.end != StreamEnd::kNone;
    }));
    return received.end;
  }
  static void peer_sends(const os::Fd& peer, std::uint64_t position, std::size_t size) {
    const auto bytes = Pattern::at(position, size);
    EXPECT_EQ(::send(peer.get(), bytes.data(), size, MSG_NOSIGNAL), static_cast<ssize_t>(size));
  }

  memory::RingPool pool_;
  PlainListener listener_;
  UringBackend* uring_ = nullptr;
  bool fd_install_ = true;
  std::unique_ptr<Backend> backend_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Story> stories_;
  std::map<std::uint32_t, std::uint32_t> closed_;  // index → the last generation that was closed
};

TEST_P(BackendTest, a_port_where_nobody_listens_is_refused) {
  const PlainListener nobody({.listens = false});
  const Result<> started = backend_->connect(id(0), nobody.endpoint());
  if (!started) {
    EXPECT_EQ(started.error().kind, ErrorKind::kRefused);
    return;
  }
  ASSERT_TRUE(wait_for([&] { return story(id(0)).connects > 0; }));
  EXPECT_TRUE(story(id(0)).connect_failed);
  EXPECT_EQ(story(id(0)).error.kind, ErrorKind::kRefused);
}

TEST_P(BackendTest, a_reset_before_the_connect_was_told_is_told_by_the_read) {
  ASSERT_TRUE(backend_->connect(id(0), listener_.endpoint()));
  os::Fd peer = accept();
  close_with_reset(peer.release());
  ASSERT_TRUE(wait_for([&] { return story(id(0)).connects > 0; }));
  EXPECT_FALSE(story(id(0)).connect_failed) << "there was a connection";
  EXPECT_EQ(read_to_end(id(0)), StreamEnd::kReset);
}

TEST_P(BackendTest, a_reset_that_a_write_hears_of_is_told_by_the_read_too) {
  os::Fd peer = connected(id(0));
  close_with_reset(peer.release());
  backend_->write(id(0), Pattern::at(0, 100));
  backend_->read(id(0));
  ASSERT_TRUE(wait_for([&] { return story(id(0)).writes > 0 && story(id(0)).reads > 0; }));
  EXPECT_TRUE(story(id(0)).write_failed);
  EXPECT_EQ(story(id(0)).received.end, StreamEnd::kReset);
}

TEST_P(BackendTest, a_reset_behind_a_fin_does_not_change_how_the_stream_ended) {
  ASSERT_TRUE(backend_->connect(id(0), listener_.endpoint()));
  os::Fd peer = accept();
  ::shutdown(peer.get(), SHUT_WR);
  close_with_reset(peer.release());
  ASSERT_TRUE(wait_for([&] { return story(id(0)).connects > 0; }));
  EXPECT_EQ(read_to_end(id(0)), StreamEnd::kFin);
}

TEST_P(BackendTest, a_wait_that_sleeps_is_woken_by_what_comes) {
  for (const Patience patience : {Patience::kSoon, Patience::kIdle}) {
    const ConnectionId me = id(patience == Patience::kIdle ? 1 : 0);
    const os::Fd peer = connected(me);
    backend_->read(me, patience);
    settle();
    std::thread later([&] { peer_sends(peer, 0, 10); });
    // An idle read may take two turns: it is told that there is something, and then reads.
    const Nanos give_up = backend_->refresh() + kBound;
    while (story(me).reads == 0 && backend_->now() < give_up) wait(give_up);
    later.join();
    EXPECT_EQ(story(me).received.bytes, 10U);
    EXPECT_LT(backend_->now(), give_up) << "it slept through the news";
  }
}

TEST_P(BackendTest, a_read_that_is_pending_at_close_is_never_answered) {
  const os::Fd peer = connected(id(0));
  backend_->read(id(0));
  settle();
  close(id(0), CloseMode::kReset);
  ::send(peer.get(), "late", 4, MSG_NOSIGNAL);  // may fail: the RST may be there
  settle();
  EXPECT_EQ(story(id(0)).reads, 0);
}

TEST_P(BackendTest, an_idle_read_gets_the_bytes_and_then_the_fin) {
  const os::Fd peer = connected(id(0));
  backend_->read(id(0), Patience::kIdle);
  settle();
  EXPECT_EQ(story(id(0)).reads, 0);
  peer_sends(peer, 0, 10'000);
  ::shutdown(peer.get(), SHUT_WR);
  ASSERT_TRUE(wait_for([&] { return story(id(0)).reads > 0; }));
  EXPECT_EQ(read_to_end(id(0), Patience::kIdle), StreamEnd::kFin);
  EXPECT_EQ(story(id(0)).received.bytes, 10'000U);
}

TEST_P(BackendTest, a_half_closed_peer_still_gets_what_is_written) {
  const os::Fd peer = connected(id(0));
  ::shutdown(peer.get(), SHUT_WR);
  EXPECT_EQ(read_to_end(id(0)), StreamEnd::kFin);
  backend_->write(id(0), Pattern::at(0, 50'000));
  Received received;
  ASSERT_TRUE(wait_for([&] {
    received.read(peer.get());
    return story(id(0)).writes > 0;
  }));
  close(id(0), CloseMode::kGraceful);
  EXPECT_EQ(peer_reads_to_end(peer, received), StreamEnd::kFin);
  EXPECT_EQ(received.bytes, 50'000U);
  EXPECT_TRUE(received.as_sent);
}

TEST_P(BackendTest, a_write_larger_than_the_buffers_arrives_whole) {
  const PlainListener narrow({.receive_buffer = 8192, .max_segment = 1000});
  ASSERT_TRUE(backend_->connect(id(0), narrow.endpoint()));
  ASSERT_TRUE(wait_for([&] { return story(id(0)).connects > 0; }));
  const os::Fd peer = accept(narrow);
  backend_->write(id(0), Pattern::at(0, Pattern::kMost));
  settle();
  EXPECT_EQ(story(id(0)).writes, 0) << "the peer has read nothing yet";
  Received received;
  ASSERT_TRUE(wait_for([&] {
    received.read(peer.get());
    return story(id(0)).writes > 0;
  }));
  EXPECT_FALSE(story(id(0)).write_failed);
  close(id(0), CloseMode::kGraceful);
  EXPECT_EQ(peer_reads_to_end(peer, received), StreamEnd::kFin);
  EXPECT_EQ(received.bytes, Pattern::kMost);
  EXPECT_TRUE(received.as_sent);
}

TEST_P(BackendTest, a_graceful_close_delivers_what_was_written_and_a_fin) {
  const os::Fd peer = connected(id(0));
  backend_->write(id(0), Pattern::at(0, 5'000));
  ASSERT_TRUE(wait_for([&] { return story(id(0)).writes > 0; }));
  backend_->read(id(0));  // pending: that must not keep the FIN back
  settle();
  close(id(0), CloseMode::kGraceful);
  Received received;
  EXPECT_EQ(peer_reads_to_end(peer, received), StreamEnd::kFin);
  EXPECT_EQ(received.bytes, 5'000U);
}

TEST_P(BackendTest, a_close_with_reset_gives_the_peer_a_reset) {
  for (const bool reading : {false, true}) {
    const ConnectionId me = id(reading ? 1 : 0);
    const os::Fd peer = connected(me);
    if (reading) backend_->read(me);
    settle();
    close(me, CloseMode::kReset);
    Received received;
    EXPECT_EQ(peer_reads_to_end(peer, received), StreamEnd::kReset);
  }
}

TEST_P(BackendTest, a_write_that_close_cuts_ends_in_a_reset_and_sends_nothing_else) {
  for (const CloseMode mode : {CloseMode::kReset, CloseMode::kGraceful}) {
    const ConnectionId me = id(mode == CloseMode::kReset ? 0 : 1);
    const os::Fd peer = connected(me);
    const auto pattern = Pattern::at(0, 10'000);
    std::vector<std::byte> bytes(pattern.begin(), pattern.end());
    backend_->write(me, bytes);
    close(me, mode);
    std::fill(bytes.begin(), bytes.end(), std::byte{0xee});  // the memory is somebody else's now
    Received received;
    EXPECT_EQ(peer_reads_to_end(peer, received), StreamEnd::kReset);
    EXPECT_TRUE(received.as_sent) << "sent from memory that was given back";
  }
}

TEST_P(BackendTest, source_address_and_keepalive_are_set) {
  const ConnectOptions options{.source = IpAddress::v4(0x7f0000fe), .keepalive = 77 * kSecond};
  const os::Fd peer = connected(id(0), options);
  os::SockAddr address;
  address.length = sizeof address.storage;
  ASSERT_EQ(::getpeername(peer.get(), address.get(), &address.length), 0);
  EXPECT_EQ(os::endpoint_of(address).address, options.source);
  const std::optional<KernelTimer> timer = timer_of(0x7f0000fe, os::endpoint_of(address).port);
  ASSERT_TRUE(timer);
  EXPECT_EQ(timer->kind, 2U) << "the keepalive timer";
  EXPECT_LE(timer->due, 7700U);
  EXPECT_GT(timer->due, 1000U);
  backend_->write(id(0), Pattern::at(0, 10));  // and it is a connection like any other
  ::shutdown(peer.get(), SHUT_WR);
  EXPECT_EQ(read_to_end(id(0)), StreamEnd::kFin);
}

TEST_P(BackendTest, an_index_is_used_again_at_once_and_hears_nothing_of_the_past) {
  constexpr std::uint32_t kTimes = 1000;
  for (std::uint32_t generation = 1; generation <= kTimes; ++generation) {
    const ConnectionId me = id(0, generation);
    const os::Fd peer = connected(me);
    backend_->read(me, generation % 2 == 0 ? Patience::kSoon : Patience::kIdle);
    if (generation % 3 == 0) settle();                  // pending in the kernel, or not even submitted
    if (generation % 5 == 0) peer_sends(peer, 0, 100);  // answered, and not told
    close(me, generation % 7 == 0 ? CloseMode::kGraceful : CloseMode::kReset);
    EXPECT_EQ(story(me).reads, 0) << generation;
  }
  settle();
}

TEST_P(BackendTest, tcp_info_knows_the_round_trip_and_leaves_no_descriptor) {
  const os::Fd peer = connected(id(0));
  backend_->write(id(0), Pattern::at(0, 10));
  ASSERT_TRUE(wait_for([&] { return story(id(0)).writes > 0; }));
  const std::uint64_t before = os::open_descriptors();
  const std::optional<TcpInfo> info = backend_->tcp_info(id(0));
  EXPECT_EQ(os::open_descriptors(), before);
  ASSERT_EQ(info.has_value(), fd_install_);
  if (info) {
    EXPECT_GT(info->rtt_us, 0U);
  }
  EXPECT_FALSE(backend_->tcp_info(id(0, 7))) << "another generation";
}

TEST_P(BackendTest, a_drained_backend_may_go_in_another_thread) {
  const os::Fd peer = connected(id(0));
  const os::Fd second = connected(id(1));
  backend_->read(id(0));
  backend_->write(id(1), Pattern::at(0, Pattern::kMost));
  settle();
  backend_->drain();
  EXPECT_EQ(pool_.stats().in_use, 0U);
  std::thread([this] { backend_.reset(); }).join();
  uring_ = nullptr;
  Received received;
  received.read(peer.get());
  EXPECT_EQ(received.end, StreamEnd::kReset);
}

std::string name_of(const testing::TestParamInfo<Kind>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Each, BackendTest, testing::Values(kEpoll, kUring, kUringOld, kUringTight), name_of);

// Many at once: more than a ring's table, its submission queue or its completion queue holds.
class ManyConnections : public BackendTest {
 protected:
  // Connects `count` in one turn, has them read, and gives each what its index says, all at once.
  void run(std::uint32_t count) {
    const std::uint64_t before = os::open_descriptors();
    for (std::uint32_t i = 0; i < count; ++i) ASSERT_TRUE(backend_->connect(id(i), listener_.endpoint(0x7f010000 + i)));
    const auto all = [&](auto what) {
      return wait_for([&] {
        for (std::uint32_t i = 0; i < count; ++i)
          if (!what(story(id(i)))) return false;
        return true;
      });
    };
    ASSERT_TRUE(all([](const Story& of) { return of.connects == 1; }));
    if (uring_ != nullptr) {
      const std::uint32_t table = GetParam().options.table;
      EXPECT_EQ(uring_->rings(), (count + table - 1) / table);
      EXPECT_EQ(uring_->slots_in_use(), count);
      EXPECT_LE(os::open_descriptors(), before + uring_->rings()) << "connections are no descriptors";
    }
    std::vector<os::Fd> peers(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      os::Fd peer = accept();
      ASSERT_TRUE(peer);
      peers[PlainListener::local_of(peer.get()).address.v4_bits() - 0x7f010000] = std::move(peer);
    }
    for (std::uint32_t i = 0; i < count; ++i) backend_->read(id(i), i % 2 == 0 ? Patience::kSoon : Patience::kIdle);
    settle();
    for (std::uint32_t i = 0; i < count; ++i) peer_sends(peers[i], 0, i + 1);
    ASSERT_TRUE(all([](const Story& of) { return of.reads == 1; }));
    for (std::uint32_t i = 0; i < count; ++i) {
      EXPECT_EQ(story(id(i)).received.bytes, i + 1) << i;
      close(id(i), CloseMode::kReset);
    }
    Received received;
    for (const os::Fd& peer : peers) {
      received = {};
      EXPECT_EQ(peer_reads_to_end(peer, received), StreamEnd::kReset);
    }
    if (uring_ != nullptr) {
      EXPECT_TRUE(wait_for([&] { return uring_->slots_in_use() == 0; }));
    }
  }
};

TEST_P(ManyConnections, fifty) { run(50); }
TEST_P(ManyConnections, two_hundred) { run(200); }

INSTANTIATE_TEST_SUITE_P(Each, ManyConnections, testing::Values(kEpoll, kUring, kUringOld, kUringTight, kUringQueues),
                         name_of);

// In a process of its own, since a hard limit cannot be raised again: how many connections there are where 64
// descriptors may be open, and what the first that failed was told.
struct Carried {
  std::uint32_t connections = 0;
  ErrorKind error = ErrorKind::kOther;
};

Carried carried_with_64_descriptors(Engine engine, std::uint16_t port) {
  std::array<int, 2> pipe{};
  EXPECT_EQ(::pipe(pipe.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit limit{.rlim_cur = 64, .rlim_max = 64};
    ::setrlimit(RLIMIT_NOFILE, &limit);
    Carried carried;
    memory::RingPool pool;
    auto backend = open_backend(choose_engine(engine), pool, 500);
    std::uint32_t done = 0;
    for (std::uint32_t i = 0; backend && i < 500; ++i) {
      const Endpoint endpoint{IpAddress::v4(0x7f020000 + i), port};
      if (const Result<> started = (*backend)->connect({.index = i, .generation = 1}, endpoint); !started) {
        carried.error = started.error().kind;
        break;
      }
      ++carried.connections;
    }
    const Nanos give_up = os::monotonic_now() + kBound;
    while (backend && done < carried.connections && os::monotonic_now() < give_up)
      for (const Completion& completion : (*backend)->wait(os::monotonic_now() + kMillisecond))
        done += completion.failed ? 0 : 1;
    carried.connections = done;
    if (::write(pipe[1], &carried, sizeof carried) != sizeof carried) ::_exit(1);
    ::_exit(0);
  }
  ::close(pipe[1]);
  Carried carried;
  EXPECT_EQ(::read(pipe[0], &carried, sizeof carried), static_cast<ssize_t>(sizeof carried));
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  return carried;
}

TEST(DescriptorLimit, epoll_tells_that_there_are_no_descriptors) {
  const PlainListener listener;
  const Carried carried = carried_with_64_descriptors(Engine::kEpoll, listener.endpoint().port);
  EXPECT_LT(carried.connections, 64U);
  EXPECT_EQ(carried.error, ErrorKind::kNoDescriptors);
}

TEST(DescriptorLimit, io_uring_carries_more_connections_than_the_process_may_open) {
  const UringFeatures features = probe_uring();
  if (!features.usable()) GTEST_SKIP() << "no io_uring: " << features.why_not();
  const PlainListener listener;
  EXPECT_EQ(carried_with_64_descriptors(Engine::kUring, listener.endpoint().port).connections, 500U);
}

}  // namespace
}  // namespace sonde::io
