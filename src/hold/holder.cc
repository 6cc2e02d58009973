#include "hold/holder.h"

#include "os/machine.h"

namespace sonde::hold {
namespace {

constexpr Nanos kLongestTurn = 50 * kMillisecond;  // how soon a holder sees that it shall stop

}  // namespace

bool EndCounter::consume(const results::Record& record) {
  using results::Outcome;
  using results::Phase;
  const bool was_there = record.phase != Phase::kConnect && record.phase != Phase::kDns;
  if (record.outcome == Outcome::kSuccess) {
    left_.add();
  } else if (was_there) {
    dropped_.add();
  } else {
    failed_[static_cast<std::size_t>(record.outcome)].add();
  }
  return true;
}

Result<std::unique_ptr<Holder>> Holder::create(engine::ShardOptions options, const engine::ProbeModule& module,
                                               const RoundRobin& share, engine::Limits& limits,
                                               const engine::Capacity& capacity) {
  std::unique_ptr<Holder> holder(new Holder(share));
  auto backend = io::open_backend(capacity.engine, holder->pool_, options.concurrency);
  if (!backend) return std::unexpected(backend.error());
  holder->backend_ = std::move(*backend);
  holder->own_table_ = capacity.own_tables;
  holder->shard_ = std::make_unique<engine::Shard>(
      std::move(options), std::vector<engine::PassModule>{{.module = &module, .first_value_id = 0}}, holder->share_,
      limits, *holder->backend_, holder->pool_, nullptr, holder->ends_);
  return holder;
}

Holder::~Holder() { stop(); }

void Holder::start() {
  thread_ = std::thread([this] { loop(); });
}

void Holder::stop() {
  begin_stop();
  if (thread_.joinable()) thread_.join();
}

void Holder::loop() {
  if (own_table_) (void)os::own_descriptor_table();
  while (!stopping_.load(std::memory_order_relaxed))
    if (!shard_->turn(backend_->refresh() + kLongestTurn)) break;
  shard_->cut();
  backend_->drain();
}

}  // namespace sonde::hold
