#include "gateway/server/websocket_handshake.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "wire/ascii.h"
#include "wire/websocket.h"

namespace sonde::gateway {
namespace {

// Whether a field of that name lists it; there may be several of them.
bool lists(const HttpRequest& request, std::string_view name, std::string_view wanted) {
  bool found = false;
  for (const auto& [key, value] : request.fields)
    if (key == name)
      wire::for_each_item(value, [&](std::string_view item) { found |= wire::equal_fold(item, wanted); });
  return found;
}

// An origin is SCHEME://HOST[:PORT] without the scheme's own port (RFC 6454 6.2); a Host may have that too.
bool is_of_host(std::string_view origin, std::string_view host) {
  for (const auto& [scheme, port] :
       {std::pair<std::string_view, std::string_view>{"http://", ":80"}, {"https://", ":443"}}) {
    if (!origin.starts_with(scheme)) continue;
    origin.remove_prefix(scheme.size());
    if (host.ends_with(port)) host.remove_suffix(port.size());
    return !origin.empty() && wire::equal_fold(origin, host);
  }
  return false;  // "null", of a page without an origin; an extension's
}

HttpResponse refused(unsigned status, std::string why) {
  HttpResponse response{.status = status, .body = std::move(why), .fields = {}};
  if (status == 426) {
    response.fields.emplace_back("Upgrade", "websocket");
    response.fields.emplace_back("Connection", "Upgrade");
    response.fields.emplace_back("Sec-WebSocket-Version", wire::kWebSocketVersion);
  }
  return response;
}

}  // namespace

HttpResponse websocket_handshake(const HttpRequest& request, unsigned minor_version) {
  if (minor_version == 0) return refused(426, "A WebSocket is opened by HTTP/1.1, not 1.0.\n");
  if (!lists(request, "upgrade", "websocket"))
    return refused(426, "This path is a WebSocket: a request with \"Upgrade: websocket\" opens it.\n");
  const std::string* version = request.field("sec-websocket-version");
  if (version == nullptr || *version != wire::kWebSocketVersion)
    return refused(426, "Sec-WebSocket-Version: 13 is wanted.\n");
  if (request.method != "GET") return refused(400, "A WebSocket is opened by GET.\n");
  if (!lists(request, "connection", "upgrade")) return refused(400, "\"Connection: Upgrade\" is missing.\n");
  const std::string* key = request.field("sec-websocket-key");
  if (key == nullptr || !wire::is_websocket_key(*key))
    return refused(400, "Sec-WebSocket-Key: the base64 of 16 bytes is wanted.\n");
  const std::string* host = request.field("host");
  for (const auto& [name, value] : request.fields)
    if (name == "origin" && (host == nullptr || !is_of_host(value, *host)))
      return refused(403, "Origin: a page of another server may not open this WebSocket.\n");
  return {
      .status = 101,
      .type = {},
      .body = {},
      .fields = {
          {"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", wire::websocket_accept(*key)}}};
}

}  // namespace sonde::gateway
