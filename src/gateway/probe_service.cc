#include "gateway/probe_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "gateway/go_text.h"
#include "metrics/exposition.h"
#include "metrics/sample.h"
#include "os/machine.h"
#include "probes/check/run_log.h"

namespace sonde::gateway {
namespace {

constexpr std::string_view kTimeoutField = "x-prometheus-scrape-timeout-seconds";
constexpr double kDefaultTimeout = 120;                                                       // seconds
constexpr std::array<std::string_view, 5> kProbers = {"http", "tcp", "dns", "icmp", "grpc"};  // by ProberKind

std::unexpected<HttpResponse> refused(unsigned status, std::string text) {
  return std::unexpected(HttpResponse{
      .status = status, .body = std::move(text) + '\n', .fields = {{"X-Content-Type-Options", "nosniff"}}});
}

double seconds(Nanos time) { return static_cast<double>(time) / static_cast<double>(kSecond); }

// The first of that name, or nothing.
std::string_view value_of(const HttpRequest& request, std::string_view name) {
  const std::string* value = request.parameter(name);
  return value ? std::string_view(*value) : std::string_view{};
}

// `asked`: Prometheus' timeout in seconds, 0 for none.
double timeout_seconds(double asked, double module, double offset) {
  const double most = (asked == 0 ? kDefaultTimeout : asked) - offset;
  return (module < most && module > 0) || most < 0 ? module : most;
}

// As Go converts: what 64 bits cannot hold, and what is no number, has passed already. 1: fails at once.
Nanos as_timeout(double timeout) {
  const double nanos = timeout * static_cast<double>(kSecond);
  return nanos >= 1 && nanos < 9.2e18 ? static_cast<Nanos>(nanos) : 1;
}

bool is_host(std::string_view name) {
  return std::ranges::equal(name, std::string_view("host"), [](char a, char b) { return (a | 0x20) == b; });
}

}  // namespace

std::expected<ProbeService::Asked, HttpResponse> ProbeService::read(const HttpRequest& request) const {
  std::string_view module = value_of(request, "module");
  if (module.empty()) module = "http_2xx";
  const std::shared_ptr<const probes::Prober> prober = lookup_(module);
  if (!prober) return refused(400, "Unknown module " + go_quoted(module));
  const probes::ModuleOptions& options = prober->options();

  double scrape_timeout = 0;
  if (const std::string* field = request.field(kTimeoutField); field && !field->empty()) {
    const auto read = parse_go_float(*field);
    if (!read)
      return refused(500,
                     fmt::format("Failed to parse timeout from Prometheus header: strconv.ParseFloat: parsing {}: {}",
                                 go_quoted(*field),
                                 read.error() == GoFloatError::kRange ? "value out of range" : "invalid syntax"));
    scrape_timeout = *read;
  }
  const double timeout = timeout_seconds(scrape_timeout, seconds(options.timeout), seconds(options_.timeout_offset));

  const std::string_view target = value_of(request, "target");
  if (target.empty()) return refused(400, "Target parameter is missing");

  if (options.unknown_prober) return refused(400, "Unknown prober " + go_quoted(*options.unknown_prober));

  const std::string_view hostname = value_of(request, "hostname");
  if (options.kind == probes::ProberKind::kHttp && !hostname.empty())
    for (const auto& [name, value] : options.http.headers)
      if (is_host(name) && value != hostname)
        return refused(400, fmt::format("host header defined both in module configuration ({}) and with URL-parameter "
                                        "'hostname' ({})",
                                        value, hostname));

  const bool debug = value_of(request, "debug") == "true";
  auto run = std::make_unique<probes::CheckRun>();
  run->prober = prober;
  run->target = target;
  run->hostname = hostname;
  run->timeout = as_timeout(timeout);
  run->keeps_log = debug;
  if (debug)
    probes::log_line(*run, os::unix_now(), "info", "Beginning probe",
                     {{"probe", kProbers[static_cast<std::size_t>(options.kind)]},
                      {"timeout_seconds", metrics::number_text(timeout)}});
  return Asked{.run = std::move(run), .debug = debug};
}

HttpResponse ProbeService::answer(probes::CheckRun& run, Nanos took, bool debug) {
  metrics::Samples samples;
  probes::sample_run(run, took, samples);
  HttpResponse response{.status = 200, .type = std::string(metrics::kExpositionType), .body = {}, .fields = {}};
  if (!debug) {
    metrics::write_exposition(samples, response.body);
    return response;
  }
  probes::log_line(run, run.ending.unix_time, run.success ? "info" : "error",
                   run.success ? "Probe succeeded" : "Probe failed",
                   {{"duration_seconds", metrics::number_text(seconds(took))}});
  response.type = "text/plain";
  response.body = "Logs for the probe:\n";
  for (const std::string& line : run.log) response.body += line + '\n';
  response.body += "\n\n\nMetrics that would have been returned:\n";
  metrics::write_exposition(samples, response.body);
  response.body += "\n\n\nModule configuration:\n" + run.prober->options().shown;
  return response;
}

}  // namespace sonde::gateway
