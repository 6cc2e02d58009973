#include "cli/watch.h"

#include <fmt/format.h>

#include "cli/command.h"
#include "config/gateway_yaml.h"
#include "config/values.h"
#include "gateway/gateway.h"
#include "targets/input_text.h"

namespace sonde::cli {
namespace {

constexpr const char* kHelp =
    "Usage: sonde watch --config FILE [OPTION …]\n\n"
    "Keeps checking what FILE says, on schedule, and answers blackbox_exporter's /probe, /metrics and an API with the\n"
    "state and history of each check. A blackbox.yml works as it is: then nothing is scheduled.\n\n"
    "      --config FILE        gateway.yaml, or a blackbox.yml (also --config.file)\n"
    "      --check-config       only say what is wrong with FILE, all of it: exit code 0 or 2 (also --config.check)\n"
    "      --listen ADDRESS     ADDRESS:PORT, over the file's `listen` (also --web.listen-address) [127.0.0.1:9115]\n"
    "      --timeout-offset T   what a probe ends before Prometheus' scrape timeout [500ms]\n"
    "      --max-probes N       requests of /probe at once; beyond them 503 [10k]\n"
    "      --workers N          event loops that run the checks [1]\n"
    "      --engine ENGINE      auto, epoll, uring [auto]\n"
    "      --resolvers LIST     name servers, 127.0.0.1:5353,[::1]:53 [the system's]\n"
    "  -h, --help               print this\n\n"
    "SIGHUP, a change of FILE or POST /-/reload reads it again; where anything is wrong the old one stays.\n"
    "SIGUSR2 starts the program again without losing a request; SIGTERM lets what is under way end.\n\n"
    "Exit codes: 0 ended by a signal · 1 it could not start · 2 bad usage, or FILE is wrong\n\n"
    "Example\n"
    "  sonde watch --config examples/gateway.yaml\n"
    "  curl '127.0.0.1:9115/probe?module=http_2xx&target=127.0.0.1:9115/-/healthy'\n";

constexpr std::uint64_t kMostProbes = 100'000;

template <typename T, typename Field>
Parsed<> put(const Parsed<T>& value, Field& field) {
  if (!value) return std::unexpected(value.error());
  field = static_cast<Field>(*value);
  return {};
}

Parsed<> set(const std::string& name, const std::string& value, gateway::GatewayFlags& flags) {
  if (name == "listen") {
    flags.listen = value;
    return {};
  }
  if (name == "timeout-offset") {
    // As Prometheus writes it: seconds, also none.
    if (value == "0" || value == "0s") {
      flags.timeout_offset = 0;
      return {};
    }
    return put(config::parse_duration(value), flags.timeout_offset);
  }
  if (name == "max-probes") return put(config::parse_count(value, 1, kMostProbes), flags.most_probes);
  if (name == "workers") return put(config::parse_count(value, 1, 1024), flags.workers);
  if (name == "resolvers") return put(config::parse_text(value), flags.resolvers);
  if (name == "engine") {
    if (value != "auto" && value != "epoll" && value != "uring")
      return input_error(fmt::format("{} is none of 'auto', 'epoll', 'uring'", targets::quoted(value)));
    flags.engine = value == "epoll" ? io::Engine::kEpoll : value == "uring" ? io::Engine::kUring : io::Engine::kAuto;
  }
  return {};
}

}  // namespace

int run_watch(std::span<const std::string> arguments) {
  static const std::vector<Token> kTokens = {{.name = "config", .alias = "config.file"},
                                             {.name = "check-config", .takes_value = false, .alias = "config.check"},
                                             {.name = "listen", .alias = "web.listen-address"},
                                             {.name = "timeout-offset"},
                                             {.name = "max-probes"},
                                             {.name = "workers"},
                                             {.name = "engine"},
                                             {.name = "resolvers"}};
  const Parsed<CommandLine> line = tokenize(kTokens, arguments);
  if (!line) return complain(line.error().text);
  if (line->has("help")) return print(kHelp);
  if (!line->positionals.empty())
    return complain(fmt::format("watch: {} is too much: the targets are in the file that --config names",
                                targets::quoted(line->positionals[0])));
  const std::string* config = line->find("config");
  if (config == nullptr) return complain("watch: --config names the file of modules and checks");
  gateway::GatewayFlags flags;
  for (const Given& given : line->options)
    if (const Parsed<> done = set(given.name, given.value, flags); !done)
      return complain(fmt::format("--{}: {}", given.name, done.error().text));
  const auto read = [&path = *config] {
    config::ReadGateway file = config::read_gateway(path);
    return gateway::ReadOptions{
        .options = std::move(file.options), .warnings = std::move(file.warnings), .errors = std::move(file.errors)};
  };
  if (!line->has("check-config")) return gateway::run(flags, read);
  return gateway::check(read);
}

}  // namespace sonde::cli
