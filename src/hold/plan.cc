#include "hold/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/resolve_all.h"
#include "os/error.h"
#include "targets/input_text.h"
#include "targets/target_set_builder.h"

namespace sonde::hold {
namespace {

constexpr Nanos kDnsTimeout = 2 * kSecond;

// The text with the first address of its name in the place of the name.
Parsed<std::string> resolved(const std::string& text) {
  const Parsed<targets::TargetExpression> expression = targets::parse_target(text);
  if (!expression) return std::unexpected(expression.error());
  if (!expression->is_name()) return text;
  const Result<std::vector<IpAddress>> addresses = engine::resolve_all(expression->host, "", kDnsTimeout);
  if (!addresses)
    return input_error(
        fmt::format("{} could not be resolved: {}", targets::quoted(text), os::describe(addresses.error())));
  if (addresses->empty()) return input_error(fmt::format("{} has no address", targets::quoted(text)));
  std::string address = to_string(addresses->front());
  if (expression->port == 0) return address;
  return addresses->front().is_v4() ? fmt::format("{}:{}", address, expression->port)
                                    : fmt::format("[{}]:{}", address, expression->port);
}

}  // namespace

Parsed<Plan> make_plan(const HoldOptions& options) {
  Plan plan;
  targets::TargetSetBuilder destinations;
  if (!options.ports.empty()) {
    const Parsed<targets::PortSet> ports = targets::PortSet::parse(options.ports);
    if (!ports) return input_error("--ports: " + ports.error().text);
    destinations.set_ports(*ports);
  }
  for (const std::string& target : options.targets) {
    const Parsed<std::string> text = resolved(target);
    if (!text) return std::unexpected(text.error());
    if (const Parsed<> added = destinations.add(*text, "TARGET"); !added) return std::unexpected(added.error());
  }
  plan.warnings = destinations.warnings();
  Parsed<targets::TargetSet> set = destinations.build();
  if (!set) return std::unexpected(set.error());
  plan.destinations = std::make_unique<targets::TargetSet>(std::move(*set));
  if (options.source.empty()) return plan;

  targets::TargetSetBuilder sources;
  sources.set_ports(targets::PortSet(std::vector<std::uint16_t>{1}));  // a set needs one; it says nothing here
  for (const std::string& source : options.source)
    if (const Parsed<> added = sources.add(source, "--source"); !added) return std::unexpected(added.error());
  Parsed<targets::TargetSet> from = sources.build();
  if (!from) return input_error("--source: " + from.error().text);
  if (from->has_names()) return input_error("--source: takes addresses, prefixes and ranges, no names");
  plan.sources = std::make_unique<targets::TargetSet>(std::move(*from));
  return plan;
}

IpAddress source_of(const Plan& plan, std::uint64_t position) {
  targets::Target source;
  plan.sources->at(position / plan.destinations->size() % plan.sources->size(), source);
  return source.endpoint.address;
}

std::size_t RoundRobin::take(std::span<targets::Target> out) {
  const std::size_t count = std::min<std::uint64_t>(out.size(), count_ - taken_);
  for (targets::Target& target : out.first(count)) {
    const std::uint64_t position = first_ + taken_++;
    destinations_.at(position % destinations_.size(), target);
    target.position = position;
  }
  return count;
}

}  // namespace sonde::hold
