#include "scan/plan.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/nearest.h"
#include "engine/resolve_all.h"
#include "os/error.h"
#include "os/fd.h"
#include "os/machine.h"
#include "scan/registry.h"
#include "targets/indexed_source.h"
#include "targets/port_set.h"
#include "targets/stream_source.h"
#include "targets/target_set_builder.h"

namespace sonde::scan {
namespace {

constexpr std::size_t kLargestCheckpoint = std::size_t{256} << 20;

Parsed<> configure_probes(const ScanOptions& options, Plan& plan) {
  for (const std::string& name : options.probe) {
    std::unique_ptr<engine::ProbeModule> module = make_probe(name);
    if (!module) {
      std::vector<std::string_view> names;
      for (const ProbeEntry& entry : probe_table()) names.push_back(entry.name);
      return input_error("--probe: no probe is called '" + name + "'" + did_you_mean(name, names));
    }
    for (const engine::OptionDef& option : module->options()) {
      for (const auto& [key, value] : options.module_options) {
        if (key != option.name) continue;
        if (const Parsed<> set = module->configure(key, value); !set)
          return input_error("--" + key + ": " + set.error().text);
      }
    }
    if (const Parsed<> ready = module->prepare(options.probe); !ready) return ready;
    plan.has_names = plan.has_names || module->wanders();
    const std::uint32_t first = plan.schema.add(module->fields());
    plan.pass.push_back({.module = module.get(), .first_value_id = first});
    plan.modules.push_back(std::move(module));
  }
  for (const auto& module : plan.modules)
    if (module->has_ports() != plan.modules.front()->has_ports())
      return input_error(fmt::format("--probe: {} and {} cannot be one pass: one of them knows no ports",
                                     plan.modules.front()->name(), module->name()));
  return {};
}

Parsed<> choose_encoder(const ScanOptions& options, Plan& plan) {
  Parsed<std::vector<std::uint32_t>> ids = plan.schema.select(options.fields);
  if (!ids) return std::unexpected(ids.error());
  const bool terminal = options.output == "-" && isatty(STDOUT_FILENO) != 0;
  const Format format = options.format.value_or(terminal ? Format::kTable : Format::kNdjson);
  switch (format) {
    case Format::kNdjson:
      plan.encoder = results::make_ndjson_encoder(plan.schema, *ids);
      break;
    case Format::kCsv:
      plan.encoder =
          results::make_csv_encoder(plan.schema, options.fields.empty() ? plan.schema.csv_default() : std::move(*ids));
      break;
    case Format::kTable: {
      const bool colour = terminal && getenv("NO_COLOR") == nullptr;  // NOLINT(concurrency-mt-unsafe)
      plan.encoder = results::make_table_encoder(
          plan.schema, options.fields.empty() ? std::vector<std::uint32_t>() : std::move(*ids), colour);
      break;
    }
  }
  return {};
}

Parsed<targets::Exclusion> stated_exclusion(const ScanOptions& options) {
  targets::Exclusion exclusion;
  for (const std::string& list : options.exclude)
    if (const Parsed<> added = exclusion.add(list, "--exclude"); !added) return std::unexpected(added.error());
  for (const std::string& file : options.exclude_file)
    if (const Parsed<> added = exclusion.add_list_file(file); !added) return std::unexpected(added.error());
  return exclusion;
}

// An excluded name excludes what it resolves to. A name that does not exist excludes itself alone; one that nobody
// could be asked about is an error, for then its addresses might be touched.
Parsed<> resolve_excluded_names(const ScanOptions& options, targets::Exclusion& exclusion, Plan& plan) {
  const std::string servers = fmt::format("{}", fmt::join(options.resolvers, ","));
  const std::vector<std::string> names(exclusion.names().begin(), exclusion.names().end());
  for (const std::string& name : names) {
    const Result<std::vector<IpAddress>> addresses = engine::resolve_all(name, servers, options.dns_timeout);
    if (!addresses)
      return input_error(fmt::format("--exclude: '{}' could not be resolved ({}); exclude its addresses instead", name,
                                     os::describe(addresses.error())));
    if (addresses->empty())
      plan.warnings.push_back(fmt::format("--exclude: '{}' has no address; the name alone is excluded", name));
    for (const IpAddress& address : *addresses)
      if (const Parsed<> added = exclusion.add(to_string(address), "--exclude"); !added) return added;
  }
  return {};
}

Parsed<Checkpoint> read_checkpoint(const ScanOptions& options) {
  const Result<std::string> text = os::read_file(options.resume, kLargestCheckpoint);
  if (!text) return input_error("--resume " + options.resume + ": " + os::describe(text.error()));
  return decode(*text, options.resume);
}

bool takes_urls(const Plan& plan) {
  return std::any_of(plan.modules.begin(), plan.modules.end(), [](const auto& module) { return module->takes_urls(); });
}

// What must be the same on a resume; the error names the first that differs.
Parsed<> check_resume(const ScanOptions& options, const Checkpoint& then, const Checkpoint& now,
                      const targets::Exclusion& stated) {
  const auto refuse = [&](const std::string& what) {
    return input_error("--resume " + options.resume + ": " + what + "; state the command line of the first run");
  };
  if (options.seed && *options.seed != then.seed)
    return refuse(fmt::format("its seed is {}, not {}", then.seed, *options.seed));
  if (now.order != then.order) return refuse("its order is '" + then.order + "'");
  if (now.shard != then.shard || now.shards != then.shards)
    return refuse(fmt::format("it is of shard {}/{}, not {}/{}", then.shard, then.shards, now.shard, now.shards));
  if (now.probe != then.probe) return refuse(fmt::format("its probe is '{}'", fmt::join(then.probe, ",")));
  if (now.digest != then.digest) return refuse("its targets or ports differ from these");
  targets::Exclusion before;
  if (const Parsed<> added = before.add(then.exclude, options.resume); !added) return added;
  if (!stated.covers(before)) return refuse("it excludes more than this command line");
  return {};
}

Parsed<targets::TargetSet> build_set(const ScanOptions& options, const targets::PortSet& ports,
                                     const targets::Exclusion& exclusion, Plan& plan) {
  targets::TargetSetBuilder builder;
  if (takes_urls(plan)) builder.keep_urls();
  builder.set_ports(ports);
  for (const std::string& target : options.targets)
    if (const Parsed<> added = builder.add(target, "TARGET"); !added) return std::unexpected(added.error());
  if (!options.list.empty())
    if (const Parsed<> added = builder.add_list_file(options.list); !added) return std::unexpected(added.error());
  plan.warnings = builder.warnings();
  return builder.build(exclusion);
}

Parsed<targets::PortSet> choose_ports(const ScanOptions& options, const Plan& plan) {
  if (!plan.modules.front()->has_ports()) {
    if (!options.ports.empty())
      return input_error(fmt::format("--ports: {} knows no ports", plan.modules.front()->name()));
    return targets::PortSet(std::vector<std::uint16_t>{0});
  }
  if (!options.ports.empty()) {
    Parsed<targets::PortSet> ports = targets::PortSet::parse(options.ports);
    if (!ports) return input_error("--ports: " + ports.error().text);
    return ports;
  }
  std::vector<std::uint16_t> ports;
  for (const auto& module : plan.modules)
    ports.insert(ports.end(), module->default_ports().begin(), module->default_ports().end());
  return targets::PortSet(ports);
}

// The first bad lines of a stream are told one by one, the others only counted: a wrong file must not flood the
// terminal.
std::function<void(std::string_view)> report_invalid_lines() {
  return [told = 0](std::string_view error) mutable {
    constexpr int kMostTold = 20;
    if (++told <= kMostTold) fmt::print(stderr, "sonde: {}; skipped\n", error);
    if (told == kMostTold) fmt::print(stderr, "sonde: further lines that are no targets are only counted\n");
  };
}

Parsed<> plan_stream(const ScanOptions& options, const targets::PortSet& ports, Plan& plan) {
  if (!options.targets.empty())
    return input_error("--list -: targets on the command line cannot be joined with a stream; put them into it");
  plan.identity.seed = options.seed.value_or(0);  // order of arrival
  plan.has_names = true;
  plan.source = std::make_unique<targets::StreamSource>(
      STDIN_FILENO, targets::StreamSourceOptions{.ports = ports,
                                                 .shard = options.shard,
                                                 .shards = options.shards,
                                                 .max_targets = options.max_targets,
                                                 .exclusion = plan.exclusion.get(),
                                                 .on_invalid = report_invalid_lines(),
                                                 .keep_urls = takes_urls(plan)});
  return {};
}

Parsed<> plan_indexed(const ScanOptions& options, const targets::PortSet& ports, const targets::Exclusion& stated,
                      Plan& plan) {
  Checkpoint& identity = plan.identity;
  std::optional<Checkpoint> resumed;
  targets::Exclusion of_space = *plan.exclusion;
  if (!options.resume.empty()) {
    Parsed<Checkpoint> checkpoint = read_checkpoint(options);
    if (!checkpoint) return std::unexpected(checkpoint.error());
    resumed = std::move(*checkpoint);
    of_space = {};
    if (const Parsed<> added = of_space.add(resumed->excluded, options.resume); !added) return added;
  }
  Parsed<targets::TargetSet> set = build_set(options, ports, of_space, plan);
  if (!set) return std::unexpected(set.error());
  identity.digest = set->digest();
  identity.excluded = of_space.texts();
  if (resumed) {
    if (const Parsed<> same = check_resume(options, *resumed, identity, stated); !same) return same;
    identity.seed = resumed->seed;
    identity.cursor = resumed->cursor;
    identity.pending = resumed->pending;
    plan.is_resume = true;
    plan.resumed = identity.cursor - identity.pending.size();
  } else {
    identity.seed = options.seed.value_or(os::random_seed());
  }
  plan.has_names = plan.has_names || set->has_names();
  plan.set = std::make_unique<targets::TargetSet>(std::move(*set));
  auto source = std::make_unique<targets::IndexedSource>(
      *plan.set, targets::IndexedSourceOptions{.sequential = options.order == Order::kSequential,
                                               .seed = identity.seed,
                                               .shard = options.shard,
                                               .shards = options.shards,
                                               .max_targets = options.max_targets,
                                               .cursor = identity.cursor,
                                               .pending = identity.pending,
                                               .filter = resumed ? plan.exclusion.get() : nullptr});
  const std::uint64_t whole =
      plan.set->size() / options.shards + (options.shard - 1 < plan.set->size() % options.shards ? 1 : 0);
  plan.limited = *source->total() < whole;
  plan.source = std::move(source);
  return {};
}

}  // namespace

Parsed<Plan> make_plan(const ScanOptions& options) {
  Plan plan;
  if (const Parsed<> configured = configure_probes(options, plan); !configured)
    return std::unexpected(configured.error());
  if (const Parsed<> chosen = choose_encoder(options, plan); !chosen) return std::unexpected(chosen.error());
  const Parsed<targets::PortSet> ports = choose_ports(options, plan);
  if (!ports) return std::unexpected(ports.error());

  Parsed<targets::Exclusion> exclusion = stated_exclusion(options);
  if (!exclusion) return std::unexpected(exclusion.error());
  plan.exclusion = std::make_unique<targets::Exclusion>(*exclusion);
  if (!options.dry_run)  // a dry run resolves nothing
    if (const Parsed<> resolved = resolve_excluded_names(options, *plan.exclusion, plan); !resolved)
      return std::unexpected(resolved.error());

  plan.identity.order = options.order == Order::kRandom ? "random" : "sequential";
  plan.identity.shard = options.shard;
  plan.identity.shards = options.shards;
  plan.identity.probe = options.probe;
  plan.identity.exclude = exclusion->texts();
  const Parsed<> planned =
      options.list == "-" ? plan_stream(options, *ports, plan) : plan_indexed(options, *ports, *exclusion, plan);
  if (!planned) return std::unexpected(planned.error());
  return plan;
}

}  // namespace sonde::scan
