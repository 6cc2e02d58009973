// sockaddr of an Endpoint, for the socket calls.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/ip_address.h"

namespace sonde::os {

struct SockAddr {
  sockaddr_storage storage;  // only `length` bytes are meaningful; the rest is left as it was
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

inline int family_of(const IpAddress& address) { return address.is_v4() ? AF_INET : AF_INET6; }
void fill(SockAddr& out, const Endpoint& endpoint);
Endpoint endpoint_of(const SockAddr& address);  // REQUIRES: AF_INET or AF_INET6

}  // namespace sonde::os
