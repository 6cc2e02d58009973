// What is known of one check: its last result, whether it is up or down, whether it flaps, and its last transitions.
// One thread. A few hundred bytes, beside the texts and what has happened.
//
// Up after `rise` successes in a row, down after `fall` failures; before either it is unknown. Where changes from one
// result to the next are `high` or more of the last `window` results it flaps, until they are less than `low`; while it
// flaps the firm status stays as it is, and what follows it is judged by the row of results that it has come to by
// then.
//
// Some failures tell nothing of the target: those while this gateway's own network is down, and those that are this
// machine's fault (local_error, cancelled). They are kept as the last result, and for the rest are as if they had not
// been.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "gateway/checks/check.h"
#include "gateway/checks/result.h"

namespace sonde::gateway {

// What is shown: the firm status, unless it flaps.
enum class ShownState : std::uint8_t { kUnknown, kUp, kDown, kFlapping };
inline constexpr std::array<std::string_view, 4> kShownNames = {"unknown", "up", "down", "flapping"};
constexpr std::string_view name(ShownState state) { return kShownNames[static_cast<std::size_t>(state)]; }

class CheckState {
 public:
  static constexpr std::uint32_t kMostFlapWindow = 64;  // a wider one counts as this
  static constexpr std::size_t kMostTransitions = 32;   // then the oldest goes

  // unix_now: since when it is unknown.
  explicit CheckState(Nanos unix_now = 0) : since_(unix_now) {}

  // A run has ended. What changed by it, if anything did.
  std::optional<Transition> apply(const Check& check, const CheckResult& result, bool network_down);

  CheckStatus status() const { return status_; }
  bool flapping() const { return flapping_; }
  ShownState shown() const { return flapping_ ? ShownState::kFlapping : static_cast<ShownState>(status_); }
  Nanos since() const { return since_; }  // unix time, of shown()
  const CheckResult* last() const { return last_.get(); }
  bool last_counted() const { return last_counted_; }     // false: it told nothing of the target
  std::vector<Transition> transitions(CheckId id) const;  // oldest first

  // A compact form of all of it, and back; of the present version only. The error says what is wrong with it.
  std::string save() const;
  static Parsed<CheckState> restore(std::string_view bytes);

 private:
  struct Moment {
    Nanos unix_time = 0;
    ShownState from = ShownState::kUnknown, to = ShownState::kUnknown;
    std::string cause;
  };
  std::optional<Transition> show(ShownState before, const CheckResult& result);
  static Transition told(CheckId id, const Moment& moment);

  std::unique_ptr<CheckResult> last_;  // null: no run has ended
  Nanos since_;
  std::uint64_t changes_ = 0;  // of the last results the latest at bit 0: 1 if it differed from the one before
  std::uint32_t row_ = 0;      // results that were like the latest, it counted in; 0: there was none
  bool row_success_ = false;
  bool last_counted_ = false;
  bool flapping_ = false;
  CheckStatus status_ = CheckStatus::kUnknown;
  std::vector<Moment> moments_;  // oldest first
};
static_assert(sizeof(CheckState) + sizeof(CheckResult) <= 400, "the budget of a check");

}  // namespace sonde::gateway
