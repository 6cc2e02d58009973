#include "engine/server_pool.h"

#include <algorithm>

#include "base/check.h"

namespace sonde::engine {

std::optional<std::uint32_t> ServerPool::take(Nanos now, std::span<const std::uint32_t> tried) {
  std::optional<std::uint32_t> best;
  int best_rank = 4;
  for (std::uint32_t i = 0; i < size() && best_rank > 0; ++i) {
    const std::uint32_t index = (next_ + i) % size();
    const Server& server = servers_[index];
    if (server.outstanding >= limit_) continue;
    const int rank = (std::ranges::find(tried, index) != tried.end() ? 2 : 0) + (silent(server, now) ? 1 : 0);
    if (rank >= best_rank) continue;
    best = index;
    best_rank = rank;
  }
  if (!best) return std::nullopt;
  Server& server = servers_[*best];
  ++server.outstanding;
  ++outstanding_;
  if (server.silences >= kSilences) server.trial_at = std::max(server.trial_at, now + kTrial);
  next_ = (*best + 1) % size();
  return best;
}

void ServerPool::give(std::uint32_t server) {
  SONDE_CHECK(servers_[server].outstanding > 0, "an answer too many");
  --servers_[server].outstanding;
  --outstanding_;
}

void ServerPool::overdue(std::uint32_t server, Nanos now) {
  if (++servers_[server].silences == kSilences) servers_[server].trial_at = now + kTrial;
}

}  // namespace sonde::engine
