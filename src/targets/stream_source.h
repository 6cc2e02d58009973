// Targets from a stream of lines (standard input), in the order of arrival, without memory of what went by: the same
// target twice is probed twice. A thread of its own reads; take() never waits for it. Ranges stay ranges until they are
// handed out, so a line of a million addresses costs one entry of the queue.
//
// A line that is no target is reported, skipped and counted. A shard is a hash of (address or name, port), so shards
// are disjoint and complete whatever the order of lines.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "targets/exclusion.h"
#include "targets/list_reader.h"
#include "targets/port_set.h"
#include "targets/target_source.h"

namespace sonde::targets {

struct StreamSourceOptions {
  PortSet ports;            // of targets that name none
  std::uint32_t shard = 1;  // 1-based; REQUIRES: 1 <= shard <= shards
  std::uint32_t shards = 1;
  std::optional<std::uint64_t> max_targets;
  const Exclusion* exclusion = nullptr;  // must outlive the source; null: none
  std::string name = "stdin";            // begins the errors: "stdin:17: …"
  // One line of text an invalid line, from the reading thread; may come as often as there are lines.
  std::function<void(std::string_view error)> on_invalid;
  bool keep_urls = false;  // what is a URL keeps its scheme and path; else it is its host and port
};

class StreamSource final : public TargetSource {
 public:
  static constexpr std::size_t kMaxQueued = 4096;  // entries; the reader waits when it is full

  StreamSource(int fd, StreamSourceOptions options);  // borrows fd until destruction
  ~StreamSource() override;                           // ends the reader at once, even in the middle of a wait
  StreamSource(const StreamSource&) = delete;
  StreamSource& operator=(const StreamSource&) = delete;

  std::size_t take(std::span<Target> out) override;
  bool exhausted() const override;
  std::optional<std::uint64_t> total() const override { return std::nullopt; }
  std::uint64_t cursor() const override;
  std::uint64_t lines_invalid() const override { return lines_invalid_.load(); }
  // The stream could not be read (on_invalid told why); what came before is handed out.
  bool failed() const { return failed_.load(); }

 private:
  // What one line means: addresses or a name, at its own port or at all of options_.ports.
  struct Entry {
    AddressRange range;
    std::string host;
    std::uint16_t port = 0;
    Scheme scheme = Scheme::kNone;
    bool blocked = false;
    std::string path;
  };

  // The reading thread.
  void read_all();
  bool wait_readable() const;  // false: stop
  bool read_line(const Line& line);
  bool queue_line(std::string_view text, std::string& error);
  bool push(Entry entry);
  bool flush();
  void report(std::string_view error);

  // Under mutex_.
  bool next(Target& out);  // one (address, port) of the current entry; false: it belongs to another shard
  bool done() const;

  const int fd_;
  const StreamSourceOptions options_;
  int stop_fd_ = -1;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> failed_{false};
  std::atomic<std::uint64_t> lines_invalid_{0};
  std::vector<Entry> batch_;  // of the reading thread

  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::deque<Entry> queue_;
  std::optional<Entry> current_;
  U128 next_address_ = 0;
  std::size_t next_port_ = 0;
  std::uint64_t given_ = 0;
  bool ended_ = false;

  std::thread reader_;  // last: it uses all the others
};

}  // namespace sonde::targets
