#include "os/sockaddr.h"

#include <arpa/inet.h>

#include <cstring>

namespace sonde::os {

void fill(SockAddr& out, const Endpoint& endpoint) {
  if (endpoint.address.is_v4()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(endpoint.port);
    in.sin_addr.s_addr = htonl(endpoint.address.v4_bits());
    std::memcpy(&out.storage, &in, sizeof in);
    out.length = sizeof in;
    return;
  }
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(endpoint.port);
  U128 bits = endpoint.address.bits();
  for (int i = 15; i >= 0; --i, bits >>= 8) in.sin6_addr.s6_addr[i] = static_cast<std::uint8_t>(bits);
  std::memcpy(&out.storage, &in, sizeof in);
  out.length = sizeof in;
}

Endpoint endpoint_of(const SockAddr& address) {
  if (address.any.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address.storage, sizeof in);
    return {.address = IpAddress::v4(ntohl(in.sin_addr.s_addr)), .port = ntohs(in.sin_port)};
  }
  sockaddr_in6 in{};
  std::memcpy(&in, &address.storage, sizeof in);
  U128 bits = 0;
  for (const std::uint8_t byte : in.sin6_addr.s6_addr) bits = bits << 8 | byte;
  return {.address = IpAddress::v6(bits), .port = ntohs(in.sin6_port)};
}

}  // namespace sonde::os
