// The targets of each entry of `checks`: those written there, those of its files and those of its URLs, as these are
// now. A file or URL that is broken, half-written or does not answer keeps its last good targets, and is told by
// problems(). One thread; time is passed in. Files are read in its calls, fetching is the gateway's.
//
// Files are watched and read again every five minutes; one that is gone takes its targets along. A URL is fetched each
// `refresh`, the whole list each time; until it has answered once, every ten seconds.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/discovery/directory_watch.h"
#include "gateway/discovery/sd_document.h"
#include "gateway/options.h"
#include "metrics/sample.h"

namespace sonde::gateway {

inline constexpr std::size_t kSdFiles = 10'000;  // that match one pattern; further ones are a problem

struct Fetched {
  unsigned status = 0;  // of HTTP; 0: no answer, see error
  std::string type;     // Content-Type
  std::string body;
  std::string error;
};

class Fetcher {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;
  using Done = std::function<void(Fetched)>;
  virtual ~Fetcher() = default;
  // GETs it. Calls `done` exactly once, on the caller's thread, now or later. Bodies beyond kSdBytes are errors.
  virtual void get(const std::string& url, const Fields& fields, Done done) = 0;
};

class Discovery {
 public:
  // `fetcher` outlives it; what it still fetches when the discovery is gone is nobody's.
  explicit Discovery(Fetcher& fetcher);
  ~Discovery();

  // The entries, in their order. Files are read at once; sources that were there before keep what they have.
  void change(const std::vector<CheckEntry>& entries, Nanos now);

  int fd() const { return watch_.fd(); }  // readable: call on_readable; -1: never
  void on_readable(Nanos now) { watch_.on_readable(now); }
  void tick(Nanos now);
  Nanos next() const;  // when tick has something to do; behind an answer of the fetcher another time

  // True once after targets of any entry became others.
  bool take_change() { return std::exchange(changed_, false); }
  // Each target once, with the labels of its first mention; those written in the entry have none of their own.
  std::vector<SdTarget> targets(std::size_t entry) const;

  std::vector<std::string> problems() const;  // a line a source
  void sample(metrics::Samples& out) const;   // sonde_sd_*

 private:
  class Files;
  class Url;
  struct Entry {
    std::vector<std::string> targets;
    std::vector<std::shared_ptr<Files>> files;
    std::vector<std::shared_ptr<Url>> urls;
  };

  void look_at_files(bool again, Nanos now);

  Fetcher& fetcher_;
  DirectoryWatch watch_;
  std::vector<Entry> entries_;
  std::map<std::string, std::shared_ptr<Files>> files_;                 // by pattern
  std::map<std::pair<std::string, Nanos>, std::shared_ptr<Url>> urls_;  // by URL and refresh
  Nanos read_again_at_ = kNever;
  bool changed_ = false;
};

}  // namespace sonde::gateway
