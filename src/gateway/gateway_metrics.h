// The gateway's own metrics: its checks, its workers, its limiter.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/shard_options.h"
#include "gateway/checks/check_book.h"
#include "gateway/checks/worker.h"
#include "metrics/sample.h"
#include "pacing/hybrid_limiter.h"

namespace sonde::gateway {

// Each check's own series, as text: they are many.
void write_checks(std::span<const std::unique_ptr<CheckBook>> books, std::string& out);
// Of all books together.
void sample_books(std::span<const std::unique_ptr<CheckBook>> books, metrics::Samples& out);
void sample_limiter(const pacing::LimiterView& view, double rate, metrics::Samples& out);
// Of all workers together, by lifecycle state.
std::vector<std::pair<std::string_view, std::uint64_t>> connections(std::span<const std::unique_ptr<Worker>> workers);
void sample_shard(const engine::ShardStats& stats, std::size_t worker, metrics::Samples& out);

}  // namespace sonde::gateway
