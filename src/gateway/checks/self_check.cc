#include "gateway/checks/self_check.h"

#include <algorithm>

namespace sonde::gateway {

// A run that failed by this machine's own fault (local_error) is a failure here: it is this machine that is asked.
bool SelfCheck::record(const CheckResult& result) {
  const auto found = fails_.find(result.id);
  if (found == fails_.end() || result.outcome == results::Outcome::kCancelled) return false;
  found->second = !result.success;
  const bool all_fail = std::ranges::all_of(fails_, [](const auto& target) { return target.second; });
  const SelfState state = all_fail ? SelfState::kNetworkDown : SelfState::kOk;
  if (state == state_) return false;
  state_ = state;
  since_ = result.unix_time;
  return true;
}

}  // namespace sonde::gateway
