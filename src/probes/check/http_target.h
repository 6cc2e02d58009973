// A target of the http prober, as blackbox_exporter reads it: without "http://" or "https://", in lower case, in front
// it is put behind "http://"; its path is asked for as Go's net/url writes it, dot segments and all.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "wire/url.h"

namespace sonde::probes {

struct HttpTarget {
  wire::Url url;
  std::string host;           // what Host says: host and port as they were written
  std::string authorization;  // "Basic …" of a user and a password in the URL; empty: none
  bool no_port = false;       // a number is there, but no port has it: what url.port says does not count
};

// The error says what is wrong with the URL, and shows it without user and password.
Parsed<HttpTarget> read_http_target(std::string_view text);

// RFC 7617: "Basic " and base64 of both.
std::string basic_credentials(std::string_view user, std::string_view password);

}  // namespace sonde::probes
