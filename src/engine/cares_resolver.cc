#include "engine/cares_resolver.h"

#include <ares.h>
#include <sys/time.h>

#include <algorithm>

#include "os/sockaddr.h"

namespace sonde::engine {

struct CaresResolver::Question {
  CaresResolver* resolver;
  ConnectionId id;
};

namespace {

Resolved failure(ConnectionId id, int status) {
  using results::Outcome;
  switch (status) {
    case ARES_ENOTFOUND:
      return {.id = id, .outcome = Outcome::kDnsError, .error = "no such name"};
    case ARES_ENODATA:
      return {.id = id, .outcome = Outcome::kDnsError, .error = "the name has no address"};
    case ARES_ESERVFAIL:
      return {.id = id, .outcome = Outcome::kDnsError, .error = "the resolver failed (SERVFAIL)"};
    case ARES_EREFUSED:
      return {.id = id, .outcome = Outcome::kDnsError, .error = "the resolver refused"};
    case ARES_EBADNAME:
      return {.id = id, .outcome = Outcome::kDnsError, .error = "not a name that DNS can hold"};
    case ARES_ETIMEOUT:
      return {.id = id, .outcome = Outcome::kTimeout, .error = "no answer from the resolver"};
    case ARES_ECONNREFUSED:
      return {.id = id, .outcome = Outcome::kLocalError, .error = "no resolver can be reached"};
    case ARES_ENOMEM:
      return {.id = id, .outcome = Outcome::kLocalError, .error = "out of memory"};
    default:
      return {.id = id, .outcome = Outcome::kDnsError, .error = "the resolver's answer could not be used"};
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

// The first IPv4 address, else the first; unspecified when there is none.
IpAddress preferred(const std::vector<IpAddress>& addresses) {
  for (const IpAddress& address : addresses)
    if (address.is_v4()) return address;
  return addresses.empty() ? IpAddress() : addresses.front();
}

Result<ares_channel> open_channel(ares_options options, int flags, const std::string& servers, Nanos timeout) {
  // Thread-safe and counted by c-ares; never undone, the program ends with it.
  static const int initialized = ares_library_init(ARES_LIB_INIT_ALL);
  if (initialized != ARES_SUCCESS) return std::unexpected(Error{.what = "c-ares could not be initialized"});
  options.tries = 2;
  options.timeout =
      static_cast<int>(std::max<Nanos>(1, timeout / kMillisecond / 3));  // 1/3, then 2/3: the second try doubles
  char lookups[] = "fb";
  options.lookups = lookups;
  ares_channel channel = nullptr;
  if (ares_init_options(&channel, &options, flags | ARES_OPT_TRIES | ARES_OPT_TIMEOUTMS | ARES_OPT_LOOKUPS) !=
      ARES_SUCCESS)
    return std::unexpected(Error{.what = "c-ares could not make a channel"});
  if (!servers.empty() && ares_set_servers_ports_csv(channel, servers.c_str()) != ARES_SUCCESS) {
    ares_destroy(channel);
    return std::unexpected(Error{.what = "resolver addresses were not understood"});
  }
  return channel;
}

}  // namespace

Result<std::unique_ptr<CaresResolver>> CaresResolver::create(io::Backend& backend, const std::string& servers,
                                                             Nanos timeout) {
  std::unique_ptr<CaresResolver> resolver(new CaresResolver(backend));
  ares_options options{};
  options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
    // A descriptor that cannot be watched leaves its question to the deadline.
    (void)static_cast<CaresResolver*>(self)->backend_.watch(fd, readable != 0, writable != 0);
  };
  options.sock_state_cb_data = resolver.get();
  const Result<ares_channel> channel = open_channel(options, ARES_OPT_SOCK_STATE_CB, servers, timeout);
  if (!channel) return std::unexpected(channel.error());
  resolver->channel_ = *channel;
  return resolver;
}

CaresResolver::~CaresResolver() {
  if (channel_ != nullptr) ares_destroy(channel_);  // calls back every outstanding question
}

void CaresResolver::answer(const Resolved& resolved) {
  --outstanding_;
  answers_.push_back(resolved);
}

void CaresResolver::resolve(ConnectionId id, std::string_view host) {
  ++outstanding_;
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_flags = ARES_AI_NOSORT;
  auto* question = new Question{.resolver = this, .id = id};
  ares_getaddrinfo(
      channel_, std::string(host).c_str(), nullptr, &hints,
      [](void* argument, int status, int, ares_addrinfo* result) {
        const std::unique_ptr<Question> asked(static_cast<Question*>(argument));
        Resolved resolved = failure(asked->id, status);
        if (status == ARES_SUCCESS) {
          resolved = {.id = asked->id, .address = preferred(addresses_of(result))};
          if (resolved.address.is_unspecified()) resolved = failure(asked->id, ARES_ENODATA);
          ares_freeaddrinfo(result);
        }
        asked->resolver->answer(resolved);
      },
      question);
}

void CaresResolver::on_descriptor(int fd, bool readable, bool writable) {
  ares_process_fd(channel_, readable ? fd : ARES_SOCKET_BAD, writable ? fd : ARES_SOCKET_BAD);
}

void CaresResolver::on_time() { ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD); }

Nanos CaresResolver::next_time(Nanos now) const {
  if (!answers_.empty()) return now;  // answered from /etc/hosts, within resolve()
  if (outstanding_ == 0) return kNever;
  timeval buffer{};
  const timeval* left = ares_timeout(channel_, nullptr, &buffer);
  return left == nullptr ? kNever : now + left->tv_sec * kSecond + left->tv_usec * kMicrosecond;
}

std::span<const Resolved> CaresResolver::take_answers() {
  taken_.clear();
  taken_.swap(answers_);
  return taken_;
}

Result<std::vector<IpAddress>> resolve_all(const std::string& host, const std::string& servers, Nanos timeout) {
  const Result<ares_channel> opened = open_channel({}, 0, servers, timeout);
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
  return std::unexpected(Error{.what = failure({}, answer.status).error});
}

}  // namespace sonde::engine
