// Up to the first NUL an address, behind it a reference: what comes of them is clean, stays itself when it is read
// again, and makes a request of one line.
#include "wire/url.h"

#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "wire/http1_request.h"

namespace {

using namespace sonde::wire;

void check_url(const Url& url) {
  SONDE_CHECK(url.scheme == "http" || url.scheme == "https", "a scheme of the two");
  SONDE_CHECK(!url.host.empty() && url.port != 0 && url.path.starts_with('/'), "all its parts are there");
  const std::string text = to_string(url);
  SONDE_CHECK(std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; }), "an address is clean");
  if (text.size() <= kUrlLimit) SONDE_CHECK(parse_url(text).value() == url, "an address stays itself");
  SONDE_CHECK(resolve_url(url, "").value() == url, "an empty reference is the base");
  const std::string host = host_header(url);
  std::string request;
  SONDE_CHECK(append_request(request, {.target = url.path, .host = host}), "an address makes a request");
  SONDE_CHECK(std::ranges::count(request, '\n') == 6, "the address breaks no line");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(text.find('\0'), text.size());
  const auto base = parse_url(text.substr(0, end));
  if (base) check_url(*base);
  const std::string_view reference = text.substr(std::min(end + 1, text.size()));
  const auto resolved = resolve_url(base.value_or(Url{.host = "a", .path = "/b/c?d"}), reference);
  if (resolved) check_url(*resolved);
  if (const auto absolute = parse_url(reference); absolute && reference.find("//") != reference.npos && resolved) {
    SONDE_CHECK(same_origin(*absolute, *resolved) || absolute->scheme == (base ? base->scheme : "http"),
                "an absolute reference is itself");
  }
  return 0;
}
