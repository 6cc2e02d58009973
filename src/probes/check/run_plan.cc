#include "probes/check/run_plan.h"

#include "probes/check/run_log.h"
#include "results/escape.h"

namespace sonde::probes {
namespace {

constexpr std::string_view protocol_name(const IpPreference& ip) { return ip.prefers_v6 ? "ip6" : "ip4"; }

engine::IpVersion wanted(const IpPreference& ip) {
  using engine::IpVersion;
  if (ip.fallback) return ip.prefers_v6 ? IpVersion::kPrefer6 : IpVersion::kPrefer4;
  return ip.prefers_v6 ? IpVersion::k6 : IpVersion::k4;
}

}  // namespace

Parsed<HostPort> split_host_port(std::string_view text) {
  const auto fault = [&](std::string_view what) {
    return input_error("address " + results::escaped(text) + ": " + std::string(what));
  };
  constexpr std::string_view kNoPort = "missing port in address";
  constexpr std::string_view kColons = "too many colons in address";
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return fault(kNoPort);
  HostPort out{.host = std::string(text.substr(0, colon)), .port = std::string(text.substr(colon + 1))};
  std::size_t inside = 0;  // where brackets may not stand: behind what opened and closed the host
  std::size_t behind = 0;
  if (text.front() == '[') {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return fault("missing ']' in address");
    if (end + 1 != colon) return fault(end + 1 < text.size() && text[end + 1] == ':' ? kColons : kNoPort);
    out.host = text.substr(1, end - 1);
    inside = 1;
    behind = end + 1;
  } else if (out.host.find(':') != std::string::npos) {
    return fault(kColons);
  }
  if (text.find('[', inside) != std::string_view::npos) return fault("unexpected '[' in address");
  if (text.find(']', behind) != std::string_view::npos) return fault("unexpected ']' in address");
  return out;
}

Parsed<> plan_address(CheckRun& run, std::string_view host, std::uint16_t port, const IpPreference& ip) {
  run.plan.host = host;
  run.plan.endpoint = {.address = {}, .port = port};
  run.plan.terms.timeout = run.timeout;
  set_families(run, ip);
  if (host.empty()) return input_error("lookup : no such host");
  const std::optional<IpAddress> address = parse_ip(host);
  if (!address) return {};
  if (!ip.fallback && address->is_v4() == ip.prefers_v6)
    return input_error("address " + to_string(*address) + ": no suitable address found");
  run.plan.host.clear();
  run.plan.endpoint.address = *address;
  return {};
}

void judge_source(CheckRun& run) {
  if (run.ending.outcome != results::Outcome::kLocalError || run.ending.error != engine::kForeignSource) return;
  run.ending.outcome = results::Outcome::kProtocolError;
  run.ending.cause = "configuration";
}

void set_families(CheckRun& run, const IpPreference& ip) { run.plan.terms.ip_version = wanted(ip); }

void log_resolution(CheckRun& run, const IpPreference& ip, const IpAddress& found, Nanos unix_time) {
  if (!run.keeps_log) return;
  const std::string& host = run.plan.host;
  const IpAddress& literal = run.plan.endpoint.address;
  const std::string target = literal.is_unspecified() ? host : to_string(literal);
  const std::string_view protocol = protocol_name(ip);
  log_line(run, unix_time, "info", "Resolving target address", {{"target", target}, {"ip_protocol", protocol}});
  if (found.is_unspecified()) {
    log_line(run, unix_time, "error", "Resolution with IP protocol failed",
             {{"target", target}, {"ip_protocol", protocol}, {"err", run.ending.error}});
  } else {
    log_line(run, unix_time, "info", "Resolved target address", {{"target", target}, {"ip", to_string(found)}});
  }
}

}  // namespace sonde::probes
