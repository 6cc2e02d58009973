// A long file for its one table.
#include "config/scan_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/nearest.h"
#include "config/values.h"
#include "scan/registry.h"
#include "targets/input_text.h"
#include "targets/port_set.h"

namespace sonde::config {
namespace {

using scan::ScanOptions;
using Kind = OptionSpec::Kind;
using Texts = std::vector<std::string>;

// --- how the types of fields are read and printed ---

template <typename T>
struct Codec {
  Parsed<T> (*parse)(std::string_view);
  std::string (*print)(T);
};

constexpr Codec<Nanos> kDuration{parse_duration, print_duration};
constexpr Codec<double> kRate{parse_rate, print_rate};
constexpr Codec<std::uint64_t> kSeed{parse_seed, print_seed};

template <std::uint64_t least, std::uint64_t most>
Parsed<std::uint64_t> count_between(std::string_view text) {
  return parse_count(text, least, most);
}

template <std::uint64_t least, std::uint64_t most>
constexpr Codec<std::uint64_t> kCount{count_between<least, most>, print_count};

// An option whose text is one value of `member`, a T or an optional<T>.
template <typename Member, typename T>
OptionSpec one(std::string name, std::string metavar, std::string help, Member ScanOptions::* member, Codec<T> codec,
               std::string unset = {}) {
  OptionSpec spec{
      .name = std::move(name), .metavar = std::move(metavar), .help = std::move(help), .unset = std::move(unset)};
  spec.set = [member, codec](ScanOptions& options, std::string_view text) -> Parsed<> {
    const Parsed<T> value = codec.parse(text);
    if (!value) return std::unexpected(value.error());
    if constexpr (requires(Member m) { m.has_value(); }) {
      options.*member = static_cast<typename Member::value_type>(*value);
    } else {
      options.*member = static_cast<Member>(*value);
    }
    return {};
  };
  spec.get = [member, codec](const ScanOptions& options) -> Texts {
    if constexpr (requires(Member m) { m.has_value(); }) {
      if (!(options.*member).has_value()) return {};
      return {codec.print(static_cast<T>(*(options.*member)))};
    } else {
      return {codec.print(static_cast<T>(options.*member))};
    }
  };
  return spec;
}

OptionSpec text(std::string name, std::string metavar, std::string help, std::string ScanOptions::* member,
                std::string unset = {}) {
  OptionSpec spec{
      .name = std::move(name), .metavar = std::move(metavar), .help = std::move(help), .unset = std::move(unset)};
  spec.set = [member](ScanOptions& options, std::string_view value) -> Parsed<> {
    Parsed<std::string> parsed = parse_text(value);
    if (!parsed) return std::unexpected(parsed.error());
    options.*member = std::move(*parsed);
    return {};
  };
  spec.get = [member](const ScanOptions& options) {
    return (options.*member).empty() ? Texts() : Texts{options.*member};
  };
  return spec;
}

OptionSpec many(std::string name, std::string metavar, std::string help, Texts ScanOptions::* member,
                std::string unset = {}) {
  OptionSpec spec{.name = std::move(name),
                  .kind = Kind::kMany,
                  .metavar = std::move(metavar),
                  .help = std::move(help),
                  .unset = std::move(unset)};
  spec.set = [member](ScanOptions& options, std::string_view value) -> Parsed<> {
    const Parsed<Texts> items = parse_list(value);
    if (!items) return std::unexpected(items.error());
    (options.*member).insert((options.*member).end(), items->begin(), items->end());
    return {};
  };
  spec.clear = [member](ScanOptions& options) { (options.*member).clear(); };
  spec.get = [member](const ScanOptions& options) { return options.*member; };
  return spec;
}

OptionSpec flag(std::string name, std::string help, bool ScanOptions::* member) {
  OptionSpec spec{.name = std::move(name), .kind = Kind::kFlag, .help = std::move(help)};
  spec.set = [member](ScanOptions& options, std::string_view value) -> Parsed<> {
    const Parsed<bool> parsed = parse_boolean(value);
    if (!parsed) return std::unexpected(parsed.error());
    options.*member = *parsed;
    return {};
  };
  spec.get = [member](const ScanOptions& options) { return Texts{print_boolean(options.*member)}; };
  return spec;
}

std::unexpected<InputError> not_one_of(std::string_view value, std::span<const std::string_view> words) {
  return input_error(
      fmt::format("{} is not one of {}{}", targets::quoted(value), fmt::join(words, ", "), did_you_mean(value, words)));
}

// An option that takes one of a few words: the enumerators in their order.
template <typename Member, typename Enum, std::size_t n>
OptionSpec word(const std::string& name, const std::string& help, Member ScanOptions::* member,
                const std::array<std::string_view, n>& words, Enum first, const std::string& unset = {}) {
  OptionSpec spec{.name = name, .metavar = fmt::format("{}", fmt::join(words, "|")), .help = help, .unset = unset};
  spec.set = [member, words](ScanOptions& options, std::string_view value) -> Parsed<> {
    for (std::size_t i = 0; i < n; ++i) {
      if (words[i] != value) continue;
      options.*member = static_cast<Enum>(i);
      return {};
    }
    return not_one_of(value, words);
  };
  spec.get = [member, words, first](const ScanOptions& options) -> Texts {
    (void)first;
    if constexpr (requires(Member m) { m.has_value(); }) {
      if (!(options.*member).has_value()) return {};
      return {std::string(words[static_cast<std::size_t>(*(options.*member))])};
    } else {
      return {std::string(words[static_cast<std::size_t>(options.*member)])};
    }
  };
  return spec;
}

OptionSpec shard_option() {
  OptionSpec spec{
      .name = "shard", .metavar = "K/N", .help = "the K-th of N parts; together complete, whatever the workers"};
  spec.set = [](ScanOptions& options, std::string_view value) -> Parsed<> {
    const Parsed<Shard> shard = parse_shard(value);
    if (!shard) return std::unexpected(shard.error());
    options.shard = shard->index;
    options.shards = shard->count;
    return {};
  };
  spec.get = [](const ScanOptions& options) {
    return Texts{print_shard({.index = options.shard, .count = options.shards})};
  };
  return spec;
}

// A probe must exist; known here, so that a wrong name is a wrong option.
OptionSpec probe_option() {
  OptionSpec spec =
      many("probe", "NAME[,NAME]", "what to do with an open port; several share one connection", &ScanOptions::probe);
  for (const scan::ProbeEntry& entry : scan::probe_table())
    spec.help += fmt::format("\n{}: {}", entry.name, entry.make()->help());
  const auto append = spec.set;
  spec.set = [append](ScanOptions& options, std::string_view value) -> Parsed<> {
    if (const Parsed<> added = append(options, value); !added) return added;
    std::vector<std::string_view> names;
    for (const scan::ProbeEntry& entry : scan::probe_table()) names.push_back(entry.name);
    for (const std::string& name : options.probe)
      if (std::find(names.begin(), names.end(), name) == names.end()) return not_one_of(name, names);
    return {};
  };
  return spec;
}

// Kept as the text that was given, joined by commas; judged here, so that a wrong one is found where it stands.
OptionSpec ports_option() {
  OptionSpec spec{.name = "ports",
                  .letter = 'p',
                  .kind = Kind::kMany,
                  .metavar = "PORTS",
                  .help = "80,443,8000-8100, '-' is all; a target that names its own port keeps it",
                  .unset = "by probe; tcp needs it"};
  spec.set = [](ScanOptions& options, std::string_view value) -> Parsed<> {
    const Parsed<Texts> items = parse_list(value);
    if (!items) return std::unexpected(items.error());
    for (const std::string& item : *items) {
      if (const Parsed<targets::PortSet> ports = targets::PortSet::parse(item); !ports)
        return std::unexpected(ports.error());
      options.ports += (options.ports.empty() ? "" : ",") + item;
    }
    return {};
  };
  spec.clear = [](ScanOptions& options) { options.ports.clear(); };
  spec.get = [](const ScanOptions& options) {
    return options.ports.empty() ? Texts() : parse_list(options.ports).value_or(Texts());
  };
  return spec;
}

// "127.0.0.1", "127.0.0.1:5353", "::1", "[::1]:5353".
bool is_resolver(std::string_view text) {
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return false;
    has_port = close + 1 < text.size();
    if (has_port && text[close + 1] != ':') return false;
    if (has_port) port = text.substr(close + 2);
    text = text.substr(1, close - 1);
  } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos && colon == text.rfind(':')) {
    has_port = true;
    port = text.substr(colon + 1);
    text = text.substr(0, colon);
  }
  return parse_ip(text).has_value() && (!has_port || targets::parse_port(port) != 0);
}

OptionSpec resolvers_option() {
  OptionSpec spec = many("resolvers", "ADDRESS[:PORT]", "name servers to ask", &ScanOptions::resolvers, "the system's");
  const auto append = spec.set;
  spec.set = [append](ScanOptions& options, std::string_view value) -> Parsed<> {
    if (const Parsed<> added = append(options, value); !added) return added;
    for (const std::string& server : options.resolvers)
      if (!is_resolver(server))
        return input_error(fmt::format("{} is not the address of a name server, such as 127.0.0.1 or 127.0.0.1:5353",
                                       targets::quoted(server)));
    return {};
  };
  return spec;
}

// The value itself is checked by the module, when the scan is planned.
OptionSpec module_option(const engine::OptionDef& def) {
  const std::string name = def.name;
  OptionSpec spec{.name = name, .metavar = def.metavar, .help = def.help, .unset = def.fallback};
  if (def.is_flag) spec.kind = Kind::kFlag;
  if (def.repeats) spec.kind = Kind::kMany;
  spec.clear = [name](ScanOptions& options) {
    std::erase_if(options.module_options, [&](const auto& option) { return option.first == name; });
  };
  const bool repeats = def.repeats;
  spec.set = [name, repeats](ScanOptions& options, std::string_view value) -> Parsed<> {
    if (const Parsed<std::string> readable = parse_text(value); !readable) return std::unexpected(readable.error());
    if (!repeats) std::erase_if(options.module_options, [&](const auto& option) { return option.first == name; });
    options.module_options.emplace_back(name, value);
    return {};
  };
  spec.get = [name](const ScanOptions& options) {
    Texts texts;
    for (const auto& [key, value] : options.module_options)
      if (key == name) texts.push_back(value);
    return texts;
  };
  return spec;
}

constexpr auto kOrders = std::to_array<std::string_view>({"random", "sequential"});
constexpr auto kEngines = std::to_array<std::string_view>({"auto", "epoll", "uring"});
constexpr auto kFormats = std::to_array<std::string_view>({"ndjson", "csv", "table"});
constexpr auto kTcpInfo = std::to_array<std::string_view>({"all", "timeouts", "none"});
constexpr auto kProgress = std::to_array<std::string_view>({"auto", "bar", "json", "none"});

OptionSpec with_letter(char letter, OptionSpec spec) {
  spec.letter = letter;
  return spec;
}

constexpr std::uint64_t kMost32 = UINT32_MAX;
constexpr std::uint64_t kMost64 = UINT64_MAX;

std::vector<OptionSpec> targets_group() {
  return {
      with_letter('l',
                  text("list", "FILE", "targets, one a line, '#' begins a comment; '-' is standard input, streamed",
                       &ScanOptions::list)),
      ports_option(),
      many("exclude", "TARGET[,TARGET]", "addresses, CIDRs, ranges, names that are never touched; repeats",
           &ScanOptions::exclude),
      many("exclude-file", "FILE", "the same, one a line", &ScanOptions::exclude_file),
  };
}

std::vector<OptionSpec> probes_group() { return {probe_option()}; }

std::vector<OptionSpec> names_group() {
  return {
      resolvers_option(),
      one("resolver-limit", "N", "questions outstanding at one name server, of one worker",
          &ScanOptions::resolver_limit, kCount<1, 65'536>),
      word("ip-version", "which addresses of a name; prefer4 takes IPv6 where there is no IPv4",
           &ScanOptions::ip_version, engine::kIpVersionNames, engine::IpVersion::k4),
  };
}

// What the probe's module declares.
std::vector<OptionSpec> module_group(const scan::ProbeEntry& entry) {
  std::vector<OptionSpec> specs;
  for (const engine::OptionDef& def : entry.make()->options()) specs.push_back(module_option(def));
  return specs;
}

std::vector<OptionSpec> pace_group() {
  return {
      with_letter('r', one("rate", "N", "new connections a second, all workers together; suffixes k, M; 0 is unlimited",
                           &ScanOptions::rate, kRate)),
      one("concurrency", "N", "connections in flight at once", &ScanOptions::concurrency, kCount<1, 100'000'000>,
          "what this machine carries, at most 100k"),
      one("per-host", "N", "in flight to one address; 0 is unlimited", &ScanOptions::per_host, kCount<0, kMost32>),
      one("per-prefix", "N", "in flight to one /24 or /48; 0 is unlimited", &ScanOptions::per_prefix,
          kCount<0, kMost32>),
      flag("adaptive", "slow down for a /24 or /48 whose timeouts and retransmits rise", &ScanOptions::adaptive),
      one("retries", "N", "further attempts after a timeout, never after an answer", &ScanOptions::retries,
          kCount<0, 250>),
      one("workers", "N", "event loops", &ScanOptions::workers, kCount<1, 1024>, "one a core"),
      word("engine", "how connections are driven", &ScanOptions::engine, kEngines, scan::Engine::kAuto),
  };
}

std::vector<OptionSpec> time_group() {
  return {
      one("connect-timeout", "T", "from SYN to its answer; 250ms, 3s, a bare number is seconds",
          &ScanOptions::connect_timeout, kDuration),
      one("tls-timeout", "T", "the TLS handshake", &ScanOptions::tls_timeout, kDuration),
      one("read-timeout", "T", "from the open connection to the last byte wanted", &ScanOptions::read_timeout,
          kDuration),
      one("dns-timeout", "T", "one name", &ScanOptions::dns_timeout, kDuration),
      one("timeout", "T", "all phases of an attempt together", &ScanOptions::timeout, kDuration),
  };
}

std::vector<OptionSpec> order_group() {
  return {
      one("seed", "N", "the order of targets: the same on any machine", &ScanOptions::seed, kSeed,
          "random, shown in the summary"),
      word("order", "of targets", &ScanOptions::order, kOrders, scan::Order::kRandom),
      shard_option(),
      one("max-targets", "N", "stop after so many (address, port) pairs", &ScanOptions::max_targets,
          kCount<1, kMost64>),
      one("max-runtime", "T", "stop after so long", &ScanOptions::max_runtime, kDuration),
      one("max-results", "N", "stop after so many records", &ScanOptions::max_results, kCount<1, kMost64>),
      text("checkpoint", "FILE", "keep a crash-safe checkpoint there, every second", &ScanOptions::checkpoint),
      text("resume", "FILE", "go on from a checkpoint; restate the command line", &ScanOptions::resume),
  };
}

std::vector<OptionSpec> output_group() {
  return {
      with_letter('o', text("output", "FILE", "where records go; '-' is standard output", &ScanOptions::output)),
      word("format", "of records", &ScanOptions::format, kFormats, scan::Format::kNdjson,
           "table on a terminal, else ndjson"),
      many("fields", "a,b.c", "which fields, in that order", &ScanOptions::fields, "all"),
      flag("all", "a record for every probe, not for successes alone", &ScanOptions::all),
      word("tcp-info", "whose connections the kernel is asked about, for 'cause' and 'tcp' in records",
           &ScanOptions::tcp_info, kTcpInfo, engine::TcpInfoUse::kTimeouts),
      text("summary", "FILE", "the JSON summary at the end; '-' is standard output", &ScanOptions::summary),
      word("progress", "on standard error", &ScanOptions::progress, kProgress, scan::ProgressStyle::kAuto),
      text("live", "[ADDRESS]:PORT",
           "a web page that shows the scan as it runs, to everybody who can reach that address; port 0 is one that is "
           "free",
           &ScanOptions::live),
      flag("dry-run", "print what would be probed, in order; touch nothing", &ScanOptions::dry_run),
  };
}

std::vector<OptionSpec> make_table() {
  std::vector<OptionSpec> table;
  const auto add = [&](const std::string& group, std::vector<OptionSpec> specs) {
    for (OptionSpec& spec : specs) {
      const auto is_same = [&](const OptionSpec& other) { return other.name == spec.name; };
      if (std::ranges::any_of(table, is_same)) continue;  // probes may share an option; it stands with the first
      spec.group = group;
      table.push_back(std::move(spec));
    }
  };
  add("Targets", targets_group());
  add("Probes", probes_group());
  add("Names", names_group());
  for (const scan::ProbeEntry& entry : scan::probe_table())
    add(fmt::format("With --probe {}", entry.name), module_group(entry));
  add("Pace", pace_group());
  add("Time", time_group());
  add("Order, parts, limits", order_group());
  add("Output", output_group());
  return table;
}

// Default values as --help shows them.
std::string default_of(const OptionSpec& spec) {
  if (spec.kind == Kind::kFlag) return {};
  const Texts texts = spec.get(ScanOptions());
  const std::string value = texts.empty() ? spec.unset : fmt::format("{}", fmt::join(texts, ","));
  return value.empty() ? "" : " [" + value + "]";
}

}  // namespace

const std::vector<OptionSpec>& scan_table() {
  static const std::vector<OptionSpec> table = make_table();
  return table;
}

const OptionSpec* find_option(std::string_view name) {
  for (const OptionSpec& spec : scan_table())
    if (spec.name == name) return &spec;
  return nullptr;
}

std::vector<std::string_view> option_names() {
  std::vector<std::string_view> names = {"config", "print-config", "help"};
  for (const OptionSpec& spec : scan_table()) names.push_back(spec.name);
  return names;
}

void append_help_entry(std::string& out, std::string_view head, std::string_view text) {
  constexpr std::size_t kColumn = 34;
  constexpr std::size_t kWidth = 100;
  std::string line = fmt::format("{:<{}}", head, kColumn);
  if (head.size() >= kColumn) {
    out.append(head) += '\n';
    line.assign(kColumn, ' ');
  }
  std::size_t indent = kColumn;
  bool begun = false;  // whether `line` has words
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    const std::string_view word = text.substr(0, end);
    const bool new_line = end < text.size() && text[end] == '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
    if (begun && line.size() + 1 + word.size() > kWidth) {
      out += line + '\n';
      line.assign(indent, ' ');
      begun = false;
    }
    if (begun) line += ' ';
    line += word;
    begun = true;
    if (new_line) {
      out += line + '\n';
      line.assign(kColumn + 2, ' ');
      indent = kColumn + 4;
      begun = false;
    }
  }
  out += line + '\n';
}

std::string scan_help() {
  std::string out =
      "Usage: sonde scan [OPTION …] TARGET …\n\n"
      "Probes many targets once and writes a record for each that answers.\n\n"
      "TARGET: 192.0.2.1 · 192.0.2.0/24 · 192.0.2.1-192.0.2.9 · host.example · any of them with :port ·\n"
      "        2001:db8::/64 · [2001:db8::1]:443 · https://host.example/\n";
  std::string group;
  for (const OptionSpec& spec : scan_table()) {
    if (spec.group != group) out += "\n" + spec.group + ":\n";
    group = spec.group;
    const std::string letter = spec.letter != 0 ? fmt::format("-{}, ", spec.letter) : "    ";
    const std::string head =
        fmt::format("  {}--{}{}{}", letter, spec.name, spec.metavar.empty() ? "" : " ", spec.metavar);
    const std::size_t first = std::min(spec.help.find('\n'), spec.help.size());
    append_help_entry(out, head, spec.help.substr(0, first) + default_of(spec) + spec.help.substr(first));
  }
  out +=
      "\nConfiguration:\n"
      "      --config FILE               YAML; keys are the long names above, `targets:` the targets;\n"
      "                                  flags win over it\n"
      "      --print-config              print the effective configuration in that form, and do nothing else\n"
      "  -h, --help                      print this\n"
      "\nExit codes: 0 done · 1 the run failed · 2 bad usage or input, nothing was sent ·\n"
      "            3 stopped early, all found is written\n"
      "\nExamples:\n"
      "  sonde scan 192.0.2.0/24 -p 22,80,443\n"
      "  sonde scan -l targets.txt -p 22 --probe banner -o found.ndjson --checkpoint scan.ckpt\n"
      "  sonde scan -l names.txt --probe tls --verify -o certificates.ndjson\n"
      "  sonde scan 10.0.0.0/16 -p 443 --shard 1/4 --seed 7 --rate 2k --dry-run\n";
  return out;
}

namespace {

struct NamedFile {
  std::string_view option;
  std::string_view path;
};

// A file that is written must not be anything else: a checkpoint over the records would destroy them.
Parsed<> check_files(const ScanOptions& options) {
  const auto written = std::to_array<NamedFile>(
      {{"output", options.output}, {"summary", options.summary}, {"checkpoint", options.checkpoint}});
  std::vector<NamedFile> all(written.begin(), written.end());
  all.insert(all.end(), {{"list", options.list}, {"resume", options.resume}});
  for (const std::string& path : options.exclude_file) all.push_back({"exclude-file", path});
  for (const NamedFile& file : written)
    for (const NamedFile& other : all) {
      // Both may be standard output; and a run may go on keeping the checkpoint that it came from.
      if (file.path.empty() || file.path == "-" || file.path != other.path || file.option == other.option) continue;
      if (file.option == "checkpoint" && other.option == "resume") continue;
      return input_error(fmt::format("--{}: {} is --{} too; give each a file of its own", file.option,
                                     targets::quoted(file.path), other.option));
    }
  return {};
}

}  // namespace

Parsed<> check(const ScanOptions& options) {
  if (options.targets.empty() && options.list.empty())
    return input_error("nothing to scan: name a TARGET (192.0.2.0/24) or a list of them (--list FILE)");
  if (options.list == "-" && !options.resume.empty())
    return input_error("--resume: a stream cannot be resumed, for it is not remembered; put the targets into a file");
  if (options.list == "-" && !options.checkpoint.empty())
    return input_error(
        "--checkpoint: a stream cannot be resumed, for it is not remembered; put the targets into a file");
  if (!options.live.empty() && options.dry_run) return input_error("--live: a dry run has nothing to show");
  return check_files(options);
}

}  // namespace sonde::config
