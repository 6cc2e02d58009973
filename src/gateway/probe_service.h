// What /probe does with its parameters, in blackbox_exporter 0.23's order and words, before the run and after it. The
// run itself is a worker's.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string_view>

#include "base/time.h"
#include "gateway/server/http_service.h"
#include "probes/check/check_run.h"
#include "probes/check/prober.h"

namespace sonde::gateway {

struct ProbeServiceOptions {
  Nanos timeout_offset = 500 * kMillisecond;  // taken from Prometheus' own timeout
};

class ProbeService {
 public:
  // Null: there is no such module.
  using Lookup = std::function<std::shared_ptr<const probes::Prober>(std::string_view module)>;

  struct Asked {
    std::unique_ptr<probes::CheckRun> run;  // its plan is not made; its timeout is at least 1
    bool debug = false;
  };

  ProbeService(const ProbeServiceOptions& options, Lookup lookup) : options_(options), lookup_(std::move(lookup)) {}

  // Parameters module, target, hostname, debug and the field X-Prometheus-Scrape-Timeout-Seconds. The error is the
  // answer: 400 (module, target, hostname) or 500 (the field).
  std::expected<Asked, HttpResponse> read(const HttpRequest& request) const;

  // The run has ended and `took` so long: the exposition, or the page of debug=true.
  static HttpResponse answer(probes::CheckRun& run, Nanos took, bool debug);

 private:
  ProbeServiceOptions options_;
  Lookup lookup_;
};

}  // namespace sonde::gateway
