// The backends against each other and against what TCP promises. The input is a program of steps for a few connections:
// acts of the client through io::Backend, acts of the peer on plain sockets, in one thread. It is run on epoll and on
// one of several io_urings, among them ones so small that tables, submission and completion queues are full all the
// time. A step may be followed by another at once or by waiting until all is quiet: so requests are closed before they
// were submitted, and resets come before a connect was told.
//
// Checked in each run: every request has exactly one completion and a closed connection none; what arrives is what was
// sent, in order and, before a FIN, all of it; a connection ends for the peer as it was closed; no slot, buffer or
// descriptor is left. Checked between the runs: verdict of connect, how the connection ended, how much was read by
// then.
//
// Not compared, because the kernel may answer either way: how a read is cut into pieces; so, where the client closed
// first, how much it had read; how much of what the peer sends fits while nobody reads; whether a write still fitted
// before the peer closed; what became of a write that was outstanding when the client closed; FIN or RST for the peer
// of a graceful close that left bytes unread (tcp(7), RFC 2525 2.17).
#include <algorithm>
#include <cstdio>
#include <deque>
#include <memory>
#include <vector>

#include "base/check.h"
#include "io/epoll_backend.h"
#include "io/plain_peer.h"
#include "io/uring_backend.h"
#include "os/machine.h"

namespace sonde::io {
namespace {

constexpr std::size_t kLinks = 8;
constexpr std::size_t kMostSteps = 64;
constexpr int kQuietWaits = 2;      // so many in a row without news: all is quiet
constexpr int kMostWaits = 10'000;  // a step's
constexpr Nanos kEndBound = 5 * kSecond;
constexpr std::uint64_t kPeerStart = 100;  // where in the pattern what the peer sends begins

enum class Act : std::uint8_t {
  kConnect,
  kConnectRefused,
  kReconnect,  // close with RST, connect again on the same index
  kRead,
  kReadIdle,
  kWrite,
  kCloseReset,
  kCloseGraceful,
  kTcpInfo,
  kPeerSend,
  kPeerRead,
  kPeerReadAll,
  kPeerFin,
  kPeerClose,
  kPeerReset,
  kSettle,
};

struct Step {
  Act act;
  std::uint8_t link;
  bool settle;  // afterwards
  std::uint8_t amount;
};

enum class Verdict : std::uint8_t { kUntold, kConnected, kRefused, kOther };

// A connection from connect to close, as both sides saw it.
struct Attempt {
  ConnectionId id;
  std::uint32_t ordinal = 0;
  Verdict verdict = Verdict::kUntold;
  bool refused = false;  // goes to the port where nobody listens
  bool closed = false;
  bool closed_untold = false;
  CloseMode mode = CloseMode::kReset;
  bool reading = false;
  bool wants_read = false;  // asked for before the connect was told
  Patience patience = Patience::kSoon;
  std::uint32_t wants_write = 0;
  std::vector<std::byte> out;  // of the write that is outstanding
  bool cut_write = false;      // it was when the client closed
  bool write_failed = false;
  std::uint64_t written = 0;
  std::uint64_t read = 0;
  StreamEnd end = StreamEnd::kNone;

  os::Fd peer;
  std::vector<Step> peer_steps;  // asked for before it was accepted
  Received received;
  std::uint64_t sent = 0;
  bool peer_fin = false;
  bool peer_reset = false;       // without a FIN before
  bool peer_left = false;        // closed or reset
  bool peer_send_reset = false;  // its send told of the client's RST, which recv then no longer does
};

struct Ends {
  const PlainListener& listener;
  const PlainListener& refuser;
};

class Run {
 public:
  Run(Backend& backend, const Ends& ends, std::uint32_t network) : backend_(backend), ends_(ends), network_(network) {}

  void execute(const std::vector<Step>& steps);
  std::deque<Attempt> take_attempts() { return std::move(attempts_); }  // when all is over
  // One wait for news, and what it brings.
  bool wait(Nanos until);

 private:
  void settle();
  void act(const Step& step);
  void connect(const Step& step);
  void start_read(Attempt& attempt, Patience patience);
  void start_write(Attempt& attempt, std::uint32_t kib);
  void close(Attempt& attempt, CloseMode mode);
  void handle(const Completion& completion);
  void handle_read(Attempt& attempt, const Completion& completion);
  bool accept_all();
  void peer_act(Attempt& attempt, const Step& step);
  void peer_send(Attempt& attempt, std::size_t bytes);
  bool finished(Attempt& attempt);
  template <typename Done>
  void each_until(Done done, const char* what);
  void check(const Attempt& attempt) const;

  Backend& backend_;
  const Ends& ends_;
  std::uint32_t network_;  // 127.x.y.0; the attempt's ordinal makes it the address
  std::deque<Attempt> attempts_;
  std::array<Attempt*, kLinks> links_{};
};

void Run::connect(const Step& step) {
  Attempt*& link = links_[step.link];
  if (link != nullptr && !link->closed) return;
  const auto ordinal = static_cast<std::uint32_t>(attempts_.size() + 1);
  Attempt& attempt = attempts_.emplace_back();
  attempt.id = {.index = step.link, .generation = ordinal};
  attempt.ordinal = ordinal;
  attempt.received.start = ordinal;
  attempt.refused = step.act == Act::kConnectRefused;
  ConnectOptions options;
  if ((step.amount & 3) == 1) options.source = IpAddress::v4(0x7f000001);
  if ((step.amount & 3) == 2) options.keepalive = 60 * kSecond;
  const Endpoint endpoint = attempt.refused ? ends_.refuser.endpoint() : ends_.listener.endpoint(network_ | ordinal);
  const Result<> started = backend_.connect(attempt.id, endpoint, options);
  if (!started) {  // epoll may hear the refusal at once
    attempt.verdict = started.error().kind == ErrorKind::kRefused ? Verdict::kRefused : Verdict::kOther;
    attempt.closed = true;
  }
  link = &attempt;
}

void Run::start_read(Attempt& attempt, Patience patience) {
  if (attempt.closed || attempt.reading || attempt.end != StreamEnd::kNone) return;
  attempt.patience = patience;
  if (attempt.verdict == Verdict::kUntold) {
    attempt.wants_read = true;
  } else if (attempt.verdict == Verdict::kConnected) {
    attempt.reading = true;
    backend_.read(attempt.id, patience);
  }
}

void Run::start_write(Attempt& attempt, std::uint32_t kib) {
  if (attempt.closed || !attempt.out.empty() || attempt.write_failed) return;
  if (attempt.verdict == Verdict::kUntold) {
    attempt.wants_write = kib;
  } else if (attempt.verdict == Verdict::kConnected) {
    const auto bytes = Pattern::at(attempt.received.start + attempt.written, std::size_t{kib} << 10);
    attempt.out.assign(bytes.begin(), bytes.end());
    backend_.write(attempt.id, attempt.out);
  }
}

void Run::close(Attempt& attempt, CloseMode mode) {
  if (attempt.closed) return;
  attempt.closed = true;
  attempt.closed_untold = attempt.verdict == Verdict::kUntold;
  attempt.mode = mode;
  attempt.cut_write = !attempt.out.empty();
  backend_.close(attempt.id, mode);
  // From here on the memory is somebody else's: whoever still sends it is found out by the peer.
  std::fill(attempt.out.begin(), attempt.out.end(), std::byte{0xee});
}

void Run::act(const Step& step) {
  if (step.act <= Act::kReconnect) {
    if (step.act == Act::kReconnect && links_[step.link] != nullptr) close(*links_[step.link], CloseMode::kReset);
    connect(step);
    return;
  }
  if (links_[step.link] == nullptr) return;
  Attempt& attempt = *links_[step.link];
  switch (step.act) {
    case Act::kRead:
      return start_read(attempt, Patience::kSoon);
    case Act::kReadIdle:
      return start_read(attempt, Patience::kIdle);
    case Act::kWrite:
      return start_write(attempt, step.amount + 1U);
    case Act::kCloseReset:
      return close(attempt, CloseMode::kReset);
    case Act::kCloseGraceful:
      return close(attempt, CloseMode::kGraceful);
    case Act::kTcpInfo:
      backend_.tcp_info(attempt.id);
      return;
    case Act::kSettle:
      return settle();
    default:
      accept_all();
      if (attempt.peer) {
        peer_act(attempt, step);
      } else if (!attempt.peer_left) {
        attempt.peer_steps.push_back(step);
      }
  }
}

void Run::peer_act(Attempt& attempt, const Step& step) {
  if (!attempt.peer) return;
  switch (step.act) {
    case Act::kPeerSend:
      return peer_send(attempt, step.amount * 64U + 1U);
    case Act::kPeerRead:
      return attempt.received.read(attempt.peer.get(), step.amount * 256U);
    case Act::kPeerReadAll:
      return attempt.received.read(attempt.peer.get());
    case Act::kPeerFin:
      attempt.peer_fin = true;
      ::shutdown(attempt.peer.get(), SHUT_WR);
      return;
    case Act::kPeerClose:  // FIN; RST where something is unread, or comes later
      attempt.received.read(attempt.peer.get());
      attempt.peer.reset();
      attempt.peer_left = true;
      return;
    default:
      close_with_reset(attempt.peer.release());
      attempt.peer_reset = !attempt.peer_fin;
      attempt.peer_left = true;
  }
}

void Run::peer_send(Attempt& attempt, std::size_t bytes) {
  if (attempt.peer_fin) return;
  const auto out = Pattern::at(kPeerStart + attempt.sent, bytes);
  const ssize_t put = ::send(attempt.peer.get(), out.data(), out.size(), MSG_NOSIGNAL);
  if (put > 0) attempt.sent += static_cast<std::uint64_t>(put);
  if (put < 0 && errno == ECONNRESET) attempt.peer_send_reset = true;
}

bool Run::accept_all() {
  bool any = false;
  while (os::Fd fd = ends_.listener.accept()) {
    any = true;
    const std::uint32_t address = PlainListener::local_of(fd.get()).address.v4_bits();
    const std::uint32_t ordinal = address & 0xff;
    SONDE_CHECK((address & ~0xffU) == network_ && ordinal >= 1 && ordinal <= attempts_.size(), "a stranger connected");
    Attempt& attempt = attempts_[ordinal - 1];
    SONDE_CHECK(!attempt.peer && !attempt.peer_left, "one connect, two connections");
    attempt.peer = std::move(fd);
    for (const Step& step : attempt.peer_steps) peer_act(attempt, step);
    attempt.peer_steps.clear();
  }
  return any;
}

bool Run::wait(Nanos until) {
  const std::span<Completion> completions = backend_.wait(until);
  for (const Completion& completion : completions) handle(completion);
  return accept_all() || !completions.empty();
}

void Run::settle() {
  int quiet = 0;
  for (int waits = 0; quiet < kQuietWaits; ++waits) {
    SONDE_CHECK(waits < kMostWaits, "completions without end");
    quiet = wait(0) ? 0 : quiet + 1;
  }
}

void Run::handle(const Completion& completion) {
  SONDE_CHECK(completion.id.index < kLinks && links_[completion.id.index] != nullptr, "a completion of nothing");
  Attempt& attempt = *links_[completion.id.index];
  SONDE_CHECK(attempt.id == completion.id, "a completion of an older generation");
  SONDE_CHECK(!attempt.closed, "a completion after close");
  switch (completion.op) {
    case Op::kConnect:
      SONDE_CHECK(attempt.verdict == Verdict::kUntold, "a connect that completed twice");
      attempt.verdict = !completion.failed                             ? Verdict::kConnected
                        : completion.error.kind == ErrorKind::kRefused ? Verdict::kRefused
                                                                       : Verdict::kOther;
      if (attempt.wants_write > 0) start_write(attempt, attempt.wants_write);
      if (attempt.wants_read) start_read(attempt, attempt.patience);
      return;
    case Op::kRead:
      return handle_read(attempt, completion);
    case Op::kWrite:
      SONDE_CHECK(!attempt.out.empty(), "a write that completed without being asked for");
      if (completion.failed) {
        attempt.write_failed = true;
        attempt.cut_write = true;
      } else {
        attempt.written += attempt.out.size();
      }
      std::fill(attempt.out.begin(), attempt.out.end(), std::byte{0xee});
      attempt.out.clear();
      return;
    case Op::kWatch:
      SONDE_CHECK(false, "nothing is watched");
  }
}

void Run::handle_read(Attempt& attempt, const Completion& completion) {
  SONDE_CHECK(attempt.reading, "a read that completed without being asked for");
  attempt.reading = false;
  if (completion.failed) {
    attempt.end = completion.error.kind == ErrorKind::kReset ? StreamEnd::kReset : StreamEnd::kOther;
  } else if (completion.data.empty()) {
    attempt.end = StreamEnd::kFin;
  } else {
    SONDE_CHECK(Pattern::matches(kPeerStart + attempt.read, completion.data), "read what the peer did not send there");
    attempt.read += completion.data.size();
  }
}

// Brings a connection that is left to its end: the peer takes what there is and says FIN, the client reads until then.
bool Run::finished(Attempt& attempt) {
  if (attempt.closed || attempt.verdict == Verdict::kRefused || attempt.verdict == Verdict::kOther) return true;
  if (attempt.peer) {
    attempt.received.read(attempt.peer.get());
    if (!attempt.peer_fin && attempt.out.empty()) {
      attempt.peer_fin = true;
      ::shutdown(attempt.peer.get(), SHUT_WR);
    }
  }
  if (attempt.verdict == Verdict::kConnected) start_read(attempt, Patience::kSoon);
  return attempt.end != StreamEnd::kNone && attempt.out.empty();
}

template <typename Done>
void Run::each_until(Done done, const char* what) {
  const Nanos give_up = backend_.refresh() + kEndBound;
  for (;;) {
    bool all = true;
    for (Attempt& attempt : attempts_) all = done(attempt) && all;
    if (all) return;
    SONDE_CHECK(backend_.now() < give_up, what);
    wait(backend_.now() + kMillisecond);
  }
}

void Run::execute(const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    act(step);
    if (step.settle) settle();
  }
  each_until([this](Attempt& attempt) { return finished(attempt); }, "a connection that does not end");
  for (Attempt& attempt : attempts_)
    close(attempt, attempt.ordinal % 2 == 0 ? CloseMode::kGraceful : CloseMode::kReset);
  const auto peer_knows = [](Attempt& attempt) {
    if (attempt.peer) attempt.received.read(attempt.peer.get());
    return !attempt.peer || attempt.received.end != StreamEnd::kNone;
  };
  each_until(peer_knows, "a peer that never hears that the connection was closed");
  settle();
  for (Attempt& attempt : attempts_) {
    check(attempt);
    if (attempt.peer) close_with_reset(attempt.peer.release());
  }
}

// What TCP promises, whatever the order of events.
void Run::check(const Attempt& attempt) const {
  SONDE_CHECK(attempt.verdict != Verdict::kOther && attempt.end != StreamEnd::kOther, "an error that nobody caused");
  SONDE_CHECK(attempt.verdict == Verdict::kUntold || attempt.refused == (attempt.verdict == Verdict::kRefused),
              "refused where somebody listens, or connected where nobody does");
  SONDE_CHECK(attempt.received.as_sent, "the peer received what was not written there");
  SONDE_CHECK(attempt.read <= attempt.sent, "read more than the peer sent");
  SONDE_CHECK(
      attempt.end != StreamEnd::kFin || (attempt.read == attempt.sent && (attempt.peer_fin || attempt.peer_left)),
      "a FIN before all was read, or out of nowhere");
  SONDE_CHECK(attempt.end != StreamEnd::kFin || !attempt.peer_reset, "a RST that was told as a FIN");
  SONDE_CHECK(attempt.end != StreamEnd::kReset || (attempt.peer_left && !attempt.peer_fin), "a RST out of nowhere");
  SONDE_CHECK(!attempt.write_failed || attempt.peer_left, "a write failed while the peer was there");
  if (!attempt.peer) return;
  const StreamEnd end = attempt.peer_send_reset ? StreamEnd::kReset : attempt.received.end;
  if (attempt.closed_untold) return;  // FIN or RST: the handshake may end as it is given up
  if (attempt.mode == CloseMode::kReset || (attempt.cut_write && !attempt.write_failed)) {
    SONDE_CHECK(end == StreamEnd::kReset, "the peer of a reset connection must hear of it");
    return;
  }
  SONDE_CHECK(attempt.cut_write || attempt.received.bytes <= attempt.written,
              "the peer received more than was written");
  if (attempt.read < attempt.sent) return;  // left unread: RST, which may overtake what was written
  SONDE_CHECK(end == StreamEnd::kFin, "the peer of a connection closed in peace must hear FIN");
  SONDE_CHECK(attempt.cut_write || attempt.received.bytes == attempt.written, "what was written got lost");
}

// What must be the same whatever the backend.
bool agree(const Attempt& a, const Attempt& b) {
  if (a.closed_untold || b.closed_untold) return true;
  if (a.verdict != b.verdict) return false;
  if (a.end == StreamEnd::kNone || b.end == StreamEnd::kNone) return true;
  return a.end == b.end && (a.read == b.read || a.sent != b.sent);
}

UringOptions variant(const UringFeatures& features, unsigned number) {
  UringOptions options{.features = features, .connections = kLinks};
  switch (number % 4) {
    case 0:  // as it is in use
      options.table = 64;
      return options;
    case 1:  // everything full
      options.table = 3;
      options.submissions = 4;
      options.completions = 8;
      return options;
    case 2:  // an older kernel, everything full
      options.table = 1;
      options.submissions = 2;
      options.completions = 4;
      break;
    default:  // an older kernel
      options.table = 5;
      options.submissions = 8;
      options.completions = 64;
      break;
  }
  options.features.single_issuer = false;
  options.features.defer_taskrun = false;
  options.features.fd_install = false;
  return options;
}

std::uint32_t next_network() {
  static std::uint32_t number = 0;
  return 0x7f000000U | (++number & 0xffff) << 8;
}

std::deque<Attempt> run_on(std::unique_ptr<Backend> backend, memory::RingPool& pool, const std::vector<Step>& steps) {
  static const PlainListener listener({.receive_buffer = 16384, .max_segment = 1400});
  static const PlainListener refuser({.listens = false});
  static const Ends ends{.listener = listener, .refuser = refuser};
  Run run(*backend, ends, next_network());
  run.execute(steps);
  if (const auto* uring = dynamic_cast<UringBackend*>(backend.get())) {
    const Nanos give_up = backend->refresh() + kEndBound;
    while (uring->slots_in_use() > 0) {
      SONDE_CHECK(backend->now() < give_up, "a slot that is never free again");
      run.wait(backend->now() + kMillisecond);
    }
  }
  backend->drain();
  SONDE_CHECK(pool.stats().in_use == 0, "a buffer was not given back");
  return run.take_attempts();
}

std::vector<Step> decode(std::span<const std::uint8_t> bytes) {
  std::vector<Step> steps;
  for (; bytes.size() >= 2 && steps.size() < kMostSteps; bytes = bytes.subspan(2)) {
    steps.push_back({.act = static_cast<Act>(bytes[0] & 15),
                     .link = static_cast<std::uint8_t>(bytes[0] >> 4 & 7),
                     .settle = bytes[0] < 128,
                     .amount = bytes[1]});
  }
  return steps;
}

void run_program(std::span<const std::uint8_t> bytes) {
  static const UringFeatures features = [] {
    UringFeatures probed = probe_uring();
    if (!probed.usable())
      std::fprintf(stderr, "io_uring cannot be used (%s): epoll alone is tried\n", probed.why_not().c_str());
    return probed;
  }();
  static memory::RingPool pool;
  if (bytes.empty()) return;
  const std::vector<Step> steps = decode(bytes.subspan(1));
  auto epoll = EpollBackend::create(pool);
  SONDE_CHECK(epoll.has_value(), "no epoll");
  const std::deque<Attempt> on_epoll = run_on(std::move(*epoll), pool, steps);
  if (!features.usable()) return;
  auto uring = UringBackend::create(pool, variant(features, bytes[0]));
  SONDE_CHECK(uring.has_value(), "no io_uring");
  const std::deque<Attempt> on_uring = run_on(std::move(*uring), pool, steps);
  SONDE_CHECK(on_epoll.size() == on_uring.size(), "the same program, other connections");
  for (std::size_t i = 0; i < on_epoll.size(); ++i)
    SONDE_CHECK(agree(on_epoll[i], on_uring[i]), "epoll and io_uring disagree");
}

}  // namespace
}  // namespace sonde::io

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::uint64_t descriptors = [] {
    sonde::io::run_program(std::array<std::uint8_t, 1>{});  // what is opened once and stays
    return sonde::os::open_descriptors();
  }();
  sonde::io::run_program({data, size});
  SONDE_CHECK(sonde::os::open_descriptors() == descriptors, "a descriptor was left open");
  return 0;
}
