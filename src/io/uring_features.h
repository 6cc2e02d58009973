// What the running kernel's io_uring can do, found out by asking it: set-up flags by trying them, opcodes by
// IORING_REGISTER_PROBE. Nothing is concluded from a version number. Any thread.
#pragma once

#include <string>

#include "base/error.h"

namespace sonde::io {

struct UringFeatures {
  // What the backend cannot do without; all of Linux 5.19 and later.
  bool set_up = false;          // io_uring_setup is permitted
  bool direct_sockets = false;  // sparse tables of direct descriptors, SOCKET into one
  bool buffer_rings = false;    // provided buffers shared by a ring
  // What makes it cheaper or more exact, with the kernel that brought it.
  bool single_issuer = false;  // 6.0
  bool defer_taskrun = false;  // 6.1: completions run when asked for, in the thread that asks
  bool fd_install = false;     // 6.8: a direct descriptor can be asked for TCP_INFO
  Error fault;                 // why set_up is false

  bool usable() const { return set_up && direct_sockets && buffer_rings; }
  // Why not usable(), for a person: "io_uring_setup: Operation not permitted". Empty when usable.
  std::string why_not() const;
};

UringFeatures probe_uring();

}  // namespace sonde::io
