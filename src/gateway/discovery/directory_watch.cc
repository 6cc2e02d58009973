#include "gateway/discovery/directory_watch.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

namespace sonde::gateway {
namespace {

namespace fs = std::filesystem;

// IN_CLOSE_WRITE and not IN_MODIFY: who still writes is not read.
constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |
                                  IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr int kMostLinks = 16;

}  // namespace

DirectoryWatch::DirectoryWatch() : inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

void DirectoryWatch::watch(const std::set<std::string>& directories) {
  if (!inotify_) return;
  std::map<std::string, int> watches;
  for (const std::string& directory : directories) {
    for (fs::path path = directory; !path.empty();) {
      const int watch = ::inotify_add_watch(inotify_.get(), path.c_str(), kEvents);
      if (watch >= 0) watches[path.string()] = watch;
      if (watch >= 0 || path == path.parent_path()) break;
      path = path.parent_path();
    }
  }
  // One directory under two names has one watch.
  for (const auto& [path, watch] : watches_) {
    const bool stays = std::ranges::any_of(watches, [&](const auto& other) { return other.second == watch; });
    if (!stays) ::inotify_rm_watch(inotify_.get(), watch);  // fails where it went with its directory
  }
  watches_ = std::move(watches);
}

void DirectoryWatch::on_readable(Nanos now) {
  alignas(inotify_event) std::array<char, 16384> events;
  bool any = false;
  while (true) {
    const ssize_t got = ::read(inotify_.get(), events.data(), events.size());
    if (got <= 0) break;
    // That a watch was removed is told too; it is no event where that is all.
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      const auto* event = reinterpret_cast<const inotify_event*>(events.data() + at);
      any |= (event->mask & IN_IGNORED) == 0;
      at += sizeof *event + event->len;
    }
  }
  if (!any) return;
  if (first_ == kNever) first_ = now;
  due_ = std::min(now + kWatchQuiet, first_ + kWatchAtMost);
}

bool DirectoryWatch::take(Nanos now) {
  if (now < due_) return false;
  first_ = due_ = kNever;
  return true;
}

void add_directories_of(const std::string& path, std::set<std::string>& directories) {
  fs::path at = path;
  for (int links = 0; links < kMostLinks; ++links) {
    directories.insert(at.has_parent_path() ? at.parent_path().string() : ".");
    std::error_code none;
    const fs::path target = fs::read_symlink(at, none);
    if (none) return;
    at = target.is_absolute() ? target : at.parent_path() / target;
  }
}

FileIdentity identity_of(const std::string& path) {
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) return {};
  return {.device = found.st_dev,
          .inode = found.st_ino,
          .size = found.st_size,
          .changed = found.st_ctim.tv_sec * kSecond + found.st_ctim.tv_nsec};
}

}  // namespace sonde::gateway
