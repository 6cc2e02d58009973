// Tells when something happened in directories, by inotify, a moment after the last event: a file that is written in
// several steps, or replaced by a rename, or a mount of Kubernetes whose ..data is swapped, is one event. What
// happened, its user finds out by looking. One thread; time is passed in.
//
// Where inotify is not to be had (limits, a file system that tells nothing) nothing ever happens: users look from time
// to time too.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "base/time.h"
#include "os/fd.h"

namespace sonde::gateway {

inline constexpr Nanos kWatchQuiet = 100 * kMillisecond;  // after the last event
inline constexpr Nanos kWatchAtMost = kSecond;            // after the first one

class DirectoryWatch {
 public:
  DirectoryWatch();
  int fd() const { return inotify_.get(); }  // readable: call on_readable; -1: no inotify

  // Replaces what is watched. In place of one that is not there its nearest ancestor is watched. To be called again
  // when something happened: a directory may be another one under the same name.
  void watch(const std::set<std::string>& directories);

  void on_readable(Nanos now);
  Nanos due() const { return due_; }  // when take has something; kNever: nothing happened
  bool take(Nanos now);

 private:
  os::Fd inotify_;
  std::map<std::string, int> watches_;
  Nanos first_ = kNever, due_ = kNever;
};

// The directories in which a replacement of the file would show: its own, and those of the links on the way to it.
void add_directories_of(const std::string& path, std::set<std::string>& directories);

// Tells one content of a file from another without reading it.
struct FileIdentity {
  std::uint64_t device = 0, inode = 0;
  std::int64_t size = -1;  // -1: no file
  Nanos changed = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};
FileIdentity identity_of(const std::string& path);

}  // namespace sonde::gateway
