// The dialogue of a tcp module, its query_response: lines that are waited for, lines that are said, a turn to TLS. Text
// in, text out; it knows neither the connection nor what TLS is. Lines are cut as Go's bufio.Scanner cuts them: at LF,
// a CR before it dropped, at most 64 KiB with their end; what stands behind the last LF is a line when the peer has
// ended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "probes/check/module_options.h"
#include "probes/check/run_log.h"

namespace sonde::probes {

class TcpDialogue {
 public:
  static constexpr std::size_t kMostLine = std::size_t{64} << 10;  // bytes, the end counted in

  enum class State : std::uint8_t {
    kHearing,   // a line is waited for
    kStartTls,  // TLS is to begin behind what is to be said; then go_on()
    kDone,      // all of it is done
    kNoMatch,   // the peer has ended, and no line matched
    kTooLong,   // a line of more than kMostLine
  };
  using Log = std::function<void(std::string_view level, std::string_view message, LogPairs pairs)>;

  // `entries` outlive it. log: empty where nothing is kept.
  TcpDialogue(const std::vector<QueryResponse>& entries, Log log) : entries_(entries), log_(std::move(log)) {}

  // Each returns the state that it leads to. Behind kDone and the failures none of them is called.
  State go_on();                                 // at the start, and when TLS is there after kStartTls
  State hear(std::span<const std::byte> bytes);  // REQUIRES: kHearing
  State end();                                   // the peer says no more. REQUIRES: kHearing

  std::string take_output() { return std::exchange(output_, {}); }  // to be said at once
  std::string take_rest();  // kStartTls: what came behind the line that led there
  // The last act was a line said, to which no answer was waited for.
  bool ends_with_send() const { return ends_with_send_; }
  std::string_view last_line() const { return last_line_; }  // that was heard; at most 256 bytes of it
  const RE2* awaited() const { return entry_ < entries_.size() ? entries_[entry_].expect.get() : nullptr; }

 private:
  std::optional<State> await_match(const QueryResponse& entry, std::string& send);
  std::optional<std::string_view> next_line();
  bool line_too_long() const;
  void log(std::string_view level, std::string_view message, LogPairs pairs = {}) const {
    if (log_) log_(level, message, pairs);
  }

  const std::vector<QueryResponse>& entries_;
  Log log_;
  std::string buffer_;  // heard, from `begin_` on not yet taken
  std::size_t begin_ = 0;
  std::size_t searched_ = 0;  // no LF lies before it
  std::string output_;
  std::string last_line_;
  std::size_t entry_ = 0;
  bool entered_ = false;  // the entry was begun
  bool ended_ = false;
  bool ends_with_send_ = false;
};

}  // namespace sonde::probes
