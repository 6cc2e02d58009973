#include "probes/check/tcp_dialogue.h"

#include <algorithm>
#include <utility>

#include "probes/check/go_pattern.h"
#include "wire/line.h"

namespace sonde::probes {

TcpDialogue::State TcpDialogue::hear(std::span<const std::byte> bytes) {
  searched_ = std::max(searched_, begin_) - begin_;
  buffer_.erase(0, std::exchange(begin_, 0));
  buffer_ += wire::as_text(bytes);
  return go_on();
}

TcpDialogue::State TcpDialogue::end() {
  ended_ = true;
  return go_on();
}

std::string TcpDialogue::take_rest() {
  std::string rest = buffer_.substr(begin_);
  buffer_.clear();
  begin_ = searched_ = 0;
  return rest;
}

TcpDialogue::State TcpDialogue::go_on() {
  while (entry_ < entries_.size()) {
    const QueryResponse& entry = entries_[entry_];
    if (!std::exchange(entered_, true))
      log("info", "Processing query response entry", {{"entry_number", std::to_string(entry_)}});
    std::string send = entry.send;
    if (entry.expect)
      if (const std::optional<State> other = await_match(entry, send)) return *other;
    if (!send.empty()) {
      log("debug", "Sending line", {{"line", send}});
      output_ += send + '\n';
      ends_with_send_ = true;
    }
    ++entry_;
    entered_ = false;
    if (entry.starttls) {
      ends_with_send_ = false;
      return State::kStartTls;
    }
  }
  return State::kDone;
}

// Nothing when a line matched; `send` is expanded then.
std::optional<TcpDialogue::State> TcpDialogue::await_match(const QueryResponse& entry, std::string& send) {
  const bool expands = send.find('$') != std::string::npos;
  std::vector<std::string_view> groups(expands ? static_cast<std::size_t>(entry.expect->NumberOfCapturingGroups()) + 1
                                               : 0);
  while (const std::optional<std::string_view> line = next_line()) {
    log("debug", "Read line", {{"line", *line}});
    last_line_ = line->substr(0, 256);
    if (!go_match(*entry.expect, *line, groups)) continue;
    log("info", "Regexp matched", {{"regexp", entry.expect->pattern()}, {"line", *line}});
    if (expands) send = go_expand(*entry.expect, send, groups);
    ends_with_send_ = false;
    return std::nullopt;
  }
  if (line_too_long()) return State::kTooLong;
  if (!ended_) return State::kHearing;
  log("error", "Regexp did not match", {{"regexp", entry.expect->pattern()}, {"line", {}}});
  return State::kNoMatch;
}

// Nothing when none is whole. Valid until anything more is heard.
std::optional<std::string_view> TcpDialogue::next_line() {
  const std::string_view text = buffer_;
  std::size_t end = text.find('\n', std::max(begin_, searched_));
  searched_ = std::min(end, text.size());
  if (line_too_long()) return std::nullopt;
  const bool whole = end != std::string_view::npos;
  if (!whole && (!ended_ || begin_ == text.size())) return std::nullopt;
  end = searched_;
  std::string_view line = text.substr(begin_, end - begin_);
  begin_ = whole ? end + 1 : end;
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool TcpDialogue::line_too_long() const { return searched_ >= begin_ + kMostLine; }

}  // namespace sonde::probes
