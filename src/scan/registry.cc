#include "scan/registry.h"

#include <array>

#include "probes/banner/banner_probe.h"
#include "probes/tcp/tcp_probe.h"
#include "probes/tls/tls_probe.h"

namespace sonde::scan {
namespace {

constexpr auto kProbes = std::to_array<ProbeEntry>({
    {"tcp", probes::make_tcp_module},
    {"tls", probes::make_tls_module},
    {"banner", probes::make_banner_module},
});

}  // namespace

std::span<const ProbeEntry> probe_table() { return kProbes; }

std::unique_ptr<engine::ProbeModule> make_probe(std::string_view name) {
  for (const ProbeEntry& entry : kProbes)
    if (entry.name == name) return entry.make();
  return nullptr;
}

}  // namespace sonde::scan
