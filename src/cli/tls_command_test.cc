// `sonde tls`, as far as it goes without sending anything.
#include <gtest/gtest.h>

#include <cstdio>

#include "cli/page_text.h"
#include "cli/tls.h"
#include "cli/tls_asked.h"

namespace sonde::cli {
namespace {

using Texts = std::vector<std::string>;

scan::ScanOptions options_with(const std::string& target, Texts module_options = {}, std::string ports = "") {
  scan::ScanOptions options;
  options.targets = {target};
  options.ports = std::move(ports);
  for (std::size_t i = 0; i + 1 < module_options.size(); i += 2)
    options.module_options.emplace_back(module_options[i], module_options[i + 1]);
  return options;
}
std::string target_of(const scan::ScanOptions& options) {
  const Parsed<TlsAsked> asked = tls_asked(options);
  return asked ? asked->target : "error: " + asked.error().text;
}

TEST(TlsAsked, every_way_to_name_a_host) {
  EXPECT_EQ(target_of(options_with("Host.Example.")), "host.example:443");
  EXPECT_EQ(target_of(options_with("host.example:8443")), "host.example:8443");
  EXPECT_EQ(target_of(options_with("https://host.example/a?b")), "host.example:443");
  EXPECT_TRUE(target_of(options_with("https://host.example:8443/\x1b[31m")).starts_with("error: ")) << "no URL";
  EXPECT_EQ(target_of(options_with("192.0.2.1")), "192.0.2.1:443");
  EXPECT_EQ(target_of(options_with("2001:db8::1")), "[2001:db8::1]:443");
  EXPECT_EQ(target_of(options_with("[2001:db8::1]:8443")), "[2001:db8::1]:8443");
  EXPECT_EQ(target_of(options_with("https://[2001:db8::1]/")), "[2001:db8::1]:443");
  EXPECT_EQ(target_of(options_with("192.0.2.1", {}, "8443")), "192.0.2.1:8443");
}

TEST(TlsAsked, starttls_picks_the_port_of_its_service) {
  EXPECT_EQ(target_of(options_with("mail.example", {"starttls", "smtp"})), "mail.example:25");
  EXPECT_EQ(target_of(options_with("mail.example", {"starttls", "imap"})), "mail.example:143");
  EXPECT_EQ(target_of(options_with("db.example", {"starttls", "postgres"})), "db.example:5432");
  EXPECT_EQ(target_of(options_with("mail.example:587", {"starttls", "smtp"})), "mail.example:587");
}

TEST(TlsAsked, the_certificate_must_be_for_the_name_that_was_given) {
  EXPECT_EQ(tls_asked(options_with("192.0.2.1"))->name, "192.0.2.1");
  EXPECT_EQ(tls_asked(options_with("192.0.2.1", {"sni", "host.example"}))->name, "host.example");
  EXPECT_EQ(tls_asked(options_with("host.example", {"sni", "none"}))->name, "host.example");
}

TEST(TlsAsked, errors_say_what_would_be_right) {
  EXPECT_EQ(target_of(options_with("http://host.example/")),
            "error: 'http://host.example/' is a URL without TLS: write https://host.example/ or host.example:PORT");
  EXPECT_EQ(target_of(options_with("192.0.2.0/24")),
            "error: '192.0.2.0/24' is many addresses: one HOST at a time; `sonde scan --probe tls` takes many");
  EXPECT_EQ(target_of(options_with("https://m.example/", {"starttls", "smtp"})),
            "error: --starttls: 'https://m.example/' is a URL, where TLS begins at once: write m.example or "
            "m.example:PORT");
  EXPECT_EQ(target_of(options_with("host.example", {}, "443,8443")),
            "error: --ports: '443,8443' is more than one port; `sonde scan --probe tls` takes many");
  EXPECT_EQ(target_of(options_with("host.example:443", {}, "8443")),
            "error: --ports: 8443 where the target names port 443; name one of them");
  EXPECT_EQ(target_of(options_with("host.example", {"starttls", "stmp"})).substr(0, 38),
            "error: --starttls: 'stmp' is not one o");
  EXPECT_EQ(target_of(options_with("host.example", {"sni", "192.0.2.1"})),
            "error: --sni: '192.0.2.1' is an address; a server name is a name (RFC 6066)");
}

struct Ran {
  int code;
  std::string out;
  std::string err;
};
Ran run(const Texts& arguments) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = run_tls(arguments);
  std::fflush(stdout);
  return {.code = code, .out = testing::internal::GetCapturedStdout(), .err = testing::internal::GetCapturedStderr()};
}

TEST(TlsCommand, bad_usage_is_one_line_that_suggests_and_exit_2) {
  const std::vector<std::pair<Texts, std::string>> cases = {
      {{}, "sonde: tls: name a HOST, such as host.example or 192.0.2.1:8443\n"},
      {{"a.example", "b.example"}, "sonde: tls: one HOST at a time; `sonde scan --probe tls` takes many\n"},
      {{"a.example", "--format", "jsn"}, "sonde: --format: 'jsn' is not one of page, json; did you mean 'json'?\n"},
      {{"a.example", "--startls", "smtp"}, "sonde: unknown option '--startls'; did you mean '--starttls'?\n"},
      {{"a.example", "--min-tls", "1.4"}, "sonde: --min-tls: '1.4' is not one of ssl3, 1.0, 1.1, 1.2, 1.3\n"},
      {{"a.example", "--rate", "5"}, "sonde: unknown option '--rate'; --help lists them\n"},
      {{"http://a.example"},
       "sonde: 'http://a.example' is a URL without TLS: write https://a.example/ or a.example:PORT\n"},
  };
  for (const auto& [arguments, text] : cases) {
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.code, 2);
    EXPECT_EQ(ran.err, text);
    EXPECT_EQ(ran.out, "");
  }
}

TEST(TlsCommand, help_shows_its_own_defaults_and_fits_100_columns) {
  const Ran ran = run({"--help"});
  EXPECT_EQ(ran.code, 0);
  for (std::size_t at = 0; at < ran.out.size();) {
    const std::size_t end = std::min(ran.out.find('\n', at), ran.out.size());
    const std::string line = ran.out.substr(at, end - at);
    EXPECT_LE(columns(line), 100U) << line;
    at = end + 1;
  }
  EXPECT_NE(ran.out.find("[on; --verify=false turns it off]"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("--format page|json"), std::string::npos);
  EXPECT_EQ(ran.out.find("--rate"), std::string::npos);
}

}  // namespace
}  // namespace sonde::cli
