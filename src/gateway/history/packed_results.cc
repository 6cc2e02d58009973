#include "gateway/history/packed_results.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace sonde::gateway {
namespace {

constexpr unsigned kStepBits = 5;
constexpr std::uint8_t kSuccessFlag = 1U << 7;
static_assert(kPhases == 7, "a bit a phase, and one for success");

std::uint16_t step_of(std::uint32_t value) {
  if (value < (1U << kStepBits)) return static_cast<std::uint16_t>(value);
  const unsigned exponent = static_cast<unsigned>(std::bit_width(value)) - 1 - kStepBits;
  return static_cast<std::uint16_t>(((exponent + 1) << kStepBits) + (value >> exponent) - (1U << kStepBits));
}
constexpr std::uint16_t kSteps = (32 - kStepBits + 1) << kStepBits;

std::uint32_t upper_bound(std::uint16_t step) {
  if (step < (1U << kStepBits)) return step;
  const unsigned exponent = (step >> kStepBits) - 1U;
  const std::uint64_t mantissa = (step & ((1U << kStepBits) - 1)) + (1U << kStepBits);
  return static_cast<std::uint32_t>(((mantissa + 1) << exponent) - 1);
}

void put(std::uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

// Only the shortest form of a number is one, so that what is read is written as the same bytes.
bool take(std::string_view& bytes, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return (byte != 0 || shift == 0) && (shift < 63 || byte == 1);
  }
  return false;
}

template <typename T>
bool take_below(std::string_view& bytes, std::uint64_t bound, T& value) {
  std::uint64_t wide = 0;
  if (!take(bytes, wide) || wide >= bound) return false;
  value = static_cast<T>(wide);
  return true;
}

bool take_byte(std::string_view& bytes, std::uint8_t& value) {
  if (bytes.empty()) return false;
  value = static_cast<std::uint8_t>(bytes.front());
  bytes.remove_prefix(1);
  return true;
}

// Differences in unsigned arithmetic: times of a damaged file wrap around, and stay defined.
std::uint64_t zigzag(std::int64_t from, std::int64_t to) {
  const auto difference = static_cast<std::int64_t>(static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from));
  return (static_cast<std::uint64_t>(difference) << 1) ^ static_cast<std::uint64_t>(difference >> 63);
}
std::int64_t unzigzag(std::int64_t from, std::uint64_t coded) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(from) + ((coded >> 1) ^ (~(coded & 1) + 1)));
}

constexpr std::int64_t kMostUnixUs = INT64_MAX / kMicrosecond;

}  // namespace

void pack(const CheckResult& result, std::int64_t& previous_us, std::string& out) {
  std::uint8_t flags = result.success ? kSuccessFlag : 0;
  for (std::size_t i = 0; i < kPhases; ++i)
    if (result.timing_us[i] >= 0) flags |= static_cast<std::uint8_t>(1U << i);
  out += static_cast<char>(flags);
  const std::int64_t unix_us = result.unix_time / kMicrosecond;
  put(zigzag(previous_us, unix_us), out);
  previous_us = unix_us;
  for (const std::int32_t timing : result.timing_us)
    if (timing >= 0) put(static_cast<std::uint64_t>(timing), out);
  if (result.success) return;
  out += static_cast<char>(result.outcome);
  out += static_cast<char>(result.phase);
  const std::string_view cause = std::string_view(result.cause).substr(0, kMostCauseBytes);
  put(cause.size(), out);
  out += cause;
}

bool unpack(std::string_view& bytes, std::int64_t& previous_us, CheckResult& result) {
  std::uint8_t flags = 0;
  std::uint64_t step = 0;
  if (!take_byte(bytes, flags) || !take(bytes, step)) return false;
  previous_us = unzigzag(previous_us, step);
  if (previous_us < -kMostUnixUs || previous_us > kMostUnixUs) return false;
  result.unix_time = previous_us * kMicrosecond;
  for (std::size_t i = 0; i < kPhases; ++i) {
    result.timing_us[i] = -1;
    if ((flags & (1U << i)) != 0 && !take_below(bytes, 1ULL << 31, result.timing_us[i])) return false;
  }
  result.success = (flags & kSuccessFlag) != 0;
  result.outcome = results::Outcome::kSuccess;
  result.phase = results::Phase::kDone;
  result.cause.clear();
  if (result.success) return true;
  std::uint8_t outcome = 0;
  std::uint8_t phase = 0;
  std::size_t length = 0;
  if (!take_byte(bytes, outcome) || outcome >= results::kOutcomeNames.size()) return false;
  if (!take_byte(bytes, phase) || phase >= kPhases) return false;
  if (!take_below(bytes, kMostCauseBytes + 1, length) || length > bytes.size()) return false;
  result.outcome = static_cast<results::Outcome>(outcome);
  result.phase = static_cast<results::Phase>(phase);
  result.cause = bytes.substr(0, length);
  bytes.remove_prefix(length);
  return true;
}

void Rollup::add(const CheckResult& result) {
  ++count;
  success += result.success ? 1 : 0;
  for (std::size_t i = 0; i < kPhases; ++i) {
    if (result.timing_us[i] < 0) continue;
    ++phases[i].runs;
    phases[i].us += static_cast<std::uint64_t>(result.timing_us[i]);
  }
  const std::int32_t total = result.timing_us[static_cast<std::size_t>(results::Phase::kDone)];
  if (total < 0) return;
  const auto us = static_cast<std::uint32_t>(total);
  min_us = sketch.empty() ? us : std::min(min_us, us);
  max_us = std::max(max_us, us);
  const std::uint16_t step = step_of(us);
  const auto at = std::ranges::lower_bound(sketch, step, {}, &Bar::step);
  if (at != sketch.end() && at->step == step) {
    ++at->runs;
  } else {
    sketch.insert(at, {step, 1});
  }
}

void Rollup::merge(const Rollup& other) {
  count += other.count;
  success += other.success;
  for (std::size_t i = 0; i < kPhases; ++i) {
    phases[i].runs += other.phases[i].runs;
    phases[i].us += other.phases[i].us;
  }
  if (other.sketch.empty()) return;
  min_us = sketch.empty() ? other.min_us : std::min(min_us, other.min_us);
  max_us = std::max(max_us, other.max_us);
  std::vector<Bar> merged;
  merged.reserve(sketch.size() + other.sketch.size());
  auto a = sketch.begin();
  auto b = other.sketch.begin();
  while (a != sketch.end() || b != other.sketch.end()) {
    if (b == other.sketch.end() || (a != sketch.end() && a->step < b->step)) {
      merged.push_back(*a++);
    } else if (a == sketch.end() || b->step < a->step) {
      merged.push_back(*b++);
    } else {
      merged.push_back({a->step, a->runs + b->runs});
      ++a;
      ++b;
    }
  }
  sketch = std::move(merged);
}

std::uint32_t Rollup::quantile_us(double q) const {
  std::uint64_t total = 0;
  for (const Bar& bar : sketch) total += bar.runs;
  const auto rank = static_cast<std::uint64_t>(q * static_cast<double>(total));
  std::uint64_t seen = 0;
  for (const Bar& bar : sketch) {
    seen += bar.runs;
    if (seen > rank || seen == total) return std::clamp(upper_bound(bar.step), min_us, max_us);
  }
  return 0;
}

std::int32_t Rollup::mean_us(std::size_t phase) const {
  const Sum& sum = phases[phase];
  return sum.runs == 0 ? -1 : static_cast<std::int32_t>(sum.us / sum.runs);
}

void pack(std::uint32_t index, const Rollup& rollup, std::string& out) {
  put(index, out);
  put(rollup.count, out);
  put(rollup.success, out);
  std::uint8_t flags = 0;
  for (std::size_t i = 0; i < kPhases; ++i)
    if (rollup.phases[i].runs > 0) flags |= static_cast<std::uint8_t>(1U << i);
  out += static_cast<char>(flags);
  for (const Rollup::Sum& sum : rollup.phases) {
    if (sum.runs == 0) continue;
    put(sum.runs, out);
    put(sum.us, out);
  }
  put(rollup.sketch.size(), out);
  if (rollup.sketch.empty()) return;
  put(rollup.min_us, out);
  put(rollup.max_us - rollup.min_us, out);
  unsigned before = 0;
  for (const Rollup::Bar& bar : rollup.sketch) {
    put(bar.step - before, out);
    put(bar.runs, out);
    before = bar.step;
  }
}

bool unpack(std::string_view& bytes, std::uint32_t& index, Rollup& rollup) {
  rollup = {};
  std::uint8_t flags = 0;
  if (!take_below(bytes, 1ULL << 32, index) || !take(bytes, rollup.count) || !take(bytes, rollup.success) ||
      !take_byte(bytes, flags) || (flags & kSuccessFlag) != 0)
    return false;
  for (std::size_t i = 0; i < kPhases; ++i) {
    Rollup::Sum& sum = rollup.phases[i];
    // A mean is of 31 bits, as each timing was.
    if ((flags & (1U << i)) != 0 &&
        (!take(bytes, sum.runs) || sum.runs == 0 || !take(bytes, sum.us) || sum.us / sum.runs > INT32_MAX))
      return false;
  }
  std::size_t bars = 0;
  std::uint32_t range = 0;
  if (!take_below(bytes, kSteps + 1, bars)) return false;
  if (bars == 0) return true;
  if (!take_below(bytes, 1ULL << 31, rollup.min_us) || !take_below(bytes, (1ULL << 31) - rollup.min_us, range))
    return false;
  rollup.max_us = rollup.min_us + range;
  rollup.sketch.resize(bars);
  unsigned step = 0;
  for (Rollup::Bar& bar : rollup.sketch) {
    unsigned difference = 0;
    if (!take_below(bytes, kSteps - step, difference)) return false;
    if (difference == 0 && &bar != rollup.sketch.data()) return false;
    step += difference;
    bar.step = static_cast<std::uint16_t>(step);
    if (!take_below(bytes, 1ULL << 32, bar.runs) || bar.runs == 0) return false;
  }
  return true;
}

void pack_id(CheckId id, std::string& out) {
  out.append(reinterpret_cast<const char*>(&id), sizeof id);  // the machine's own order: a file stays on its machine
}

bool unpack_id(std::string_view& bytes, CheckId& id) {
  if (bytes.size() < sizeof id) return false;
  std::memcpy(&id, bytes.data(), sizeof id);
  bytes.remove_prefix(sizeof id);
  return true;
}

}  // namespace sonde::gateway
