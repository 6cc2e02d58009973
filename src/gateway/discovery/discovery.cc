#include "gateway/discovery/discovery.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <unordered_set>

#include "os/error.h"
#include "os/fd.h"
#include "wire/ascii.h"

namespace sonde::gateway {
namespace {

namespace fs = std::filesystem;

constexpr Nanos kReadAgain = 300 * kSecond;
constexpr Nanos kFirstAnswer = 10 * kSecond;

constexpr metrics::Family kTargets{"sonde_sd_targets", "Targets that a source of discovery names."};
constexpr metrics::Family kOk{"sonde_sd_ok",
                              "1 while a source of discovery can be read, 0 while its last good targets stand."};
constexpr metrics::Family kFailures{"sonde_sd_failures_total", "Readings of a source of discovery that failed.",
                                    metrics::Type::kCounter};

// The files that the last element of the pattern matches, sorted; hidden ones, which some write before they rename
// them, only where it begins with a dot too.
std::vector<std::string> expand(const std::string& pattern, std::string& problem) {
  const fs::path path(pattern);
  const std::string last = path.filename().string();
  problem.clear();
  if (last.find_first_of("*?[") == std::string::npos) return {pattern};
  std::vector<std::string> found;
  std::error_code failed;
  for (fs::directory_iterator it(path.parent_path(), failed), end; !failed && it != end; it.increment(failed))
    if (const std::string name = it->path().filename().string(); ::fnmatch(last.c_str(), name.c_str(), FNM_PERIOD) == 0)
      found.push_back(it->path().string());
  if (failed) {
    problem = fmt::format("{}: {}", path.parent_path().string(), failed.message());
    return {};
  }
  std::ranges::sort(found);
  if (found.size() > kSdFiles) {
    problem = fmt::format("{}: more than {} files match; the first ones are read", pattern, kSdFiles);
    found.resize(kSdFiles);
  }
  return found;
}

// Content-Type: application/json, whatever its parameters (RFC 9110, 8.3.1).
bool is_json(std::string_view type) {
  return wire::equal_fold(wire::trimmed(type.substr(0, type.find(';'))), "application/json");
}

}  // namespace

// The files of one pattern.
class Discovery::Files {
 public:
  explicit Files(std::string pattern) : pattern_(std::move(pattern)) {}

  // Reads what is another file than before, or all of it. True: the targets are others.
  bool read(bool again) {
    bool changed = false;
    std::string problem;
    const std::vector<std::string> found = expand(pattern_, problem);
    failures_ += problem.empty() ? 0 : 1;
    // A directory that cannot be read says nothing of its files.
    if (problem.empty() || !found.empty())
      changed |=
          std::erase_if(files_, [&](const auto& file) { return !std::ranges::binary_search(found, file.first); }) > 0;
    problem_ = std::move(problem);
    for (const std::string& path : found) changed |= read(path, again);
    return changed;
  }

  void add_directories(std::set<std::string>& directories) const {
    add_directories_of(pattern_, directories);
    for (const auto& [path, file] : files_) add_directories_of(path, directories);
  }
  template <typename Visit>
  void each_target(Visit visit) const {
    for (const auto& [path, file] : files_)
      for (const SdTarget& target : file.targets) visit(target);
  }
  void add_problems(std::vector<std::string>& out) const {
    if (!problem_.empty()) out.push_back(problem_);
    for (const auto& [path, file] : files_)
      if (!file.problem.empty()) out.push_back(file.problem);
  }
  void sample(metrics::Samples& out) const {
    std::vector<std::string> problems;
    add_problems(problems);
    std::size_t targets = 0;
    for (const auto& [path, file] : files_) targets += file.targets.size();
    const metrics::Labels labels = {{"source", pattern_}};
    out.add(kTargets, labels, static_cast<double>(targets));
    out.add(kOk, labels, problems.empty() ? 1 : 0);
    out.add(kFailures, labels, static_cast<double>(failures_));
  }

 private:
  struct File {
    FileIdentity identity;
    std::vector<SdTarget> targets;
    std::string problem;
  };

  bool read(const std::string& path, bool again) {
    const FileIdentity identity = identity_of(path);  // before the content: what comes after is another
    File& file = files_[path];
    if (!again && file.identity.size >= 0 && file.identity == identity) return false;
    file.identity = identity;
    const Result<std::string> text = os::read_file(path, kSdBytes);
    if (!text) {
      fail(file, fmt::format("{}: {}", path, os::describe(text.error())));
      // A pattern without '*' names a file that may be gone.
      return text.error().kind == ErrorKind::kNotFound && !std::exchange(file.targets, {}).empty();
    }
    Parsed<std::vector<SdTarget>> parsed = parse_sd_file(*text, path);
    if (!parsed) {
      fail(file, parsed.error().text);
      return false;
    }
    file.problem.clear();
    if (file.targets == *parsed) return false;
    file.targets = std::move(*parsed);
    return true;
  }

  void fail(File& file, std::string problem) {
    ++failures_;
    file.problem = std::move(problem);
  }

  std::string pattern_;
  std::map<std::string, File> files_;
  std::string problem_;  // of the pattern
  std::uint64_t failures_ = 0;
};

class Discovery::Url {
 public:
  explicit Url(HttpSd options) : options_(std::move(options)), shown_(without_secrets(options_.url)) {}

  Nanos next() const { return busy_ ? kNever : next_; }
  // `self` keeps it from being called when it is gone.
  static void fetch(const std::shared_ptr<Url>& self, Fetcher& fetcher, bool& changed, Nanos now) {
    self->busy_ = true;
    self->next_ = now + (self->answered_ ? self->options_.refresh : std::min(self->options_.refresh, kFirstAnswer));
    const double refresh = static_cast<double>(self->options_.refresh) / static_cast<double>(kSecond);
    fetcher.get(self->options_.url,
                {{"Accept", "application/json"}, {"X-Prometheus-Refresh-Interval-Seconds", fmt::format("{}", refresh)}},
                [known = std::weak_ptr<Url>(self), &changed](const Fetched& fetched) {
                  if (const auto url = known.lock()) changed |= url->take(fetched);
                });
  }

  template <typename Visit>
  void each_target(Visit visit) const {
    for (const SdTarget& target : targets_) visit(target);
  }
  const std::string& problem() const { return problem_; }
  void sample(metrics::Samples& out) const {
    const metrics::Labels labels = {{"source", shown_}};
    out.add(kTargets, labels, static_cast<double>(targets_.size()));
    out.add(kOk, labels, answered_ && problem_.empty() ? 1 : 0);
    out.add(kFailures, labels, static_cast<double>(failures_));
  }

 private:
  // Without user, password and query.
  static std::string without_secrets(std::string_view url) {
    url = url.substr(0, url.find('?'));
    const std::size_t host = url.find("://");
    if (host == std::string_view::npos) return std::string(url);
    const std::string_view rest = url.substr(host + 3);
    const std::size_t at = rest.substr(0, rest.find('/')).rfind('@');
    return std::string(url.substr(0, host + 3)).append(at == std::string_view::npos ? rest : rest.substr(at + 1));
  }

  bool take(const Fetched& fetched) {
    busy_ = false;
    if (fetched.status == 0) return fail(fetched.error);
    if (fetched.status != 200) return fail(fmt::format("status {} in place of 200", fetched.status));
    if (!is_json(fetched.type)) return fail(fmt::format("Content-Type '{}' is not application/json", fetched.type));
    Parsed<std::vector<SdTarget>> parsed = parse_sd_json(fetched.body, shown_);
    if (!parsed) {
      ++failures_;
      problem_ = parsed.error().text;
      return false;
    }
    answered_ = true;
    problem_.clear();
    if (targets_ == *parsed) return false;
    targets_ = std::move(*parsed);
    return true;
  }

  bool fail(const std::string& why) {
    ++failures_;
    problem_ = fmt::format("{}: {}", shown_, why);
    return false;
  }

  HttpSd options_;
  std::string shown_;
  std::vector<SdTarget> targets_;
  bool busy_ = false, answered_ = false;
  Nanos next_ = 0;
  std::string problem_;
  std::uint64_t failures_ = 0;
};

Discovery::Discovery(Fetcher& fetcher) : fetcher_(fetcher) {}
Discovery::~Discovery() = default;

void Discovery::change(const std::vector<CheckEntry>& entries, Nanos now) {
  const auto files = std::exchange(files_, {});
  const auto urls = std::exchange(urls_, {});
  entries_.clear();
  for (const CheckEntry& entry : entries) {
    Entry& own = entries_.emplace_back();
    own.targets = entry.targets;
    for (const std::string& pattern : entry.file_sd) {
      auto& source = files_[pattern];
      if (!source) source = files.contains(pattern) ? files.at(pattern) : std::make_shared<Files>(pattern);
      own.files.push_back(source);
    }
    for (const HttpSd& url : entry.http_sd) {
      const std::pair key(url.url, url.refresh);
      auto& source = urls_[key];
      if (!source) source = urls.contains(key) ? urls.at(key) : std::make_shared<Url>(url);
      own.urls.push_back(source);
    }
  }
  look_at_files(true, now);
  changed_ = true;
}

void Discovery::look_at_files(bool again, Nanos now) {
  // Watched before they are read: what happens behind the reading is an event. What was found is watched from here on.
  for (const bool reads_all : {again, false}) {
    std::set<std::string> directories;
    for (const auto& [pattern, files] : files_) files->add_directories(directories);
    watch_.watch(directories);
    for (const auto& [pattern, files] : files_) changed_ |= files->read(reads_all);
  }
  if (again) read_again_at_ = files_.empty() ? kNever : now + kReadAgain;
}

void Discovery::tick(Nanos now) {
  const bool again = now >= read_again_at_;
  if (watch_.take(now) || again) look_at_files(again, now);
  for (const auto& [key, url] : urls_)
    if (url->next() <= now) Url::fetch(url, fetcher_, changed_, now);
}

Nanos Discovery::next() const {
  Nanos next = std::min(watch_.due(), read_again_at_);
  for (const auto& [key, url] : urls_) next = std::min(next, url->next());
  return next;
}

std::vector<SdTarget> Discovery::targets(std::size_t entry) const {
  const Entry& own = entries_.at(entry);
  std::vector<SdTarget> all;
  std::unordered_set<std::string> seen;
  const auto add = [&](const SdTarget& target) {
    if (seen.insert(target.target).second) all.push_back(target);
  };
  for (const std::string& target : own.targets) add({.target = target, .labels = {}});
  for (const auto& files : own.files) files->each_target(add);
  for (const auto& url : own.urls) url->each_target(add);
  return all;
}

std::vector<std::string> Discovery::problems() const {
  std::vector<std::string> all;
  for (const auto& [pattern, files] : files_) files->add_problems(all);
  for (const auto& [key, url] : urls_)
    if (!url->problem().empty()) all.push_back(url->problem());
  return all;
}

void Discovery::sample(metrics::Samples& out) const {
  for (const auto& [pattern, files] : files_) files->sample(out);
  for (const auto& [key, url] : urls_) url->sample(out);
}

}  // namespace sonde::gateway
