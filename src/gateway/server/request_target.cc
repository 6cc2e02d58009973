#include "gateway/server/request_target.h"

#include <utility>

namespace sonde::gateway {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// What is behind "http://" or "https://", in any case; nothing when it is neither.
std::optional<std::string_view> behind_scheme(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() < scheme.size()) continue;
    bool same = true;
    for (std::size_t i = 0; i < scheme.size() && same; ++i)
      same = scheme[i] == target[i] || (scheme[i] >= 'a' && scheme[i] == (target[i] | 0x20));
    if (same) return target.substr(scheme.size());
  }
  return std::nullopt;
}

void read_query(std::string_view text, HttpRequest& out) {
  while (!text.empty()) {
    const std::size_t end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (pair.empty() || pair.find(';') != std::string_view::npos) continue;
    const std::size_t equals = pair.find('=');
    auto key = percent_decoded(pair.substr(0, equals), true);
    auto value = percent_decoded(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1), true);
    if (key && value) out.query.emplace_back(std::move(*key), std::move(*value));
  }
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text, bool form) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += form && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const int high = text.size() - i > 2 ? hex_digit(text[i + 1]) : -1;
    const int low = text.size() - i > 2 ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return out;
}

bool read_request_target(std::string_view target, HttpRequest& out) {
  target = target.substr(0, target.find('#'));
  if (target == "*") {
    out.path = "*";
    return true;
  }
  std::string absolute;
  if (const auto rest = behind_scheme(target)) {
    const std::size_t path = rest->find_first_of("/?");
    if (path == 0 || rest->empty()) return false;  // no authority
    absolute = path == std::string_view::npos || (*rest)[path] == '?' ? "/" : "";
    if (path != std::string_view::npos) absolute += rest->substr(path);
    target = absolute;
  }
  if (target.empty() || target.front() != '/') return false;
  const std::size_t mark = target.find('?');
  auto path = percent_decoded(target.substr(0, mark), false);
  if (!path) return false;
  out.path = std::move(*path);
  if (mark != std::string_view::npos) read_query(target.substr(mark + 1), out);
  return true;
}

}  // namespace sonde::gateway
