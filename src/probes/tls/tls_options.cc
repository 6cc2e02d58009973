#include "probes/tls/tls_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/nearest.h"

namespace sonde::probes {
namespace {

constexpr auto kOptions = std::to_array<engine::OptionDef>({
    {"sni", "NAME|none", "the target's name; none for an address", "the server name to ask for"},
    {"alpn", "NAME[,NAME]|none", "h2,http/1.1; none with --starttls", "the application protocols to offer"},
    {"tls-engine", "lean|full", "lean; full with --resumption",
     "lean stops at the certificate; full completes the handshake"},
    {"verify", "", "", "would a browser accept the certificate: its chain, its name, its signature of the handshake",
     true},
    {"ca", "FILE", "the system's", "the roots to trust, PEM (with --verify)"},
    {"client-cert", "FILE", "none", "show this certificate to servers that ask, PEM (full engine)"},
    {"client-key", "FILE", "in the certificate's file", "its key, PEM"},
    {"jarm", "", "", "the JARM fingerprint (ten more connections)", true},
    {"enumerate", "versions,ciphers,groups", "none", "ask for all that the server supports (many more connections)"},
    {"resumption", "", "", "time the same target three ways: full, resumed (PSK), 0-RTT (two more connections)", true},
    {"starttls", "PROTOCOL", "none", "begin in the clear: smtp, imap, pop3, ftp, ldap, xmpp, postgres, mysql"},
    {"min-tls", "VERSION", "1.0", "the oldest version to offer: ssl3, 1.0, 1.1, 1.2, 1.3"},
    {"max-tls", "VERSION", "1.3", "the newest"},
    {"pem", "", "", "put the certificates into the record", true},
});

std::vector<std::string_view> split(std::string_view list) {
  std::vector<std::string_view> items;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, comma);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    items.push_back(item);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return items;
}

std::unexpected<InputError> not_one_of(std::string_view value, std::span<const std::string_view> words) {
  return input_error(fmt::format("'{}' is not one of {}{}", value, fmt::join(words, ", "), did_you_mean(value, words)));
}

Parsed<> set_sni(TlsOptions& options, std::string_view value) {
  constexpr std::size_t kLongestName = 253;  // RFC 1035, 2.3.4
  if (value == "none") {
    options.sni = TlsOptions::Sni::kNone;
    return {};
  }
  if (value.empty() || value.size() > kLongestName)
    return input_error(fmt::format("'{}' is not a host name of 1 to {} bytes", value, kLongestName));
  if (parse_ip(value)) return input_error(fmt::format("'{}' is an address; a server name is a name (RFC 6066)", value));
  options.sni = TlsOptions::Sni::kGiven;
  options.sni_name = value;
  return {};
}

Parsed<> set_alpn(TlsOptions& options, std::string_view value) {
  options.alpn.clear();
  options.alpn_given = true;
  if (value == "none") return {};
  std::size_t bytes = 0;
  for (const std::string_view name : split(value)) {
    if (name.empty() || name.size() > 255) return input_error("a protocol's name has 1 to 255 bytes, such as h2");
    options.alpn.emplace_back(name);
    bytes += name.size() + 1;
  }
  if (bytes > 4096) return input_error("more than 4 KiB of names");
  return {};
}

Parsed<> set_enumerate(TlsOptions& options, std::string_view value) {
  static constexpr auto kWhat = std::to_array<std::string_view>({"versions", "ciphers", "groups", "none"});
  options.enumerate_versions = options.enumerate_ciphers = options.enumerate_groups = false;
  for (const std::string_view what : split(value)) {
    if (what == kWhat[0]) {
      options.enumerate_versions = true;
    } else if (what == kWhat[1]) {
      options.enumerate_ciphers = true;
    } else if (what == kWhat[2]) {
      options.enumerate_groups = true;
    } else if (what != kWhat[3]) {
      return not_one_of(what, kWhat);
    }
  }
  return {};
}

Parsed<> set_version(std::uint16_t& version, std::string_view value) {
  const std::optional<std::uint16_t> parsed = wire::parse_tls_version(value);
  if (!parsed) return input_error(fmt::format("'{}' is not one of ssl3, 1.0, 1.1, 1.2, 1.3", value));
  version = *parsed;
  return {};
}

Parsed<> set_engine(TlsOptions& options, std::string_view value) {
  static constexpr auto kEngines = std::to_array<std::string_view>({"lean", "full"});
  if (value != kEngines[0] && value != kEngines[1]) return not_one_of(value, kEngines);
  options.engine = value == kEngines[0] ? TlsOptions::Engine::kLean : TlsOptions::Engine::kFull;
  return {};
}

Parsed<> set_starttls(TlsOptions& options, std::string_view value) {
  const std::optional<wire::StartTls> protocol = wire::parse_starttls(value);
  if (!protocol) return not_one_of(value, wire::starttls_names());
  options.starttls = *protocol;
  return {};
}

}  // namespace

std::string_view TlsOptions::server_name(std::string_view host) const {
  if (sni == Sni::kNone) return {};
  std::string_view name = sni == Sni::kGiven ? std::string_view(sni_name) : host;
  if (name.ends_with('.')) name.remove_suffix(1);
  return parse_ip(name) ? std::string_view() : name;
}

std::string TlsOptions::wanted_name(std::string_view host, const IpAddress& address) const {
  if (sni == Sni::kGiven) return sni_name;
  return host.empty() ? to_string(address) : std::string(host);
}

std::span<const engine::OptionDef> tls_option_defs() { return kOptions; }

Parsed<> set_tls_option(TlsOptions& options, std::string_view name, std::string_view value) {
  const bool on = value == "true";
  if (name == "sni") return set_sni(options, value);
  if (name == "alpn") return set_alpn(options, value);
  if (name == "tls-engine") return set_engine(options, value);
  if (name == "enumerate") return set_enumerate(options, value);
  if (name == "starttls") return set_starttls(options, value);
  if (name == "min-tls") return set_version(options.min_version, value);
  if (name == "max-tls") return set_version(options.max_version, value);
  if (name == "ca") options.ca_file = value;
  if (name == "client-cert") options.client_cert = value;
  if (name == "client-key") options.client_key = value;
  if (name == "verify") options.verify = on;
  if (name == "jarm") options.jarm = on;
  if (name == "resumption") options.resumption = on;
  if (name == "pem") options.pem = on;
  return {};
}

Parsed<> complete_tls_options(TlsOptions& options) {
  using Engine = TlsOptions::Engine;
  if (options.min_version > options.max_version)
    return input_error(fmt::format("--min-tls: {} is newer than --max-tls {}",
                                   wire::tls_version_name(options.min_version),
                                   wire::tls_version_name(options.max_version)));
  if (!options.ca_file.empty() && !options.verify) return input_error("--ca: nothing is verified without --verify");
  if (!options.client_key.empty() && options.client_cert.empty())
    return input_error("--client-key: needs --client-cert, the certificate that it is the key of");
  const bool needs_full = options.resumption || !options.client_cert.empty();
  if (needs_full && options.engine == Engine::kLean)
    return input_error(fmt::format("--tls-engine: lean completes no handshake; {} needs full",
                                   options.resumption ? "--resumption" : "--client-cert"));
  if (options.engine == Engine::kUnset) options.engine = needs_full ? Engine::kFull : Engine::kLean;
  if (options.full() && options.max_version == wire::kSsl3)
    return input_error("--max-tls: the full engine speaks no SSL3; --tls-engine lean does");
  // The first byte of an answer tells of the server only where the server waits for a request, which h2 does not.
  if (options.resumption && !options.alpn_given) options.alpn = {"http/1.1"};
  // Mail servers refuse whoever asks for HTTP (Exim 4.96), and most clients of such services offer nothing.
  if (options.starttls != wire::StartTls::kNone && !options.alpn_given) options.alpn.clear();
  return {};
}

std::span<const std::uint16_t> tls_ports(const TlsOptions& options) {
  // By wire::StartTls.
  static constexpr auto kPorts = std::to_array<std::uint16_t>({443, 25, 143, 110, 21, 389, 5222, 5432, 3306});
  return std::span(kPorts).subspan(static_cast<std::size_t>(options.starttls), 1);
}

}  // namespace sonde::probes
