// Tells when files changed: written, replaced by a rename as editors do, or behind links that were swapped; also when
// one came or went. For the reload of a configuration. One thread; time is passed in.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "gateway/discovery/directory_watch.h"

namespace sonde::gateway {

class FileWatch {
 public:
  int fd() const { return directories_.fd(); }  // readable: call on_readable; -1: never
  void on_readable(Nanos now) { directories_.on_readable(now); }

  // Replaces what is watched (absolute paths); what they are from here on is no change.
  void watch(const std::vector<std::string>& paths, Nanos now);

  Nanos due() const;  // when to ask for a change: after events, and each minute, should nothing tell of events
  bool take_change(Nanos now);

 private:
  void look_again();

  DirectoryWatch directories_;
  std::map<std::string, FileIdentity> files_;
  Nanos look_at_ = kNever;
};

}  // namespace sonde::gateway
