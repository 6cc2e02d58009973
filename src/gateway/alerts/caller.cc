#include "gateway/alerts/caller.h"

#include <memory>
#include <utility>

#include "gateway/discovery/sd_document.h"

namespace sonde::gateway {
namespace {

constexpr Nanos kTimeout = 10 * kSecond;

// How a run failed, in words; empty: it did not.
std::string why(const probes::CheckRun& run) {
  if (run.success) return "";
  const std::string& error = run.ending.error;
  return error.empty() ? std::string(results::name(run.ending.outcome)) : error;
}

}  // namespace

void Caller::get(const std::string& url, const Fields& fields, Fetcher::Done done) {
  probes::ModuleOptions module{.name = "http_sd", .kind = probes::ProberKind::kHttp, .shown = {}};
  module.http.headers = fields;
  module.http.body_size_limit = kSdBytes;
  for (int status = 200; status < 600; ++status) module.http.valid_status_codes.push_back(status);
  call(std::move(module), url, kSdBytes, [done = std::move(done)](const probes::CheckRun& run) {
    done({.status = run.http_status, .type = run.body_type, .body = run.body, .error = why(run)});
  });
}

void Caller::post(const std::string& url, std::string body, Poster::Done done) {
  probes::ModuleOptions module{.name = "alert", .kind = probes::ProberKind::kHttp, .shown = {}};
  module.http.method = "POST";
  module.http.headers = {{"Content-Type", "application/json"}};
  module.http.body = std::move(body);
  call(std::move(module), url, 0,
       [done = std::move(done)](const probes::CheckRun& run) { done(run.success, why(run)); });
}

void Caller::call(probes::ModuleOptions module, const std::string& url, std::size_t most_body, Ended ended) {
  module.timeout = kTimeout;
  auto run = std::make_unique<probes::CheckRun>();
  run->target = url;
  run->timeout = kTimeout;
  run->keeps_body = most_body;
  auto prober = probes::make_prober(std::move(module));
  if (!prober) {
    run->ending.error = prober.error().text;
    put([ended = std::move(ended), run = std::shared_ptr<probes::CheckRun>(std::move(run))] { ended(*run); });
    return;
  }
  run->prober = std::move(*prober);
  const bool taken = worker_.run(run, [this, ended](std::unique_ptr<probes::CheckRun> back) {
    put([ended, run = std::shared_ptr<probes::CheckRun>(std::move(back))] { ended(*run); });
  });
  worker_.wake();
  if (taken) return;
  run->ending.error = "too many runs wait";
  put([ended = std::move(ended), run = std::shared_ptr<probes::CheckRun>(std::move(run))] { ended(*run); });
}

void Caller::put(std::function<void()> answer) {
  {
    const std::scoped_lock lock(mutex_);
    answers_.push_back(std::move(answer));
  }
  bell_.ring();
}

void Caller::answer() {
  std::vector<std::function<void()>> answers;
  {
    const std::scoped_lock lock(mutex_);
    answers.swap(answers_);
  }
  for (const std::function<void()>& one : answers) one();
}

}  // namespace sonde::gateway
