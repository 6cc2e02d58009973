// The saved form of a check's state: a version, then its fields in order, numbers little-endian, texts behind their
// length of two bytes.
#include <utility>

#include "gateway/checks/check_state.h"
#include "gateway/checks/saved_bytes.h"

namespace sonde::gateway {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kMostText = 1024;  // of a cause or an error; longer ones are cut

using Writer = SavedWriter;
using Reader = SavedReader;

void write(const CheckResult& result, Writer& to) {
  to.number(result.id);
  to.number(result.unix_time);
  to.number(static_cast<std::uint8_t>(result.success));
  to.number(static_cast<std::uint8_t>(result.outcome));
  to.number(static_cast<std::uint8_t>(result.phase));
  to.text(result.cause, kMostText);
  to.text(result.error, kMostText);
  for (const std::int32_t timing : result.timing_us) to.number(timing);
  to.number(result.lateness);
}

CheckResult read_result(Reader& from) {
  CheckResult result;
  result.id = from.number<CheckId>();
  result.unix_time = from.number<Nanos>();
  result.success = from.flag();
  result.outcome = from.one_of<results::Outcome>(results::kOutcomeNames.size());
  result.phase = from.one_of<results::Phase>(results::kPhaseNames.size());
  result.cause = from.text(kMostText);
  result.error = from.text(kMostText);
  for (std::int32_t& timing : result.timing_us) timing = from.number<std::int32_t>();
  result.lateness = from.number<Nanos>();
  return result;
}

}  // namespace

std::string CheckState::save() const {
  Writer to;
  to.number(kVersion);
  to.number(since_);
  to.number(changes_);
  to.number(row_);
  to.number(static_cast<std::uint8_t>(row_success_));
  to.number(static_cast<std::uint8_t>(flapping_));
  to.number(static_cast<std::uint8_t>(status_));
  to.number(static_cast<std::uint8_t>(moments_.size()));
  for (const Moment& moment : moments_) {
    to.number(moment.unix_time);
    to.number(static_cast<std::uint8_t>(moment.from));
    to.number(static_cast<std::uint8_t>(moment.to));
    to.text(moment.cause, kMostText);
  }
  to.number(static_cast<std::uint8_t>(last_ != nullptr));
  if (last_) {
    to.number(static_cast<std::uint8_t>(last_counted_));
    write(*last_, to);
  }
  return to.take();
}

Parsed<CheckState> CheckState::restore(std::string_view bytes) {
  Reader from(bytes);
  if (from.number<std::uint8_t>() != kVersion) return input_error("a saved state of another version");
  CheckState state;
  state.since_ = from.number<Nanos>();
  state.changes_ = from.number<std::uint64_t>();
  state.row_ = from.number<std::uint32_t>();
  state.row_success_ = from.flag();
  state.flapping_ = from.flag();
  state.status_ = from.one_of<CheckStatus>(kStatusNames.size());
  const auto moments = from.one_of<std::size_t>(kMostTransitions + 1);
  for (std::size_t i = 0; i < moments && from.ok(); ++i) {
    Moment& moment = state.moments_.emplace_back();
    moment.unix_time = from.number<Nanos>();
    moment.from = from.one_of<ShownState>(kShownNames.size());
    moment.to = from.one_of<ShownState>(kShownNames.size());
    moment.cause = from.text(kMostText);
  }
  if (from.flag()) {
    state.last_counted_ = from.flag();
    state.last_ = std::make_unique<CheckResult>(read_result(from));
  }
  if (!from.ok() || !from.at_end()) return input_error("a saved state that is damaged");
  return state;
}

}  // namespace sonde::gateway
