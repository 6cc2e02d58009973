// One io_uring with its table of direct descriptors and its provided buffers. A backend has as many as its connections
// need: a table holds at most min(RLIMIT_NOFILE, kLongestTable) descriptors, none of which counts against
// RLIMIT_NOFILE. All calls from the thread that created it (SINGLE_ISSUER).
#pragma once

#include <liburing.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "io/backend.h"
#include "io/uring_features.h"
#include "memory/ring_pool.h"
#include "os/sockaddr.h"

namespace sonde::io {

struct UringRingOptions {
  UringFeatures features;
  std::uint32_t table = 0;  // direct descriptors
  std::uint32_t submissions = 256;
  std::uint32_t completions = 8192;
  std::uint32_t buffers = 32;  // provided at once; a power of two
  int wake = -1;               // eventfd that is told of news
};

class UringRing {
 public:
  static constexpr std::size_t kBufferBytes = 4096;

  // pool: where provided buffers come from; outlives the ring. Errors are this machine's: memory, descriptors, policy.
  static Result<std::unique_ptr<UringRing>> create(memory::RingPool& pool, const UringRingOptions& options);
  ~UringRing();
  UringRing(const UringRing&) = delete;
  UringRing& operator=(const UringRing&) = delete;

  bool listed = false;  // its backend's note: has entries to submit

  // Direct descriptors that are free: a stack, so that few are touched.
  bool has_free() const { return fresh_ < options_.table || !free_.empty(); }
  std::uint32_t take_index();
  void give_index(std::uint32_t index) { free_.push_back(index); }

  // An empty entry; submits when there is none. Null: the kernel takes none at this moment.
  io_uring_sqe* entry();
  // An address that stays until `entry` is submitted.
  os::SockAddr& address_of(const io_uring_sqe* entry) { return addresses_[static_cast<std::size_t>(entry - sqes())]; }
  // Bytes that stay until `entry` is submitted.
  std::span<std::byte> farewell_of(const io_uring_sqe* entry) {
    if (farewells_.empty()) farewells_.resize(addresses_.size());
    return farewells_[static_cast<std::size_t>(entry - sqes())];
  }
  unsigned room() const { return io_uring_sq_space_left(&ring_); }  // entries that are empty
  bool dirty() const { return io_uring_sq_ready(&ring_) > 0; }
  // Hands what was prepared to the kernel and lets it deliver what is ready. False: it took none of it.
  bool submit();
  // The same, and sleeps until there is a completion, or `left` has passed (kNever: for good); in one system call.
  void submit_and_wait(Nanos left);
  // Whether `wake` is told of news; at first it is.
  void signal(bool on) { io_uring_cq_eventfd_toggle(&ring_, on); }
  // Lets the kernel deliver what it has, some twenty at a time; false when it has nothing.
  bool deliver();
  // Whether there are completions, or some that the kernel would deliver.
  bool has_news() const { return io_uring_cq_ready(&ring_) > 0 || undelivered(); }

  // Completions, oldest first; `seen` takes them off.
  template <typename Handler>
  std::size_t each_completion(Handler handler) {
    unsigned head = 0;
    unsigned count = 0;
    io_uring_cqe* completion = nullptr;
    io_uring_for_each_cqe(&ring_, head, completion) {
      ++count;
      if (!handler(*completion)) break;
    }
    return count;
  }
  void seen(std::size_t count) { io_uring_cq_advance(&ring_, static_cast<unsigned>(count)); }

  // Makes buffers there for RECV with IOSQE_BUFFER_SELECT, group 0. False: no memory for it.
  bool provide_buffers();
  // The buffer of a completion (IORING_CQE_F_BUFFER), replaced in the ring by a fresh one.
  memory::Lease take_buffer(std::uint32_t completion_flags);

  // Puts a plain socket into the table; the caller's descriptor may be closed then.
  Result<> install(std::uint32_t index, int fd);

 private:
  UringRing(memory::RingPool& pool, const UringRingOptions& options) : pool_(pool), options_(options) {}
  bool undelivered() const;
  const io_uring_sqe* sqes() const { return ring_.sq.sqes; }
  void add_buffer(std::uint32_t number);

  memory::RingPool& pool_;
  UringRingOptions options_;
  io_uring ring_{};
  bool open_ = false;
  std::uint32_t fresh_ = 0;  // indices never taken: [fresh_, table)
  std::vector<std::uint32_t> free_;
  std::vector<os::SockAddr> addresses_;                                   // by submission entry
  std::vector<std::array<std::byte, Backend::kMostFarewell>> farewells_;  // the same; empty until one is needed
  std::vector<memory::Lease> buffers_;                                    // by buffer number
  io_uring_buf_ring* buffer_ring_ = nullptr;
};

}  // namespace sonde::io
