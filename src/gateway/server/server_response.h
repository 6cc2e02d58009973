// A response's head as HTTP/1.1 writes it, and the server's own short responses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/server/http_service.h"

namespace sonde::gateway {

std::string_view reason_of(unsigned status);

// "400 Bad Request\n" as the body, and what the status asks for beside it.
HttpResponse short_response(unsigned status);

// Line and fields, to the empty line. `date`: IMF-fixdate (RFC 9110 5.6.7). `minor_version`: of the request; keep-alive
// is said to 1.0, close to 1.1. CR, LF and NUL of a field's text become spaces.
void write_response_head(const HttpResponse& response, bool keep_alive, unsigned minor_version, std::string_view date,
                         std::string& out);

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string http_date(std::int64_t unix_seconds);

// False: the response to it has no body whatever it says (RFC 9110 6.4.1).
bool has_body(std::string_view method, unsigned status);

}  // namespace sonde::gateway
