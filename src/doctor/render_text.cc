#include <fmt/format.h>

#include <algorithm>

#include "doctor/findings.h"
#include "doctor/render.h"

namespace sonde::doctor {
namespace {

constexpr unsigned kLevelWidth = 8;
constexpr unsigned kNameWidth = 15;
constexpr unsigned kAllowsWidth = 13;
constexpr unsigned kNarrowest = 40;

std::string_view colour_of(Level level) {
  switch (level) {
    case Level::kOk:
      return "\x1b[32m";
    case Level::kLimits:
      return "\x1b[31;1m";
    case Level::kWarn:
      return "\x1b[33m";
    case Level::kUnknown:
      break;
  }
  return "\x1b[2m";
}

std::string painted(std::string_view text, std::string_view colour, const TextStyle& style) {
  return style.colour ? fmt::format("{}{}\x1b[0m", colour, text) : std::string(text);
}

// Columns that UTF-8 text fills; no text of a report has wide or combining characters.
std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }));
}

// Words put into lines no wider than style.width, each but the first behind `indent` blanks; `used` columns of the
// first are taken. Ends with a newline.
std::string wrapped(std::string_view text, std::size_t used, std::size_t indent, const TextStyle& style) {
  const std::size_t width = std::max(style.width, kNarrowest);
  std::string lines;
  bool fresh = true;  // nothing of the text is in this line yet
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (!fresh && used + 1 + columns(word) > width) {
      lines += "\n" + std::string(indent, ' ');
      used = indent;
      fresh = true;
    }
    if (!fresh) lines += ' ';
    lines += word;
    used += columns(word) + (fresh ? 0 : 1);
    fresh = false;
  }
  return lines + "\n";
}

// Three digits, rounded down: a verdict must not promise more than it knows.
std::uint64_t about(std::uint64_t n) {
  std::uint64_t unit = 1;
  while (n / unit >= 1000) unit *= 10;
  return n / unit * unit;
}

std::string verdict(const Report& report, const Need& need) {
  if (!report.capacity.connections)
    return "What this machine carries cannot be told: nothing that bounds it can be read here.";
  const std::uint64_t carries = *report.capacity.connections;
  const std::string number = grouped(about(carries));
  const std::string reason =
      fmt::format("what bounds it is {} ({})", report.capacity.bound_by, report.find(report.capacity.bound_by)->value);
  if (need.connections == 0)
    return fmt::format("This machine carries about {} connections at once; {}.", number, reason);
  return fmt::format("{} connections at once {}: this machine carries about {}; {}.", grouped(need.connections),
                     need.connections <= carries ? "fit" : "do not fit", number, reason);
}

std::string assumption(const Report& report, const Need& need) {
  const bool uring = report.engine.usable && need.engine != io::Engine::kEpoll;
  return fmt::format("Judged for {} idle connections to {} on {}, from {}, with {}.", grouped(report.goal),
                     need.destinations == 0 ? "many destinations"
                                            : fmt::format("{} destination{}", grouped(need.destinations),
                                                          need.destinations == 1 ? "" : "s"),
                     need.loopback ? "this machine (both ends count)" : "other machines",
                     fmt::format("{} source address{}", grouped(need.sources), need.sources == 1 ? "" : "es"),
                     uring ? "io_uring" : "epoll");
}

std::string row(const Finding& finding, const TextStyle& style) {
  const std::string level = fmt::format("{:<{}}", to_string(finding.level), kLevelWidth);
  const std::string text = fmt::format("{:<{}} {:>{}}   ", finding.name, kNameWidth,
                                       finding.allows ? grouped(*finding.allows) : "–", kAllowsWidth);
  const std::size_t indent = 2 + kLevelWidth + kNameWidth + 1 + kAllowsWidth + 3;
  std::string lines = "  " + painted(level, colour_of(finding.level), style) + text;
  lines += wrapped(finding.value, 2 + kLevelWidth + columns(text), indent, style);
  if (finding.level == Level::kOk) return lines;
  const std::size_t margin = 2 + kLevelWidth;
  return lines + std::string(margin, ' ') + wrapped(finding.explanation, margin, margin, style);
}

std::string engine_lines(const EngineAdvice& engine, const std::string& kernel, const TextStyle& style) {
  std::string text =
      engine.usable ? "io_uring is usable; " : fmt::format("io_uring is not usable ({}); ", engine.why_not);
  text += fmt::format("this is Linux {}. Used with: ", kernel.empty() ? "of unknown release" : kernel);
  for (const std::string& when : engine.used_when) text += when + (&when == &engine.used_when.back() ? "." : "; ");
  std::string lines = wrapped(text, 0, 0, style);
  for (const EngineFeature& feature : engine.features) {
    const Level level = feature.present ? Level::kOk : feature.required ? Level::kLimits : Level::kWarn;
    const std::string word = fmt::format("{:<{}}", feature.present ? "yes" : "no", kLevelWidth);
    const std::string head = fmt::format("{:<{}} {:>5}   ", feature.name, kNameWidth, feature.since);
    const std::size_t indent = 2 + kLevelWidth + columns(head);
    lines += "  " + painted(word, colour_of(level), style) + head + wrapped(feature.use, indent, indent, style);
  }
  return lines;
}

// Not wrapped: each is to be copied as it is.
std::string command_block(const Report& report, const TextStyle& style) {
  std::string commands;
  bool sysctls = false;
  for (const Finding& finding : report.findings) {
    if (finding.command.empty()) continue;
    commands += "  " + finding.command + "\n";
    sysctls = sysctls || finding.fix.has_value();
  }
  if (commands.empty()) return {};
  commands = "\nTo lift them, in the shell that runs sonde:\n\n" + commands;
  if (!sysctls) return commands;
  constexpr std::string_view kHowLong =
      "They last until the next restart. The same `sonde doctor` with --fix raises the sysctls; with --persist as "
      "well, "
      "it keeps them.";
  return commands + "\n" + wrapped(kHowLong, 0, 0, style);
}

}  // namespace

std::string render_text(const Report& report, const Need& need, const TextStyle& style) {
  std::string text = painted(wrapped(verdict(report, need), 0, 0, style), style.colour ? "\x1b[1m" : "", style);
  text += wrapped(assumption(report, need), 0, 0, style) + "\n";
  text += fmt::format("  {:<{}}{:<{}} {:>{}}   {}\n", "", kLevelWidth, "limit", kNameWidth, "connections", kAllowsWidth,
                      "value");
  for (const Finding& finding : report.findings) text += row(finding, style);
  text += "\n" + engine_lines(report.engine, report.kernel, style);
  return text + command_block(report, style);
}

}  // namespace sonde::doctor
