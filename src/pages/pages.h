// The built web pages (web/dist/) that the program carries in itself. All of it is constant: any thread, no copies.
#pragma once

#include <span>
#include <string_view>

namespace sonde::pages {

struct Page {
  std::string_view path;  // "/index.html", "/assets/app.js": as under web/dist/
  std::string_view type;  // of Content-Type
  std::string_view body;
  std::string_view gzip;  // the body, packed (RFC 1952); empty where that is no shorter
  std::string_view etag;  // of the body, quoted (RFC 9110 8.8.3)
};

std::span<const Page> all();

// Null: there is none. Of the path of a request, %-decoded; exactly that name.
const Page* find(std::string_view path);

}  // namespace sonde::pages
