#include "report/line_splitter.h"

#include <algorithm>
#include <cstring>

namespace sonde::report {

std::span<char> LineSplitter::room() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    scanned_ -= begin_;
    begin_ = 0;
  }
  if (end_ > kLongestLine) {
    too_long_ = true;
    scanned_ = end_ = 0;
  }
  // Twice as much when a line does not fit: a long one is not copied again for each read.
  if (buffer_.size() < end_ + read_ + padding_) buffer_.resize(std::max(2 * end_, read_) + read_ + padding_);
  return std::span(buffer_).subspan(end_, buffer_.size() - padding_ - end_);
}

std::optional<LineSplitter::Line> LineSplitter::next() {
  if (const void* found = end_ > scanned_ ? std::memchr(buffer_.data() + scanned_, '\n', end_ - scanned_) : nullptr) {
    const auto at = static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data());
    return take(at - begin_, 1);
  }
  scanned_ = end_;
  if (finished_ && (end_ > begin_ || too_long_)) return take(end_ - begin_, 0);
  return std::nullopt;
}

std::optional<LineSplitter::Line> LineSplitter::take(std::size_t length, std::size_t skip) {
  Line line{.text = std::string_view(buffer_.data() + begin_, length), .number = ++number_};
  if (too_long_ || length > kLongestLine) {
    line.text = {};
    line.too_long = true;
    too_long_ = false;
  }
  begin_ += length + skip;
  scanned_ = begin_;
  return line;
}

}  // namespace sonde::report
