// A stream of bytes as lines, in one buffer that is read into and given out of, without a copy of a line unless it
// crosses two reads. Memory is bounded: a line longer than kLongestLine is passed over, and told as too long. Of one
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace sonde::report {

class LineSplitter {
 public:
  static constexpr std::size_t kLongestLine = std::size_t{4} << 20;
  static constexpr std::size_t kRead = std::size_t{1} << 20;

  // padding: bytes behind each line that may be read (not a line's: what they hold is nobody's). read: room() gives at
  // least that.
  explicit LineSplitter(std::size_t padding, std::size_t read = kRead) : padding_(padding), read_(read) {}

  struct Line {
    std::string_view text;     // without its end; valid until room() is called
    std::uint64_t number = 0;  // from 1
    bool too_long = false;     // then text is empty
  };

  // Where the next bytes go; then tell how many came. REQUIRES: next() has nothing more to give.
  std::span<char> room();
  void filled(std::size_t bytes) { end_ += bytes; }
  // No bytes will follow: what stands behind the last line end is a line too.
  void finish() { finished_ = true; }
  // The next line; nothing: more bytes are needed, or it was the last.
  std::optional<Line> next();

 private:
  std::optional<Line> take(std::size_t length, std::size_t skip);

  std::size_t padding_, read_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;    // of what was not given out
  std::size_t scanned_ = 0;  // no line end from begin_ up to here
  std::size_t end_ = 0;
  std::uint64_t number_ = 0;
  bool finished_ = false;
  bool too_long_ = false;  // the begin of the line was thrown away
};

}  // namespace sonde::report
