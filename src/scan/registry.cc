#include "scan/registry.h"

#include <array>

#include "probes/banner/banner_probe.h"
#include "probes/dns/dns_probe.h"
#include "probes/http/http_probe.h"
#include "probes/icmp/icmp_probe.h"
#include "probes/tcp/tcp_probe.h"
#include "probes/tls/tls_probe.h"

namespace sonde::scan {
namespace {

constexpr auto kProbes = std::to_array<ProbeEntry>({
    {"tcp", probes::make_tcp_module},
    {"tls", probes::make_tls_module},
    {"http", probes::make_http_module},
    {"banner", probes::make_banner_module},
    {"icmp", probes::make_icmp_module},
    {"dns", probes::make_dns_module},
});

}  // namespace

std::span<const ProbeEntry> probe_table() { return kProbes; }

std::unique_ptr<engine::ProbeModule> make_probe(std::string_view name) {
  for (const ProbeEntry& entry : kProbes)
    if (entry.name == name) return entry.make();
  return nullptr;
}

}  // namespace sonde::scan
