// Checks as the API shows them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "gateway/checks/check_book.h"
#include "gateway/history/history_reader.h"
#include "gateway/json.h"
#include "gateway/server/http_service.h"

namespace sonde::gateway {

// Into an object: what the API says of each check.
void write_check(const CheckView& view, Json& json);
// And of the one that is asked for: its certificates, its last transitions.
void write_details(const CheckView& view, Nanos unix_now, Json& json);
// And its last results: runs that the history has, and the last of all, which it may not have yet. Null: there is none.
struct LastResult {
  CheckResult result;
  std::uint16_t http_status = 0;
};
void write_recent(std::span<const HistoryPoint> points, const LastResult* last, Json& json);
inline constexpr std::size_t kMostRecent = 10;

// What `GET /api/v1/checks` asks for.
struct CheckQuery {
  std::optional<ShownState> state;
  std::vector<std::pair<std::string, std::string>> labels;  // all must be so; also check, module and target
  std::string text;                                         // in name, target, module or a label's value; any case
  std::size_t offset = 0;
  std::size_t limit = 1000;

  static constexpr std::size_t kMostLimit = 100'000;
  bool fits(const CheckView& view) const;
};
// The error says which parameter is wrong, and what would be right.
Parsed<CheckQuery> parse_check_query(const HttpRequest& request);

}  // namespace sonde::gateway
