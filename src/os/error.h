// errno becomes an Error here and nowhere else.
#pragma once

#include <string>

#include "base/error.h"

namespace sonde::os {

// The meaning of an errno for a prober; see the table in error.cc, which explains each.
Error error_from(int sys_errno, const char* what);

// "open output: No space left on device"
std::string describe(const Error& error);

// True when the fault is this machine's (descriptors, memory, ports): never the target's state; slow down and try
// again.
bool is_local(ErrorKind kind);

}  // namespace sonde::os
