#include "gateway/server/server_response.h"

#include <fmt/format.h>

#include <array>
#include <ctime>
#include <iterator>
#include <utility>

namespace sonde::gateway {
namespace {

void append_text(std::string_view text, std::string& out) {
  for (const char c : text) out += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
}

}  // namespace

std::string_view reason_of(unsigned status) {
  static constexpr std::array kReasons = std::to_array<std::pair<unsigned, std::string_view>>({
      {101, "Switching Protocols"},
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {413, "Request Entity Too Large"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {426, "Upgrade Required"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
  });
  for (const auto& [code, reason] : kReasons)
    if (code == status) return reason;
  return "Unknown";
}

HttpResponse short_response(unsigned status) {
  HttpResponse response{.status = status, .body = fmt::format("{} {}\n", status, reason_of(status)), .fields = {}};
  if (status == 503) response.fields.emplace_back("Retry-After", "1");
  return response;
}

void write_response_head(const HttpResponse& response, bool keep_alive, unsigned minor_version, std::string_view date,
                         std::string& out) {
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status, reason_of(response.status),
                 date);
  if (response.status >= 200 && response.status != 204 && response.status != 304)
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", response.body.size());
  if (!response.type.empty() && response.status != 204) {
    out += "Content-Type: ";
    append_text(response.type, out);
    out += "\r\n";
  }
  for (const auto& [name, value] : response.fields) {
    append_text(name, out);
    out += ": ";
    append_text(value, out);
    out += "\r\n";
  }
  if (!keep_alive) out += "Connection: close\r\n";
  if (keep_alive && minor_version == 0) out += "Connection: keep-alive\r\n";
  out += "\r\n";
}

std::string http_date(std::int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  static constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays.at(static_cast<std::size_t>(parts.tm_wday)),
                     parts.tm_mday, kMonths.at(static_cast<std::size_t>(parts.tm_mon)), parts.tm_year + 1900,
                     parts.tm_hour, parts.tm_min, parts.tm_sec);
}

bool has_body(std::string_view method, unsigned status) {
  return method != "HEAD" && status >= 200 && status != 204 && status != 304;
}

}  // namespace sonde::gateway
