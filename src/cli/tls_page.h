// The page of `sonde tls`: one record for a person to read. The verdict comes first, then why, then everything else.
// Nothing of a peer reaches the terminal raw: texts come escaped in the record's values.
#pragma once

#include <cstdint>
#include <string>

#include "results/record.h"

namespace sonde::cli {

struct PageStyle {
  bool colour = false;
  std::int64_t now_s = 0;  // since 1970; what "in 30 days" counts from
  std::string target;      // as the user named it
};

std::string tls_page(const results::Record& record, const PageStyle& style);

}  // namespace sonde::cli
