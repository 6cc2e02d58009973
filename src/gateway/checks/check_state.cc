#include "gateway/checks/check_state.h"

#include <algorithm>
#include <bit>

#include "results/outcome.h"

namespace sonde::gateway {
namespace {

bool tells_of_target(const CheckResult& result, bool network_down) {
  if (result.success) return true;
  return !network_down && !is_own_fault(result.outcome);
}

// In a few words, e.g. "connect refused", "first_byte timeout: acked_no_reply", "read protocol_error: status_code".
std::string cause_of(const CheckResult& result) {
  if (result.success) return {};
  std::string cause(results::name(result.phase));
  cause += ' ';
  cause += results::name(result.outcome);
  if (!result.cause.empty()) cause += ": " + result.cause;
  return cause;
}

}  // namespace

std::optional<Transition> CheckState::apply(const Check& check, const CheckResult& result, bool network_down) {
  last_ = std::make_unique<CheckResult>(result);
  last_counted_ = tells_of_target(result, network_down);
  if (!last_counted_) return std::nullopt;

  const ShownState before = shown();
  const bool differs = row_ > 0 && result.success != row_success_;
  changes_ = changes_ << 1 | (differs ? 1 : 0);
  row_ = differs ? 1 : row_ + (row_ < UINT32_MAX ? 1 : 0);
  row_success_ = result.success;

  if (!check.flap) {
    flapping_ = false;
  } else {
    const std::uint32_t window = std::clamp<std::uint32_t>(check.flap->window, 1, kMostFlapWindow);
    const double share = std::popcount(changes_ << (64 - window)) / static_cast<double>(window);
    flapping_ = share >= check.flap->high || (flapping_ && share >= check.flap->low);
  }
  if (!flapping_ && row_ >= (row_success_ ? check.rise : check.fall))
    status_ = row_success_ ? CheckStatus::kUp : CheckStatus::kDown;
  return show(before, result);
}

std::optional<Transition> CheckState::show(ShownState before, const CheckResult& result) {
  if (shown() == before) return std::nullopt;
  since_ = result.unix_time;
  if (moments_.size() == kMostTransitions) moments_.erase(moments_.begin());
  moments_.push_back({.unix_time = since_, .from = before, .to = shown(), .cause = cause_of(result)});
  return told(result.id, moments_.back());
}

Transition CheckState::told(CheckId id, const Moment& moment) {
  return {.id = id,
          .unix_time = moment.unix_time,
          .from = std::string(name(moment.from)),
          .to = std::string(name(moment.to)),
          .cause = moment.cause};
}

std::vector<Transition> CheckState::transitions(CheckId id) const {
  std::vector<Transition> out;
  out.reserve(moments_.size());
  for (const Moment& moment : moments_) out.push_back(told(id, moment));
  return out;
}

}  // namespace sonde::gateway
