#include "cli/hold.h"

#include <fmt/format.h>

#include <array>

#include "base/nearest.h"
#include "cli/command.h"
#include "config/values.h"
#include "hold/hold.h"
#include "targets/input_text.h"

namespace sonde::cli {
namespace {

using hold::HoldOptions;

constexpr const char* kHelp =
    "Usage: sonde hold --count N [OPTION …] TARGET …\n\n"
    "Opens N connections spread evenly over the targets, keeps them, and tells what they cost: time, memory here and "
    "in\n"
    "the kernel, how punctual their deadlines are.\n\n"
    "TARGET: 192.0.2.1 · 192.0.2.0/24 · 192.0.2.1-192.0.2.9 · host.example · any of them with :port\n\n"
    "      --count N            connections; suffixes k, M\n"
    "  -p, --ports PORTS        80,443,8000-8100; a target that names its own port keeps it\n"
    "      --source ADDRESSES   addresses of this machine to connect from (127.0.0.0/24, repeatable): each pair of "
    "source\n"
    "                           and destination has a range of ports of its own\n"
    "      --for T              how long to keep them, from the moment all are there or given up [30s]\n"
    "      --rate N             new connections a second, all workers together; 0 is unlimited [0]\n"
    "      --connect-timeout T  [10s]\n"
    "      --keepalive T        TCP keepalive after so long without traffic, so that dead peers are noticed [none]\n"
    "      --idle-timeout T     close what has been idle so long [none]\n"
    "      --workers N          event loops [one a core]\n"
    "      --engine ENGINE      auto, epoll, uring: how connections are driven; more than the limit of open files "
    "needs\n"
    "                           io_uring, or descriptor tables of their own for more workers [auto]\n"
    "      --format FORMAT      text, json: the figures at the end [text]\n"
    "      --progress WHAT      auto, none: a live line on a terminal, a line every 10 s elsewhere [auto]\n"
    "  -h, --help               print this\n\n"
    "Exit codes: 0 done · 1 none could be opened · 2 bad usage or input, nothing was sent ·\n"
    "            3 ended by a signal, the figures are printed\n\n"
    "Example: a million on one machine\n"
    "  sonde world --sink 4000 &    # says which sysctl it needs\n"
    "  sonde hold --count 1M 127.0.0.1-127.0.0.40 --ports 4000\n";

constexpr std::uint64_t kMostConnections = 16'000'000;

template <typename T, std::size_t n>
Parsed<T> choose(std::string_view text, const std::array<std::pair<std::string_view, T>, n>& choices) {
  std::string names;
  for (const auto& [name, value] : choices) {
    if (name == text) return value;
    names += fmt::format("{}'{}'", names.empty() ? "" : ", ", name);
  }
  return input_error(fmt::format("{} is none of {}", targets::quoted(text), names));
}

template <typename T, typename Field>
Parsed<> put(const Parsed<T>& value, Field& field) {
  if (!value) return std::unexpected(value.error());
  field = static_cast<Field>(*value);
  return {};
}

Parsed<> set(const std::string& name, const std::string& value, HoldOptions& options) {
  using io::Engine;
  static constexpr auto kEngines = std::to_array<std::pair<std::string_view, Engine>>(
      {{"auto", Engine::kAuto}, {"epoll", Engine::kEpoll}, {"uring", Engine::kUring}});
  static constexpr auto kFormats = std::to_array<std::pair<std::string_view, hold::Format>>(
      {{"text", hold::Format::kText}, {"json", hold::Format::kJson}});
  static constexpr auto kProgress = std::to_array<std::pair<std::string_view, bool>>({{"auto", true}, {"none", false}});
  if (name == "count") return put(config::parse_count(value, 1, kMostConnections), options.count);
  if (name == "ports") return put(config::parse_text(value), options.ports);
  if (name == "source") {
    const Parsed<std::vector<std::string>> list = config::parse_list(value);
    if (!list) return std::unexpected(list.error());
    options.source.insert(options.source.end(), list->begin(), list->end());
    return {};
  }
  if (name == "for") return put(config::parse_duration(value), options.duration);
  if (name == "rate") return put(config::parse_rate(value), options.rate);
  if (name == "connect-timeout") return put(config::parse_duration(value), options.connect_timeout);
  if (name == "keepalive") return put(config::parse_duration(value), options.keepalive);
  if (name == "idle-timeout") return put(config::parse_duration(value), options.idle_timeout);
  if (name == "engine") return put(choose(value, kEngines), options.engine);
  if (name == "format") return put(choose(value, kFormats), options.format);
  if (name == "progress") return put(choose(value, kProgress), options.progress);
  if (name == "workers") {
    const Parsed<std::uint64_t> workers = config::parse_count(value, 1, 1024);
    if (!workers) return std::unexpected(workers.error());
    options.workers = static_cast<std::uint32_t>(*workers);
  }
  return {};
}

}  // namespace

int run_hold(std::span<const std::string> arguments) {
  static const std::vector<Token> kTokens = {{.name = "count"},     {.name = "ports", .letter = 'p'},
                                             {.name = "source"},    {.name = "for"},
                                             {.name = "rate"},      {.name = "connect-timeout"},
                                             {.name = "keepalive"}, {.name = "idle-timeout"},
                                             {.name = "workers"},   {.name = "engine"},
                                             {.name = "format"},    {.name = "progress"}};
  const Parsed<CommandLine> line = tokenize(kTokens, arguments);
  if (!line) return complain(line.error().text);
  if (line->has("help")) return print(kHelp);
  HoldOptions options;
  options.targets = line->positionals;
  for (const Given& given : line->options)
    if (const Parsed<> done = set(given.name, given.value, options); !done)
      return complain(fmt::format("--{}: {}", given.name, done.error().text));
  if (options.count == 0) return complain("hold: --count says how many connections to open");
  if (options.targets.empty()) return complain("hold: nothing to connect to: name a TARGET (127.0.0.1 --ports 80)");
  return hold::run(options);
}

}  // namespace sonde::cli
