#include "io/uring_features.h"

#include <liburing.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "os/error.h"

namespace sonde::io {
namespace {

// Opcodes younger than the headers (liburing 2.3).
constexpr int kOpFixedFdInstall = 54;

// 0, or the errno of setting up a small ring with these flags.
int try_flags(unsigned flags) {
  io_uring ring;
  const int result = io_uring_queue_init(4, &ring, flags);
  if (result < 0) return -result;
  io_uring_queue_exit(&ring);
  return 0;
}

bool has_opcode(const io_uring_probe* probe, int opcode) {
  return probe != nullptr && io_uring_opcode_supported(probe, opcode) != 0;
}

bool takes_buffer_ring(io_uring& ring) {
  constexpr unsigned kEntries = 8;
  constexpr std::size_t kBytes = kEntries * sizeof(io_uring_buf);
  void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uint64_t>(memory);
  registration.ring_entries = kEntries;
  const bool taken = io_uring_register_buf_ring(&ring, &registration, 0) == 0;
  if (taken) io_uring_unregister_buf_ring(&ring, 0);
  munmap(memory, kBytes);
  return taken;
}

}  // namespace

std::string UringFeatures::why_not() const {
  if (!set_up) return os::describe(fault);
  if (!direct_sockets) return "the kernel's io_uring has no sockets in direct descriptors (Linux 5.19 and later have)";
  if (!buffer_rings) return "the kernel's io_uring has no buffer rings (Linux 5.19 and later have)";
  return {};
}

UringFeatures probe_uring() {
  UringFeatures features;
  io_uring ring;
  const int result = io_uring_queue_init(4, &ring, 0);
  if (result < 0) {
    features.fault = os::error_from(-result, "io_uring_setup");
    return features;
  }
  features.set_up = true;
  const std::unique_ptr<io_uring_probe, decltype(&io_uring_free_probe)> probe(io_uring_get_probe_ring(&ring),
                                                                              io_uring_free_probe);
  features.direct_sockets = has_opcode(probe.get(), IORING_OP_SOCKET) && io_uring_register_files_sparse(&ring, 8) == 0;
  features.buffer_rings = takes_buffer_ring(ring);
  features.fd_install = has_opcode(probe.get(), kOpFixedFdInstall);
  io_uring_queue_exit(&ring);
  features.single_issuer = try_flags(IORING_SETUP_SINGLE_ISSUER) == 0;
  features.defer_taskrun = try_flags(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN) == 0;
  return features;
}

}  // namespace sonde::io
