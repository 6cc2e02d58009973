#include "wire/http_date.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "wire/ascii.h"

namespace sonde::wire {
namespace {

constexpr auto kDays =
    std::to_array<std::string_view>({"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"});
constexpr auto kMonths = std::to_array<std::string_view>(
    {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"});

// Takes what a date is made of off its front; once something else stands there it stays broken.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  void literal(std::string_view text) {
    good_ = good_ && rest_.starts_with(text);
    if (good_) rest_.remove_prefix(text.size());
  }
  // Exactly so many digits; a blank may stand for a leading zero where `padded`.
  int number(std::size_t digits, bool padded = false) {
    int value = 0;
    good_ = good_ && rest_.size() >= digits;
    for (std::size_t i = 0; good_ && i < digits; ++i) {
      const char c = rest_[i];
      const bool pad = padded && i == 0 && c == ' ';
      good_ = is_digit(c) || pad;
      value = value * 10 + (pad ? 0 : c - '0');
    }
    if (good_) rest_.remove_prefix(digits);
    return value;
  }
  unsigned month() {
    const auto* found =
        std::ranges::find_if(kMonths, [this](std::string_view name) { return rest_.starts_with(name); });
    good_ = good_ && found != kMonths.end();
    if (good_) rest_.remove_prefix(3);
    return static_cast<unsigned>(found - kMonths.begin()) + 1;
  }
  // Its whole name, or three letters. Whether it was whole.
  bool day_name() {
    for (const std::string_view name : kDays) {
      if (!rest_.starts_with(name.substr(0, 3))) continue;
      const bool whole = rest_.starts_with(name);
      rest_.remove_prefix(whole ? name.size() : 3);
      return whole;
    }
    good_ = false;
    return false;
  }
  void clock() {
    hour = number(2);
    literal(":");
    minute = number(2);
    literal(":");
    second = number(2);
  }
  bool next_is(char c) const { return rest_.starts_with(c); }
  bool whole() const { return good_ && rest_.empty(); }

  int hour = 0, minute = 0, second = 0;

 private:
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  Reader reader(text);
  int year = 0;
  unsigned month = 0;
  int day = 0;
  const bool whole_day = reader.day_name();
  if (reader.next_is(',')) {
    const std::string_view dash = whole_day ? "-" : " ";  // Sunday, 06-Nov-94 or Sun, 06 Nov 1994
    reader.literal(", ");
    day = reader.number(2);
    reader.literal(dash);
    month = reader.month();
    reader.literal(dash);
    year = reader.number(whole_day ? 2 : 4);
    if (whole_day) year += year < 69 ? 2000 : 1900;
    reader.literal(" ");
    reader.clock();
    reader.literal(" GMT");
  } else {  // Sun Nov  6 08:49:37 1994
    if (whole_day) return std::nullopt;
    reader.literal(" ");
    month = reader.month();
    reader.literal(" ");
    day = reader.number(2, true);
    reader.literal(" ");
    reader.clock();
    reader.literal(" ");
    year = reader.number(4);
  }
  if (!reader.whole() || reader.hour > 23 || reader.minute > 59 || reader.second > 59) return std::nullopt;
  const std::chrono::year_month_day date =
      std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(static_cast<unsigned>(day));
  if (!date.ok()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * 86'400 + reader.hour * 3'600 + reader.minute * 60 + reader.second;
}

}  // namespace sonde::wire
