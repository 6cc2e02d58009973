#include "config/hidden_yaml.h"

#include <gtest/gtest.h>

namespace sonde::config {
namespace {

std::string shown(std::string_view text) { return hidden_yaml(*gateway::parse_yaml(text, "a.yml").value()); }

TEST(HiddenYaml, what_it_shows_is_the_same_when_read_again) {
  for (const char* text : {"a: 5\n", "a: '5'\n", "[]\n", "{}\n", "~\n", "text\n", "'- '\n",
                           "[[1, []], {x: {}, y: [{}]}, [[[2]]]]\n", "a: {b: [{c: d, e: [f]}, g]}\n",
                           "a: |\n  x\n   y: \"\\\n", "\"a b\": '#'\n-: x\n", "a: [{<<: {}}, {<<: {b: c}}]\n",
                           "a: \"\\0\\t\\x7f\xc3\xa4\"\n", "a: -5s\nb: .5\nc: --\nd: 1e5\n'true': 'false'\n"}) {
    const std::string once = shown(text);
    EXPECT_EQ(shown(once), once) << text;
  }
  EXPECT_EQ(shown("a: '5'\nb: 5\nc: {}\nd: [x, {y: z, w: ~}]\n"),
            "a: \"5\"\nb: 5\nc: {}\nd:\n  - x\n  - y: z\n    w: null\n");
}

TEST(HiddenYaml, a_key_may_be_any_text) {
  const std::string blank(1500, ' ');
  for (const std::string& key : {std::string("!!int null"), std::string("!!str <<"), std::string("\"\\N\\_\\0\""),
                                 std::string(1025, 'k'), "'" + blank + "'"}) {
    for (const std::string& text :
         {"? " + key + "\n: x\n", "- ? " + key + "\n  : {b: [c], d: e}\n  f: {? " + key + "\n}\n"}) {
      const std::string once = shown(text);
      EXPECT_EQ(shown(once), once) << text;
      EXPECT_EQ(once.find("{}"), std::string::npos) << once;
    }
  }
  EXPECT_EQ(shown("? '" + blank + "'\n: {a: b}\n"), "? \"" + blank + "\"\n:\n  a: b\n");
}

TEST(HiddenYaml, aliases_and_merges_are_unfolded) {
  EXPECT_EQ(shown("a: &x {b: 1, c: 2}\nd: {<<: *x, b: 3}\n"), "a:\n  b: 1\n  c: 2\nd:\n  b: 3\n  c: 2\n");
}

TEST(HiddenYaml, no_secret_is_in_it) {
  const std::string text = shown(
      "modules:\n"
      "  a:\n"
      "    prober: http\n"
      "    http:\n"
      "      basic_auth: {username: u, password: hunter2, password_file: pw}\n"
      "      authorization: {credentials: hunter2, type: Token}\n"
      "      bearer_token: hunter2\n"
      "      headers: {authorization: Basic hunter2, Cookie: hunter2, X-Api-Key: hunter2, Accept: fine}\n"
      "      oauth2: {client_id: i, client_secret: hunter2, proxy_url: 'http://u:hunter2@h/',\n"
      "               endpoint_params: {password: hunter2}}\n"
      "      proxy_url: http://u:hunter2@h:3128/\n"
      "      proxy_connect_header: {Proxy-Authorization: [hunter2, hunter2]}\n"
      "checks: [{targets: ['https://u:hunter2@h/x']}]\n"
      "auth: {basic: {u: hunter2}, bearer_file: tokens}\n"
      "alerts: {webhooks: ['https://hooks.example/services/hunter2?hunter2'], alertmanagers: "
      "['http://u:hunter2@h']}\n");
  EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
  for (const char* kept :
       {"username: u", "password_file: pw", "type: Token", "Accept: fine", "client_id: i", "http://u:<secret>@h:3128/",
        "https://u:<secret>@h/x", "bearer_file: tokens", "https://hooks.example/<secret>", "http://u:<secret>@h"})
    EXPECT_NE(text.find(kept), std::string::npos) << kept << "\n" << text;
}

TEST(HiddenYaml, passwords_of_urls) {
  EXPECT_EQ(without_password("http://u:p@h/a:b@c"), "http://u:<secret>@h/a:b@c");
  EXPECT_EQ(without_password("http://u:p@q@h/"), "http://u:<secret>@h/");
  for (const char* text : {"http://h/", "http://u@h:80/", "http://h:80/", "u:p@h", ""})
    EXPECT_EQ(without_password(text), text);
}

}  // namespace
}  // namespace sonde::config
