// A world on loopback, a scan of it with live progress, and a comparison of what was found with what was there.
#include "cli/demo.h"

#include <fmt/format.h>
#include <simdjson.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "cli/command.h"
#include "os/fd.h"
#include "population/population.h"
#include "scan/pipeline.h"
#include "world/server.h"

namespace sonde::cli {
namespace {

constexpr const char* kHelp =
    "Usage: sonde demo\n\n"
    "Starts a world of 327,680 (address, port) pairs on loopback, scans it, and tells what was found. Takes about half "
    "a minute\n"
    "and touches nothing but 127.77.0.0/16.\n";
constexpr std::size_t kLargestOutput = std::size_t{256} << 20;

struct Comparison {
  std::map<std::string, std::uint64_t> protocols;
  std::uint64_t records = 0;
  std::uint64_t wrong = 0;  // records that the world's truth does not have
};

Comparison compare(const std::string& ndjson, const population::Population& people) {
  Comparison result;
  simdjson::dom::parser parser;
  simdjson::dom::document_stream stream;
  if (parser.parse_many(ndjson).get(stream) != simdjson::SUCCESS) return result;
  for (const auto record : stream) {
    std::string_view ip;
    std::string_view outcome;
    std::string_view protocol;
    std::uint64_t port = 0;
    if (record["ip"].get(ip) != simdjson::SUCCESS || record["port"].get(port) != simdjson::SUCCESS) continue;
    if (record["outcome"].get(outcome) != simdjson::SUCCESS ||
        record["banner"]["protocol"].get(protocol) != simdjson::SUCCESS)
      protocol = "none";
    const population::Role& role = people.role_of({.address = *parse_ip(ip), .port = static_cast<std::uint16_t>(port)});
    ++result.records;
    ++result.protocols[std::string(protocol)];
    if (role.banner.outcome != outcome || role.banner.protocol != protocol) ++result.wrong;
  }
  return result;
}

}  // namespace

int run_demo(std::span<const std::string> arguments) {
  if (!arguments.empty()) {
    if (arguments.front() != "--help" && arguments.front() != "-h")
      return complain(fmt::format("demo: unknown argument '{}'", arguments.front()));
    fmt::print("{}", kHelp);
    return 0;
  }
  const population::Population people(*population::parse_mix("default"), 1);
  world::ServerOptions place{.population = &people, .ports = {2022, 2025, 2080, 2110, 2379}};
  world::Server server;
  fmt::print(
      "Starting a world on 127.77.0.0/16: 65,536 addresses, five ports each; who plays what follows from seed 1.\n");
  std::fflush(stdout);
  if (const Parsed<> started = server.start(place); !started) return complain("demo: " + started.error().text);
  std::uint64_t expected = 0;
  const world::Endpoints endpoints(place);
  for (std::uint64_t i = 0; i < endpoints.count(); ++i)
    expected += people.role_of(endpoints.at(i)).banner.outcome == "success" ? 1 : 0;

  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / fmt::format("sonde-demo-{}.ndjson", getpid());
  scan::ScanOptions options;
  options.targets = {"127.77.0.0/16"};
  options.ports = "2022,2025,2080,2110,2379";
  options.probe = {"banner"};
  options.rate = 20'000;
  options.connect_timeout = 1500 * kMillisecond;
  options.read_timeout = 2 * kSecond;
  options.seed = 1;
  options.output = file;
  fmt::print(
      "Scanning it. By hand, in two terminals:\n\n"
      "  sonde world --seed 1\n"
      "  sonde scan 127.77.0.0/16 -p {} --probe banner --rate 20k --seed 1 \\\n"
      "    --connect-timeout 1500ms --read-timeout 2s -o found.ndjson\n\n",
      options.ports);
  std::fflush(stdout);
  const int code = scan::run(options);
  const Result<std::string> found = os::read_file(file, kLargestOutput);
  std::error_code ignored;
  std::filesystem::remove(file, ignored);
  if (code != scan::kExitDone || !found) return code == 0 ? 1 : code;

  const Comparison comparison = compare(*found, people);
  fmt::print("\nFound:\n");
  for (const auto& [protocol, count] : comparison.protocols) fmt::print("  {:<8} {:>6}\n", protocol, count);
  const std::size_t first_line = found->find('\n');
  fmt::print("\nThe first record:\n  {}\n", found->substr(0, first_line));
  const bool exact = comparison.records == expected && comparison.wrong == 0;
  fmt::print("\nCompared with the world's truth: {} of {} speaking services found, {} wrong{}.\n", comparison.records,
             expected, comparison.wrong, exact ? " — exactly what is there" : "");
  fmt::print("Next: `sonde scan --help`, or README.md.\n");
  return exact ? 0 : 1;
}

}  // namespace sonde::cli
