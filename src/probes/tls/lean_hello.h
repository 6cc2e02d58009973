// The ClientHellos of the lean handshake: a template for each worker, of which each target gets a copy with its own
// nonces and server name. What a hello was can be had again from its seed, so that nothing of it is kept while the
// server is silent. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "probes/tls/tls_keys.h"
#include "wire/tls_client_hello.h"
#include "wire/tls_names.h"

namespace sonde::probes {

// What is offered; of a run.
struct HelloOffer {
  std::uint16_t min_version = wire::kTls10;
  std::uint16_t max_version = wire::kTls13;
  std::vector<std::string> alpn = {"h2", "http/1.1"};
};

// The 64 bytes of random and session id that a seed stands for.
std::array<std::byte, 64> nonces_of(std::uint64_t seed);

class LeanHellos {
 public:
  // keys outlives it.
  LeanHellos(HelloOffer offer, const TlsKeys& keys);

  // The record with the first hello; valid until the next call. server_name: empty for none.
  std::span<const std::byte> first(std::uint64_t seed, std::string_view server_name);
  // The answer to a HelloRetryRequest (RFC 8446, 4.1.2): the same with a share of `group`, and the cookie if not empty.
  std::span<const std::byte> second(std::uint64_t seed, std::string_view server_name, std::uint16_t group,
                                    std::span<const std::byte> cookie);

  bool offers_cipher(std::uint16_t cipher) const;
  bool offers_version(std::uint16_t version) const {
    return version >= offer_.min_version && version <= offer_.max_version;
  }
  bool offers_group(std::uint16_t group) const;
  const HelloOffer& offer() const { return offer_; }

 private:
  wire::TlsClientHello make(std::uint16_t group, std::span<const std::byte> cookie) const;
  std::span<const std::byte> finish(wire::TlsClientHello hello, std::uint64_t seed, std::string_view server_name);

  HelloOffer offer_;
  const TlsKeys& keys_;
  std::vector<std::uint16_t> ciphers_;
  wire::TlsClientHello template_;
  wire::TlsClientHello last_;
};

}  // namespace sonde::probes
