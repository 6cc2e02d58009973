#include "cli/world.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "config/values.h"
#include "os/machine.h"
#include "population/population.h"
#include "targets/input_text.h"
#include "targets/port_set.h"
#include "world/server.h"
#include "world/truth.h"

namespace sonde::cli {
namespace {

constexpr const char* kHelp =
    "Usage: sonde world [OPTION …]\n\n"
    "Serves a population of targets on loopback until it is stopped (SIGINT, SIGTERM). Which (address, port) plays "
    "which\n"
    "role follows from the seed, so a scan of it can be compared with its truth.\n\n"
    "      --prefix CIDR       inside 127.0.0.0/8, or ::1/128 [127.77.0.0/16]\n"
    "      --ports PORTS       22,80,8000-8010; 0 is one that is free [2022,2025,2080,2110,2379]\n"
    "      --seed N            decides who plays what [1]\n"
    "      --mix MIX           a named mix, or ROLE=WEIGHT,ROLE=WEIGHT [default]\n"
    "      --for T             stop after so long\n"
    "      --threads N         at least so many threads; each holds as many connections as files may be open [1]\n"
    "      --truth ndjson      print what a scan of the world of these options must find, a line each (address, "
    "port),\n"
    "                          and exit without serving it\n"
    "      --list-roles        print the roles and mixes, and exit\n";

constexpr std::uint64_t kMostCounted = std::uint64_t{1} << 22;

std::atomic<bool> g_stop{false};

struct WorldOptions {
  world::ServerOptions server{.ports = {2022, 2025, 2080, 2110, 2379}};
  population::Mix mix;
  std::uint64_t seed = 1;
  std::optional<Nanos> duration;
  bool truth = false;
};

Parsed<> parse_prefix(std::string_view text, world::ServerOptions& out) {
  const std::size_t slash = text.find('/');
  const std::optional<IpAddress> address = parse_ip(text.substr(0, slash));
  unsigned length = address && address->is_v4() ? 32 : 128;
  if (slash != std::string_view::npos) {
    const Parsed<std::uint64_t> parsed = config::parse_count(text.substr(slash + 1), 0, length);
    if (!parsed) return input_error(fmt::format("{} is not a prefix such as 127.77.0.0/16", targets::quoted(text)));
    length = static_cast<unsigned>(*parsed);
  }
  if (!address) return input_error(fmt::format("{} is not a prefix such as 127.77.0.0/16", targets::quoted(text)));
  // The prefix that the address is in, as a scan takes it.
  const std::uint32_t host_bits = length < 32 ? ~std::uint32_t{0} >> length : 0;
  out.prefix = address->is_v4() ? IpAddress::v4(address->v4_bits() & ~host_bits) : *address;
  out.prefix_length = length;
  return {};
}

Parsed<> set(const std::string& name, const std::string& value, WorldOptions& options) {
  if (name == "prefix") return parse_prefix(value, options.server);
  if (name == "ports") {
    if (value == "0") {
      options.server.ports = {0};
      return {};
    }
    const Parsed<targets::PortSet> ports = targets::PortSet::parse(value);
    if (!ports) return std::unexpected(ports.error());
    options.server.ports.assign(ports->ports().begin(), ports->ports().end());
  } else if (name == "seed") {
    const Parsed<std::uint64_t> seed = config::parse_seed(value);
    if (!seed) return std::unexpected(seed.error());
    options.seed = *seed;
  } else if (name == "mix") {
    Parsed<population::Mix> mix = population::parse_mix(value);
    if (!mix) return std::unexpected(mix.error());
    options.mix = std::move(*mix);
  } else if (name == "for") {
    const Parsed<Nanos> duration = config::parse_duration(value);
    if (!duration) return std::unexpected(duration.error());
    options.duration = *duration;
  } else if (name == "threads") {
    const Parsed<std::uint64_t> threads = config::parse_count(value, 1, 64);
    if (!threads) return std::unexpected(threads.error());
    options.server.threads = static_cast<std::uint32_t>(*threads);
  } else if (name == "truth") {
    if (value != "ndjson")
      return input_error(fmt::format("{} is not a form of truth; 'ndjson' is", targets::quoted(value)));
    options.truth = true;
  }
  return {};
}

std::string list_of_roles() {
  std::string text;
  for (const population::Role& role : population::roles()) text += fmt::format("{:<18} {}\n", role.name, role.help);
  return text + fmt::format("\nMixes:\n{}", population::mix_help());
}

int print_truth(const WorldOptions& options, const population::Population& people) {
  if (options.server.ports.front() == 0)
    return complain("world: --truth needs ports that are known; 0 is chosen when the world starts");
  const world::Endpoints endpoints(options.server);
  std::string out;
  for (std::uint64_t i = 0; i < endpoints.count(); ++i) {
    const Endpoint endpoint = endpoints.at(i);
    world::append_truth(endpoint, people.role_of(endpoint), out);
    if (out.size() < 65536 && i + 1 < endpoints.count()) continue;
    if (const int code = print(out); code != 0) return code;
    out.clear();
  }
  return 0;
}

// How many endpoints play each role: counted, or by the mix's weights where counting would keep the user waiting.
std::string roll_call(const world::ServerOptions& served, const population::Population& people) {
  const world::Endpoints endpoints(served);
  const bool counted = endpoints.count() <= kMostCounted;
  const std::span<const population::Role> roles = population::roles();
  std::vector<double> counts(roles.size());
  if (counted) {
    for (std::uint64_t i = 0; i < endpoints.count(); ++i)
      ++counts[static_cast<std::size_t>(&people.role_of(endpoints.at(i)) - roles.data())];
  } else {
    double total = 0;
    for (const auto& [role, weight] : people.mix().weights) total += weight;
    for (const auto& [role, weight] : people.mix().weights)
      counts[static_cast<std::size_t>(role - roles.data())] += weight / total * static_cast<double>(endpoints.count());
  }
  std::string text = counted ? "" : "about ";
  const char* comma = "";
  for (std::size_t i = 0; i < roles.size(); ++i)
    if (counts[i] > 0) text += fmt::format("{}{:.0f} {}", std::exchange(comma, ", "), counts[i], roles[i].name);
  return text;
}

void announce(const WorldOptions& options, const world::Server& server, const population::Population& people) {
  world::ServerOptions served = options.server;
  served.ports = server.ports();  // those that were chosen, in the place of 0
  fmt::print(stderr, "world: {}/{} × ports {}: {}; {} listeners, ready\n", to_string(served.prefix),
             served.prefix_length, fmt::join(served.ports, ","), roll_call(served, people), server.listeners());
}

}  // namespace

int run_world(std::span<const std::string> arguments) {
  const std::vector<Token> tokens = {{.name = "prefix"}, {.name = "ports", .letter = 'p'},
                                     {.name = "seed"},   {.name = "mix"},
                                     {.name = "for"},    {.name = "threads"},
                                     {.name = "truth"},  {.name = "list-roles", .takes_value = false}};
  const Parsed<CommandLine> line = tokenize(tokens, arguments);
  if (!line) return complain(line.error().text);
  if (line->has("help")) return print(kHelp);
  if (line->has("list-roles")) return print(list_of_roles());
  if (!line->positionals.empty())
    return complain(fmt::format("world: {} is not an option; --prefix names the addresses",
                                targets::quoted(line->positionals.front())));
  WorldOptions options;
  options.mix = *population::parse_mix("default");
  for (const Given& given : line->options)
    if (const Parsed<> done = set(given.name, given.value, options); !done)
      return complain(fmt::format("--{}: {}", given.name, done.error().text));
  const population::Population people(options.mix, options.seed);
  options.server.population = &people;
  if (const Parsed<> possible = world::check(options.server); !possible)
    return complain("world: " + possible.error().text);
  std::signal(SIGPIPE, SIG_IGN);
  if (options.truth) return print_truth(options, people);

  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { g_stop = true; });
  world::Server server;
  if (const Parsed<> started = server.start(options.server); !started)
    return complain("world: " + started.error().text);
  announce(options, server, people);
  const Nanos end = options.duration ? os::monotonic_now() + *options.duration : kNever;
  while (!g_stop && os::monotonic_now() < end) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  server.stop();
  return 0;
}

}  // namespace sonde::cli
