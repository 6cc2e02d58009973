// What the http, tcp and grpc probers have in common about TLS: the context that a module's tls_config makes, what a
// session showed, and its metrics. As in blackbox_exporter 0.23; but the facts of a handshake that failed are there
// too, as far as it came.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "engine/probe.h"
#include "metrics/sample.h"
#include "probes/check/module_options.h"
#include "tls/client_context.h"
#include "tls/client_session.h"
#include "x509/chain.h"

namespace sonde::probes {

// What the metrics say of one chain, as the server sent it.
struct ChainView {
  std::int64_t earliest_expiry = 0;  // of all its certificates; seconds since 1970
  std::string fingerprint;           // of the leaf: SHA-256, lower-case hex
  std::string subject, issuer;       // the same, as Go prints them
  std::string names;                 // its DNS names, joined by commas
  // Each certificate, leaf first; of a longer chain the first kMostCertificates.
  static constexpr std::size_t kMostCertificates = 10;
  struct Certificate {
    std::string subject, issuer;  // RFC 4514, at most kMostName bytes
    static constexpr std::size_t kMostName = 1024;
    std::optional<std::int64_t> not_before, not_after;  // seconds since 1970; absent when malformed
    std::string sha256;                                 // lower-case hex
  };
  std::vector<Certificate> certificates;
};

// Reads each distinct chain once. Of one shard; at most kMost chains are remembered, then it begins anew.
class ChainViews {
 public:
  static constexpr std::size_t kMost = 1024;
  // Leaf first, DER. Null when there is no leaf that can be read.
  std::shared_ptr<const ChainView> of(std::span<const std::span<const std::byte>> chain);

 private:
  x509::ChainHasher hasher_;
  std::unordered_map<x509::ChainKey, std::shared_ptr<const ChainView>, x509::ChainKeyHash> known_;
};

// What a shard keeps for a prober that makes TLS connections and nothing else.
struct ChainTools final : engine::ShardState {
  ChainViews chains;
};

struct TlsSeen {
  std::uint16_t version = 0;                   // wire number; 0: the handshake did not come so far
  std::uint16_t cipher = 0;                    // IANA's number; 0: as with version
  std::shared_ptr<const ChainView> chain;      // null: no certificate came
  std::optional<std::int64_t> verified_until;  // the earliest expiry in the chain that verified; nothing: none did
};

TlsSeen see_tls(const tls::ClientSession& session, ChainViews& views);

// probe_ssl_earliest_cert_expiry, probe_tls_version_info, probe_ssl_last_chain_expiry_timestamp_seconds (Go's zero
// time where nothing was verified), probe_ssl_last_chain_info. last_chain_expiry: whether its prober has that family.
void sample_tls(const TlsSeen& seen, metrics::Samples& out, bool last_chain_expiry = true);

extern const metrics::Family kEarliestCertExpiry;  // for grpc, which has it always

// Verifies as Go does, unless insecure_skip_verify: against ca_file or the system's, TLS 1.2 at least where no version
// is given. The error names the file. Who makes sessions of it gives both names in SessionOptions (server_name_for).
Parsed<std::unique_ptr<tls::ClientContext>> make_tls_context(const TlsConfig& config,
                                                             std::vector<std::string> alpn = {});

// `name` as SNI: empty for an address (RFC 6066, 3), without the trailing dot.
std::string server_name_for(std::string_view name);

}  // namespace sonde::probes
