// A check: one target of one entry, ready to run. Immutable and shared: a reload makes others.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/options.h"
#include "probes/check/prober.h"

namespace sonde::gateway {

// A stable hash of (name, module, target), the same after a restart.
using CheckId = std::uint64_t;
CheckId check_id(std::string_view name, std::string_view module, std::string_view target);
std::string to_text(CheckId id);  // 16 hex digits
std::optional<CheckId> parse_check_id(std::string_view text);

struct Check {
  CheckId id = 0;
  std::string name;
  std::string module;
  std::string target;
  LabelSet labels;
  std::shared_ptr<const probes::Prober> prober;
  Nanos interval = 60 * kSecond;
  Nanos timeout = 0;  // of a run
  std::uint32_t rise = 1, fall = 1;
  std::optional<FlapOptions> flap;
  Priority priority = Priority::kNormal;
};
using CheckPtr = std::shared_ptr<const Check>;

// Whether one can take the other's place without a difference but for the prober's.
bool same_terms(const Check& a, const Check& b);

}  // namespace sonde::gateway
