// The gateway as a client: what discovery fetches and alerts post goes over a worker, by the http prober. Answers come
// back on the thread that calls answer(), whose doorbell is rung.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "gateway/alerts/alerts.h"
#include "gateway/checks/worker.h"
#include "gateway/discovery/discovery.h"
#include "os/doorbell.h"

namespace sonde::gateway {

class Caller final : public Fetcher, public Poster {
 public:
  // Both outlive the caller; the worker is gone, or runs no more, before the caller is.
  Caller(Worker& worker, const os::Doorbell& bell) : worker_(worker), bell_(bell) {}

  void get(const std::string& url, const Fields& fields, Fetcher::Done done) override;
  void post(const std::string& url, std::string body, Poster::Done done) override;

  // Calls what waits for an answer that has come.
  void answer();

 private:
  using Ended = std::function<void(const probes::CheckRun&)>;
  void call(probes::ModuleOptions module, const std::string& url, std::size_t most_body, Ended ended);
  void put(std::function<void()> answer);

  Worker& worker_;
  const os::Doorbell& bell_;
  std::mutex mutex_;
  std::vector<std::function<void()>> answers_;
};

}  // namespace sonde::gateway
