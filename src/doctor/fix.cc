#include "doctor/fix.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include "doctor/tree.h"
#include "os/error.h"
#include "os/fd.h"

namespace sonde::doctor {
namespace {

constexpr std::string_view kPortRange = "net.ipv4.ip_local_port_range";
constexpr std::string_view kFileHead = "# Written by `sonde doctor --fix --persist`. Remove this file to undo.\n";

std::string file_of(const std::string& key) {
  std::string path = "proc/sys/" + key;
  std::replace(path.begin(), path.end(), '.', '/');
  return path;
}

// The wider of the two, number by number: a port range begins at the lower first port, everything else grows.
std::string widest(const std::string& key, const std::vector<std::uint64_t>& now,
                   const std::vector<std::uint64_t>& asked) {
  std::string text;
  for (std::size_t i = 0; i < now.size(); ++i) {
    std::uint64_t number = now[i];
    if (i < asked.size())
      number = key == kPortRange && i == 0 ? std::min(now[i], asked[i]) : std::max(now[i], asked[i]);
    text += fmt::format("{}{}", text.empty() ? "" : " ", number);
  }
  return text;
}

Result<> write_sysctl(const std::string& path, const std::string& value) {
  const os::Fd fd(::open(path.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (!fd) return std::unexpected(os::error_from(errno, "open"));
  return os::write_all(fd.get(), value + "\n");
}

// Nothing when it is as wide as asked already.
std::optional<Change> raise(const Tree& tree, const Fix& fix) {
  const std::string file = file_of(fix.key);
  const std::vector<std::uint64_t> now = tree.numbers(file);
  Change change{.key = fix.key, .before = fmt::format("{}", fmt::join(now, " "))};
  if (now.empty()) {
    const Result<std::string> text = os::read_file(tree.path(file), 4096);
    change.refused = text ? Error{.what = "not a number"} : text.error();
    return change;
  }
  const std::string wanted = widest(fix.key, now, numbers_of(fix.value));
  if (wanted == change.before) return std::nullopt;
  if (const Result<> written = write_sysctl(tree.path(file), wanted); !written) {
    change.refused = written.error();
    change.after = change.before;
    return change;
  }
  change.after = fmt::format("{}", fmt::join(tree.numbers(file), " "));
  if (change.after == change.before) change.refused = Error{.what = "written, but the kernel keeps its value"};
  return change;
}

// key → value of a sysctl.d file; comments are dropped, the head is written anew.
std::map<std::string, std::string> settings_of(const std::string& text) {
  std::map<std::string, std::string> settings;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos || line.starts_with('#') || line.starts_with(';')) continue;
    const std::string key = line.substr(0, equals);
    const std::size_t first = key.find_first_not_of(" \t");
    const std::size_t value = line.find_first_not_of(" \t", equals + 1);
    if (first == std::string::npos || value == std::string::npos) continue;
    settings[key.substr(first, key.find_last_not_of(" \t") + 1 - first)] = line.substr(value);
  }
  return settings;
}

Result<> persist(const std::vector<Change>& changes, const std::string& file) {
  Result<std::string> before = os::read_file(file, std::size_t{1} << 20);
  if (!before && before.error().kind != ErrorKind::kNotFound) return std::unexpected(before.error());
  std::map<std::string, std::string> settings = settings_of(before.value_or(""));
  for (const Change& change : changes)
    if (change.done()) settings[change.key] = change.after;
  std::string text(kFileHead);
  for (const auto& [key, value] : settings) text += fmt::format("{} = {}\n", key, value);
  return os::replace_file(file, text);
}

}  // namespace

bool Fixed::all_done() const {
  return !unwritten && std::all_of(changes.begin(), changes.end(), [](const Change& change) { return change.done(); });
}

Fixed fix(const Report& report, const FixOptions& options) {
  const Tree tree(options.root);
  Fixed fixed;
  for (const Finding& finding : report.findings)
    if (finding.fix)
      if (std::optional<Change> change = raise(tree, *finding.fix)) fixed.changes.push_back(std::move(*change));
  const bool changed =
      std::any_of(fixed.changes.begin(), fixed.changes.end(), [](const Change& change) { return change.done(); });
  if (!options.persist || !changed) return fixed;
  if (const Result<> written = persist(fixed.changes, options.persist_file); written)
    fixed.persisted = options.persist_file;
  else
    fixed.unwritten = written.error();
  return fixed;
}

std::string render(const Fixed& fixed, const FixOptions& options) {
  std::string text;
  for (const Change& change : fixed.changes) {
    if (change.refused)
      text += fmt::format("{}: refused, stays {} ({})\n", change.key, change.before.empty() ? "unread" : change.before,
                          os::describe(*change.refused));
    else
      text += fmt::format("{}: {} → {}\n", change.key, change.before, change.after);
  }
  if (fixed.changes.empty()) text += "Nothing to raise by sysctl.\n";
  if (!fixed.persisted.empty())
    text += fmt::format("Written to {}, so that it lasts over a restart.\n", fixed.persisted);
  if (fixed.unwritten) text += fmt::format("{}: {}\n", options.persist_file, os::describe(*fixed.unwritten));
  return text;
}

}  // namespace sonde::doctor
