#include "gateway/routes.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/version.h"
#include "gateway/check_json.h"
#include "gateway/checks/self_check.h"
#include "gateway/gateway_metrics.h"
#include "gateway/json.h"
#include "gateway/server/page_response.h"
#include "gateway/time_text.h"
#include "metrics/exposition.h"
#include "os/machine.h"

namespace sonde::gateway {
namespace {

using metrics::Family;
using metrics::Samples;
using metrics::Type;

constexpr Family kBuild{"sonde_build_info", "The program's version"};
constexpr Family kStarted{"process_start_time_seconds", "When the process began, in seconds since 1970"};
constexpr Family kCpu{"process_cpu_seconds_total", "Processor time, user and system", Type::kCounter};
constexpr Family kMemory{"process_resident_memory_bytes", "Memory in use"};
constexpr Family kDescriptors{"process_open_fds", "Open descriptors"};
constexpr Family kReloaded{"sonde_config_last_reload_successful", "1: the last reload is in force; 0: it was refused"};
constexpr Family kReloadTime{"sonde_config_last_reload_success_timestamp_seconds",
                             "When the configuration in force was read"};
constexpr Family kReloadedBlackbox{"blackbox_exporter_config_last_reload_successful",
                                   "Blackbox exporter config loaded successfully."};
constexpr Family kReloadTimeBlackbox{"blackbox_exporter_config_last_reload_success_timestamp_seconds",
                                     "Timestamp of the last successful configuration reload."};
constexpr Family kNetworkDown{"sonde_self_network_down", "1 while this machine's own network does not work"};
constexpr Family kProbes{"sonde_probes_in_flight", "Requests of /probe that are under way"};
constexpr Family kRefused{"sonde_probes_refused_total", "Requests of /probe beyond the bound, answered with 503",
                          Type::kCounter};

HttpResponse text(unsigned status, std::string body) {
  return {.status = status, .body = std::move(body), .fields = {}};
}

HttpResponse json(unsigned status, const Json& document) {
  return {.status = status,
          .type = "application/json",
          .body = document.text() + "\n",
          .fields = {{"X-Content-Type-Options", "nosniff"}}};
}

HttpResponse json_error(unsigned status, std::string_view why) {
  Json document;
  document.object().member("error", why).end_object();
  return json(status, document);
}

HttpResponse only(const char* methods) {
  HttpResponse response = text(405, fmt::format("This path takes {} requests.\n", methods));
  response.fields.emplace_back("Allow", methods);
  return response;
}

HttpResponse too_busy(std::string why) {
  HttpResponse response = text(503, std::move(why));
  response.fields.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace

void Routes::serve(HttpRequest request, Reply reply) {
  const std::string& path = request.path;
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (path == "/probe") return probe(request, std::move(reply));
  if (path == "/-/reload") {
    if (request.method != "POST" && request.method != "PUT") return reply(only("POST"));
    return parts_.reload([reply = std::move(reply)](const std::string& error) {
      reply(error.empty() ? text(200, "") : text(500, "failed to reload config: " + error + "\n"));
    });
  }
  if (!reads) return reply(only("GET"));
  constexpr std::string_view kChecks = "/api/v1/checks";
  if (path == "/metrics") return reply(metrics());
  if (path == "/-/healthy") return reply(text(200, "Healthy"));
  if (path == "/-/ready")
    return reply(ready_.load(std::memory_order_relaxed) ? text(200, "Ready") : text(503, "Not ready"));
  if (path == "/config") return reply(text(200, parts_.snapshot()->options.shown));
  if (path == kChecks) return reply(checks(request));
  if (path.starts_with(kChecks) && path[kChecks.size()] == '/')
    return reply(check(request, std::string_view(path).substr(kChecks.size() + 1)));
  if (path == "/api/v1/status") return reply(status());
  if (path == "/api/v1/stream" && parts_.stream)
    return reply({.status = 101, .type = {}, .fields = {}, .frames = parts_.stream()});
  if (std::optional<HttpResponse> page = page_response(request)) return reply(std::move(*page));
  reply(path.starts_with("/api/") ? json_error(404, "no such path") : text(404, "404 page not found\n"));
}

// Its run goes to the workers in turn. What this machine could not do is no verdict on the target: 503, not a failure.
void Routes::probe(const HttpRequest& request, Reply reply) {
  const SnapshotPtr snapshot = parts_.snapshot();
  const ProbeService service({.timeout_offset = parts_.timeout_offset},
                             [&](std::string_view module) -> std::shared_ptr<const probes::Prober> {
                               const auto* found = snapshot->prober(module);
                               return found == nullptr ? nullptr : *found;
                             });
  auto asked = service.read(request);
  if (!asked) return reply(std::move(asked.error()));
  if (probes_.fetch_add(1, std::memory_order_relaxed) >= parts_.most_probes) {
    probes_.fetch_sub(1, std::memory_order_relaxed);
    refused_probes_.fetch_add(1, std::memory_order_relaxed);
    return reply(too_busy("Too many probes are under way.\n"));
  }
  const std::size_t turn = next_worker_.fetch_add(1, std::memory_order_relaxed) % parts_.workers.size();
  const Nanos from = os::monotonic_now();
  // The worker takes the run only where it has room; till then the reply is needed here too.
  auto kept = std::make_shared<Reply>(std::move(reply));
  const bool taken = parts_.workers[turn]->run(
      asked->run, [this, kept, from, debug = asked->debug](std::unique_ptr<probes::CheckRun> run) {
        probes_.fetch_sub(1, std::memory_order_relaxed);
        using results::Outcome;
        const Outcome outcome = run->ending.outcome;
        if (outcome == Outcome::kLocalError || outcome == Outcome::kCancelled) {
          refused_probes_.fetch_add(1, std::memory_order_relaxed);
          (*kept)(too_busy("The probe could not be made by this machine: " + run->ending.error + "\n"));
        } else if (outcome == Outcome::kBlocked && !debug) {
          (*kept)(text(403, "The target is denied: " + run->ending.error + "\n"));
        } else {
          (*kept)(ProbeService::answer(*run, os::monotonic_now() - from, debug));
        }
      });
  if (taken) return;
  probes_.fetch_sub(1, std::memory_order_relaxed);
  refused_probes_.fetch_add(1, std::memory_order_relaxed);
  (*kept)(too_busy("Too many runs wait.\n"));
}

HttpResponse Routes::metrics() const {
  const ReloadState reload = parts_.reload_state();
  Samples samples;
  samples.add(kBuild, {{"version", std::string(kVersion)}}, 1);
  samples.add(kStarted, static_cast<double>(parts_.started) / kSecond);
  samples.add(kCpu, static_cast<double>(os::cpu_used()) / kSecond);
  samples.add(kMemory, static_cast<double>(os::rss_kb()) * 1024);
  samples.add(kDescriptors, static_cast<double>(os::open_descriptors()));
  for (const auto* families : {&kReloaded, &kReloadedBlackbox}) samples.add(*families, reload.successful ? 1 : 0);
  for (const auto* families : {&kReloadTime, &kReloadTimeBlackbox})
    samples.add(*families, static_cast<double>(reload.loaded) / kSecond);
  samples.add(kNetworkDown, parts_.network_down.load(std::memory_order_relaxed) ? 1 : 0);
  samples.add(kProbes, probes());
  samples.add(kRefused, static_cast<double>(refused_probes_.load(std::memory_order_relaxed)));
  sample_books(parts_.books, samples);
  for (std::size_t i = 0; i < parts_.workers.size(); ++i) sample_shard(parts_.workers[i]->stats(), i, samples);
  if (const std::shared_ptr<pacing::HybridLimiter> limiter = parts_.limiter())
    sample_limiter(limiter->view(os::monotonic_now()), parts_.snapshot()->options.limits->rate, samples);
  parts_.history.sample(samples);
  parts_.sample_rest(samples);
  HttpResponse response{.status = 200, .type = std::string(metrics::kExpositionType), .body = {}, .fields = {}};
  metrics::write_exposition(samples, response.body);
  write_checks(parts_.books, response.body);
  return response;
}

HttpResponse Routes::checks(const HttpRequest& request) const {
  const Parsed<CheckQuery> query = parse_check_query(request);
  if (!query) return json_error(400, query.error().text);
  Json document;
  document.object().key("checks").array();
  std::size_t total = 0;
  for (const std::unique_ptr<CheckBook>& book : parts_.books) {
    book->for_each([&](const CheckView& view) {
      if (!query->fits(view)) return;
      if (total >= query->offset && total - query->offset < query->limit) {
        document.object();
        write_check(view, document);
        document.end_object();
      }
      ++total;
    });
  }
  document.end_array().member("total", static_cast<std::uint64_t>(total)).end_object();
  return json(200, document);
}

bool Routes::look(CheckId id, const std::function<void(const CheckView&)>& see) const {
  for (const std::unique_ptr<CheckBook>& book : parts_.books)
    if (book->look(id, see)) return true;
  return false;
}

// "{id}" and "{id}/history".
HttpResponse Routes::check(const HttpRequest& request, std::string_view rest) const {
  const std::size_t slash = rest.find('/');
  const std::optional<CheckId> id = parse_check_id(rest.substr(0, slash));
  const std::string_view what = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
  if (!what.empty() && what != "/history") return json_error(404, "no such path");
  Json document;
  std::optional<LastResult> last;
  Nanos interval = 0;
  document.object();
  if (!id || !look(*id, [&](const CheckView& view) {
        write_check(view, document);
        write_details(view, os::unix_now(), document);
        interval = view.check.interval;
        if (view.state.last() != nullptr) last = {.result = *view.state.last(), .http_status = view.http_status};
      }))
    return json_error(404, "no such check");
  if (!what.empty()) return history(request, *id);
  std::vector<HistoryPoint> runs;
  if (last)
    for (HistoryPoint& point :
         parts_.history.query(*id, {.from = last->result.unix_time - static_cast<Nanos>(2 * kMostRecent) * interval}))
      if (point.count == 1) runs.push_back(std::move(point));
  write_recent(runs, last ? &*last : nullptr, document);
  document.end_object();
  return json(200, document);
}

HttpResponse Routes::history(const HttpRequest& request, CheckId id) const {
  HistoryRange range;
  for (const auto& [name, value] : request.query) {
    if (name != "from" && name != "to" && name != "step")
      return json_error(400, name + ": no such parameter; from, to and step are");
    const std::optional<Nanos> time = name == "step" ? parse_step(value) : parse_time(value);
    if (!time)
      return json_error(400, name + (name == "step" ? ": seconds, or 1m, 1h, 1d, are wanted"
                                                    : ": unix seconds or RFC 3339 are wanted"));
    (name == "from" ? range.from : name == "to" ? range.to : range.step) = *time;
  }
  Json document;
  document.object().key("points").array();
  for (const HistoryPoint& point : parts_.history.query(id, range)) {
    document.object().key("ts").time(point.unix_time);
    document.member("count", point.count).member("success", point.success);
    if (point.timed > 0) {
      document.key("duration_us").object();
      document.member("min", point.min_us).member("p50", point.p50_us);
      document.member("p99", point.p99_us).member("max", point.max_us).end_object();
    }
    document.key("timing_us").object();
    for (std::size_t phase = 0; phase < point.timing_us.size(); ++phase)
      if (point.timing_us[phase] >= 0 && phase != static_cast<std::size_t>(results::Phase::kDone))
        document.member(results::kPhaseNames[phase], point.timing_us[phase]);
    document.end_object();
    if (point.count == 1 && point.success == 0) {
      document.member("phase", results::name(point.phase)).member("outcome", results::name(point.outcome));
      if (!point.cause.empty()) document.member("cause", point.cause);
    }
    document.end_object();
  }
  document.end_array().key("step_s").value(static_cast<double>(range.step) / kSecond).end_object();
  return json(200, document);
}

HttpResponse Routes::status() const {
  CheckBook::Counts counts;
  for (const std::unique_ptr<CheckBook>& book : parts_.books) counts.add(book->counts());
  const ReloadState reload = parts_.reload_state();
  Json document;
  document.object().member("version", std::string(kVersion)).key("started").time(parts_.started);
  document.key("config").object().member("hash", reload.hash).key("loaded").time(reload.loaded);
  document.key("error");
  if (reload.error.empty()) {
    document.null();
  } else {
    document.value(reload.error);
  }
  document.end_object();
  document.key("checks").object();
  for (std::size_t i = 0; i < counts.shown.size(); ++i) document.member(kShownNames[i], counts.shown[i]);
  document.end_object();
  document.key("limiter").object();
  if (const std::shared_ptr<pacing::HybridLimiter> limiter = parts_.limiter()) {
    const pacing::LimiterView view = limiter->view(os::monotonic_now());
    document.member("rate", parts_.snapshot()->options.limits->rate);
    document.member("offered", view.offered).member("kept", view.kept).member("fill", view.fill);
    document.member("tokens", view.tokens);
    document.key("tier").value(static_cast<std::uint64_t>(view.tier ? *view.tier + 1 : 0));
  }
  document.end_object();
  document.key("connections").object();
  for (const auto& [state, count] : connections(parts_.workers)) document.member(state, count);
  document.end_object();
  document.member("self",
                  name(parts_.network_down.load(std::memory_order_relaxed) ? SelfState::kNetworkDown : SelfState::kOk));
  const std::string problem = parts_.history.problem();
  if (!problem.empty()) document.member("history_problem", problem);
  const std::string restart = parts_.restart_problem();
  if (!restart.empty()) document.member("restart_problem", restart);
  document.end_object();
  return json(200, document);
}

}  // namespace sonde::gateway
