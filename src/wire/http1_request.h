// What an HTTP/1.1 client says (RFC 9112, 3).
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace sonde::wire {

struct HttpHeader {
  std::string name;
  std::string value;
};

struct HttpRequest {
  std::string_view method = "GET";
  std::string_view target = "/";  // Url::path
  std::string_view host;          // as host_header() gives it
  std::string_view user_agent;    // empty: no User-Agent
  // Written in this order behind the defaults (Host, User-Agent, Accept, Accept-Encoding, Connection, Content-Length).
  // One of a default's name takes its place; an empty value only removes it. A Host still goes first.
  std::span<const HttpHeader> headers;
  std::string_view body;
  bool keep_alive = false;
};

// Appends the request. False, and nothing is appended: a part would break it apart (check_request says which).
// Content-Length is written for a body, and for POST, PUT and PATCH without one (RFC 9110, 8.6); never beside a
// Transfer-Encoding of `headers`.
[[nodiscard]] bool append_request(std::string& out, const HttpRequest& request);

// For options: a method and names are tokens, a target has no spaces, nothing has CR, LF or NUL in it.
Parsed<> check_request(const HttpRequest& request);

// "Name: value" as a user writes it; "Name:" has an empty value.
Parsed<HttpHeader> parse_header(std::string_view text);

}  // namespace sonde::wire
