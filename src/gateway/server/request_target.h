// The target of a request's first line (RFC 9112 3.2) taken apart: path and query, decoded. As Go's net/url reads them,
// which is what blackbox_exporter's users have tried: '+' is a space in the query alone, and a pair of the query that
// cannot be decoded, or has a ';', is left out, while a path that cannot be decoded is an error.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/server/http_service.h"

namespace sonde::gateway {

// RFC 3986 2.1; nothing when a '%' is not followed by two hex digits. `form`: '+' is a space.
std::optional<std::string> percent_decoded(std::string_view text, bool form);

// Origin form, absolute form (its authority is left aside) and "*". Sets path and query. False: none of these.
bool read_request_target(std::string_view target, HttpRequest& out);

}  // namespace sonde::gateway
