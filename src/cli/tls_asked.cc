#include "cli/tls_asked.h"

#include <fmt/format.h>

#include <string_view>

#include "base/ip_address.h"
#include "probes/tls/tls_options.h"
#include "targets/input_text.h"
#include "targets/port_set.h"
#include "targets/target_expression.h"
#include "wire/tls_names.h"

namespace sonde::cli {
namespace {

using targets::TargetExpression;

// As it stands before a port: [2001:db8::1], 192.0.2.1, host.example.
std::string bracketed(const TargetExpression& target) {
  if (target.is_name()) return target.host;
  const std::string address = to_string(target.range.first);
  return target.range.first.is_v4() ? address : "[" + address + "]";
}

Parsed<probes::TlsOptions> probe_options(const scan::ScanOptions& options) {
  probes::TlsOptions set;
  for (const auto& [name, value] : options.module_options)
    if (const Parsed<> done = probes::set_tls_option(set, name, value); !done)
      return input_error(fmt::format("--{}: {}", name, done.error().text));
  return set;
}

Parsed<TargetExpression> one_host(const std::string& text, bool starttls) {
  Parsed<TargetExpression> target = targets::parse_target(text);
  if (!target) return target;
  const std::string quoted = targets::quoted(text);
  if (!target->is_name() && target->range.first != target->range.last)
    return input_error(quoted + " is many addresses: one HOST at a time; `sonde scan --probe tls` takes many");
  const std::size_t scheme = text.find("://");
  if (scheme == 4)  // http
    return input_error(fmt::format("{} is a URL without TLS: write https://{}/ or {}:PORT", quoted, bracketed(*target),
                                   bracketed(*target)));
  if (scheme != std::string::npos && starttls)
    return input_error(fmt::format("--starttls: {} is a URL, where TLS begins at once: write {} or {}:PORT", quoted,
                                   target->is_name() ? target->host : to_string(target->range.first),
                                   bracketed(*target)));
  return target;
}

Parsed<std::uint16_t> one_port(const scan::ScanOptions& options, const TargetExpression& target,
                               std::uint16_t otherwise) {
  if (options.ports.empty()) return target.port != 0 ? target.port : otherwise;
  const Parsed<targets::PortSet> ports = targets::PortSet::parse(options.ports);
  if (!ports) return input_error("--ports: " + ports.error().text);
  if (ports->size() != 1)
    return input_error(fmt::format("--ports: {} is more than one port; `sonde scan --probe tls` takes many",
                                   targets::quoted(options.ports)));
  const std::uint16_t port = ports->ports().front();
  if (target.port != 0 && target.port != port)
    return input_error(fmt::format("--ports: {} where the target names port {}; name one of them", port, target.port));
  return port;
}

}  // namespace

Parsed<TlsAsked> tls_asked(const scan::ScanOptions& options) {
  const Parsed<probes::TlsOptions> tls = probe_options(options);
  if (!tls) return std::unexpected(tls.error());
  const bool starttls = tls->starttls != wire::StartTls::kNone;
  const Parsed<TargetExpression> target = one_host(options.targets.front(), starttls);
  if (!target) return std::unexpected(target.error());
  const Parsed<std::uint16_t> port = one_port(options, *target, probes::tls_ports(*tls).front());
  if (!port) return std::unexpected(port.error());
  return TlsAsked{.target = fmt::format("{}:{}", bracketed(*target), *port),
                  .name = tls->wanted_name(target->host, target->range.first),
                  .port = *port,
                  .own_roots = !tls->ca_file.empty(),
                  .client_certificate = !tls->client_cert.empty(),
                  .starttls = starttls,
                  .offers_tls12 = tls->max_version >= wire::kTls12};
}

}  // namespace sonde::cli
