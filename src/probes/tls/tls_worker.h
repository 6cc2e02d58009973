// What the tls probe keeps for one shard: keys, hello templates, the desk where certificates are asked about. One
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/mix.h"
#include "engine/probe.h"
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

 private:
  std::unique_ptr<TlsKeys> keys_;
  LeanHellos hellos_;
  std::unique_ptr<x509::Desk> desk_;
  std::uint64_t seed_;
  std::uint64_t count_ = 0;
  std::array<char, wire::StartTlsDialogue::kRoomBytes> room_{};
};

}  // namespace sonde::probes
