#include "wire/http1_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "wire/ascii.h"
#include "wire/http1_field.h"

namespace sonde::wire {
namespace {

bool breaks_line(char c) { return c == '\r' || c == '\n' || c == '\0'; }
bool is_line(std::string_view text) { return std::ranges::none_of(text, breaks_line); }
bool is_target(std::string_view text) {
  return !text.empty() && std::ranges::none_of(text, [](char c) { return breaks_line(c) || is_blank(c); });
}

// What keeps the request from being one; empty when nothing does.
const char* fault_of(const HttpRequest& request) {
  if (!is_token(request.method)) return "a method is letters and digits, as GET";
  if (!is_target(request.target)) return "a path is not empty and has no spaces, no line ends and no NUL in it";
  if (!is_line(request.host)) return "a host has no line ends and no NUL in it";
  if (!is_line(request.user_agent)) return "a user agent has no line ends and no NUL in it";
  for (const HttpHeader& header : request.headers) {
    if (!is_token(header.name)) return "a header's name is letters, digits and dashes, as X-Trace";
    if (!is_line(header.value)) return "a header's value has no line ends and no NUL in it";
  }
  return "";
}

bool names(std::span<const HttpHeader> headers, std::string_view name) {
  return std::ranges::any_of(headers, [name](const HttpHeader& header) { return equal_fold(header.name, name); });
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

bool append_request(std::string& out, const HttpRequest& request) {
  if (*fault_of(request) != '\0') return false;
  const auto append_default = [&](std::string_view name, std::string_view value) {
    if (!names(request.headers, name)) append_header(out, name, value);
  };
  const auto append_own = [&](bool host) {
    for (const HttpHeader& header : request.headers)
      if (!header.value.empty() && equal_fold(header.name, "Host") == host)
        append_header(out, header.name, header.value);
  };
  out.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\n");
  append_own(true);
  append_default("Host", request.host);
  if (!request.user_agent.empty()) append_default("User-Agent", request.user_agent);
  append_default("Accept", "*/*");
  append_default("Accept-Encoding", "gzip, deflate, br, zstd");
  append_default("Connection", request.keep_alive ? "keep-alive" : "close");
  const bool wants_length =
      !request.body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (wants_length && !names(request.headers, "Transfer-Encoding")) {
    char digits[20];
    const char* end = std::to_chars(digits, digits + sizeof digits, request.body.size()).ptr;
    append_default("Content-Length", {digits, end});
  }
  append_own(false);
  out.append("\r\n").append(request.body);
  return true;
}

Parsed<> check_request(const HttpRequest& request) {
  if (const char* fault = fault_of(request); *fault != '\0') return input_error(fault);
  return {};
}

Parsed<HttpHeader> parse_header(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return input_error("a header is written as 'Name: value'");
  HttpHeader header{.name = std::string(trimmed(text.substr(0, colon))),
                    .value = std::string(trimmed(text.substr(colon + 1)))};
  if (auto checked = check_request({.headers = std::span(&header, 1)}); !checked)
    return std::unexpected(checked.error());
  return header;
}

}  // namespace sonde::wire
