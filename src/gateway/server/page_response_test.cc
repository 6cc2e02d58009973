#include "gateway/server/page_response.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "pages/pages.h"

namespace sonde::gateway {
namespace {

std::optional<HttpResponse> ask(const char* path, std::vector<std::pair<std::string, std::string>> fields = {}) {
  return page_response({.method = "GET", .path = path, .query = {}, .fields = std::move(fields), .body = {}});
}

std::string field(const HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.fields)
    if (key == name) return value;
  return {};
}

const pages::Page& index() { return *pages::find("/index.html"); }

TEST(PageResponse, the_root_is_the_index_page) {
  for (const char* path : {"/", "/index.html"}) {
    const auto response = ask(path);
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 200U);
    EXPECT_EQ(response->type, "text/html; charset=utf-8");
    EXPECT_EQ(response->body, index().body);
    EXPECT_EQ(field(*response, "Content-Encoding"), "");
  }
}

TEST(PageResponse, only_files_made_for_viewers_are_pages) {
  for (const char* path : {"", "/checks/1", "/index", "//index.html", "/./index.html", "/pages.h", "/report.html"})
    EXPECT_FALSE(ask(path)) << path;
}

TEST(PageResponse, a_page_may_load_and_ask_its_own_server_alone) {
  const auto response = ask("/");
  EXPECT_EQ(field(*response, "Content-Security-Policy"),
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  EXPECT_EQ(field(*response, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(field(*response, "Referrer-Policy"), "no-referrer");
  EXPECT_EQ(field(*response, "Cache-Control"), "no-cache");
}

TEST(PageResponse, who_has_it_gets_304_without_a_body) {
  const std::string etag = field(*ask("/"), "ETag");
  const std::string other = "\"0123456789abcdef0123456789abcdef\"";
  for (const std::string& has : {etag, etag.substr(2), other + ", " + etag, std::string("*")}) {
    const auto response = ask("/", {{"if-none-match", has}});
    EXPECT_EQ(response->status, 304U) << has;
    EXPECT_EQ(response->body, "");
    EXPECT_EQ(field(*response, "ETag"), etag);
  }
  for (const std::string& has : {other, std::string(), etag.substr(3)})
    EXPECT_EQ(ask("/", {{"if-none-match", has}})->status, 200U) << has;
}

TEST(PageResponse, packed_for_who_takes_that) {
  ASSERT_FALSE(index().gzip.empty());
  for (const char* takes :
       {"gzip", "deflate, gzip", "GZIP;q=0.5", "*", "br;q=1, *;q=0.1", "x-gzip", "gzip ; q=0.001"}) {
    const auto response = ask("/", {{"accept-encoding", takes}});
    EXPECT_EQ(field(*response, "Content-Encoding"), "gzip") << takes;
    EXPECT_EQ(response->body, index().gzip) << takes;
  }
  for (const char* takes : {"", "br", "gzip;q=0", "gzip;q=0.000, *", "*;q=0", "identity", "gzipped", "gzip;q=x"}) {
    const auto response = ask("/", {{"accept-encoding", takes}});
    EXPECT_EQ(field(*response, "Content-Encoding"), "") << takes;
    EXPECT_EQ(response->body, index().body) << takes;
    EXPECT_EQ(field(*response, "Vary"), "Accept-Encoding");
  }
}

}  // namespace
}  // namespace sonde::gateway
