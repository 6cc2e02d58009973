// What the gateway probes by itself, in its configuration: `checks` and `self`.
#pragma once

#include <string>
#include <vector>

#include "config/section.h"
#include "gateway/options.h"

namespace sonde::config {

// `modules`: the names that there are. `directory`: what relative paths are relative to.
std::vector<gateway::CheckEntry> read_checks(const Value& checks, const std::vector<std::string_view>& modules,
                                             const std::string& directory);
gateway::SelfOptions read_self(const Value& self, const std::vector<std::string_view>& modules);

// A list of http or https URLs.
void read_urls(Section& section, std::string_view key, std::vector<std::string>& out);

}  // namespace sonde::config
