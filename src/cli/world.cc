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
#include "world/sink.h"
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
    "      --list-roles        print the roles and mixes, and exit\n\n"
    "A sink instead of a population, for measuring a client that holds very many connections:\n\n"
    "      --sink PORTS        listen on all of 127.0.0.0/8 and hold what connects, without ever accepting it: the\n"
    "                          kernel keeps it in a queue, which net.core.somaxconn bounds; 0 is a port that is free\n"
    "      --backlog N         how many you want to hold; it says what the kernel must be told for that [1000000]\n"
    "      --accept            accept connections and throw away what they send, with as many threads as that needs\n";

constexpr std::uint64_t kMostCounted = std::uint64_t{1} << 22;
constexpr std::uint64_t kMostWanted = 1'000'000'000;  // connections; somaxconn is an int

std::atomic<bool> g_stop{false};

struct WorldOptions {
  world::ServerOptions server{.ports = {2022, 2025, 2080, 2110, 2379}};
  population::Mix mix;
  std::uint64_t seed = 1;
  std::optional<Nanos> duration;
  bool truth = false;
  world::SinkOptions sink;  // no ports: a population is served
  std::uint64_t backlog = 1'000'000;
};

// Ports of a world; 0 is one that is free.
Parsed<std::vector<std::uint16_t>> parse_ports(const std::string& value) {
  if (value == "0") return std::vector<std::uint16_t>{0};
  const Parsed<targets::PortSet> ports = targets::PortSet::parse(value);
  if (!ports) return std::unexpected(ports.error());
  return std::vector<std::uint16_t>(ports->ports().begin(), ports->ports().end());
}

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
  if (name == "ports" || name == "sink") {
    Parsed<std::vector<std::uint16_t>> ports = parse_ports(value);
    if (!ports) return std::unexpected(ports.error());
    (name == "sink" ? options.sink.ports : options.server.ports) = std::move(*ports);
  } else if (name == "backlog") {
    const Parsed<std::uint64_t> backlog = config::parse_count(value, 1, kMostWanted);
    if (!backlog) return std::unexpected(backlog.error());
    options.backlog = *backlog;
  } else if (name == "accept") {
    const Parsed<bool> accept = config::parse_boolean(value);
    if (!accept) return std::unexpected(accept.error());
    options.sink.accept = *accept;
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

void stop_on_signals() {
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { g_stop = true; });
}

void wait_for_the_end(const WorldOptions& options) {
  const Nanos end = options.duration ? os::monotonic_now() + *options.duration : kNever;
  while (!g_stop && os::monotonic_now() < end) std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

// Whether the options make sense together: a sink is no population, and only a sink has a queue.
Parsed<> check_sink(const CommandLine& line) {
  if (line.has("sink")) {
    for (const char* other : {"prefix", "ports", "seed", "mix", "threads", "truth"})
      if (line.has(other))
        return input_error(fmt::format("--{} does not go with --sink, which serves no population", other));
  } else {
    for (const char* own : {"backlog", "accept"})
      if (line.has(own)) return input_error(fmt::format("--{} goes with --sink PORT", own));
  }
  return {};
}

void announce(const WorldOptions& options, const world::Sink& sink) {
  const std::uint64_t depth = sink.queue_depth();
  const std::size_t ports = sink.ports().size();
  const std::uint64_t waiting = depth * ports;
  if (waiting < options.backlog && !options.sink.accept)
    fmt::print(stderr, "world: for {} connections: sysctl -w net.core.somaxconn={}, then start it again\n",
               options.backlog, world::somaxconn_for(options.backlog, ports));
  fmt::print(stderr, "world: sink on 127.0.0.0/8 port {}: ", fmt::join(sink.ports(), ","));
  if (options.sink.accept) {
    fmt::print(stderr, "accepts and drains, {} waiting at once; ready\n", waiting);
  } else {
    fmt::print(stderr, "holds {} connections at once{}, drops SYNs beyond that; ready\n", waiting,
               ports > 1 ? fmt::format(" ({} a port)", depth) : "");
  }
}

int run_sink(const WorldOptions& options) {
  stop_on_signals();
  world::Sink sink;
  if (const Parsed<> started = sink.start(options.sink); !started)
    return complain("world: --sink: " + started.error().text);
  announce(options, sink);
  wait_for_the_end(options);
  fmt::print(stderr, "world: sink: {} connections at the end\n", sink.held());
  sink.stop();
  return 0;
}

}  // namespace

int run_world(std::span<const std::string> arguments) {
  const std::vector<Token> tokens = {{.name = "prefix"},
                                     {.name = "ports", .letter = 'p'},
                                     {.name = "seed"},
                                     {.name = "mix"},
                                     {.name = "for"},
                                     {.name = "threads"},
                                     {.name = "truth"},
                                     {.name = "list-roles", .takes_value = false},
                                     {.name = "sink"},
                                     {.name = "backlog"},
                                     {.name = "accept", .takes_value = false}};
  const Parsed<CommandLine> line = tokenize(tokens, arguments);
  if (!line) return complain(line.error().text);
  if (line->has("help")) return print(kHelp);
  if (line->has("list-roles")) return print(list_of_roles());
  if (!line->positionals.empty())
    return complain(fmt::format("world: {} is not an option; --prefix names the addresses",
                                targets::quoted(line->positionals.front())));
  if (const Parsed<> together = check_sink(*line); !together) return complain("world: " + together.error().text);
  WorldOptions options;
  options.mix = *population::parse_mix("default");
  for (const Given& given : line->options)
    if (const Parsed<> done = set(given.name, given.value, options); !done)
      return complain(fmt::format("--{}: {}", given.name, done.error().text));
  std::signal(SIGPIPE, SIG_IGN);
  if (!options.sink.ports.empty()) return run_sink(options);
  const population::Population people(options.mix, options.seed);
  options.server.population = &people;
  if (const Parsed<> possible = world::check(options.server); !possible)
    return complain("world: " + possible.error().text);
  if (options.truth) return print_truth(options, people);

  stop_on_signals();
  world::Server server;
  if (const Parsed<> started = server.start(options.server); !started)
    return complain("world: " + started.error().text);
  announce(options, server, people);
  wait_for_the_end(options);
  server.stop();
  return 0;
}

}  // namespace sonde::cli
