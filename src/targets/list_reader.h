// Lists of targets, one a line: LF or CRLF, blank lines, '#' comments (inline too), a UTF-8 byte order mark.
// LineSplitter cuts a stream of bytes into lines, however the bytes come in pieces; read_list reads a whole file by it.
// Memory is bounded by kMaxLine, whatever the input.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "targets/input_text.h"

namespace sonde::targets {

struct Line {
  std::string_view text;     // without comment and outer blanks, never empty; borrowed for the call
  std::uint64_t number = 0;  // 1-based
  bool overlong = false;     // longer than kMaxLine: `text` is where it began
};

// Not thread-safe. A sink is called as bool(const Line&); false ends the feeding.
class LineSplitter {
 public:
  static constexpr std::size_t kMaxLine = 64 * 1024;  // bytes, line end not counted

  template <typename Sink>
  bool feed(std::string_view bytes, Sink&& sink) {
    while (!bytes.empty()) {
      const void* const found = std::memchr(bytes.data(), '\n', bytes.size());
      if (!found) {
        keep(bytes);
        return true;
      }
      const auto length = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
      if (!end_line(bytes.substr(0, length), sink)) return false;
      bytes.remove_prefix(length + 1);
    }
    return true;
  }

  // The input has ended: its last line may lack a line end.
  template <typename Sink>
  bool finish(Sink&& sink) {
    return (carried_.empty() && !overlong_) || end_line({}, sink);
  }

 private:
  void keep(std::string_view bytes) {
    if (carried_.size() + bytes.size() > kMaxLine) overlong_ = true;
    carried_.append(bytes.substr(0, kMaxLine - carried_.size()));
  }

  template <typename Sink>
  bool end_line(std::string_view tail, Sink& sink) {
    ++number_;
    std::string_view text = tail;
    if (!carried_.empty() || tail.size() > kMaxLine) {
      keep(tail);
      text = carried_;
    }
    Line line{.text = text, .number = number_, .overlong = overlong_};
    if (number_ == 1 && line.text.starts_with("\xEF\xBB\xBF")) line.text.remove_prefix(3);
    if (!line.overlong) line.text = trimmed(line.text.substr(0, line.text.find('#')));
    const bool more = line.text.empty() || sink(static_cast<const Line&>(line));
    carried_.clear();
    overlong_ = false;
    return more;
  }

  std::string carried_;  // the begin of a line whose end has not come
  std::uint64_t number_ = 0;
  bool overlong_ = false;
};

// What is wrong with an overlong line, as the text behind "file:line: ".
std::string overlong_error(std::string_view text);

// Reads the file at `path` and calls `on_line` with each line that has text, in order, none of them overlong. Returns
// how many. An error of on_line becomes "path:line: error" and ends the reading; so does a line that is too long, and a
// file that cannot be read.
Parsed<std::uint64_t> read_list(const std::string& path, const std::function<Parsed<>(const Line&)>& on_line);

}  // namespace sonde::targets
