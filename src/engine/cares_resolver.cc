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

IpAddress first_address(const ares_addrinfo* result) {
  IpAddress address;
  for (const ares_addrinfo_node* node = result->nodes; node != nullptr; node = node->ai_next) {
    if (node->ai_family != AF_INET && node->ai_family != AF_INET6) continue;
    os::SockAddr socket_address;
    std::copy_n(reinterpret_cast<const char*>(node->ai_addr), node->ai_addrlen,
                reinterpret_cast<char*>(&socket_address.storage));
    const IpAddress found = os::endpoint_of(socket_address).address;
    if (found.is_v4()) return found;
    if (address.is_unspecified()) address = found;
  }
  return address;
}

}  // namespace

Result<std::unique_ptr<CaresResolver>> CaresResolver::create(io::Backend& backend, const std::string& servers,
                                                             Nanos timeout) {
  // Thread-safe and counted by c-ares; never undone, the program ends with it.
  static const int initialized = ares_library_init(ARES_LIB_INIT_ALL);
  if (initialized != ARES_SUCCESS) return std::unexpected(Error{.what = "c-ares could not be initialized"});
  std::unique_ptr<CaresResolver> resolver(new CaresResolver(backend));
  ares_options options{};
  options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
    // A descriptor that cannot be watched leaves its question to the deadline.
    (void)static_cast<CaresResolver*>(self)->backend_.watch(fd, readable != 0, writable != 0);
  };
  options.sock_state_cb_data = resolver.get();
  options.tries = 2;
  options.timeout =
      static_cast<int>(std::max<Nanos>(1, timeout / kMillisecond / 3));  // 1/3, then 2/3: the second try doubles
  char lookups[] = "fb";
  options.lookups = lookups;
  const int flags = ARES_OPT_SOCK_STATE_CB | ARES_OPT_TRIES | ARES_OPT_TIMEOUTMS | ARES_OPT_LOOKUPS;
  if (ares_init_options(&resolver->channel_, &options, flags) != ARES_SUCCESS)
    return std::unexpected(Error{.what = "c-ares could not make a channel"});
  if (!servers.empty() && ares_set_servers_ports_csv(resolver->channel_, servers.c_str()) != ARES_SUCCESS)
    return std::unexpected(Error{.what = "resolver addresses were not understood"});
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
          resolved = {.id = asked->id, .address = first_address(result)};
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

}  // namespace sonde::engine
