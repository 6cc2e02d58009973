// Frames of the stream, encoded: the one place that knows of protobuf's classes. One thread; made once, used for frame
// after frame. Texts may be any bytes; in a frame they are UTF-8, what is none of it shown as U+FFFD.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "gateway/stream/stream_facts.h"

namespace sonde::gateway {

class StreamFrame {
 public:
  StreamFrame();
  ~StreamFrame();
  StreamFrame(const StreamFrame&) = delete;
  StreamFrame& operator=(const StreamFrame&) = delete;

  void begin(Nanos unix_now, std::uint64_t ticks);
  void set_picture(bool first, std::size_t following);
  void set(const StreamFacts& facts);
  void add_group(std::uint32_t index, const Check& of);
  void add_check(const WatchedCheck& check);                             // whose terms the viewer has
  void add_whole_check(const WatchedCheck& check, std::uint32_t group);  // and its target, group and last results
  void add_removed(CheckId id);
  void add(const Transition& transition);
  // Its bytes but for the sequence.
  std::string end() const;

  // What end() gave as a connection's frame of that number.
  static std::string numbered(std::uint64_t sequence, const std::string& frame);

 private:
  struct Batch;
  std::unique_ptr<Batch> batch_;
};

}  // namespace sonde::gateway
