#include "gateway/probe_service.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

namespace sonde::gateway {
namespace {

constexpr metrics::Family kFigure{"probe_figure", "A figure"};

class FixedProber final : public probes::Prober {
 public:
  using Prober::Prober;
  Parsed<> plan(probes::CheckRun&) const override { return {}; }
  std::unique_ptr<engine::Probe> begin(probes::CheckRun&, engine::ShardState*) const override { return nullptr; }
  void conclude(probes::CheckRun&) const override {}
  void sample(const probes::CheckRun&, metrics::Samples& out) const override { out.add(kFigure, 7); }
};

std::shared_ptr<const probes::Prober> module(std::string_view name) {
  probes::ModuleOptions options;
  options.name = name;
  options.shown = "prober: x\n";
  if (name == "http_2xx") options.timeout = 5 * kSecond;
  if (name == "hosted") options.http.headers = {{"hOsT", "a.example"}};
  if (name == "tcp") options.kind = probes::ProberKind::kTcp;
  if (name != "http_2xx" && name != "hosted" && name != "tcp") return nullptr;
  return std::make_shared<FixedProber>(std::move(options));
}

using Pairs = std::initializer_list<std::pair<std::string, std::string>>;

std::expected<ProbeService::Asked, HttpResponse> ask(Pairs query, Pairs fields = {}) {
  HttpRequest request;
  request.query = query;
  request.fields = fields;
  return ProbeService({.timeout_offset = 500 * kMillisecond}, module).read(request);
}

std::string refusal(unsigned status, Pairs query, Pairs fields = {}) {
  const auto asked = ask(query, fields);
  EXPECT_FALSE(asked);
  if (asked) return {};
  EXPECT_EQ(asked.error().status, status);
  EXPECT_EQ(asked.error().fields.front().second, "nosniff");
  return asked.error().body;
}

Nanos timeout(const char* name, const char* scrape) {
  const auto asked = ask({{"module", name}, {"target", "t"}}, {{"x-prometheus-scrape-timeout-seconds", scrape}});
  EXPECT_TRUE(asked);
  return asked ? asked->run->timeout : 0;
}

TEST(ProbeService, refuses_in_the_order_and_words_of_blackbox_exporter) {
  const std::pair<std::string, std::string> bad_timeout{"x-prometheus-scrape-timeout-seconds", "x\""};
  EXPECT_EQ(refusal(400, {{"module", "no\"ne"}}, {bad_timeout}), "Unknown module \"no\\\"ne\"\n");
  EXPECT_EQ(refusal(500, {}, {bad_timeout}),
            "Failed to parse timeout from Prometheus header: strconv.ParseFloat: parsing \"x\\\"\": invalid syntax\n");
  EXPECT_EQ(
      refusal(500, {}, {{"x-prometheus-scrape-timeout-seconds", "1e400"}}),
      "Failed to parse timeout from Prometheus header: strconv.ParseFloat: parsing \"1e400\": value out of range\n");
  EXPECT_EQ(refusal(400, {{"module", "hosted"}, {"hostname", "b.example"}}), "Target parameter is missing\n");
  EXPECT_EQ(refusal(400, {{"module", "hosted"}, {"target", "t"}, {"hostname", "b.example"}}),
            "host header defined both in module configuration (a.example) and with URL-parameter 'hostname' "
            "(b.example)\n");
}

TEST(ProbeService, what_was_asked_is_in_the_run) {
  const auto asked = ask({{"target", "t:1"}, {"target", "second"}, {"hostname", "h"}, {"debug", "true"}});
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->run->prober->options().name, "http_2xx");
  EXPECT_EQ(asked->run->target, "t:1");
  EXPECT_EQ(asked->run->hostname, "h");
  EXPECT_TRUE(asked->debug && asked->run->keeps_log);
  ASSERT_EQ(asked->run->log.size(), 1U);
  EXPECT_NE(
      asked->run->log[0].find(
          "Z caller=http module=http_2xx target=t:1 level=info msg=\"Beginning probe\" probe=http timeout_seconds=5"),
      std::string::npos);
  EXPECT_FALSE(ask({{"target", "t"}, {"debug", "TRUE"}})->debug);
  EXPECT_TRUE(ask({{"module", "hosted"}, {"target", "t"}, {"hostname", "a.example"}}));
  EXPECT_TRUE(ask({{"module", "tcp"}, {"target", "t"}, {"hostname", "any"}}));
}

TEST(ProbeService, the_timeout_is_the_lesser_of_the_modules_and_prometheus_less_the_offset) {
  EXPECT_EQ(timeout("tcp", ""), 119'500 * kMillisecond);
  EXPECT_EQ(timeout("tcp", "0"), 119'500 * kMillisecond);
  EXPECT_EQ(timeout("tcp", "10"), 9'500 * kMillisecond);
  EXPECT_EQ(timeout("tcp", "0x1p2"), 3'500 * kMillisecond);
  EXPECT_EQ(timeout("http_2xx", ""), 5 * kSecond);
  EXPECT_EQ(timeout("http_2xx", "10"), 5 * kSecond);
  EXPECT_EQ(timeout("http_2xx", "2"), 1'500 * kMillisecond);
  EXPECT_EQ(timeout("http_2xx", "0.2"), 5 * kSecond) << "below the offset it is the module's";
  for (const char* gone : {"0.2", "0.5", "-3", "nan", "inf", "-inf", "1e22"})
    EXPECT_EQ(timeout("tcp", gone), 1) << gone << ": over before it began, as with 0.23";
}

TEST(ProbeService, the_answer_is_an_exposition_or_the_debug_page) {
  auto asked = ask({{"target", "t"}, {"debug", "true"}});
  ASSERT_TRUE(asked);
  probes::CheckRun& run = *asked->run;
  run.success = true;
  const HttpResponse plain = ProbeService::answer(run, 1500 * kMillisecond, false);
  EXPECT_EQ(plain.type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(plain.body.find("probe_success 1\n"), std::string::npos);
  EXPECT_NE(plain.body.find("probe_duration_seconds 1.5\n"), std::string::npos);

  const HttpResponse page = ProbeService::answer(run, 1500 * kMillisecond, true);
  EXPECT_EQ(page.type, "text/plain");
  EXPECT_TRUE(page.body.starts_with("Logs for the probe:\nts="));
  EXPECT_NE(
      page.body.find(" level=info msg=\"Probe succeeded\" duration_seconds=1.5\n\n\n\nMetrics that would have been "
                     "returned:\n" +
                     plain.body + "\n\n\nModule configuration:\nprober: x\n"),
      std::string::npos)
      << page.body;
  run.success = false;
  EXPECT_NE(ProbeService::answer(run, 0, true).body.find(" level=error msg=\"Probe failed\" "), std::string::npos);
}

}  // namespace
}  // namespace sonde::gateway
