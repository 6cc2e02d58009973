// Whether this machine's own network works, by checks of targets that are always there: when all of them fail it is
// "network_down", and what fails meanwhile says nothing of its target. Pure; one thread.
#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "gateway/checks/result.h"

namespace sonde::gateway {

enum class SelfState : std::uint8_t { kOk, kNetworkDown };
inline constexpr std::array<std::string_view, 2> kSelfStateNames = {"ok", "network_down"};
constexpr std::string_view name(SelfState state) { return kSelfStateNames[static_cast<std::size_t>(state)]; }

class SelfCheck {
 public:
  // Of none it is always ok. A target that has not been looked at yet is taken for one that works.
  explicit SelfCheck(const std::vector<CheckId>& targets) {
    for (const CheckId id : targets) fails_[id] = false;
  }

  bool has(CheckId id) const { return fails_.contains(id); }
  // Results of other checks and of runs that were cut are nothing to it. True: the state is another.
  bool record(const CheckResult& result);
  SelfState state() const { return state_; }
  Nanos since() const { return since_; }  // unix time of the result that turned it; 0: since the start

 private:
  std::map<CheckId, bool> fails_;
  SelfState state_ = SelfState::kOk;
  Nanos since_ = 0;
};

}  // namespace sonde::gateway
