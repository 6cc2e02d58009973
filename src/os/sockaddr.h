// sockaddr of an Endpoint, for the socket calls.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/ip_address.h"

namespace sonde::os {

struct SockAddr {
  union {  // only `length` bytes are meaningful; the rest is left as it was
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 storage;
  };
  socklen_t length = 0;
  SockAddr() {}  // NOLINT(modernize-use-equals-default): leaves the union alone
  const sockaddr* get() const { return &any; }
  sockaddr* get() { return &any; }
};

inline int family_of(const IpAddress& address) { return address.is_v4() ? AF_INET : AF_INET6; }
void fill(SockAddr& out, const Endpoint& endpoint);
Endpoint endpoint_of(const SockAddr& address);  // REQUIRES: AF_INET or AF_INET6

}  // namespace sonde::os
