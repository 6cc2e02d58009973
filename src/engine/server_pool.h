// Which name server is asked next: in turn, none with more questions outstanding than it may have, and last those that
// have kept silent. Pure; time is passed in.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/time.h"

namespace sonde::engine {

class ServerPool {
 public:
  static constexpr std::uint32_t kSilences = 4;  // in a row: then it counts as silent
  static constexpr Nanos kTrial = kSecond;       // a silent one gets one question in so long, as if it were not

  // limit: questions outstanding at one server.
  ServerPool(std::uint32_t servers, std::uint32_t limit) : limit_(limit), servers_(servers) {}

  // The server to ask, which has then one outstanding more; none when no server has room. `tried` are asked only when
  // no other is left.
  std::optional<std::uint32_t> take(Nanos now, std::span<const std::uint32_t> tried);
  // A question to it is no longer outstanding.
  void give(std::uint32_t server);

  void answered(std::uint32_t server) { servers_[server].silences = 0; }
  // A question has waited too long for its answer.
  void overdue(std::uint32_t server, Nanos now);

  std::uint32_t size() const { return static_cast<std::uint32_t>(servers_.size()); }
  std::uint64_t limit() const { return std::uint64_t{limit_} * servers_.size(); }
  std::uint64_t outstanding() const { return outstanding_; }

 private:
  struct Server {
    std::uint32_t outstanding = 0;
    std::uint32_t silences = 0;
    Nanos trial_at = 0;  // of a silent one
  };
  bool silent(const Server& server, Nanos now) const { return server.silences >= kSilences && now < server.trial_at; }

  std::uint32_t limit_;
  std::uint32_t next_ = 0;
  std::uint64_t outstanding_ = 0;
  std::vector<Server> servers_;
};

}  // namespace sonde::engine
