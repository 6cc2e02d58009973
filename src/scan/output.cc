#include "scan/output.h"

#include <utility>

namespace sonde::scan {

bool ShardOutput::consume(const results::Record& record) {
  if (all_ || record.outcome == results::Outcome::kSuccess) {
    if (!budget_.take()) return false;
    encoder_.append(record, message_.bytes);
    ++message_.records;
  }
  if (observer_ != nullptr) observer_->see(record);
  return true;
}

void ShardOutput::flush(Nanos now) {
  if (observer_ != nullptr) observer_->turn(false);
  if (message_.bytes.empty()) return;
  if (oldest_ == 0) oldest_ = now;
  if (message_.bytes.size() >= kHandOver || now - oldest_ >= kDelay) hand_over();
}

void ShardOutput::end() {
  if (observer_ != nullptr) observer_->turn(true);
}

bool ShardOutput::hand_over() {
  if (message_.bytes.empty()) return true;
  if (!queue_.push(message_)) return false;
  message_ = OutputMessage{};
  message_.bytes.reserve(kHandOver + 4096);
  oldest_ = 0;
  return true;
}

bool ShardOutput::mark(std::uint64_t epoch, std::vector<std::uint64_t> pending, bool last) {
  if (!hand_over()) return false;
  OutputMessage marker{.epoch = epoch, .pending = std::move(pending), .last = last};
  return queue_.push(marker);
}

}  // namespace sonde::scan
