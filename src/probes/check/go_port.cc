#include "probes/check/go_port.h"

#include <algorithm>
#include <array>
#include <string>

#include "results/escape.h"
#include "wire/ascii.h"

namespace sonde::probes {
namespace {

struct Service {
  std::string_view name;
  std::uint16_t port;
};

// IANA's names of what is checked in practice.
constexpr std::array<Service, 27> kServices = {{
    {"domain", 53},      {"ftp", 21},          {"ftps", 990},        {"gopher", 70}, {"http", 80},   {"https", 443},
    {"imap", 143},       {"imap2", 143},       {"imap3", 220},       {"imaps", 993}, {"ldap", 389},  {"ldaps", 636},
    {"mqtt", 1883},      {"ms-sql-s", 1433},   {"mysql", 3306},      {"nntp", 119},  {"nntps", 563}, {"pop3", 110},
    {"pop3s", 995},      {"postgresql", 5432}, {"redis", 6379},      {"rsync", 873}, {"smtp", 25},   {"ssh", 22},
    {"submission", 587}, {"telnet", 23},       {"submissions", 465},
}};

}  // namespace

Parsed<std::uint16_t> go_port(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with('+') || digits.starts_with('-')) digits.remove_prefix(1);
  if (std::ranges::all_of(digits, wire::is_digit)) {
    std::uint32_t port = 0;
    for (const char digit : digits) port = std::min(port * 10 + static_cast<std::uint32_t>(digit - '0'), 65536U);
    if (port <= 65535 && (port == 0 || !text.starts_with('-'))) return static_cast<std::uint16_t>(port);
    return input_error("address " + std::string(text) + ": invalid port");
  }
  for (const Service& service : kServices)
    if (wire::equal_fold(service.name, text)) return service.port;
  return input_error("address tcp/" + results::escaped(text) + ": unknown port");
}

}  // namespace sonde::probes
