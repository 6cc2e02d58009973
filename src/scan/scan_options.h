// What `sonde scan` was asked to do, after files and flags (config/) and before anything is opened. Field names follow
// the long options of the contract; plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "engine/cause.h"
#include "engine/resolver.h"
#include "io/engine.h"

namespace sonde::scan {

enum class Order : std::uint8_t { kRandom, kSequential };
using io::Engine;
enum class Format : std::uint8_t { kNdjson, kCsv, kTable };
enum class ProgressStyle : std::uint8_t { kAuto, kBar, kJson, kNone };

struct ScanOptions {
  std::vector<std::string> targets;
  std::string list;   // --list; "-" is standard input
  std::string ports;  // --ports as given; empty: the modules' default
  std::vector<std::string> exclude;
  std::vector<std::string> exclude_file;
  std::vector<std::string> probe = {"tcp"};
  std::vector<std::string> resolvers;                            // "127.0.0.1:5353"; empty: the system's
  std::uint32_t resolver_limit = engine::kOutstandingPerServer;  // questions outstanding at one of them, a worker
  engine::IpVersion ip_version = engine::IpVersion::kPrefer4;
  std::vector<std::pair<std::string, std::string>> module_options;  // options that probe modules declare

  double rate = 10'000;  // connections a second; 0 is unlimited
  std::optional<std::uint32_t> concurrency;
  std::uint32_t per_host = 64;
  std::uint32_t per_prefix = 4096;
  bool adaptive = false;  // slow down where timeouts and retransmits rise
  Nanos connect_timeout = 3 * kSecond;
  Nanos tls_timeout = 5 * kSecond;
  Nanos read_timeout = 5 * kSecond;
  Nanos dns_timeout = 2 * kSecond;
  Nanos timeout = 15 * kSecond;
  std::uint32_t retries = 0;
  bool happy_eyeballs = false;  // no option of scans: the first address of a name that connects, of both families

  std::optional<std::uint64_t> seed;  // none: random, or the checkpoint's
  Order order = Order::kRandom;
  std::uint32_t shard = 1;  // 1-based
  std::uint32_t shards = 1;
  std::optional<std::uint64_t> max_targets;
  std::optional<Nanos> max_runtime;
  std::optional<std::uint64_t> max_results;
  std::optional<std::uint32_t> workers;  // none: one a core of the affinity mask
  Engine engine = Engine::kAuto;

  std::string checkpoint;
  std::string resume;
  std::string output = "-";
  std::optional<Format> format;  // none: table on a terminal, else ndjson
  std::vector<std::string> fields;
  bool all = false;
  engine::TcpInfoUse tcp_info = engine::TcpInfoUse::kTimeouts;
  std::string summary;
  ProgressStyle progress = ProgressStyle::kAuto;
  std::string live;  // [ADDRESS]:PORT of the live page; empty: none
  bool dry_run = false;
};

}  // namespace sonde::scan
