#include "cli/world.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <map>
#include <thread>

#include "cli/command.h"
#include "config/values.h"
#include "os/fd.h"
#include "os/machine.h"
#include "population/population.h"
#include "targets/port_set.h"
#include "world/server.h"
#include "world/truth.h"

namespace sonde::cli {
namespace {

constexpr const char* kHelp =
    "Usage: sonde world [OPTION …]\n\n"
    "Serves a population of targets on loopback until it is stopped. Which (address, port) plays which role follows "
    "from the\n"
    "seed, so a scan of it can be compared with its truth.\n\n"
    "      --prefix CIDR       inside 127.0.0.0/8, or ::1/128 [127.77.0.0/16]\n"
    "      --ports PORTS       22,80,8000-8010; 0 is one that is free [2022,2025,2080,2110,2379]\n"
    "      --seed N            decides who plays what [1]\n"
    "      --mix MIX           a named mix, or ROLE=WEIGHT,ROLE=WEIGHT [default]\n"
    "      --for T             stop after so long\n"
    "      --threads N         at least so many threads [1]\n"
    "      --truth ndjson      print what a scan must find, a line each (address, port), and exit\n"
    "      --list-roles        print the roles and mixes, and exit\n";

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
    if (!parsed) return input_error(fmt::format("'{}' is not a prefix such as 127.77.0.0/16", text));
    length = static_cast<unsigned>(*parsed);
  }
  if (!address) return input_error(fmt::format("'{}' is not a prefix such as 127.77.0.0/16", text));
  out.prefix = *address;
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
    if (value != "ndjson") return input_error(fmt::format("'{}' is not a form of truth; 'ndjson' is", value));
    options.truth = true;
  }
  return {};
}

void list_roles() {
  for (const population::Role& role : population::roles()) fmt::print("{:<18} {}\n", role.name, role.help);
  fmt::print("\nMixes:\n{}", population::mix_help());
}

int print_truth(const WorldOptions& options, const population::Population& people) {
  const world::Endpoints endpoints(options.server);
  std::string out;
  for (std::uint64_t i = 0; i < endpoints.count(); ++i) {
    const Endpoint endpoint = endpoints.at(i);
    world::append_truth(endpoint, people.role_of(endpoint), out);
    if (out.size() < 65536 && i + 1 < endpoints.count()) continue;
    if (!os::write_all(STDOUT_FILENO, out)) return 1;
    out.clear();
  }
  return 0;
}

void announce(const WorldOptions& options, const world::Server& server, const population::Population& people) {
  const world::Endpoints endpoints(options.server);
  std::map<std::string_view, std::uint64_t> counts;
  for (std::uint64_t i = 0; i < endpoints.count(); ++i) ++counts[people.role_of(endpoints.at(i)).name];
  std::string text;
  for (const auto& [role, count] : counts) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, role);
  fmt::print(stderr, "world: {}/{} × ports {}: {}; {} listeners, ready\n", to_string(options.server.prefix),
             options.server.prefix_length, fmt::join(server.ports(), ","), text, server.listeners());
}

}  // namespace

int run_world(std::span<const std::string> arguments) {
  const std::vector<Token> tokens = {{.name = "prefix"}, {.name = "ports", .letter = 'p'},
                                     {.name = "seed"},   {.name = "mix"},
                                     {.name = "for"},    {.name = "threads"},
                                     {.name = "truth"},  {.name = "list-roles", .takes_value = false}};
  const Parsed<CommandLine> line = tokenize(tokens, arguments);
  if (!line) return complain(line.error().text);
  if (line->has("help")) {
    fmt::print("{}", kHelp);
    return 0;
  }
  if (line->has("list-roles")) {
    list_roles();
    return 0;
  }
  if (!line->positionals.empty())
    return complain(
        fmt::format("world: '{}' is not an option; --prefix names the addresses", line->positionals.front()));
  WorldOptions options;
  options.mix = *population::parse_mix("default");
  for (const Given& given : line->options)
    if (const Parsed<> done = set(given.name, given.value, options); !done)
      return complain(fmt::format("--{}: {}", given.name, done.error().text));
  const population::Population people(options.mix, options.seed);
  options.server.population = &people;
  if (options.truth) return print_truth(options, people);

  std::signal(SIGPIPE, SIG_IGN);
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
