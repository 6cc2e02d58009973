// What the tls probe keeps for one shard: keys, hello templates, the desk where certificates are asked about. One
// thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/mix.h"
#include "engine/probe.h"
#include "probes/tls/ja3s.h"
#include "probes/tls/lean_handshake.h"
#include "wire/starttls.h"
#include "x509/desk.h"

namespace sonde::probes {

class TlsWorker final : public engine::ShardState {
 public:
  TlsWorker(std::unique_ptr<TlsKeys> keys, HelloOffer offer, std::unique_ptr<x509::Desk> desk, std::uint64_t seed)
      : keys_(std::move(keys)), hellos_(std::move(offer), *keys_), desk_(std::move(desk)), seed_(seed) {}

  LeanWorkshop lend(memory::RingPool& pool, std::string_view server_name) {
    return {.keys = *keys_, .hellos = hellos_, .pool = pool, .server_name = server_name};
  }
  x509::Desk& desk() { return *desk_; }
  // Another one each time; for nonces, which need to differ and nothing else.
  std::uint64_t next_seed() { return mix64(seed_, ++count_); }
  std::span<char, wire::StartTlsDialogue::kRoomBytes> room() { return room_; }
  // The JA3S of a ServerHello. Servers are many, the ways in which they answer few: the last ones are kept.
  const std::string& ja3s_of(std::uint16_t version, std::uint16_t cipher, std::span<const std::uint16_t> extensions) {
    for (const Known& known : known_)
      if (known.version == version && known.cipher == cipher && std::ranges::equal(known.extensions, extensions))
        return known.ja3s;
    if (known_.size() < kMostKnown) known_.emplace_back();
    Known& known = known_[next_known_++ % kMostKnown];
    known = {.version = version,
             .cipher = cipher,
             .extensions = {extensions.begin(), extensions.end()},
             .ja3s = ja3s(version, cipher, extensions)};
    return known.ja3s;
  }

 private:
  static constexpr std::size_t kMostKnown = 32;
  struct Known {
    std::uint16_t version = 0;
    std::uint16_t cipher = 0;
    std::vector<std::uint16_t> extensions;
    std::string ja3s;
  };

  std::unique_ptr<TlsKeys> keys_;
  LeanHellos hellos_;
  std::unique_ptr<x509::Desk> desk_;
  std::uint64_t seed_;
  std::uint64_t count_ = 0;
  std::array<char, wire::StartTlsDialogue::kRoomBytes> room_{};
  std::vector<Known> known_;
  std::size_t next_known_ = 0;
};

}  // namespace sonde::probes
