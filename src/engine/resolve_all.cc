#include "engine/resolve_all.h"

#include <ares.h>
#include <sys/time.h>

#include <algorithm>
#include <memory>

#include "engine/cares_library.h"
#include "os/sockaddr.h"

namespace sonde::engine {
namespace {

const char* describe(int status) {
  switch (status) {
    case ARES_ESERVFAIL:
      return "the resolver failed (SERVFAIL)";
    case ARES_EREFUSED:
      return "the resolver refused";
    case ARES_EBADNAME:
      return "not a name that DNS can hold";
    case ARES_ETIMEOUT:
      return "no answer from the resolver";
    case ARES_ECONNREFUSED:
      return "no resolver can be reached";
    case ARES_ENOMEM:
      return "out of memory";
    default:
      return "the resolver's answer could not be used";
  }
}

std::vector<IpAddress> addresses_of(const ares_addrinfo* result) {
  std::vector<IpAddress> addresses;
  for (const ares_addrinfo_node* node = result->nodes; node != nullptr; node = node->ai_next) {
    if (node->ai_family != AF_INET && node->ai_family != AF_INET6) continue;
    os::SockAddr address;
    std::copy_n(reinterpret_cast<const char*>(node->ai_addr), node->ai_addrlen,
                reinterpret_cast<char*>(&address.storage));
    addresses.push_back(os::endpoint_of(address).address);
  }
  return addresses;
}

Result<ares_channel> open_channel(const std::string& servers, Nanos timeout) {
  char lookups[] = "fb";  // /etc/hosts, then DNS
  ares_options options{};
  options.tries = 2;
  // 1/3, then 2/3: the second try doubles.
  options.timeout = static_cast<int>(std::max<Nanos>(1, timeout / kMillisecond / 3));
  options.lookups = lookups;
  return open_cares(options, ARES_OPT_TRIES | ARES_OPT_TIMEOUTMS | ARES_OPT_LOOKUPS, servers);
}

}  // namespace

Result<std::vector<IpAddress>> resolve_all(const std::string& host, const std::string& servers, Nanos timeout) {
  const Result<ares_channel> opened = open_channel(servers, timeout);
  if (!opened) return std::unexpected(opened.error());
  const std::unique_ptr<ares_channeldata, decltype(&ares_destroy)> channel(*opened, &ares_destroy);
  struct Answer {
    int status = ARES_ETIMEOUT;
    bool done = false;
    std::vector<IpAddress> addresses;
  } answer;
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  ares_getaddrinfo(
      channel.get(), host.c_str(), nullptr, &hints,
      [](void* argument, int status, int, ares_addrinfo* result) {
        auto& out = *static_cast<Answer*>(argument);
        out.status = status;
        out.done = true;
        if (status != ARES_SUCCESS) return;
        out.addresses = addresses_of(result);
        ares_freeaddrinfo(result);
      },
      &answer);
  while (!answer.done) {  // c-ares's own time-outs end it
    fd_set readable;
    fd_set writable;
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    const int count = ares_fds(channel.get(), &readable, &writable);
    timeval wait{.tv_sec = 1, .tv_usec = 0};
    select(count, &readable, &writable, nullptr, ares_timeout(channel.get(), &wait, &wait));
    ares_process(channel.get(), &readable, &writable);
  }
  if (answer.status == ARES_SUCCESS || answer.status == ARES_ENOTFOUND || answer.status == ARES_ENODATA)
    return answer.addresses;
  return std::unexpected(Error{.what = describe(answer.status)});
}

}  // namespace sonde::engine
