// The page of `sonde tls`: one record for a person to read. The verdict comes first, then why, then everything else.
// No line has more than 80 columns, and nothing of a peer reaches the terminal raw, whatever the record holds. Bounded:
// 24 names, 10 certificates of a chain, 4 lines of any one text.
#pragma once

#include <cstdint>
#include <string>

#include "cli/tls_asked.h"
#include "results/record.h"

namespace sonde::cli {

struct PageStyle {
  bool colour = false;
  std::int64_t now_s = 0;  // since 1970; what "in 30 days" counts from
  TlsAsked asked;
};

std::string tls_page(const results::Record& record, const PageStyle& style);

}  // namespace sonde::cli
