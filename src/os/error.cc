#include "os/error.h"

#include <cerrno>
#include <cstring>

namespace sonde::os {

Error error_from(int sys_errno, const char* what) {
  ErrorKind kind = ErrorKind::kOther;
  switch (sys_errno) {
    case ECONNREFUSED:
      kind = ErrorKind::kRefused;
      break;  // RST to SYN; ICMP port or protocol unreachable
    case ECONNRESET:
    case ECONNABORTED:
      kind = ErrorKind::kReset;
      break;
    case ETIMEDOUT:
      kind = ErrorKind::kTimedOut;
      break;           // tcp_syn_retries ran out before our own deadline
    case ENETUNREACH:  // no route here, or ICMP net unreachable
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENONET:
    case ENETDOWN:
    case ENOPROTOOPT:  // ICMP protocol unreachable
    case EPROTO:
      kind = ErrorKind::kUnreachable;
      break;
    case EPIPE:
      kind = ErrorKind::kBrokenPipe;
      break;
    case EMFILE:
    case ENFILE:
      kind = ErrorKind::kNoDescriptors;
      break;
    case ENOMEM:
    case ENOBUFS:
      kind = ErrorKind::kNoMemory;
      break;
    case EADDRNOTAVAIL:  // no free source port to this destination, or no source address of this family
    case EAGAIN:
      kind = ErrorKind::kNoPorts;
      break;      // connect(2): "insufficient entries in the routing cache"
    case EPERM:   // a local firewall rule dropped the packet
    case EACCES:  // broadcast address, or a policy of this machine
    case EINVAL:
      kind = ErrorKind::kNotPermitted;
      break;  // an address that the kernel will not connect to
    case EADDRINUSE:
      kind = ErrorKind::kAddressInUse;
      break;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      kind = ErrorKind::kNoSpace;
      break;
    case ENOENT:
    case ENOTDIR:
      kind = ErrorKind::kNotFound;
      break;
    default:
      break;
  }
  return {.kind = kind, .sys = sys_errno, .what = what};
}

std::string describe(const Error& error) {
  if (error.sys == 0) return error.what;
  return std::string(error.what) + ": " + std::strerror(error.sys);  // NOLINT(concurrency-mt-unsafe)
}

bool is_local(ErrorKind kind) {
  return kind == ErrorKind::kNoDescriptors || kind == ErrorKind::kNoMemory || kind == ErrorKind::kNoPorts ||
         kind == ErrorKind::kAddressInUse;
}

}  // namespace sonde::os
