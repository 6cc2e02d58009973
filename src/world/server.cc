#include "world/server.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "os/error.h"
#include "os/fd.h"
#include "os/machine.h"
#include "os/sockaddr.h"
#include "world/table.h"

namespace sonde::world {

using population::Arrival;

namespace {

// Looking at each takes 10 ns: a few seconds, at most.
constexpr std::uint64_t kMostEndpointsLookedAt = std::uint64_t{1} << 28;

constexpr IpAddress kAnyV4 = IpAddress::v4(0);

// How much of a descriptor table listeners may fill; the rest is for connections.
std::uint64_t listeners_per_table(std::uint64_t limit) {
  return std::max<std::uint64_t>(8, limit - std::min(limit / 4, std::uint64_t{3000}));
}

// A socket bound to the endpoint as a listener would be, or none with errno set. Whoever listens on the port of any
// address that it covers is in its way.
os::Fd bound_socket(const Endpoint& endpoint) {
  os::Fd fd(::socket(os::family_of(endpoint.address), SOCK_STREAM | SOCK_CLOEXEC, 0));
  os::SockAddr address;
  os::fill(address, endpoint);
  const int on = 1;
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(fd.get(), address.get(), address.length) != 0)
    return {};
  return fd;
}

// A port that is free on every address; 0 where there is none.
std::uint16_t free_port(const IpAddress& prefix) {
  const os::Fd fd = bound_socket({.address = prefix.is_v4() ? kAnyV4 : prefix, .port = 0});
  os::SockAddr bound;
  bound.length = sizeof bound.storage;
  if (!fd || ::getsockname(fd.get(), bound.get(), &bound.length) != 0) return 0;
  return os::endpoint_of(bound).port;
}

// The part of all endpoints that has a listener of its own, by the mix's weights.
double share_of_listeners(const population::Population& people, bool wildcard) {
  double listening = 0;
  double total = 0;
  for (const auto& [role, weight] : people.mix().weights) {
    total += weight;
    if (role->arrival == Arrival::kSilent || (role->arrival == Arrival::kAccept && !wildcard)) listening += weight;
  }
  return listening / total;
}

}  // namespace

bool uses_wildcard(const ServerOptions& options) {
  return options.prefix.is_v4() && !options.population->has(Arrival::kRefuse);
}

Parsed<> check(const ServerOptions& options) {
  const bool loopback = options.prefix.is_v4() ? options.prefix.v4_bits() >> 24 == 127 && options.prefix_length >= 8 &&
                                                     options.prefix_length <= 32
                                               : options.prefix.bits() == 1 && options.prefix_length == 128;
  if (!loopback)
    return input_error(fmt::format("'{}/{}' is not on loopback; a world's prefix is inside 127.0.0.0/8, or ::1/128",
                                   to_string(options.prefix), options.prefix_length));
  if (options.ports.empty()) return input_error("a world needs a port");
  if (options.population->has(Arrival::kUnreachable))
    return input_error("the role 'unreachable' is for the simulator only: no socket can play it");
  return {};
}

std::uint64_t Endpoints::count() const {
  const std::uint64_t addresses = options_.prefix.is_v4() ? std::uint64_t{1} << (32 - options_.prefix_length) : 1;
  return addresses * options_.ports.size();
}

Endpoint Endpoints::at(std::uint64_t index) const {
  const std::uint64_t address = index / options_.ports.size();
  const std::uint16_t port = options_.ports[index % options_.ports.size()];
  if (!options_.prefix.is_v4()) return {.address = options_.prefix, .port = port};
  const std::uint32_t mask = ~std::uint32_t{0} << (32 - options_.prefix_length);
  return {.address = IpAddress::v4((options_.prefix.v4_bits() & mask) + static_cast<std::uint32_t>(address)),
          .port = port};
}

Server::Server() = default;
Server::~Server() { stop(); }

// The endpoints that need a listener of their own: the silent, and what accepts unless the wildcard does.
Parsed<std::vector<Endpoint>> Server::own_listeners(bool wildcard) const {
  const population::Population& people = *options_.population;
  std::vector<Endpoint> own;
  // The wildcard is enough for one kind of arrival.
  if (wildcard && !(people.has(Arrival::kSilent) && people.has(Arrival::kAccept))) return own;
  const Endpoints endpoints(options_);
  const double share = share_of_listeners(people, wildcard);
  if (share == 0) return own;
  const auto too_many = [&] {
    return input_error(
        fmt::format("this world needs about {:.0f} listeners, more than {}; make the prefix longer, take fewer ports, "
                    "or a mix in which {}",
                    share * static_cast<double>(endpoints.count()), kMaxListeners,
                    wildcard ? "less is silent" : "less answers (or nothing refuses)"));
  };
  if (endpoints.count() > kMostEndpointsLookedAt) return too_many();
  for (std::uint64_t i = 0; i < endpoints.count(); ++i) {
    const Endpoint endpoint = endpoints.at(i);
    const Arrival arrival = people.role_of(endpoint).arrival;
    if (arrival == Arrival::kSilent || (arrival == Arrival::kAccept && !wildcard)) own.push_back(endpoint);
    if (own.size() > kMaxListeners) return too_many();
  }
  return own;
}

// Which listeners there must be, and in which table.
Parsed<> Server::deal_listeners(std::vector<std::vector<Endpoint>>& by_table) {
  const bool wildcard = uses_wildcard(options_);
  Parsed<std::vector<Endpoint>> own = own_listeners(wildcard);
  if (!own) return std::unexpected(own.error());
  std::vector<Endpoint> everywhere;  // in each table: the kernel spreads the connections over them
  if (wildcard)
    for (const std::uint16_t port : options_.ports) everywhere.push_back({.address = kAnyV4, .port = port});

  const std::uint64_t limit = os::raise_descriptor_limit();
  std::uint64_t per_table = listeners_per_table(
      options_.descriptors_per_thread == 0 ? limit : std::min(limit, options_.descriptors_per_thread));
  if (everywhere.size() > per_table / 2) {
    own->insert(own->begin(), everywhere.begin(), everywhere.end());
    everywhere.clear();
  }
  per_table -= everywhere.size();
  const std::size_t tables = std::max<std::size_t>({1, options_.threads, (own->size() + per_table - 1) / per_table});
  if (tables > kMaxThreads)
    return input_error(
        fmt::format("this world needs {} listeners, and {} descriptors a thread would ask for {} threads, more than "
                    "{}; raise the limit of open files (ulimit -n) or make the prefix longer",
                    own->size(), per_table, tables, kMaxThreads));
  by_table.assign(everywhere.empty() ? std::clamp<std::size_t>(own->size(), 1, tables) : tables, everywhere);
  for (std::size_t i = 0; i < own->size(); ++i) by_table[i % by_table.size()].push_back((*own)[i]);
  listeners_ = own->size() + everywhere.size() * by_table.size();
  return {};
}

Parsed<> Server::start(ServerOptions options) {
  options_ = std::move(options);
  if (const Parsed<> possible = check(options_); !possible) return possible;
  for (std::uint16_t& port : options_.ports)
    if (port == 0) port = free_port(options_.prefix);
  // Listeners of one world share ports, so the kernel would let another world, or any server of this user that shares,
  // have a part of the connections.
  for (const std::uint16_t port : options_.ports)
    if (uses_wildcard(options_) && !bound_socket({.address = kAnyV4, .port = port}))
      return input_error(
          fmt::format("cannot listen on port {}: {}", port, os::describe(os::error_from(errno, "bind"))));
  std::vector<std::vector<Endpoint>> by_table;
  if (const Parsed<> dealt = deal_listeners(by_table); !dealt) return dealt;
  stopping_ = false;
  std::vector<std::future<std::string>> answers;
  for (std::vector<Endpoint>& endpoints : by_table) {
    tables_.push_back(std::make_unique<Table>(options_, std::move(endpoints), accepted_, stopping_));
    answers.push_back(tables_.back()->start());
  }
  std::string trouble;
  for (std::future<std::string>& answer : answers)
    if (std::string text = answer.get(); trouble.empty()) trouble = std::move(text);
  if (trouble.empty()) return {};
  stop();
  return input_error(std::move(trouble));
}

void Server::stop() {
  stopping_ = true;
  tables_.clear();  // joins
}

}  // namespace sonde::world
