// Decodes what Content-Encoding names (RFC 9110, 8.4): gzip, deflate (with or without the zlib wrapper, as servers send
// both), br, zstd, and up to three of them over one another. Streaming: bytes in, pieces out, in memory that is bounded
// whatever the data claim. An object is made for an answer that is encoded; it takes some 10 to 200 KiB, and windows of
// at most 8 MiB for br and zstd (RFC 9659). One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sonde::wire {

class ContentInflate {
 public:
  static constexpr std::size_t kMostCodings = 3;
  enum class State : std::uint8_t {
    kMore,    // complete() tells whether the data may end here
    kEnd,     // the encoded data ended; bytes behind them are ignored
    kCapped,  // more than the cap came out, or would have on the way; what was given is the beginning
    kError,   // error() says why; what was given stays good
  };
  using Sink = std::function<void(std::span<const std::byte>)>;

  // codings: the header's value. cap: the most bytes that are given to sinks, in all. The error is a literal: a coding
  // that is not known, or too many. With no coding, or "identity", bytes are passed through.
  static std::expected<std::unique_ptr<ContentInflate>, const char*> create(std::string_view codings,
                                                                            std::uint64_t cap);
  ~ContentInflate();
  ContentInflate(const ContentInflate&) = delete;
  ContentInflate& operator=(const ContentInflate&) = delete;

  // Decodes the next bytes of the body and gives what comes out, in pieces of at most 16 KiB (of `in` itself when it
  // is passed through). After kEnd, kCapped and kError nothing happens.
  State feed(std::span<const std::byte> in, const Sink& sink);

  State state() const { return state_; }
  // Whether all codings came to their end, so that nothing was cut off.
  bool complete() const;
  std::uint64_t produced() const { return produced_; }
  const std::string& error() const { return error_; }  // "gzip: incorrect header check"; of the library, not the peer

  class Stage;

 private:
  explicit ContentInflate(std::uint64_t cap);
  State feed_stage(std::size_t index, std::span<const std::byte> in, const Sink& sink);
  State give(std::span<const std::byte> out, const Sink& sink);

  std::vector<std::unique_ptr<Stage>> stages_;  // in the order of decoding: the last of the header first
  std::uint64_t cap_;
  std::uint64_t produced_ = 0;
  State state_ = State::kMore;
  std::string error_;
};

}  // namespace sonde::wire
