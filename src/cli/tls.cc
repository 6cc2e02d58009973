#include "cli/tls.h"

#include <array>
#include <utility>

#include "cli/one_target.h"
#include "cli/tls_asked.h"
#include "cli/tls_page.h"
#include "os/machine.h"
#include "probes/tls/tls_options.h"

namespace sonde::cli {
namespace {

// Everything there is to know, unless the command line says otherwise.
constexpr auto kDefaults = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"tls-engine", "full"}, {"verify", "true"}, {"enumerate", "versions,ciphers,groups"}});

Parsed<Telling> prepare(const CommandLine&, scan::ScanOptions& options) {
  const Parsed<TlsAsked> asked = tls_asked(options);
  if (!asked) return std::unexpected(asked.error());
  const PageStyle style{.colour = wants_colour(), .now_s = os::unix_now() / kSecond, .asked = *asked};
  return Telling{.page = [style](const results::Record& record) { return tls_page(record, style); },
                 .is_good = [](const results::Record& record) { return record.outcome == results::Outcome::kSuccess; }};
}

}  // namespace

int run_tls(std::span<const std::string> arguments) {
  static const OneTarget kCommand{
      .name = "tls",
      .probe = "tls",
      .wanted = "tls: name a HOST, such as host.example or 192.0.2.1:8443",
      .many = "tls: one HOST at a time; `sonde scan --probe tls` takes many",
      .ports = "443; with --starttls the service's own",
      .options = probes::tls_option_defs(),
      .defaults = kDefaults,
      .own = {},
      .intro =
          "Usage: sonde tls [OPTION …] HOST[:PORT]\n\n"
          "One target, everything about its TLS: whether a browser would accept it and until when, the chain,\n"
          "what the server supports, how long each phase took, and what is wrong with it.\n\n"
          "HOST: host.example · 192.0.2.1 · [2001:db8::1]:8443 · https://host.example/\n",
      .outro =
          "\nExit codes: 0 the handshake was completed · 1 it was not · 2 bad usage or input\n"
          "\nExamples:\n"
          "  sonde tls host.example\n"
          "  sonde tls mail.example --starttls smtp\n"
          "  sonde tls 192.0.2.1:8443 --sni host.example --ca roots.pem --resumption\n"
          "  sonde tls host.example --format json | jq .tls.certificate.not_after\n",
      .prepare = prepare};
  return run_one_target(kCommand, arguments);
}

}  // namespace sonde::cli
