// From records to the file: each shard encodes into its own buffer and hands full ones, through a bounded queue, to the
// one writer (the coordinating thread). Markers travel in the same queue, so that a checkpoint is written only when all
// that was recorded before it is in the file.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "engine/shard.h"
#include "memory/spsc_queue.h"
#include "results/encoder.h"
#include "scan/observer.h"
#include "sinks/sink.h"

namespace sonde::scan {

// What a shard sends to the writer.
struct OutputMessage {
  std::string bytes;  // whole records
  std::uint32_t records = 0;
  std::uint64_t epoch = 0;             // not 0: a marker; what came before it is all that the shard had recorded
  std::vector<std::uint64_t> pending;  // of a marker
  bool last = false;                   // the shard has ended
};

// --max-results, shared by the shards: how many records may still be made.
class ResultBudget {
 public:
  explicit ResultBudget(std::optional<std::uint64_t> limit)
      : left_(limit ? static_cast<std::int64_t>(*limit) : INT64_MAX) {}
  bool take() { return left_.fetch_sub(1, std::memory_order_relaxed) > 0; }
  bool used_up() const { return left_.load(std::memory_order_relaxed) <= 0; }

 private:
  std::atomic<std::int64_t> left_;
};

// The shard's side. One thread.
class ShardOutput final : public engine::RecordConsumer {
 public:
  // all: a record for every outcome, not for success alone.
  // observer: null is none.
  ShardOutput(const results::Encoder& encoder, ResultBudget& budget, bool all, RecordObserver* observer = nullptr)
      : encoder_(encoder), budget_(budget), all_(all), observer_(observer), queue_(kQueue) {}

  bool consume(const results::Record& record) override;
  bool full() const override { return message_.bytes.size() > kBacklog; }

  // Hands over what is due; call once a turn.
  void flush(Nanos now);
  // No record will follow.
  void end();
  // Hands over everything, then a marker; false while the queue is full (call again).
  bool mark(std::uint64_t epoch, std::vector<std::uint64_t> pending, bool last);

  memory::SpscQueue<OutputMessage>& queue() { return queue_; }

 private:
  static constexpr std::size_t kQueue = 64;                        // messages; full: the buffer grows to kBacklog
  static constexpr std::size_t kHandOver = std::size_t{32} << 10;  // bytes
  static constexpr std::size_t kBacklog = std::size_t{1} << 20;    // bytes; more: the shard starts nothing
  static constexpr Nanos kDelay = 20 * kMillisecond;               // the longest that a record waits in the buffer

  bool hand_over();

  const results::Encoder& encoder_;
  ResultBudget& budget_;
  bool all_;
  RecordObserver* observer_;
  memory::SpscQueue<OutputMessage> queue_;
  OutputMessage message_;
  Nanos oldest_ = 0;  // when the first record of the buffer was seen by flush()
};

}  // namespace sonde::scan
