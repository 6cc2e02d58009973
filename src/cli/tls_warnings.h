// What a person should know about a server's TLS beside the verdict, in plain words: one sentence or two each, the
// worst first. Read from a tls record. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/tls_asked.h"
#include "cli/tls_facts.h"

namespace sonde::cli {

std::vector<std::string> tls_warnings(const TlsFacts& facts, const TlsAsked& asked, std::int64_t now_s);

}  // namespace sonde::cli
