// What the probers' plans have in common: a target's text taken apart as Go takes it, and the address that is wanted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "probes/check/check_run.h"
#include "probes/check/module_options.h"

namespace sonde::probes {

struct HostPort {
  std::string host;  // without brackets
  std::string port;  // any text, maybe none
};
// As Go's net.SplitHostPort. The error is its own: "address 127.0.0.1: missing port in address".
Parsed<HostPort> split_host_port(std::string_view text);

// Fills run.plan for `host`, a name or an address, and the terms that all runs have: the timeout, the families. An
// address of a family that is not wanted is an error, as is no host: those of a search that found nothing.
Parsed<> plan_address(CheckRun& run, std::string_view host, std::uint16_t port, const IpPreference& ip);

// A configured source that this machine has not is no fault that passes: of conclude(), makes it the module's.
void judge_source(CheckRun& run);

// The families that further names of the run are asked for.
void set_families(CheckRun& run, const IpPreference& ip);
inline constexpr IpPreference kOfProxies = {.prefers_v6 = false, .fallback = true};

// The lines about the target's address: of a probe at its first start, else of conclude().
void log_resolution(CheckRun& run, const IpPreference& ip, const IpAddress& found, Nanos unix_time);

}  // namespace sonde::probes
