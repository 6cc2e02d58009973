// `sonde watch`: the gateway put together. Workers run checks, a server answers, a history remembers; the thread that
// runs it sees to the rest: reloads, discovery, alerts, signals.
//
//   SIGHUP, a changed file, POST /-/reload   the configuration is read again, and swapped as one if all of it is right
//   SIGUSR2                                  the program is started again and takes over (handover.h)
//   SIGTERM, SIGINT                          nothing new; what is under way ends, within 10 s; then it is over
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "gateway/options.h"
#include "io/engine.h"

namespace sonde::gateway {

struct GatewayFlags {
  std::optional<std::string> listen;  // over the file's
  Nanos timeout_offset = 500 * kMillisecond;
  std::uint32_t most_probes = 10'000;
  std::uint32_t workers = 1;
  std::uint32_t server_threads = 1;
  io::Engine engine = io::Engine::kAuto;
  std::string resolvers;  // as engine::ResolverOptions; empty: the system's
};

// The file, read: its errors, all of them; where there are some the options are not to be used.
struct ReadOptions {
  GatewayOptions options;
  std::vector<InputError> warnings;  // it works all the same
  std::vector<InputError> errors;
};
using OptionsReader = std::function<ReadOptions()>;

// Says what is wrong, on standard error: what only shows when the probers are made, too. 0 or 2.
int check(const OptionsReader& read);

// Exit code: 0 ended by a signal · 1 it could not start or go on · 2 the configuration is wrong.
int run(const GatewayFlags& flags, const OptionsReader& read);

}  // namespace sonde::gateway
