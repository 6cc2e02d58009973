// Which connections there are to be: connection i goes to destination i mod D, from source (i div D) mod S, so that
// each pair of them has its even share of the ports.
#pragma once

#include <memory>

#include "base/error.h"
#include "hold/hold_options.h"
#include "targets/target_set.h"
#include "targets/target_source.h"

namespace sonde::hold {

struct Plan {
  std::unique_ptr<targets::TargetSet> destinations;
  std::unique_ptr<targets::TargetSet> sources;  // null: the kernel chooses
  std::vector<std::string> warnings;
};

// Resolves names. The error names the option or target.
Parsed<Plan> make_plan(const HoldOptions& options);

// The source of connection `position`. REQUIRES: plan.sources.
IpAddress source_of(const Plan& plan, std::uint64_t position);

// The positions first … first + count - 1: a holder's own share, for what it draws it must have room for.
class RoundRobin final : public targets::TargetSource {
 public:
  RoundRobin(const targets::TargetSet& destinations, std::uint64_t first, std::uint64_t count)
      : destinations_(destinations), first_(first), count_(count) {}
  std::size_t take(std::span<targets::Target> out) override;
  bool exhausted() const override { return taken_ == count_; }
  std::optional<std::uint64_t> total() const override { return count_; }
  std::uint64_t cursor() const override { return first_ + taken_; }

 private:
  const targets::TargetSet& destinations_;
  std::uint64_t first_;
  std::uint64_t count_;
  std::uint64_t taken_ = 0;
};

}  // namespace sonde::hold
