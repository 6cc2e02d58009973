// A chain of certificates as a server sent it: one buffer, leaf first. The buffer has the form of TLS 1.2's
// certificate_list (u24 length, DER, each), so its hash cannot be the hash of another cutting of the same bytes.
// Bounds: kMaxChainCertificates and kMaxChainBytes are kept; what is beyond is counted in sent() alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

struct evp_md_ctx_st;
struct evp_md_st;

namespace sonde::x509 {

inline constexpr std::size_t kMaxChainCertificates = 100;
inline constexpr std::size_t kMaxChainBytes = 1 << 20;

class Chain {
 public:
  void add(std::span<const std::byte> der);
  std::size_t size() const { return offsets_.size(); }  // certificates kept
  std::size_t sent() const { return sent_; }            // certificates added
  // REQUIRES: index < size(). Valid until the chain changes.
  std::span<const std::byte> operator[](std::size_t index) const;
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
  std::vector<std::uint32_t> offsets_;  // of each DER in bytes_
  std::size_t sent_ = 0;
};

using ChainKey = std::array<std::byte, 32>;  // SHA-256 over the chain and what was sent beyond it

struct ChainKeyHash {
  std::size_t operator()(const ChainKey& key) const {
    std::size_t hash = 0;
    std::memcpy(&hash, key.data(), sizeof(hash));
    return hash;
  }
};

// Makes keys without allocation. One thread.
class ChainHasher {
 public:
  ChainHasher();
  ChainKey key_of(const Chain& chain);

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
    void operator()(evp_md_st* digest) const;
  };
  std::unique_ptr<evp_md_st, Free> sha256_;  // fetched once: a look-up by name costs more than the hash
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace sonde::x509
