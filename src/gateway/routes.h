// What the gateway answers, path by path. Called by the server's threads; what takes longer (a probe, a reload) is
// answered when it is done.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gateway/checks/check_book.h"
#include "gateway/checks/snapshot.h"
#include "gateway/checks/worker.h"
#include "gateway/history/history.h"
#include "gateway/probe_service.h"
#include "gateway/server/http_service.h"
#include "metrics/counter.h"
#include "metrics/sample.h"
#include "pacing/hybrid_limiter.h"

namespace sonde::gateway {

// How the last reload went.
struct ReloadState {
  bool successful = true;
  Nanos loaded = 0;  // unix time of the configuration in force
  std::string hash;
  std::string error;  // of the last one that was refused; empty: none since
};

// What the answers are made of. All of it outlives the routes; the functions are asked from any thread.
struct RouteParts {
  const std::vector<std::unique_ptr<Worker>>& workers;
  const std::vector<std::unique_ptr<CheckBook>>& books;
  const History& history;
  const std::atomic<bool>& network_down;
  std::function<SnapshotPtr()> snapshot;
  std::function<std::shared_ptr<pacing::HybridLimiter>()> limiter;
  std::function<ReloadState()> reload_state;
  std::function<void(std::function<void(std::string error)>)> reload;  // empty error: it is in force
  std::function<std::string()> restart_problem;                        // of the last restart; empty: none
  std::function<void(metrics::Samples&)> sample_rest;                  // of what the routes do not know
  std::function<std::shared_ptr<FrameSource>()> stream;                // for one more client; null: there is no stream
  Nanos started = 0;                                                   // unix time
  Nanos timeout_offset = 500 * kMillisecond;
  std::uint32_t most_probes = 10'000;  // at once; beyond them 503
};

class Routes final : public HttpService {
 public:
  explicit Routes(RouteParts parts) : parts_(std::move(parts)) {}
  void serve(HttpRequest request, Reply reply) override;
  void served() override {
    for (const std::unique_ptr<Worker>& worker : parts_.workers) worker->wake();
  }
  void ready(bool is_ready) { ready_.store(is_ready, std::memory_order_relaxed); }
  std::uint32_t probes() const { return probes_.load(std::memory_order_relaxed); }  // at this moment

 private:
  void probe(const HttpRequest& request, Reply reply);
  HttpResponse metrics() const;
  HttpResponse checks(const HttpRequest& request) const;
  HttpResponse check(const HttpRequest& request, std::string_view rest) const;
  HttpResponse history(const HttpRequest& request, CheckId id) const;
  HttpResponse status() const;
  bool look(CheckId id, const std::function<void(const CheckView&)>& see) const;

  RouteParts parts_;
  std::atomic<bool> ready_{false};
  std::atomic<std::uint32_t> probes_{0};
  std::atomic<std::uint64_t> refused_probes_{0};
  std::atomic<std::uint32_t> next_worker_{0};
};

}  // namespace sonde::gateway
