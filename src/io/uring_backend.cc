#include "io/uring_backend.h"

#include <sys/eventfd.h>
#include <sys/poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/bytes.h"
#include "base/check.h"
#include "io/socket.h"
#include "os/error.h"
#include "os/machine.h"

namespace sonde::io {
namespace {

constexpr std::uint32_t kNoSlot = 0xffffffff;
constexpr std::size_t kMostCompletions = 1024;  // a wait, so that deadlines get their turn
constexpr std::size_t kMostEvents = 128;
constexpr int kMostRounds = 8;                 // of submissions of a ring, a wait
constexpr int kOpFixedFdInstall = 54;          // younger than the headers
constexpr Nanos kRefusedRetry = kMillisecond;  // when the kernel takes no submissions
constexpr Nanos kDrainBound = 60 * kSecond;

}  // namespace

Result<std::unique_ptr<UringBackend>> UringBackend::create(memory::RingPool& pool, const UringOptions& options) {
  SONDE_CHECK(options.features.usable(), "io_uring is not there");
  Result<WatchSet> watches = WatchSet::create();
  if (!watches) return std::unexpected(watches.error());
  os::Fd wake(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake) return std::unexpected(os::error_from(errno, "eventfd"));
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;  // never read: each signal is an edge
  if (epoll_ctl(watches->epoll(), EPOLL_CTL_ADD, wake.get(), &event) != 0)
    return std::unexpected(os::error_from(errno, "epoll_ctl"));
  return std::unique_ptr<UringBackend>(new UringBackend(std::move(*watches), std::move(wake), pool, options));
}

UringBackend::UringBackend(WatchSet watches, os::Fd wake, memory::RingPool& pool, const UringOptions& options)
    : watches_(std::move(watches)),
      wake_(std::move(wake)),
      pool_(pool),
      datagrams_(watches_, pool),
      options_(options),
      table_(options.table),
      now_(os::monotonic_now()) {
  if (table_ == 0) {
    // Room for those too that are closed here and not yet by the kernel.
    const std::uint64_t wanted = options.connections + std::uint64_t{options.connections} / 8 + 512;
    table_ = static_cast<std::uint32_t>(std::min({wanted, os::raise_descriptor_limit(), std::uint64_t{kLongestTable}}));
  }
  slots_.reserve(options.connections + table_);
  by_id_.reserve(options.connections);
}

Nanos UringBackend::refresh() { return now_ = os::monotonic_now(); }

Result<> UringBackend::add_ring() {
  auto ring = UringRing::create(pool_, {.features = options_.features,
                                        .table = table_,
                                        .submissions = options_.submissions,
                                        .completions = options_.completions,
                                        .buffers = rings_.size() < 4 ? 64U : 16U,
                                        .wake = wake_.get()});
  if (!ring) return std::unexpected(ring.error());
  rings_.push_back(std::move(*ring));
  return {};
}

// A slot of the first ring that has one, so that few rings are awake.
Result<std::uint32_t> UringBackend::take_slot() {
  while (open_ring_ < rings_.size() && !rings_[open_ring_]->has_free()) ++open_ring_;
  if (open_ring_ == rings_.size())
    if (const Result<> added = add_ring(); !added) return std::unexpected(added.error());
  const std::uint32_t slot = static_cast<std::uint32_t>(open_ring_) * table_ + rings_[open_ring_]->take_index();
  if (slot >= slots_.size()) slots_.resize(slot + 1);
  ++in_use_;
  return slot;
}

std::uint32_t UringBackend::slot_of(ConnectionId id) const {
  if (id.index >= by_id_.size() || by_id_[id.index] == kNoSlot) return kNoSlot;
  const std::uint32_t slot = by_id_[id.index];
  return slots_[slot].id == id ? slot : kNoSlot;
}

// An entry for a request on a slot's descriptor, all zero but its name. Null when the kernel takes none.
io_uring_sqe* UringBackend::prepare(std::uint32_t slot, Request request) {
  UringRing& ring = ring_of(slot);
  io_uring_sqe* entry = ring.entry();
  if (entry == nullptr) return nullptr;
  list_dirty(slot / table_);
  io_uring_prep_nop(entry);
  entry->user_data = std::uint64_t{slot} << 32 | std::uint64_t{slots_[slot].generation & 0xffffff} << 8 |
                     static_cast<std::uint64_t>(request);
  return entry;
}

Result<> UringBackend::connect(ConnectionId id, const Endpoint& endpoint, const ConnectOptions& options) {
  if (options.transport != Transport::kTcp) return datagrams_.connect(id, endpoint, options);
  os::Fd prepared;
  if (!options.plain()) {  // made as a plain socket, and moved into the table
    prepared = os::Fd(::socket(os::family_of(endpoint.address), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!prepared) return std::unexpected(os::error_from(errno, "socket"));
    if (const Result<> done = prepare_socket(prepared.get(), options); !done) return done;
  }
  const Result<std::uint32_t> taken = take_slot();
  if (!taken) return std::unexpected(taken.error());
  const std::uint32_t slot = *taken;
  UringRing& ring = ring_of(slot);
  Slot& state = slots_[slot];
  state = Slot{.id = id, .generation = state.generation + 1, .used = true, .connecting = true};
  Result<> started;
  if (prepared) started = ring.install(slot % table_, prepared.get());
  if (started && !start_connect(slot, endpoint, !prepared)) {
    if (prepared) (void)ring.install(slot % table_, -1);
    started = std::unexpected(Error{.kind = ErrorKind::kNoMemory, .sys = EAGAIN, .what = "io_uring_enter"});
  }
  if (!started) {
    state.used = false;
    --in_use_;
    ring.give_index(slot % table_);
    return started;
  }
  if (id.index >= by_id_.size()) by_id_.resize(id.index + 1, kNoSlot);
  by_id_[id.index] = slot;
  return {};
}

bool UringBackend::start_connect(std::uint32_t slot, const Endpoint& endpoint, bool with_socket) {
  UringRing& ring = ring_of(slot);
  // Both entries must be there before one is filled: a SOCKET without its CONNECT would never be closed.
  if (ring.room() < 2) ring.submit();
  if (ring.room() < 2) return false;
  if (with_socket) {
    io_uring_sqe* entry = prepare(slot, Request::kSocket);
    const std::uint64_t name = entry->user_data;
    io_uring_prep_socket_direct(entry, os::family_of(endpoint.address), SOCK_STREAM, 0, slot % table_, 0);
    entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
    entry->user_data = name;
  }
  io_uring_sqe* entry = prepare(slot, Request::kConnect);
  const std::uint64_t name = entry->user_data;
  os::SockAddr& address = ring.address_of(entry);
  os::fill(address, endpoint);
  io_uring_prep_connect(entry, static_cast<int>(slot % table_), address.get(), address.length);
  entry->flags |= IOSQE_FIXED_FILE;
  entry->user_data = name;
  ++slots_[slot].pending;
  return true;
}

void UringBackend::read(ConnectionId id, Patience patience) {
  const std::uint32_t slot = slot_of(id);
  if (slot == kNoSlot) {
    datagrams_.read(id);
    return;
  }
  SONDE_CHECK(!slots_[slot].connecting && !slots_[slot].reading && !slots_[slot].polling,
              "read without a connection, or twice");
  // A pending receive holds three times the kernel memory of a pending poll.
  start_read(slot, patience == Patience::kIdle ? Request::kPoll : Request::kRead);
}

void UringBackend::start_read(std::uint32_t slot, Request request) {
  UringRing& ring = ring_of(slot);
  Slot& state = slots_[slot];
  io_uring_sqe* entry = request == Request::kPoll || ring.provide_buffers() ? prepare(slot, request) : nullptr;
  if (entry == nullptr) {
    put_off(slot, request);
    return;
  }
  const std::uint64_t name = entry->user_data;
  const int index = static_cast<int>(slot % table_);
  if (request == Request::kPoll) {
    io_uring_prep_poll_add(entry, index, POLLIN | POLLRDHUP);
    state.polling = true;
  } else {
    io_uring_prep_recv(entry, index, nullptr, UringRing::kBufferBytes, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    state.reading = true;
  }
  entry->flags |= IOSQE_FIXED_FILE;
  entry->user_data = name;
  ++state.pending;
}

void UringBackend::write(ConnectionId id, std::span<const std::byte> bytes) {
  const std::uint32_t slot = slot_of(id);
  if (slot == kNoSlot) {
    datagrams_.write(id, bytes);
    return;
  }
  SONDE_CHECK(!slots_[slot].connecting && !slots_[slot].writing, "write without a connection, or twice");
  slots_[slot].out = bytes.data();
  slots_[slot].unwritten = static_cast<std::uint32_t>(bytes.size());
  start_write(slot);
}

void UringBackend::start_write(std::uint32_t slot) {
  Slot& state = slots_[slot];
  io_uring_sqe* entry = prepare(slot, Request::kWrite);
  if (entry == nullptr) {
    put_off(slot, Request::kWrite);
    return;
  }
  const std::uint64_t name = entry->user_data;
  // Without MSG_WAITALL: a send that is cut by a RST would tell of its part, and nobody would hear of the RST.
  io_uring_prep_send(entry, static_cast<int>(slot % table_), state.out, state.unwritten, MSG_NOSIGNAL);
  entry->flags |= IOSQE_FIXED_FILE;
  entry->user_data = name;
  state.writing = true;
  ++state.pending;
}

void UringBackend::close(ConnectionId id, CloseMode mode) {
  const std::uint32_t slot = slot_of(id);
  if (slot == kNoSlot) {
    datagrams_.close(id);
    return;
  }
  by_id_[id.index] = kNoSlot;
  Slot& state = slots_[slot];
  state.closing = true;
  if (state.writing) mode = CloseMode::kReset;
  start_close(slot, mode);
  // The bytes may go when this returns: by then the SEND has had its turn and was cancelled.
  if (state.writing) ring_of(slot).submit();
}

// In one submission with what closes: the ring runs them in this order, and the SEND, which may not wait, is over by
// then.
void UringBackend::part(ConnectionId id, std::span<const std::byte> farewell, CloseMode mode) {
  const std::uint32_t slot = slot_of(id);
  SONDE_CHECK(slot != kNoSlot && !slots_[slot].connecting && !slots_[slot].writing && farewell.size() <= kMostFarewell,
              "a farewell without a connection, behind a write, or too long");
  if (io_uring_sqe* entry = prepare(slot, Request::kFarewell); entry != nullptr) {
    const std::uint64_t name = entry->user_data;
    const std::span<std::byte> kept = ring_of(slot).farewell_of(entry);
    copy_bytes(farewell, kept.data());
    io_uring_prep_send(entry, static_cast<int>(slot % table_), kept.data(), farewell.size(),
                       MSG_NOSIGNAL | MSG_DONTWAIT);
    entry->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
    entry->user_data = name;
  }
  close(id, mode);
}

// This machine lacks the memory for a request at this moment, which says nothing of the connection: the next wait()
// tries again.
void UringBackend::put_off(std::uint32_t slot, Request request, CloseMode mode) {
  unsent_.push_back({.slot = slot, .generation = slots_[slot].generation, .request = request, .mode = mode});
}

void UringBackend::start_close(std::uint32_t slot, CloseMode mode) {
  if (!prepare_close(slot, mode)) put_off(slot, Request::kClose, mode);
}

// Cancels what is pending, resets, closes. Safe to begin again when the kernel took a part only.
bool UringBackend::prepare_close(std::uint32_t slot, CloseMode mode) {
  Slot& state = slots_[slot];
  if (state.connecting && !cancel(slot, Request::kConnect)) return false;
  if (state.polling && !cancel(slot, Request::kPoll)) return false;
  if (state.reading && !cancel(slot, Request::kRead)) return false;
  if (state.writing && !cancel(slot, Request::kWrite)) return false;
  if (mode == CloseMode::kReset && !state.connecting) {
    io_uring_sqe* entry = prepare(slot, Request::kReset);
    if (entry == nullptr) return false;
    const std::uint64_t name = entry->user_data;
    os::SockAddr& nowhere = ring_of(slot).address_of(entry);  // AF_UNSPEC dissolves the association, by a RST
    nowhere.any.sa_family = AF_UNSPEC;
    io_uring_prep_connect(entry, static_cast<int>(slot % table_), nowhere.get(), sizeof nowhere.any);
    entry->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
    entry->user_data = name;
  }
  io_uring_sqe* entry = prepare(slot, Request::kClose);
  if (entry == nullptr) return false;
  const std::uint64_t name = entry->user_data;
  io_uring_prep_close_direct(entry, slot % table_);
  entry->user_data = name;
  ++state.pending;
  return true;
}

// By user_data: the kernel finds that in a hash, while a search by descriptor walks all that is pending.
bool UringBackend::cancel(std::uint32_t slot, Request request) {
  io_uring_sqe* entry = prepare(slot, Request::kCancel);
  if (entry == nullptr) return false;
  const std::uint64_t name = entry->user_data;
  const std::uint64_t target = (name & ~std::uint64_t{0xff}) | static_cast<std::uint64_t>(request);
  io_uring_prep_cancel64(entry, target, 0);
  entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
  entry->user_data = name;
  return true;
}

void UringBackend::retire_if_done(std::uint32_t slot) {
  Slot& state = slots_[slot];
  if (!state.closed || state.pending > 0) return;  // CLOSE itself may have been put off
  state.used = false;
  state.closing = false;
  --in_use_;
  const std::size_t ring = slot / table_;
  rings_[ring]->give_index(slot % table_);
  open_ring_ = std::min(open_ring_, ring);
}

// Asks through a plain descriptor made for the purpose: TCP_INFO cannot be had through the ring.
std::optional<TcpInfo> UringBackend::tcp_info(ConnectionId id) {
  const std::uint32_t slot = slot_of(id);
  if (slot == kNoSlot || !options_.features.fd_install) return std::nullopt;
  io_uring_sqe* entry = prepare(slot, Request::kInstall);
  if (entry == nullptr) return std::nullopt;
  const std::uint64_t name = entry->user_data;
  entry->opcode = kOpFixedFdInstall;
  entry->fd = static_cast<int>(slot % table_);
  entry->flags |= IOSQE_FIXED_FILE;
  UringRing& ring = ring_of(slot);
  if (!ring.submit()) return std::nullopt;
  os::Fd plain;
  ring.each_completion([&](io_uring_cqe& completion) {
    if (completion.user_data != name || completion.res < 0) return true;
    plain = os::Fd(completion.res);
    completion.res = -1;  // it is ours: handle() closes what nobody took
    return false;
  });
  return plain ? tcp_info_of(plain.get()) : std::nullopt;
}

Result<> UringBackend::watch(int fd, bool read, bool write) { return watches_.watch(fd, read, write); }

std::span<Completion> UringBackend::wait(Nanos until) {
  completions_.clear();
  leases_.clear();
  until = datagrams_.begin_wait(until);
  choose_sleep();
  sleeps_in_ring_ ? wait_in_ring(until) : wait_for_signal(until);
  for (const Completion& completion : immediate_)
    if (slot_of(completion.id) != kNoSlot) completions_.push_back(completion);
  immediate_.clear();
  datagrams_.end_wait(completions_);
  refresh();
  return completions_;
}

void UringBackend::choose_sleep() {
  const bool in_ring = rings_.size() == 1 && watches_.empty() && !datagrams_.in_use();
  if (in_ring == sleeps_in_ring_) return;
  sleeps_in_ring_ = in_ring;
  rings_.front()->signal(!in_ring);
  unfinished_ = true;  // what came before the signal was on
}

void UringBackend::wait_in_ring(Nanos until) {
  send_unsent();
  UringRing& ring = *rings_.front();
  const bool busy = unfinished_ || !immediate_.empty() || ring.has_news();
  unfinished_ = false;
  const Nanos latest = unsent_.empty() ? until : std::min(until, os::monotonic_now() + kRefusedRetry);
  const Nanos left = busy ? 0 : latest == kNever ? kNever : latest - os::monotonic_now();
  if (left > 0) {
    dirty_.clear();
    ring.listed = false;
    ring.submit_and_wait(left);
  } else {
    submit_all();
  }
  if (completions_.size() < kMostCompletions) collect(0);
  const bool refused = left > 0 && ring.dirty() && completions_.empty();
  if (ring.dirty()) list_dirty(0);
  if (refused) {  // it takes nothing at this moment, and did not sleep
    std::array<epoll_event, 1> events;
    (void)watches_.wait(events, std::min(latest, os::monotonic_now() + kRefusedRetry));
  }
  submit_all();
}

void UringBackend::wait_for_signal(Nanos until) {
  send_unsent();
  submit_all();
  if (completions_.size() >= kMostCompletions) return;
  const bool refused = !unsent_.empty() || !dirty_.empty();
  if (refused) until = std::min(until, os::monotonic_now() + kRefusedRetry);
  std::array<epoll_event, kMostEvents> events;
  const bool busy = !completions_.empty() || !immediate_.empty() || unfinished_;
  const int count = watches_.wait(events, busy ? 0 : until);
  bool news = unfinished_;
  for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(count))) {
    Completion watched;
    if (WatchSet::is_own(event)) {
      news = true;
    } else if (WatchSet::is_watch(event, watched)) {
      completions_.push_back(watched);
    } else {
      datagrams_.on_event(event);
    }
  }
  if (news) collect_all();
}

// What the kernel did not take before.
void UringBackend::send_unsent() {
  for (std::size_t left = unsent_.size(); left > 0; --left) {
    const Unsent next = unsent_.front();
    unsent_.pop_front();
    send_again(next);
  }
}

// All that was prepared. What a completion asks for goes out at once: the next part of a write, the read after a poll.
void UringBackend::submit_all() {
  for (int round = 0; round < kMostRounds && !dirty_.empty(); ++round) {
    submitting_.clear();
    submitting_.swap(dirty_);
    for (const std::uint32_t ring : submitting_) {
      rings_[ring]->listed = false;
      rings_[ring]->submit();
      if (rings_[ring]->dirty()) list_dirty(ring);
      collect(ring);
    }
  }
}

void UringBackend::send_again(const Unsent& unsent) {
  const Slot& state = slots_[unsent.slot];
  if (unsent.request == Request::kClose) {
    start_close(unsent.slot, unsent.mode);
  } else if (state.used && !state.closing && state.generation == unsent.generation) {
    unsent.request == Request::kWrite ? start_write(unsent.slot) : start_read(unsent.slot, unsent.request);
  }
}

void UringBackend::collect_all() {
  unfinished_ = false;
  for (std::size_t left = rings_.size(); left > 0 && !unfinished_; --left) {
    const std::size_t ring = first_ring_++ % rings_.size();
    if (rings_[ring]->has_news()) collect(ring);
  }
}

void UringBackend::list_dirty(std::uint32_t ring) {
  if (rings_[ring]->listed) return;
  rings_[ring]->listed = true;
  dirty_.push_back(ring);
}

void UringBackend::collect(std::size_t ring) {
  bool first = true;
  do {
    const std::size_t count = rings_[ring]->each_completion([this](const io_uring_cqe& completion) {
      handle(completion);
      return completions_.size() < kMostCompletions;
    });
    rings_[ring]->seen(count);
    if (completions_.size() >= kMostCompletions) {
      unfinished_ = true;
      return;
    }
    // Without progress no further: the kernel's flag for more may stand when there is none (it is raised after the work
    // was queued, which may have been done by then), and is lowered only with the next work.
    if (count == 0 && !first) return;
    first = false;
  } while (rings_[ring]->deliver());
}

void UringBackend::handle(const io_uring_cqe& completion) {
  const auto slot = static_cast<std::uint32_t>(completion.user_data >> 32);
  const auto request = static_cast<Request>(completion.user_data & 0xff);
  Slot& state = slots_[slot];
  const bool current = state.used && (state.generation & 0xffffff) == (completion.user_data >> 8 & 0xffffff);
  memory::Lease data;
  if ((completion.flags & IORING_CQE_F_BUFFER) != 0) data = ring_of(slot).take_buffer(completion.flags);
  switch (request) {
    case Request::kInstall:  // of a tcp_info() that had to give up waiting
      if (completion.res >= 0) ::close(completion.res);
      return;
    case Request::kSocket:  // failed, else it would not be told
      if (current) state.fault = static_cast<std::uint16_t>(-completion.res);
      return;
    case Request::kFarewell:  // it was not taken
    case Request::kCancel:
    case Request::kReset:
      return;  // there was nothing to cancel or reset
    default:
      break;
  }
  SONDE_CHECK(current && state.pending > 0, "a completion of a slot that was retired");
  --state.pending;
  if (state.closing) {
    if (request == Request::kConnect) state.connecting = false;
    if (request == Request::kClose) state.closed = true;
    retire_if_done(slot);
    return;
  }
  switch (request) {
    case Request::kConnect:
      handle_connect(slot, completion.res);
      return;
    case Request::kPoll:
      state.polling = false;
      start_read(slot, Request::kRead);
      return;
    case Request::kRead:
      handle_read(slot, completion.res, std::move(data));
      return;
    case Request::kWrite:
      handle_write(slot, completion.res);
      return;
    default:
      return;
  }
}

void UringBackend::handle_connect(std::uint32_t slot, int result) {
  Slot& state = slots_[slot];
  state.connecting = false;
  // The handshake was complete and a RST came behind it: the connection was there, the next read tells of its end.
  // EPIPE: a FIN came before the RST, and a read tells of that.
  state.was_reset = result == -ECONNRESET || result == -ECONNABORTED;
  if (result == 0 || result == -EPIPE || state.was_reset) {
    completions_.push_back({.id = state.id, .op = Op::kConnect});
  } else if (state.fault != 0) {
    fail(slot, Op::kConnect, os::error_from(state.fault, "socket"));
  } else {
    fail(slot, Op::kConnect, os::error_from(-result, "connect"));
  }
}

void UringBackend::handle_read(std::uint32_t slot, int result, memory::Lease data) {
  Slot& state = slots_[slot];
  state.reading = false;
  if (result == -ENOBUFS || result == -EAGAIN ||
      result == -EINTR) {  // the ring's buffers were all taken at that moment
    start_read(slot, Request::kRead);
    return;
  }
  if (result <= 0 && state.was_reset) result = -ECONNRESET;
  if (result < 0) {
    fail(slot, Op::kRead, os::error_from(-result, "recv"));
    return;
  }
  completions_.push_back(
      {.id = state.id, .op = Op::kRead, .data = data.bytes().first(static_cast<std::size_t>(result))});
  leases_.push_back(std::move(data));
}

void UringBackend::handle_write(std::uint32_t slot, int result) {
  Slot& state = slots_[slot];
  state.writing = false;
  if (result < 0) {
    state.was_reset = state.was_reset || result == -ECONNRESET;
    fail(slot, Op::kWrite, os::error_from(-result, "send"));
    return;
  }
  state.out += result;
  state.unwritten -= static_cast<std::uint32_t>(result);
  if (state.unwritten > 0) {
    start_write(slot);
    return;
  }
  completions_.push_back({.id = state.id, .op = Op::kWrite});
}

// Delivered when wait() returns: this may be called while a caller walks the completions of the last.
void UringBackend::fail(std::uint32_t slot, Op op, const Error& error) {
  immediate_.push_back({.id = slots_[slot].id, .op = op, .failed = true, .error = error});
}

void UringBackend::drain() {
  completions_.clear();
  immediate_.clear();
  leases_.clear();
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot)
    if (slots_[slot].used && !slots_[slot].closing) close(slots_[slot].id, CloseMode::kReset);
  const Nanos give_up = os::monotonic_now() + kDrainBound;
  while (in_use_ > 0) {
    SONDE_CHECK(os::monotonic_now() < give_up, "the kernel does not let go of closed connections");
    wait(os::monotonic_now() + kMillisecond);
  }
  completions_.clear();
  immediate_.clear();
  leases_.clear();
  rings_.clear();
  datagrams_.drain();
}

}  // namespace sonde::io
