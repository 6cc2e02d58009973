#include "world/server.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "os/fd.h"
#include "os/machine.h"
#include "os/sockaddr.h"
#include "world/table.h"

namespace sonde::world {

using population::Arrival;

namespace {

// How much of a descriptor table listeners may fill; the rest is for connections.
std::uint64_t listeners_per_table(std::uint64_t limit) {
  return std::max<std::uint64_t>(8, limit - std::min(limit / 4, std::uint64_t{3000}));
}

std::uint16_t free_port(const IpAddress& address) {
  const os::Fd fd(::socket(os::family_of(address), SOCK_STREAM | SOCK_CLOEXEC, 0));
  os::SockAddr bound;
  os::fill(bound, {.address = address, .port = 0});
  if (!fd || ::bind(fd.get(), bound.get(), bound.length) != 0 ||
      ::getsockname(fd.get(), bound.get(), &bound.length) != 0)
    return 0;
  return os::endpoint_of(bound).port;
}

bool is_loopback(const ServerOptions& options) {
  if (!options.prefix.is_v4()) return options.prefix.bits() == 1 && options.prefix_length == 128;
  return options.prefix.v4_bits() >> 24 == 127 && options.prefix_length >= 8 && options.prefix_length <= 32;
}

}  // namespace

std::uint64_t Endpoints::count() const {
  const std::uint64_t addresses = options_.prefix.is_v4() ? std::uint64_t{1} << (32 - options_.prefix_length) : 1;
  return addresses * options_.ports.size();
}

Endpoint Endpoints::at(std::uint64_t index) const {
  const std::uint64_t address = index / options_.ports.size();
  const std::uint16_t port = options_.ports[index % options_.ports.size()];
  if (!options_.prefix.is_v4()) return {.address = options_.prefix, .port = port};
  const std::uint32_t mask = options_.prefix_length == 0 ? 0 : ~std::uint32_t{0} << (32 - options_.prefix_length);
  return {.address = IpAddress::v4((options_.prefix.v4_bits() & mask) + static_cast<std::uint32_t>(address)),
          .port = port};
}

Server::Server() = default;
Server::~Server() { stop(); }

// Which listeners there must be, and in which table.
Parsed<> Server::plan_listeners(std::vector<std::vector<Endpoint>>& by_table) {
  const population::Population& people = *options_.population;
  std::vector<Endpoint> needed;
  const bool wildcard = !people.has(Arrival::kRefuse) && !people.has(Arrival::kUnreachable) && options_.prefix.is_v4();
  if (wildcard)
    for (const std::uint16_t port : options_.ports) needed.push_back({.address = {}, .port = port});
  const bool own_silent = wildcard && people.has(Arrival::kSilent) && people.has(Arrival::kAccept);
  if (!wildcard || own_silent) {
    const Endpoints endpoints(options_);
    for (std::uint64_t i = 0; i < endpoints.count(); ++i) {
      const Endpoint endpoint = endpoints.at(i);
      const Arrival arrival = people.role_of(endpoint).arrival;
      if (arrival == Arrival::kSilent || (arrival == Arrival::kAccept && !wildcard)) needed.push_back(endpoint);
      if (needed.size() > kMaxListeners)
        return input_error(fmt::format(
            "this world needs more than {} listeners; make the prefix longer, take fewer ports, or a mix in "
            "which less answers (or nothing refuses)",
            kMaxListeners));
    }
  }
  listeners_ = needed.size();
  const std::uint64_t per_table = listeners_per_table(os::raise_descriptor_limit());
  const std::size_t tables = std::max<std::size_t>({1, options_.threads, (needed.size() + per_table - 1) / per_table});
  by_table.resize(std::min(tables, std::max<std::size_t>(1, needed.size())));
  for (std::size_t i = 0; i < needed.size(); ++i) by_table[i % by_table.size()].push_back(needed[i]);
  return {};
}

Parsed<> Server::start(ServerOptions options) {
  options_ = std::move(options);
  if (!is_loopback(options_)) return input_error("a world lives on loopback: a prefix inside 127.0.0.0/8, or ::1/128");
  if (options_.ports.empty()) return input_error("a world needs a port");
  for (std::uint16_t& port : options_.ports)
    if (port == 0) port = free_port(options_.prefix);
  std::vector<std::vector<Endpoint>> by_table;
  if (const Parsed<> planned = plan_listeners(by_table); !planned) return planned;
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
