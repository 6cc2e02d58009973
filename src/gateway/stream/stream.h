// What the dashboard's viewers are sent: MetricsBatch frames (proto/sonde/v1/stream.proto) of what the books know. For
// any number of viewers, at the cost of about one.
//
// Once a second there is a tick: whoever asks for a frame first copies what has changed in the books to a mirror of
// them (stream_mirror.h). Frames are made of the mirror alone, so the workers meet one watcher, whoever looks on, for
// the copying of a piece at a time; and nobody at all while there is no viewer. Those who were sent all up to the tick
// before get the same bytes behind a number of their own. A slow viewer is owed what has changed since its last frame,
// each check once; a new one first gets a picture of all checks in pieces, then what changed meanwhile.
//
// In memory, while there are viewers: some 800 bytes a check, as measured, for all of them together; a viewer has a few
// hundred bytes and the frame that it is being sent.
//
// Any thread, one at a time: the others wait, for about a millisecond at a tick of 2,000 changes.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gateway/checks/check_book.h"
#include "gateway/server/http_service.h"
#include "gateway/stream/stream_facts.h"
#include "gateway/stream/stream_frame.h"
#include "gateway/stream/stream_mirror.h"
#include "metrics/sample.h"

namespace sonde::gateway {

struct StreamOptions {
  Nanos tick = kSecond;
  std::size_t picture_piece = 2000;  // checks a frame of the first picture
  std::size_t most_owed = 10'000;    // checks a frame of a viewer that is behind
  MirrorOptions mirror;
};

class Stream {
 public:
  // The books, and what `facts` asks, outlive it. facts: asked at each tick, for what the stream does not know itself.
  Stream(std::span<const std::unique_ptr<CheckBook>> books, std::function<StreamFacts(Nanos now)> facts,
         StreamOptions options = {});
  ~Stream();  // REQUIRES: its viewers are gone
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // A new viewer's frames.
  std::shared_ptr<FrameSource> open();

  void sample(metrics::Samples& out) const;  // sonde_stream_*

 private:
  class Viewer;
  using Bytes = std::shared_ptr<const std::string>;

  void leave();
  Bytes next(Viewer& viewer, Nanos now);
  void advance(Nanos now);
  void open_mirror();
  StreamFacts facts_at(Nanos now);
  double runs_per_second(Nanos now, const StreamFacts& facts);
  // Into frame_: a part of the picture; what the viewer lacks, at most so many checks; that of the tick, once.
  void make_picture(Viewer& viewer, bool first);
  void make_owed(Viewer& viewer, std::size_t most);
  void make_shared(Viewer& viewer);
  void add_check(Viewer& viewer, const StreamMirror::Place& place, std::uint64_t told);

  std::span<const std::unique_ptr<CheckBook>> books_;
  std::function<StreamFacts(Nanos now)> facts_of_;
  StreamOptions options_;
  std::atomic<std::uint32_t> viewers_{0};
  std::atomic<std::uint64_t> encoded_{0};

  std::mutex mutex_;                                   // of what follows
  std::unique_ptr<StreamMirror> mirror_;               // null: nobody looks on
  std::uint64_t mirrors_ = 0;                          // that there were: a viewer of another one begins afresh
  std::uint64_t tick_ = 0;                             // the last, by its number; those that nobody asked for count too
  Nanos tick_at_ = 0, due_ = 0;                        // steady clock; of the next one
  std::uint64_t ticks_ = 0;                            // that it covers
  std::uint64_t from_ = 0;                             // the mirror's number before it
  StreamFacts facts_;                                  // at the tick
  std::deque<std::pair<Nanos, std::uint64_t>> ended_;  // runs, at the last ticks
  StreamFrame frame_;
  std::vector<std::uint32_t> frame_groups_;   // that were added to it
  std::string shared_;                        // the frame of those in step; empty: not made yet
  std::vector<std::uint32_t> shared_groups_;  // that it has
};

}  // namespace sonde::gateway
