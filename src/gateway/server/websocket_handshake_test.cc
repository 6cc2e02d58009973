#include "gateway/server/websocket_handshake.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace sonde::gateway {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

Fields good() {
  return {{"host", "h:9115"},
          {"upgrade", "websocket"},
          {"connection", "Upgrade"},
          {"sec-websocket-version", "13"},
          {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}};
}
Fields with(const std::string& name, const std::string& value) {
  Fields fields = good();
  for (auto& [key, old] : fields)
    if (key == name) {
      old = value;
      return fields;
    }
  fields.emplace_back(name, value);
  return fields;
}
Fields without(const std::string& name) {
  Fields fields = good();
  std::erase_if(fields, [&](const auto& field) { return field.first == name; });
  return fields;
}
HttpResponse ask(Fields fields, unsigned minor_version = 1, const char* method = "GET") {
  return websocket_handshake({.method = method, .path = "/", .query = {}, .fields = std::move(fields), .body = {}},
                             minor_version);
}
std::string field(const HttpResponse& response, const std::string& name) {
  for (const auto& [key, value] : response.fields)
    if (key == name) return value;
  return {};
}

TEST(WebSocketHandshake, a_proper_one_is_accepted) {
  const HttpResponse response = ask(good());
  EXPECT_EQ(response.status, 101U);
  EXPECT_EQ(field(response, "Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(field(response, "Upgrade"), "websocket");
  EXPECT_EQ(field(response, "Connection"), "Upgrade");
  EXPECT_EQ(ask(with("upgrade", "h2c, WebSocket")).status, 101U);
  EXPECT_EQ(ask(with("connection", "keep-alive,upgrade")).status, 101U);
  Fields two = with("connection", "keep-alive");
  two.emplace_back("connection", "Upgrade");
  EXPECT_EQ(ask(two).status, 101U);
}

TEST(WebSocketHandshake, what_is_no_websocket_is_told_what_would_be) {
  for (const Fields& fields : {Fields{}, without("upgrade"), with("upgrade", "h2c"), with("upgrade", "websockets"),
                               without("sec-websocket-version"), with("sec-websocket-version", "8")}) {
    const HttpResponse response = ask(fields);
    EXPECT_EQ(response.status, 426U);
    EXPECT_EQ(field(response, "Upgrade"), "websocket");
    EXPECT_EQ(field(response, "Sec-WebSocket-Version"), "13");
    EXPECT_FALSE(response.body.empty());
  }
  EXPECT_EQ(ask(good(), 0).status, 426U) << "HTTP/1.0";
}

TEST(WebSocketHandshake, what_is_broken_is_refused) {
  EXPECT_EQ(ask(good(), 1, "POST").status, 400U);
  for (const Fields& fields :
       {without("connection"), with("connection", "keep-alive"), without("sec-websocket-key"),
        with("sec-websocket-key", "short"), with("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==x")})
    EXPECT_EQ(ask(fields).status, 400U);
}

TEST(WebSocketHandshake, a_page_of_another_server_may_not_open_it) {
  for (const char* origin : {"http://h:9115", "https://h:9115", "http://H:9115"})
    EXPECT_EQ(ask(with("origin", origin)).status, 101U) << origin;
  for (const char* origin : {"http://h", "http://h:9116", "http://evil", "http://evil/h:9115", "http://h:9115.evil",
                             "http://evil@h:9115", "null", "", "h:9115", "http://", "chrome-extension://h:9115"})
    EXPECT_EQ(ask(with("origin", origin)).status, 403U) << origin;
  Fields two = with("origin", "http://h:9115");
  two.emplace_back("origin", "http://evil");
  EXPECT_EQ(ask(two).status, 403U);
}

TEST(WebSocketHandshake, the_port_of_the_scheme_may_be_said_or_not) {
  const auto opened = [](const char* host, const char* origin) {
    Fields fields = with("host", host);
    fields.emplace_back("origin", origin);
    return ask(fields).status == 101;
  };
  EXPECT_TRUE(opened("h", "http://h"));
  EXPECT_TRUE(opened("h:443", "https://h"));
  EXPECT_TRUE(opened("h:80", "http://h"));
  EXPECT_TRUE(opened("[::1]:80", "http://[::1]"));
  EXPECT_FALSE(opened("h:443", "http://h"));
  EXPECT_FALSE(opened("h:80", "https://h"));
}

}  // namespace
}  // namespace sonde::gateway
