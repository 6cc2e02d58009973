// What the gateway is told to do, as the file says it; made by config/, checked there. Immutable once read.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "probes/check/module_options.h"

namespace sonde::gateway {

enum class Priority : std::uint8_t { kHigh, kNormal, kLow };
inline constexpr std::array<std::string_view, 3> kPriorityNames = {"high", "normal", "low"};
constexpr std::string_view name(Priority priority) { return kPriorityNames[static_cast<std::size_t>(priority)]; }

using LabelSet = std::map<std::string, std::string>;

// Share of state changes among the last `window` results: above `high` the check flaps, below `low` it no longer does.
struct FlapOptions {
  std::uint32_t window = 20;
  double high = 0.5;
  double low = 0.25;
  bool operator==(const FlapOptions&) const = default;
};

struct HttpSd {
  std::string url;
  Nanos refresh = 60 * kSecond;
};

// One entry of `checks`. Its targets: those written here, and those of files and URLs, which change while it runs.
struct CheckEntry {
  std::string name;
  std::string module;
  std::vector<std::string> targets;
  std::vector<std::string> file_sd;  // absolute paths; '*' in the last element
  std::vector<HttpSd> http_sd;
  Nanos interval = 60 * kSecond;
  std::uint32_t rise = 1;
  std::uint32_t fall = 1;
  std::optional<FlapOptions> flap;
  Priority priority = Priority::kNormal;
  LabelSet labels;
};

// The hybrid limiter's (pacing/hybrid_limiter.h). A tier holds while the window's rate is within it, as a share of
// `rate`.
struct LimitTier {
  double from = 0, below = 0;  // below 0: no end
  double fill = 1;             // of the bucket, times `rate`
  bool decays = false;         // `fill: decay`
  Nanos most_delay = 0;        // a random delay up to it
  std::optional<Priority> sheds;
};

struct LimitOptions {
  double rate = 0;  // new connections a second
  double burst = 0;
  Nanos window = 10 * kSecond;
  std::vector<LimitTier> tiers;
};

struct StorageOptions {
  std::string path;  // empty: in memory alone
  Nanos retention = 7 * 24 * 3600 * kSecond;
};

struct ServerTls {
  std::string cert, key;  // PEM files
};

struct AuthOptions {
  std::vector<std::pair<std::string, std::string>> basic;  // user, bcrypt hash
  std::string bearer_file;                                 // one token a line
  bool any() const { return !basic.empty() || !bearer_file.empty(); }
};

// Whether this machine's own network works: all of these fail → "network_down", and no check turns down for it.
struct SelfOptions {
  std::vector<std::string> targets;
  std::string module;
  Nanos interval = 5 * kSecond;
};

// Where transitions are told.
struct AlertOptions {
  std::vector<std::string> webhooks;       // URLs
  std::vector<std::string> alertmanagers;  // base URLs; /api/v2/alerts is added
  std::string events;                      // a file of JSON lines; empty: none
  bool operator==(const AlertOptions&) const = default;
};

struct GatewayOptions {
  std::string listen = "127.0.0.1:9115";  // [ADDRESS]:PORT
  std::vector<probes::ModuleOptions> modules;
  std::vector<CheckEntry> checks;
  std::optional<LimitOptions> limits;
  StorageOptions storage;
  bool keeps_history = false;  // a plain blackbox.yml: false
  std::optional<ServerTls> tls;
  AuthOptions auth;
  std::vector<std::string> allow_targets;  // prefixes; empty: all
  std::vector<std::string> deny_targets;
  std::optional<SelfOptions> self;
  AlertOptions alerts;
  std::vector<std::string> files;  // that it was read from, absolute: the file and what it includes
  std::string shown;               // the whole of it as YAML, secrets hidden, for /config
  std::string hash;                // of the files' bytes, short hex
};

}  // namespace sonde::gateway
