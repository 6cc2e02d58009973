#include "gateway/server/page_response.h"

#include <charconv>
#include <string>
#include <string_view>

#include "pages/pages.h"
#include "wire/ascii.h"

namespace sonde::gateway {
namespace {

// Nothing but what this server itself gives: no script in the page's text, no form, no frame around it.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// What `sonde report` fills: there is nothing in it to look at, and its inline script would be refused.
constexpr std::string_view kTemplate = "/report.html";

// RFC 9110 13.1.2; the comparison is weak, since packed or not it is the same page.
bool has_it(std::string_view if_none_match, std::string_view etag) {
  bool found = false;
  wire::for_each_item(if_none_match, [&](std::string_view item) {
    if (item.starts_with("W/")) item.remove_prefix(2);
    found |= item == etag || item == "*";
  });
  return found;
}

// The weight behind a coding, "; q=0.5" (RFC 9110 12.4.2): whether it is more than zero. What is no number is none.
bool is_wanted(std::string_view parameters) {
  const std::size_t equals = parameters.find('=');
  if (equals == std::string_view::npos) return true;
  const std::string_view value = wire::trimmed(parameters.substr(equals + 1));
  double weight = 0;
  std::from_chars(value.data(), value.data() + value.size(), weight);
  return weight > 0;
}

// RFC 9110 12.5.3: what is said of gzip by its name counts more than what is said of all.
bool takes_gzip(std::string_view accept_encoding) {
  std::optional<bool> named, all;
  wire::for_each_item(accept_encoding, [&](std::string_view item) {
    const std::size_t end = item.find(';');
    const std::string_view coding = wire::trimmed(item.substr(0, end));
    const bool wanted = end == std::string_view::npos || is_wanted(item.substr(end));
    if (wire::equal_fold(coding, "gzip") || wire::equal_fold(coding, "x-gzip")) named = wanted;
    if (coding == "*") all = wanted;
  });
  return named.value_or(all.value_or(false));
}

}  // namespace

std::optional<HttpResponse> page_response(const HttpRequest& request) {
  const pages::Page* page = pages::find(request.path == "/" ? "/index.html" : request.path);
  if (page == nullptr || page->path == kTemplate) return std::nullopt;
  HttpResponse response{.status = 200, .type = std::string(page->type), .body = {}, .fields = {}};
  const auto add = [&](const char* name, std::string_view value) { response.fields.emplace_back(name, value); };
  add("Content-Security-Policy", kPolicy);
  add("X-Content-Type-Options", "nosniff");
  add("Referrer-Policy", "no-referrer");
  // What lies under /assets/ has a hash of its content in its name.
  add("Cache-Control", page->path.starts_with("/assets/") ? "max-age=31536000, immutable" : "no-cache");
  add("ETag", "W/" + std::string(page->etag));
  if (!page->gzip.empty()) add("Vary", "Accept-Encoding");
  if (const std::string* has = request.field("if-none-match"); has != nullptr && has_it(*has, page->etag)) {
    response.status = 304;
    return response;
  }
  const std::string* accepted = request.field("accept-encoding");
  if (!page->gzip.empty() && accepted != nullptr && takes_gzip(*accepted)) {
    add("Content-Encoding", "gzip");
    response.body = page->gzip;
  } else {
    response.body = page->body;
  }
  return response;
}

}  // namespace sonde::gateway
