#include "probes/check/tls_samples.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <utility>

#include "base/ip_address.h"
#include "probes/check/go_name.h"
#include "wire/tls_names.h"
#include "x509/certificate.h"

namespace sonde::probes {

constinit const metrics::Family kEarliestCertExpiry = {.name = "probe_ssl_earliest_cert_expiry",
                                                       .help = "Returns last SSL chain expiry in unixtime"};

namespace {

constexpr metrics::Family kLastChainExpiry = {.name = "probe_ssl_last_chain_expiry_timestamp_seconds",
                                              .help = "Returns last SSL chain expiry in timestamp"};
constexpr metrics::Family kLastChainInfo = {.name = "probe_ssl_last_chain_info",
                                            .help = "Contains SSL leaf certificate information"};
constexpr metrics::Family kTlsVersion = {.name = "probe_tls_version_info",
                                         .help = "Returns the TLS version used or NaN when unknown"};
constexpr std::int64_t kGoZeroTime = -62'135'596'800;  // the first second of the year 1

const char* go_version(std::uint16_t version) {
  switch (version) {
    case wire::kTls10:
      return "TLS 1.0";
    case wire::kTls11:
      return "TLS 1.1";
    case wire::kTls12:
      return "TLS 1.2";
    case wire::kTls13:
      return "TLS 1.3";
    default:
      return "unknown";
  }
}

struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};

// Of UTF-8, no character cut in two.
std::string cut(std::string text) {
  std::size_t size = ChainView::Certificate::kMostName;
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  text.resize(size);
  return text;
}

std::unique_ptr<const ChainView> read_chain(const x509::Chain& chain) {
  if (chain.size() == 0 || chain[0].size() > x509::kMaxCertificateBytes) return nullptr;
  const auto* at = reinterpret_cast<const unsigned char*>(chain[0].data());
  const std::unique_ptr<X509, FreeCertificate> leaf(d2i_X509(nullptr, &at, static_cast<long>(chain[0].size())));
  ERR_clear_error();
  if (!leaf) return nullptr;
  auto view = std::make_unique<ChainView>();
  view->subject = go_name(X509_get_subject_name(leaf.get()));
  view->issuer = go_name(X509_get_issuer_name(leaf.get()));
  std::int64_t earliest = std::numeric_limits<std::int64_t>::max();
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const x509::Certificate facts = x509::parse(chain[i]);
    if (facts.not_after) earliest = std::min(earliest, *facts.not_after);
    if (i < ChainView::kMostCertificates)
      view->certificates.push_back({.subject = cut(facts.subject_dn),
                                    .issuer = cut(facts.issuer_dn),
                                    .not_before = facts.not_before,
                                    .not_after = facts.not_after,
                                    .sha256 = facts.sha256});
    if (i > 0) continue;
    view->fingerprint = facts.sha256;
    for (const x509::AltName& name : facts.alt_names) {
      if (name.kind != x509::AltName::Kind::kDns) continue;
      if (!view->names.empty()) view->names += ',';
      view->names += name.text;
    }
  }
  view->earliest_expiry = earliest == std::numeric_limits<std::int64_t>::max() ? kGoZeroTime : earliest;
  return view;
}

}  // namespace

std::shared_ptr<const ChainView> ChainViews::of(std::span<const std::span<const std::byte>> sent) {
  if (sent.empty()) return nullptr;
  x509::Chain chain;
  for (const std::span<const std::byte> der : sent) chain.add(der);
  const x509::ChainKey key = hasher_.key_of(chain);
  if (const auto found = known_.find(key); found != known_.end()) return found->second;
  if (known_.size() >= kMost) known_.clear();
  return known_.emplace(key, read_chain(chain)).first->second;
}

TlsSeen see_tls(const tls::ClientSession& session, ChainViews& views) {
  const tls::Facts facts = session.facts();
  return {.version = facts.version,
          .cipher = facts.cipher,
          .chain = views.of(facts.chain),
          .verified_until = facts.verified_until};
}

void sample_tls(const TlsSeen& seen, metrics::Samples& out, bool last_chain_expiry) {
  if (seen.version != 0) out.add(kTlsVersion, {{"version", go_version(seen.version)}}, 1);
  if (!seen.chain) return;
  out.add(kEarliestCertExpiry, static_cast<double>(seen.chain->earliest_expiry));
  if (last_chain_expiry) out.add(kLastChainExpiry, static_cast<double>(seen.verified_until.value_or(kGoZeroTime)));
  out.add(kLastChainInfo,
          {{"fingerprint_sha256", seen.chain->fingerprint},
           {"issuer", seen.chain->issuer},
           {"subject", seen.chain->subject},
           {"subjectalternative", seen.chain->names}},
          1);
}

Parsed<std::unique_ptr<tls::ClientContext>> make_tls_context(const TlsConfig& config, std::vector<std::string> alpn) {
  return tls::ClientContext::create({.min_version = config.min_version == 0 ? wire::kTls12 : config.min_version,
                                     .max_version = config.max_version == 0 ? wire::kTls13 : config.max_version,
                                     .alpn = std::move(alpn),
                                     .require_verified = !config.insecure_skip_verify,
                                     .as_browsers = true,
                                     .ca_file = config.ca_file,
                                     .cert_file = config.cert_file,
                                     .key_file = config.key_file});
}

std::string server_name_for(std::string_view name) {
  if (parse_ip(name)) return {};
  while (name.ends_with('.')) name.remove_suffix(1);
  return std::string(name);
}

}  // namespace sonde::probes
