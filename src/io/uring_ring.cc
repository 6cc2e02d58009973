#include "io/uring_ring.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "base/check.h"
#include "os/error.h"

namespace sonde::io {
namespace {

std::size_t bytes_of(std::uint32_t buffers) { return std::bit_ceil(buffers) * sizeof(io_uring_buf); }

}  // namespace

Result<std::unique_ptr<UringRing>> UringRing::create(memory::RingPool& pool, const UringRingOptions& options) {
  std::unique_ptr<UringRing> ring(new UringRing(pool, options));
  io_uring_params params{};
  params.flags = IORING_SETUP_CQSIZE | IORING_SETUP_TASKRUN_FLAG;
  params.cq_entries = options.completions;
  if (options.features.single_issuer) params.flags |= IORING_SETUP_SINGLE_ISSUER;
  params.flags |= options.features.defer_taskrun ? IORING_SETUP_DEFER_TASKRUN : IORING_SETUP_COOP_TASKRUN;
  int result = io_uring_queue_init_params(options.submissions, &ring->ring_, &params);
  if (result < 0) return std::unexpected(os::error_from(-result, "io_uring_setup"));
  ring->open_ = true;
  result = io_uring_register_files_sparse(&ring->ring_, options.table);
  if (result < 0) return std::unexpected(os::error_from(-result, "io_uring_register_files"));
  result = io_uring_register_eventfd(&ring->ring_, options.wake);
  if (result < 0) return std::unexpected(os::error_from(-result, "io_uring_register_eventfd"));
  ring->addresses_.resize(params.sq_entries);
  return ring;
}

UringRing::~UringRing() {
  if (open_) io_uring_queue_exit(&ring_);
  if (buffer_ring_ != nullptr) munmap(buffer_ring_, bytes_of(options_.buffers));
}

std::uint32_t UringRing::take_index() {
  SONDE_CHECK(has_free(), "more connections than the ring's table holds");
  if (free_.empty()) return fresh_++;
  const std::uint32_t index = free_.back();
  free_.pop_back();
  return index;
}

io_uring_sqe* UringRing::entry() {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  if (entry == nullptr && submit()) entry = io_uring_get_sqe(&ring_);
  return entry;
}

bool UringRing::submit() {
  // -EINTR, or -EAGAIN and -EBUSY (no memory for requests, completions that wait to be taken): the entries stay.
  return io_uring_submit_and_get_events(&ring_) >= 0;
}

void UringRing::submit_and_wait(Nanos left) {
  __kernel_timespec timeout{.tv_sec = left / kSecond, .tv_nsec = left % kSecond};
  io_uring_cqe* first = nullptr;
  (void)io_uring_submit_and_wait_timeout(&ring_, &first, 1, left == kNever ? nullptr : &timeout, nullptr);
}

bool UringRing::undelivered() const {
  return (IO_URING_READ_ONCE(*ring_.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
}

bool UringRing::deliver() {
  if (!undelivered()) return false;
  io_uring_get_events(&ring_);
  return true;
}

bool UringRing::provide_buffers() {
  if (buffer_ring_ != nullptr) return true;
  void* memory = mmap(nullptr, bytes_of(options_.buffers), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uint64_t>(memory);
  registration.ring_entries = std::bit_ceil(options_.buffers);
  if (io_uring_register_buf_ring(&ring_, &registration, 0) != 0) {
    munmap(memory, bytes_of(options_.buffers));
    return false;
  }
  buffer_ring_ = static_cast<io_uring_buf_ring*>(memory);
  io_uring_buf_ring_init(buffer_ring_);
  buffers_.resize(options_.buffers);
  for (std::uint32_t i = 0; i < options_.buffers; ++i) {
    buffers_[i] = pool_.lend(kBufferBytes);
    add_buffer(i);
  }
  return true;
}

void UringRing::add_buffer(std::uint32_t number) {
  io_uring_buf_ring_add(buffer_ring_, buffers_[number].bytes().data(), kBufferBytes,
                        static_cast<unsigned short>(number), io_uring_buf_ring_mask(std::bit_ceil(options_.buffers)),
                        0);
  io_uring_buf_ring_advance(buffer_ring_, 1);
}

memory::Lease UringRing::take_buffer(std::uint32_t completion_flags) {
  const std::uint32_t number = completion_flags >> IORING_CQE_BUFFER_SHIFT;
  memory::Lease full = std::move(buffers_[number]);
  buffers_[number] = pool_.lend(kBufferBytes);
  add_buffer(number);
  return full;
}

Result<> UringRing::install(std::uint32_t index, int fd) {
  const int result = io_uring_register_files_update(&ring_, index, &fd, 1);
  if (result < 0) return std::unexpected(os::error_from(-result, "io_uring_register_files_update"));
  return {};
}

}  // namespace sonde::io
