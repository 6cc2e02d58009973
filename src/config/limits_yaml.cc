#include "config/limits_yaml.h"

#include <fmt/format.h>

#include "base/nearest.h"
#include "config/go_values.h"
#include "targets/input_text.h"

namespace sonde::config {
namespace {

using gateway::LimitTier;
using targets::quoted;

constexpr double kMostRate = 1e9;
constexpr std::size_t kMostTiers = 16;

void read_positive(Section& section, std::string_view key, double most, double& out) {
  double number = 0;
  const Value* value = section.find(key);
  if (value == nullptr || !take(*value, number)) return;
  if (number > 0 && number <= most) {
    out = number;
  } else {
    value->fail(fmt::format("{} is out of range: more than 0, at most {}", number, most));
  }
}

// `fill: 1.2` or `fill: decay`.
void read_fill(Section& section, LimitTier& out) {
  const Value* value = section.find("fill");
  if (value == nullptr) return;
  if (value->node->is_scalar() && value->node->text == "decay") {
    out.decays = true;
  } else if (value->node->is_scalar() && !parse_go_float(value->node->text)) {
    value->fail(quoted(value->node->text) + " is neither a number, such as 1.2, nor 'decay'");
  } else {
    read_positive(section, "fill", 100, out.fill);
  }
}

Parsed<gateway::Priority> parse_shed(std::string_view text) {
  if (text == "low") return gateway::Priority::kLow;
  if (text == "normal") return gateway::Priority::kNormal;
  return input_error(quoted(text) + " is not one of low, normal: checks of high priority are never shed");
}

// A tier goes on from where the one before it ends.
LimitTier read_tier(const Value& value, double from, bool is_last) {
  LimitTier out;
  out.from = from;
  Section section(value);
  if (!value.node->is_map()) return out;
  constexpr double kMostShare = 1000;
  double above = from;
  read_positive(section, "below", kMostShare, out.below);
  if (section.has("below") && section.has("above")) {
    section.fail("above", "does not go with below: a tier begins where the one before it ends");
  } else if (section.has("above")) {
    read_positive(section, "above", kMostShare, above);
    if (!is_last) section.fail("above", "ends the tiers: it stands in the last one");
    if (above != from) section.fail("above", fmt::format("must be {}, where the tier before it ends", from));
  } else if (!section.has("below") && !is_last) {
    section.fail("needs 'below', the share of the rate that it ends at");
  }
  if (out.below > 0 && out.below <= from)
    section.fail("below", fmt::format("must be more than {}, where the tier before it ends", from));
  read_fill(section, out);
  if (const Value* delay = section.find("delay")) {
    Section parts(*delay);
    parts.read_text("max", out.most_delay, parse_span);
    parts.finish();
  }
  if (section.has("shed")) section.read_text("shed", out.sheds.emplace(gateway::Priority::kLow), parse_shed);
  section.finish();
  return out;
}

}  // namespace

gateway::LimitOptions read_limits(const Value& limits) {
  gateway::LimitOptions out;
  Section section(limits);
  if (!limits.node->is_map()) return out;
  read_positive(section, "rate", kMostRate, out.rate);
  if (!section.has("rate")) section.fail("rate", "needs a rate, new connections a second");
  out.burst = std::max(out.rate, 1.0);
  read_positive(section, "burst", kMostRate, out.burst);
  if (out.burst < 1) section.fail("burst", "is less than one connection");
  section.read_text("window", out.window, [](std::string_view text) -> Parsed<Nanos> {
    const Parsed<Nanos> window = parse_span(text);
    if (window && (*window < kSecond || *window > 3600 * kSecond))
      return input_error(quoted(text) + " is out of range: a window is 1s to 1h");
    return window;
  });
  if (const Value* list = section.find("tiers")) {
    const std::vector<Value> tiers = items_of(*list);
    if (tiers.size() > kMostTiers) list->fail(fmt::format("has more than {} tiers", kMostTiers));
    double from = 0;
    for (std::size_t i = 0; i < tiers.size() && i < kMostTiers; ++i) {
      const LimitTier tier = read_tier(tiers[i], from, i + 1 == tiers.size());
      if (tier.below > from) from = tier.below;
      out.tiers.push_back(tier);
    }
  }
  section.finish();
  return out;
}

}  // namespace sonde::config
