// The page of `sonde http`: one record for a person to read. What came of it first, then the way there, the answer,
// the certificate, the headers that matter, where the time went, and what should be known. No line has more than 80
// columns, but those of the dialogue; nothing of a peer reaches the terminal raw. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "cli/tls_asked.h"
#include "results/record.h"

namespace sonde::cli {

struct HttpPageStyle {
  bool colour = false;
  bool dialogue = false;   // -v
  std::int64_t now_s = 0;  // since 1970
  std::string url;         // that was asked for
  TlsAsked asked;          // of its TLS, for the certificate's verdict
};

std::string http_page(const results::Record& record, const HttpPageStyle& style);

// Whether the answer is what was wanted: for the exit code.
bool is_as_expected(const results::Record& record);

}  // namespace sonde::cli
