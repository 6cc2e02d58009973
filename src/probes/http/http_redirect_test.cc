// Redirects: where they lead and over which connection, what goes along, what the record tells of the way, and which
// of them lead nowhere.
#include <gtest/gtest.h>

#include "probes/http/drive.h"

namespace sonde::probes {
namespace {

using namespace driven;  // NOLINT(google-build-using-namespace): a test of this one folder
using Options = Ready::Options;
using Went = std::vector<std::string>;

std::string to(const std::string& location, int status = 302, const std::string& headers = {}) {
  return "HTTP/1.1 " + std::to_string(status) + " Found\r\nLocation: " + location + "\r\n" + headers +
         "Content-Length: 0\r\n\r\n";
}
std::string closing(const std::string& location, const std::string& headers = {}) {
  return to(location, 302, headers + "Connection: close\r\n");
}
const std::string kThere = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthere";

Told follow(const Drive::Scene& scene, Options more = {}, Drive how = {}) {
  more.emplace_back("follow", "5");
  Ready ready(more);
  return how.run_cut(ready, scene);
}
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(HttpRedirect, is_not_followed_unless_asked) {
  Ready ready;
  Drive drive;
  const Told told = drive.run_cut(ready, [] { return std::vector{plain({to("/there")})}; });
  EXPECT_EQ(told.outcome, Outcome::kSuccess);
  EXPECT_EQ(told["http.status"], "302");
  EXPECT_FALSE(told.has("http.redirects"));
}

TEST(HttpRedirect, within_an_origin_keeps_the_connection) {
  Drive how{.path = "/a/b?c"};
  const Told told = follow([] { return std::vector{plain({to("../there?x"), kThere})}; }, {}, std::move(how));
  EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
  EXPECT_TRUE(told.went.empty());
  EXPECT_EQ(told["http.url"], "http://test.example/a/b?c");
  EXPECT_EQ(told["http.final_url"], "http://test.example/there?x");
  EXPECT_EQ(told["http.final_ip"], "127.0.0.1");
  EXPECT_EQ(told["http.status"], "200");
  EXPECT_EQ(told["http.redirects"],
            R"([{"status":302,"url":"http://test.example/a/b?c","location":"../there?x","ip":"127.0.0.1",)"
            R"("timing_us":{"connect":0,"first_byte":0,"transfer":0,"total":0}}])");
  EXPECT_EQ(told["http.timing_us"], R"({"first_byte":0,"transfer":0,"total":0})");
  EXPECT_FALSE(told.has("http.connections"));
  EXPECT_TRUE(has(told.sent.front(), "GET /there?x HTTP/1.1\r\nHost: test.example\r\n"));
}

TEST(HttpRedirect, needs_another_connection_where_the_first_one_closes) {
  const Told told = follow([] { return std::vector{plain({closing("/there")}), plain({kThere})}; });
  EXPECT_EQ(told.outcome, Outcome::kSuccess);
  EXPECT_EQ(told.went, Went{"test.example 127.0.0.1 80"}) << "the address is known";
  EXPECT_EQ(told["http.connections"], "2");
  EXPECT_EQ(told["http.timing_us"], R"({"connect":0,"first_byte":0,"transfer":0,"total":0})");
}

TEST(HttpRedirect, to_other_hosts_ports_and_addresses_goes_there) {
  const auto went = [](const std::string& location) {
    return follow([&] { return std::vector{plain({to(location)}), plain({kThere})}; });
  };
  EXPECT_EQ(went("http://other.example/x").went, Went{"other.example ? 80"}) << "to be resolved";
  EXPECT_EQ(went("//other.example:81/").went, Went{"other.example ? 81"});
  EXPECT_EQ(went("http://test.example:8080/").went, Went{"test.example ? 8080"});
  EXPECT_EQ(went("http://192.0.2.7/").went, Went{" 192.0.2.7 80"});
  EXPECT_EQ(went("http://[2001:db8::7]:82/").went, Went{" 2001:db8::7 82"});
  EXPECT_EQ(went("http://OTHER.example./a b#c")["http.final_url"], "http://other.example/a%20b");
  EXPECT_EQ(went("http://user:secret@other.example/")["http.final_url"], "http://other.example/");
  EXPECT_EQ(went("http://other.example/")["http.final_ip"], "192.0.2.0");
  EXPECT_EQ(went("http://other.example/")["http.url"], "http://test.example/");
}

TEST(HttpRedirect, changes_the_method_as_browsers_do) {
  const auto sent = [](int status, const std::string& method) {
    Options options = {{"method", method}};
    if (method != "HEAD") options.emplace_back("body", "k=v");
    const std::string first = to("/there", status, method == "HEAD" ? "X-Was: head\r\n" : "");
    const std::string last = method == "HEAD" ? "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" : kThere;
    return follow([&] { return std::vector{plain({first, last})}; }, options).sent.front();
  };
  for (const int status : {301, 302, 303}) {
    EXPECT_TRUE(has(sent(status, "POST"), "GET /there HTTP/1.1\r\n")) << status;
    EXPECT_TRUE(sent(status, "POST").ends_with("\r\n\r\n")) << "without the body";
  }
  for (const int status : {307, 308}) {
    EXPECT_TRUE(has(sent(status, "POST"), "POST /there HTTP/1.1\r\n")) << status;
    EXPECT_TRUE(sent(status, "POST").ends_with("\r\n\r\nk=v"));
  }
  EXPECT_TRUE(has(sent(302, "PUT"), "PUT /there HTTP/1.1\r\n"));
  EXPECT_TRUE(has(sent(303, "PUT"), "GET /there HTTP/1.1\r\n"));
  for (const int status : {301, 302, 303, 307, 308}) EXPECT_TRUE(has(sent(status, "HEAD"), "HEAD /there HTTP/1.1\r\n"));
}

TEST(HttpRedirect, other_statuses_lead_nowhere) {
  for (const int status : {300, 304, 305, 306, 399, 201}) {
    const Told told = follow([&] { return std::vector{plain({to("/there", status)})}; });
    EXPECT_EQ(told.outcome, Outcome::kSuccess) << status;
    EXPECT_FALSE(told.has("http.redirects"));
  }
  const Told lost = follow([] { return std::vector{plain({"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"})}; });
  EXPECT_EQ(lost.outcome, Outcome::kSuccess) << "no Location: it is an answer";
}

TEST(HttpRedirect, a_limit_ends_it) {
  Ready ready(Options{{"follow", "2"}});
  Drive drive;
  const Told told = drive.run_cut(ready, [] { return std::vector{plain({to("/1"), to("/2"), to("/3"), kThere})}; });
  EXPECT_EQ(told.outcome, Outcome::kProtocolError);
  EXPECT_EQ(told.error, "more than 2 redirects");
  EXPECT_EQ(told["http.final_url"], "http://test.example/2");
  EXPECT_EQ(told["http.status"], "302") << "the last answer";
  EXPECT_EQ(std::ranges::count(told["http.redirects"], '{'), 4);
}

TEST(HttpRedirect, a_circle_ends_it) {
  const Told told = follow([] { return std::vector{plain({to("/1"), to("/2"), to("/1")})}; });
  EXPECT_EQ(told.outcome, Outcome::kProtocolError);
  EXPECT_EQ(told.error, "the redirects go round in a circle, at http://test.example/1");
  const Told itself = follow([] { return std::vector{plain({to("/#x")})}; });
  EXPECT_EQ(itself.error, "the redirects go round in a circle, at http://test.example/");
  EXPECT_FALSE(itself.has("http.redirects"));
}

TEST(HttpRedirect, a_cookie_or_another_method_makes_it_no_circle) {
  const Told cookie =
      follow([] { return std::vector{plain({to("/", 302, "Set-Cookie: seen=1; Path=/\r\n"), kThere})}; });
  EXPECT_EQ(cookie.outcome, Outcome::kSuccess) << cookie.error;
  EXPECT_TRUE(has(cookie.sent.front(), "\r\nCookie: seen=1\r\n"));
  const Told posted = follow([] { return std::vector{plain({to("/", 303), kThere})}; }, {{"method", "POST"}});
  EXPECT_EQ(posted.outcome, Outcome::kSuccess) << posted.error;
}

TEST(HttpRedirect, addresses_that_are_none) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"ftp://other.example/", "redirected to 'ftp://other.example/': "},
      {"javascript:alert(1)", "redirected to 'javascript:alert(1)': "},
      {"http://", "redirected to 'http://': "},
      {"http://a\x1b[2J/", "redirected to 'http://a\\x1b[2J/': "},
      {"http://1.2.3/", "redirected to 'http://1.2.3/': "},
      {"http://other.example:99999/", "redirected to 'http://other.example:99999/': "},
      {"http://" + std::string(300, 'a') + "/", "redirected to 'http://" + std::string(193, 'a') + "': "}};
  for (const auto& [location, error] : bad) {
    const Told told = follow([&] { return std::vector{plain({to(location)})}; });
    EXPECT_EQ(told.outcome, Outcome::kProtocolError) << location;
    EXPECT_TRUE(told.error.starts_with(error)) << told.error;
    EXPECT_GT(told.error.size(), error.size()) << "it says why";
    EXPECT_EQ(told["http.status"], "302");
  }
}

TEST(HttpRedirect, where_nothing_is_reached_the_way_is_told) {
  const std::vector<std::pair<Outcome, std::string>> ends = {
      {Outcome::kRefused, "redirected to http://other.example/x: refused"},
      {Outcome::kTimeout, "redirected to http://other.example/x: timeout"},
      {Outcome::kBlocked, "redirected to http://other.example/x, which is excluded"},
      {Outcome::kDnsError, "redirected to http://other.example/x: no such name"}};
  for (const auto& [outcome, error] : ends) {
    const Told told = follow([&] { return std::vector{plain({to("http://other.example/x")}), unopened(outcome)}; });
    EXPECT_EQ(told.outcome, outcome);
    EXPECT_EQ(told.error, error);
    EXPECT_EQ(told["http.final_url"], "http://other.example/x");
    EXPECT_EQ(told["http.status"], "302") << "the last answer";
    EXPECT_TRUE(has(told["http.redirects"], R"("location":"http://other.example/x")"));
    EXPECT_FALSE(told.has("http.final_ip")) << "nobody answered there";
    EXPECT_FALSE(told.has("http.timing_us"));
  }
  const Told mute = follow([] { return std::vector{plain({to("http://other.example/x")}), plain({}, End::kFin)}; });
  EXPECT_EQ(mute.outcome, Outcome::kClosed);
  EXPECT_EQ(mute.error, "closed without a word");
  EXPECT_FALSE(mute.has("http.status"));
  EXPECT_FALSE(mute.has("http.timing_us")) << "no answer";
}

TEST(HttpRedirect, secrets_stay_with_the_origin_that_they_were_meant_for) {
  const Options secrets = {{"header", "Authorization: Bearer x"},
                           {"header", "Cookie: own=1"},
                           {"header", "proxy-authorization: y"},
                           {"header", "Host: shop.example"},
                           {"header", "X-Trace: z"}};
  const auto second = [&](const std::string& location) {
    const Told told = follow([&] { return std::vector{plain({closing(location)}), plain({kThere})}; }, secrets);
    EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
    EXPECT_TRUE(has(told.sent.front(), "Authorization: Bearer x\r\n"));
    return told.sent.at(1);
  };
  const auto secret = [](const std::string& request) {
    return has(request, "Authorization") || has(request, "own=1") || has(request, "proxy-authorization");
  };
  const std::string same = second("/there");
  EXPECT_TRUE(has(same, "Authorization: Bearer x\r\n") && has(same, "Cookie: own=1\r\n") &&
              has(same, "proxy-authorization: y\r\n") && has(same, "Host: shop.example\r\n"));
  for (const char* location : {"http://other.example/", "http://test.example.evil.example/", "http://192.0.2.1/"}) {
    const std::string request = second(location);
    EXPECT_FALSE(secret(request)) << request;
    EXPECT_FALSE(has(request, "shop.example")) << request;
    EXPECT_TRUE(has(request, "X-Trace: z\r\n"));
  }
  const std::string port = second("http://test.example:81/");
  EXPECT_FALSE(secret(port)) << port;
  EXPECT_TRUE(has(port, "Host: shop.example\r\n")) << "the host is the same";
  // Back at the origin they may be sent again.
  const Told there_and_back = follow(
      [] {
        return std::vector{plain({closing("http://other.example/")}), plain({closing("http://test.example/back")}),
                           plain({kThere})};
      },
      secrets);
  EXPECT_FALSE(secret(there_and_back.sent.at(1)));
  EXPECT_TRUE(has(there_and_back.sent.at(2), "Authorization: Bearer x\r\n"));
}

TEST(HttpRedirect, cookies_of_the_way_go_where_they_belong) {
  const Told told = follow(
      [] {
        return std::vector{
            plain(
                {closing("http://www.test.example/in",
                         "Set-Cookie: a=1; Domain=test.example\r\nSet-Cookie: b=2\r\nset-cookie: c=3; Path=/in\r\n")}),
            plain({closing("http://test.example/in")}), plain({closing("http://other.example/")}), plain({kThere})};
      },
      {{"header", "Cookie: own=0"}});
  EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
  EXPECT_TRUE(has(told.sent.at(1), "\r\nCookie: a=1\r\n")) << told.sent.at(1);
  EXPECT_TRUE(has(told.sent.at(2), "\r\nCookie: own=0; c=3; a=1; b=2\r\n")) << told.sent.at(2);
  EXPECT_FALSE(has(told.sent.at(3), "Cookie")) << told.sent.at(3);
}

TEST(HttpRedirect, a_kept_connection_that_is_lost_is_replaced) {
  const Told told = follow([] { return std::vector{plain({to("/there")}, End::kReset), plain({kThere})}; });
  EXPECT_EQ(told.outcome, Outcome::kSuccess) << told.error;
  EXPECT_EQ(told["http.connections"], "2");
}

TEST(HttpRedirect, does_not_go_with_several_requests) {
  for (const Options& options :
       {Options{{"follow", "1"}, {"repeat", "2"}}, Options{{"follow", "1"}, {"path", "/a"}, {"path", "/b"}}}) {
    const auto module = make_http_module();
    for (const auto& [name, value] : options) EXPECT_TRUE(module->configure(name, value));
    const Parsed<> prepared = module->prepare({});
    ASSERT_FALSE(prepared);
    EXPECT_EQ(prepared.error().text, "--follow: goes with one request, not with several paths or --repeat");
  }
}

}  // namespace
}  // namespace sonde::probes
