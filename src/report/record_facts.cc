#include "report/record_facts.h"

#include <chrono>

namespace sonde::report {

std::string_view outcome_name(std::size_t outcome) {
  return outcome < kUnknownOutcome ? results::kOutcomeNames[outcome] : "unknown";
}

std::string_view phase_name(std::size_t phase) {
  return phase < kUnknownPhase ? results::kPhaseNames[phase] : "unknown";
}

std::optional<std::int64_t> parse_time(std::string_view text) {
  // 2026-11-22T21:26:36 and a fraction of up to nine digits, then Z
  constexpr std::string_view kForm = "0000-00-00T00:00:00";
  if (text.size() <= kForm.size() || text.size() > kForm.size() + 11 || text.back() != 'Z') return std::nullopt;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kForm[i] == '0' ? !digit : text[i] != kForm[i]) return std::nullopt;
  }
  const auto number = [text](std::size_t at, std::size_t digits) {
    int value = 0;
    for (std::size_t i = at; i < at + digits; ++i) value = value * 10 + (text[i] - '0');
    return value;
  };
  std::int64_t fraction_us = 0;
  const std::string_view fraction = text.substr(kForm.size(), text.size() - kForm.size() - 1);
  if (!fraction.empty()) {
    if (fraction[0] != '.' || fraction.size() < 2) return std::nullopt;
    std::int64_t unit = 100'000;
    for (const char digit : fraction.substr(1)) {
      if (digit < '0' || digit > '9') return std::nullopt;
      fraction_us += (digit - '0') * unit;
      unit /= 10;
    }
  }
  const std::chrono::year_month_day day(std::chrono::year(number(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                        std::chrono::day(static_cast<unsigned>(number(8, 2))));
  const int hour = number(11, 2);
  const int minute = number(14, 2);
  const int second = number(17, 2);
  if (!day.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(day).time_since_epoch().count();
  return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1'000'000 + fraction_us;
}

}  // namespace sonde::report
