#include "gateway/discovery/file_watch.h"

#include <algorithm>

namespace sonde::gateway {
namespace {

constexpr Nanos kLookEvery = 60 * kSecond;

}  // namespace

void FileWatch::watch(const std::vector<std::string>& paths, Nanos now) {
  files_.clear();
  for (const std::string& path : paths) files_[path];
  look_again();
  for (auto& [path, identity] : files_) identity = identity_of(path);
  look_at_ = now + kLookEvery;
}

void FileWatch::look_again() {
  std::set<std::string> directories;
  for (const auto& [path, identity] : files_) add_directories_of(path, directories);
  directories_.watch(directories);
}

Nanos FileWatch::due() const { return std::min(directories_.due(), look_at_); }

bool FileWatch::take_change(Nanos now) {
  if (!directories_.take(now) && now < look_at_) return false;
  look_at_ = now + kLookEvery;
  look_again();  // before the look: what happens behind it is an event
  bool changed = false;
  for (auto& [path, identity] : files_) changed |= std::exchange(identity, identity_of(path)) != identity;
  return changed;
}

}  // namespace sonde::gateway
