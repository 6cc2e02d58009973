// The one table of probes. A new probe is a folder in probes/ and a line here.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "engine/probe.h"

namespace sonde::scan {

struct ProbeEntry {
  std::string_view name;
  std::unique_ptr<engine::ProbeModule> (*make)();
};

std::span<const ProbeEntry> probe_table();

// A fresh, unconfigured module; null for an unknown name.
std::unique_ptr<engine::ProbeModule> make_probe(std::string_view name);

}  // namespace sonde::scan
