#include "report/report_page.h"

namespace sonde::report {

std::optional<std::string> page_with(std::string_view page, std::string_view json) {
  constexpr std::string_view kPlace = R"(<script type="application/json" id="report-data">)";
  constexpr std::string_view kEnd = "</script>";
  const std::size_t found = page.find(kPlace);
  if (found == std::string_view::npos || !page.substr(found + kPlace.size()).starts_with(kEnd)) return std::nullopt;
  std::string out;
  out.reserve(page.size() + json.size());
  out += page.substr(0, found + kPlace.size());
  out += json;
  out += page.substr(found + kPlace.size());
  return out;
}

}  // namespace sonde::report
