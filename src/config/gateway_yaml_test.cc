#include "config/gateway_yaml.h"

#include <gtest/gtest.h>

#include "config/section.h"

namespace sonde::config {
namespace {

using gateway::GatewayOptions;
using gateway::Priority;

constexpr std::string_view kModules = "modules: {m: {prober: tcp}}\n";

GatewayOptions options_of(const std::string& text) {
  ReadGateway read = read_gateway_text(text, "/etc/sonde/gateway.yaml");
  for (const InputError& error : read.errors) ADD_FAILURE() << error.text;
  return std::move(read.options);
}

std::vector<std::string> errors_of(const std::string& text) {
  std::vector<std::string> out;
  for (InputError& error : read_gateway_text(text, "g.yaml").errors) out.push_back(std::move(error.text));
  return out;
}

// The one error of a key behind the modules, without its "g.yaml:2: ".
std::string error_of(const std::string& text) {
  const std::vector<std::string> errors = errors_of(std::string(kModules) + text + "\n");
  if (errors.empty()) return "no error";
  EXPECT_EQ(errors.size(), 1U) << errors[1];
  EXPECT_EQ(errors[0].substr(0, 10), "g.yaml:2: ");
  return errors[0].substr(10);
}

std::string check_error(const std::string& body) { return error_of("checks: [{" + body + "}]"); }

TEST(GatewayYaml, everything_of_the_contract) {
  const GatewayOptions options = options_of(
      "listen: '[::1]:9115'\n"
      "modules: {http_2xx: {prober: http, timeout: 5s}, t: {prober: tcp}}\n"
      "checks:\n"
      "  - name: shop\n"
      "    module: http_2xx\n"
      "    targets: [\"https://127.0.0.1:8443/\", b]\n"
      "    file_sd: ['targets/*.json', /abs/x.yml]\n"
      "    http_sd: [{url: \"http://127.0.0.1:9000/sd\", refresh: 30s}, {url: 'http://h/'}]\n"
      "    interval: 1m30s\n"
      "    rise: 2\n"
      "    fall: 3\n"
      "    flap: {window: 10, high: 0.6, low: 0.2}\n"
      "    priority: low\n"
      "    labels: {team: web, n: 5}\n"
      "  - {name: other, module: t, targets: [x], flap: {}}\n"
      "limits:\n"
      "  rate: 100\n"
      "  burst: 200\n"
      "  window: 10s\n"
      "  tiers: [{below: 0.8, fill: 1.0}, {below: 1.5, fill: 1.2, delay: {max: 50ms}}, {above: 1.5, fill: decay, shed: "
      "low}]\n"
      "storage: {path: sonde.db, retention: 7d}\n"
      "tls: {cert: c.pem, key: /k.pem}\n"
      "auth:\n"
      "  basic: {u: $2y$10$abcdefghijklmnopqrstuv0123456789012345678901234567890}\n"
      "  bearer_file: tokens\n"
      "allow_targets: [127.0.0.0/8, '::1']\n"
      "deny_targets: [10.0.0.1]\n"
      "self: {targets: ['127.0.0.1:9115'], module: t, interval: 2s}\n"
      "alerts: {webhooks: ['http://h/hook'], alertmanagers: ['http://h:9093'], events: e.ndjson}\n");
  EXPECT_EQ(options.listen, "[::1]:9115");
  ASSERT_EQ(options.checks.size(), 2U);
  const gateway::CheckEntry& shop = options.checks[0];
  EXPECT_EQ(shop.name, "shop");
  EXPECT_EQ(shop.module, "http_2xx");
  EXPECT_EQ(shop.targets, (std::vector<std::string>{"https://127.0.0.1:8443/", "b"}));
  EXPECT_EQ(shop.file_sd, (std::vector<std::string>{"/etc/sonde/targets/*.json", "/abs/x.yml"}));
  ASSERT_EQ(shop.http_sd.size(), 2U);
  EXPECT_EQ(shop.http_sd[0].refresh, 30 * kSecond);
  EXPECT_EQ(shop.http_sd[1].refresh, 60 * kSecond);
  EXPECT_EQ(shop.interval, 90 * kSecond);
  EXPECT_EQ(shop.rise, 2U);
  EXPECT_EQ(shop.fall, 3U);
  EXPECT_EQ(shop.flap->window, 10U);
  EXPECT_EQ(shop.flap->high, 0.6);
  EXPECT_EQ(shop.flap->low, 0.2);
  EXPECT_EQ(shop.priority, Priority::kLow);
  EXPECT_EQ(shop.labels, (gateway::LabelSet{{"team", "web"}, {"n", "5"}}));
  const gateway::CheckEntry& other = options.checks[1];
  EXPECT_EQ(other.interval, 60 * kSecond);
  EXPECT_EQ(other.rise, 1U);
  EXPECT_EQ(other.fall, 1U);
  EXPECT_EQ(other.flap->window, 20U);
  EXPECT_EQ(other.priority, Priority::kNormal);
  ASSERT_TRUE(options.limits);
  EXPECT_EQ(options.limits->rate, 100);
  EXPECT_EQ(options.limits->burst, 200);
  EXPECT_EQ(options.limits->window, 10 * kSecond);
  ASSERT_EQ(options.limits->tiers.size(), 3U);
  EXPECT_EQ(options.limits->tiers[1].from, 0.8);
  EXPECT_EQ(options.limits->tiers[1].below, 1.5);
  EXPECT_EQ(options.limits->tiers[1].fill, 1.2);
  EXPECT_EQ(options.limits->tiers[1].most_delay, 50 * kMillisecond);
  EXPECT_FALSE(options.limits->tiers[1].sheds);
  EXPECT_EQ(options.limits->tiers[2].from, 1.5);
  EXPECT_EQ(options.limits->tiers[2].below, 0);
  EXPECT_TRUE(options.limits->tiers[2].decays);
  EXPECT_EQ(options.limits->tiers[2].sheds, Priority::kLow);
  EXPECT_EQ(options.storage.path, "/etc/sonde/sonde.db");
  EXPECT_EQ(options.storage.retention, 7 * 86400 * kSecond);
  EXPECT_TRUE(options.keeps_history);
  EXPECT_EQ(options.tls->cert, "/etc/sonde/c.pem");
  EXPECT_EQ(options.tls->key, "/k.pem");
  ASSERT_EQ(options.auth.basic.size(), 1U);
  EXPECT_EQ(options.auth.basic[0].first, "u");
  EXPECT_EQ(options.auth.bearer_file, "/etc/sonde/tokens");
  EXPECT_EQ(options.allow_targets, (std::vector<std::string>{"127.0.0.0/8", "::1"}));
  EXPECT_EQ(options.deny_targets, std::vector<std::string>{"10.0.0.1"});
  EXPECT_EQ(options.self->module, "t");
  EXPECT_EQ(options.self->interval, 2 * kSecond);
  EXPECT_EQ(options.alerts.webhooks, std::vector<std::string>{"http://h/hook"});
  EXPECT_EQ(options.alerts.events, "/etc/sonde/e.ndjson");
  EXPECT_EQ(options.files, std::vector<std::string>{"/etc/sonde/gateway.yaml"});
  EXPECT_EQ(options.hash.size(), 16U);
  EXPECT_EQ(options.shown.find("abcdefgh"), std::string::npos);
  EXPECT_NE(options.shown.find("u: <secret>"), std::string::npos);
}

TEST(GatewayYaml, a_plain_blackbox_yml_schedules_and_keeps_nothing) {
  const GatewayOptions options = options_of(std::string(kModules));
  EXPECT_EQ(options.listen, "127.0.0.1:9115");
  EXPECT_FALSE(options.keeps_history);
  EXPECT_TRUE(options.checks.empty());
  EXPECT_FALSE(options.limits || options.tls || options.self || options.auth.any());
}

TEST(GatewayYaml, all_errors_are_told_in_their_order) {
  EXPECT_EQ(errors_of("lisen: x\n"
                      "modules:\n"
                      "  a:\n"
                      "    prober: http\n"
                      "    http:\n"
                      "      valid_status_codes: [200, \"201\"]\n"
                      "      fail_if_body_matches_regexp:\n"
                      "        - fine\n"
                      "        - ':['\n"
                      "  a: {prober: tcp}\n"
                      "checks:\n"
                      "  - name: c\n"
                      "    module: elsewhere\n"
                      "    targets: [x]\n"
                      "  - {name: c, module: a, targets: [x]}\n"),
            (std::vector<std::string>{
                "g.yaml:1: unknown key 'lisen'; did you mean 'listen'?",
                "g.yaml:6: modules.a.http.valid_status_codes[1]: '201' is a text: a whole number is written without "
                "quotes",
                "g.yaml:9: modules.a.http.fail_if_body_matches_regexp[1]: ':[' is not a regular expression: "
                "'missing ]: ['",
                "g.yaml:10: modules: 'a' stands here twice",
                "g.yaml:13: checks[0].module: there is no module 'elsewhere'",
                "g.yaml:15: checks[1].name: 'c' is the name of another check",
            }));
}

TEST(GatewayYaml, many_errors_are_counted) {
  std::string text = "modules:\n";
  for (int i = 0; i < 300; ++i) text += "  m" + std::to_string(i) + ": {prober: http, timeout: x}\n";
  const std::vector<std::string> errors = errors_of(text);
  ASSERT_EQ(errors.size(), Findings::kMostFindings + 1);
  EXPECT_EQ(errors.back(), "g.yaml: and 100 more errors");
}

TEST(GatewayYaml, what_is_wrong_with_a_check) {
  EXPECT_EQ(check_error("name: a, module: m, targets: [x]"), "no error");
  EXPECT_EQ(check_error("module: m, targets: [x]"),
            "checks[0]: needs a name, which is the label 'check' of its metrics");
  EXPECT_EQ(check_error("name: a, targets: [x]"), "checks[0]: needs a module, the name of one under 'modules'");
  EXPECT_EQ(check_error("name: a, module: '', targets: [x]"),
            "checks[0].module: needs a module, the name of one under 'modules'");
  EXPECT_EQ(errors_of("modules: {\"m\\n\": {prober: tcp}, '': {prober: tcp}}\n"
                      "checks: [{name: a, module: m, targets: [x]}, {name: b, module: '', targets: [x]}]\n"),
            (std::vector<std::string>{"g.yaml:2: checks[0].module: there is no module 'm'; did you mean 'm\\x0a'?",
                                      "g.yaml:2: checks[1].module: needs a module, the name of one under 'modules'"}));
  EXPECT_EQ(check_error("name: a, module: m"), "checks[0]: needs targets, file_sd or http_sd");
  EXPECT_EQ(check_error("name: a, module: m, targets: x"), "checks[0].targets: must be a list, not a single value");
  EXPECT_EQ(check_error("name: a, module: m, targets: [x, x]"), "checks[0].targets[1]: 'x' stands here twice");
  EXPECT_EQ(check_error("name: a, module: m, targets: ['']"),
            "checks[0].targets[0]: '' is not a target: one line of 1 to 2048 bytes");
  EXPECT_EQ(check_error("name: a, module: m, targets: [x], interval: 5"),
            "checks[0].interval: '5' is not a duration: give a number and a unit, such as 5s, 500ms, 1m30s or 7d");
  EXPECT_EQ(check_error("name: a, module: m, targets: [x], interval: 5ms"),
            "checks[0].interval: '5ms' is too short: an interval is at least 100ms");
  EXPECT_EQ(check_error("name: a, module: m, targets: [x], rise: 0"),
            "checks[0].rise: 0 is out of range: it is 1 to 1000");
  EXPECT_EQ(check_error("name: a, module: m, targets: [x], flap: {high: 0.1}"),
            "checks[0].flap.high: low and high are shares of the window: 0 < low <= high <= 1");
  EXPECT_EQ(check_error("name: a, module: m, targets: [x], priority: hihg"),
            "checks[0].priority: 'hihg' is not one of high, normal, low; did you mean 'high'?");
  EXPECT_EQ(check_error("name: a, module: m, file_sd: ['a*/x.json']"),
            "checks[0].file_sd[0]: 'a*/x.json' has a '*' in a folder's name: it may stand in the last element alone");
  EXPECT_EQ(check_error("name: a, module: m, file_sd: [x.txt]"),
            "checks[0].file_sd[0]: 'x.txt' must end in .json, .yml or .yaml");
  EXPECT_EQ(check_error("name: a, module: m, http_sd: [{refresh: 5s}]"), "checks[0].http_sd[0]: needs a url");
  EXPECT_EQ(check_error("name: a, module: m, http_sd: [{url: 'ftp://h'}]").substr(0, 45),
            "checks[0].http_sd[0].url: 'ftp://h' is not a ");
  EXPECT_EQ(check_error("name: a, module: m, targets: [x], labels: {a-b: c}"),
            "checks[0].labels.a-b: 'a-b' is not the name of a label: letters, digits and '_', without \"__\" in front");
}

TEST(GatewayYaml, what_is_wrong_with_the_rest) {
  EXPECT_EQ(error_of("listen: ':9115'"), "no error");
  EXPECT_EQ(error_of("listen: ':0'"), "no error");
  for (const char* listen : {"9115", "here:9115", "127.0.0.1", "127.0.0.1:99999", "::1:9115", "[127.0.0.1]:9115"})
    EXPECT_EQ(error_of("listen: '" + std::string(listen) + "'"),
              "listen: '" + std::string(listen) +
                  "' is not an address to listen at, such as 127.0.0.1:9115, :9115 or [::1]:9115");
  for (const char* prefix : {"10.0.0.0/33", "host", "10.0.0.1:80", "10.0.0.1-9", "http://10.0.0.1/", ""})
    EXPECT_EQ(
        error_of("deny_targets: ['" + std::string(prefix) + "']"),
        "deny_targets[0]: '" + std::string(prefix) + "' is not a prefix, such as 10.0.0.0/8, 192.0.2.1 or fd00::/8");
  EXPECT_EQ(error_of("auth: {basic: {u: hunter2}}"),
            "auth.basic.u: must be the bcrypt hash of a password ($2y$10$…), as htpasswd -nB prints");
  EXPECT_EQ(error_of("auth: {}"), "auth: needs basic or bearer_file");
  EXPECT_EQ(error_of("tls: {cert: x}"), "tls: needs cert and key, two PEM files");
  EXPECT_EQ(error_of("storage: {retention: 5s}"), "storage.retention: '5s' is too short: at least 1m");
  EXPECT_EQ(error_of("self: {module: m}"), "self: needs targets, some of which always answer");
  EXPECT_EQ(error_of("self: {module: elsewhere, targets: [y]}"), "self.module: there is no module 'elsewhere'");
  EXPECT_EQ(error_of("alerts: {webhook: x}"), "alerts: unknown key 'webhook'; did you mean 'webhooks'?");
  EXPECT_EQ(error_of("limits: {burst: 5}"), "limits: needs a rate, new connections a second");
  EXPECT_EQ(error_of("limits: {rate: 0}"), "limits.rate: 0 is out of range: more than 0, at most 1000000000");
  EXPECT_EQ(error_of("limits: {rate: '5'}"), "limits.rate: '5' is a text: a number is written without quotes");
  EXPECT_EQ(error_of("limits: {rate: 5, tiers: [{below: 1}, {below: 1}]}"),
            "limits.tiers[1].below: must be more than 1, where the tier before it ends");
  EXPECT_EQ(error_of("limits: {rate: 5, tiers: [{below: 1}, {above: 2}]}"),
            "limits.tiers[1].above: must be 1, where the tier before it ends");
  EXPECT_EQ(error_of("limits: {rate: 5, tiers: [{fill: 1}, {below: 2}]}"),
            "limits.tiers[0]: needs 'below', the share of the rate that it ends at");
  EXPECT_EQ(error_of("limits: {rate: 5, tiers: [{fill: fast}]}"),
            "limits.tiers[0].fill: 'fast' is neither a number, such as 1.2, nor 'decay'");
  EXPECT_EQ(error_of("limits: {rate: 5, tiers: [{shed: high}]}"),
            "limits.tiers[0].shed: 'high' is not one of low, normal: checks of high priority are never shed");
}

TEST(GatewayYaml, a_file_that_cannot_be_read_is_named) {
  const ReadGateway read = read_gateway("/nonexistent/gateway.yaml");
  ASSERT_EQ(read.errors.size(), 1U);
  EXPECT_EQ(read.errors[0].text, "/nonexistent/gateway.yaml: open: No such file or directory");
}

TEST(GatewayYaml, its_size_is_bounded) {
  const ReadGateway read = read_gateway("/dev/zero");
  ASSERT_EQ(read.errors.size(), 1U);
  EXPECT_EQ(read.errors[0].text,
            "/dev/zero: is larger than 16 MiB; long lists of targets belong into files of their own, file_sd: [FILE]");
}

}  // namespace
}  // namespace sonde::config
