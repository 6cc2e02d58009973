// The page of a report: the built web page with a report's JSON in it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sonde::report {

// `page` with `json` (safe in HTML: report_json gives such) as what its element of id "report-data" holds; nothing when
// the page has no such element that is empty.
std::optional<std::string> page_with(std::string_view page, std::string_view json);

}  // namespace sonde::report
