#include "cli/sheet.h"

#include <fmt/format.h>

#include "targets/input_text.h"

namespace sonde::cli {

std::string Sheet::shown(std::string_view text) {
  const std::string harmless_text = harmless(text);
  return std::string(targets::trimmed(harmless_text));
}

std::string Sheet::named(std::string_view text) {
  std::string name = shown(text);
  return name.empty() ? "(empty)" : name;
}

std::string Sheet::padded(std::string_view text, std::size_t width) {
  const std::size_t used = columns(text);
  return std::string(text) + std::string(used < width ? width - used : 0, ' ');
}

std::string Sheet::spaced(std::string_view word) {
  std::string text(word);
  std::ranges::replace(text, '_', ' ');
  return text;
}

std::string Sheet::ms(std::int64_t us) {
  const double value = static_cast<double>(us) / 1000;
  return us < 10'000 ? fmt::format("{:.2f} ms", value) : fmt::format("{:.0f} ms", value);
}

std::string Sheet::paint(Ink ink, std::string_view text) const {
  static constexpr auto kCodes = std::to_array<std::string_view>({"0", "1", "32", "31", "33", "36"});
  if (!colour_ || ink == Ink::kNone || text.empty()) return std::string(text);
  return fmt::format("\033[{}m{}\033[0m", kCodes[static_cast<std::size_t>(ink)], text);
}

void Sheet::verdict(Ink ink, std::string_view sign, std::string_view text) {
  std::string lead = paint(ink, sign) + " ";
  for (const std::string& line : wrap(shown(text), kWidth - kIndent, kMostLines)) {
    text_ += lead + paint(ink, line) + "\n";
    lead.assign(kIndent, ' ');
  }
}

void Sheet::paragraph(std::string_view head, std::string_view text, Ink ink) {
  const std::size_t indent = columns(head);
  std::string lead(head);
  for (const std::string& line : wrap(shown(text), kWidth - indent, kMostLines)) {
    text_ += lead + paint(ink, line) + "\n";
    lead.assign(indent, ' ');
  }
}

void Sheet::list(std::string_view label, const std::vector<std::string>& words, std::size_t most) {
  std::string row;
  const auto put = [&](const std::string& word) {
    if (!row.empty() && columns(row) + 1 + columns(word) > kValue) {
      text_ += labelled(label) + row + "\n";
      label = "";
      row.clear();
    }
    row += (row.empty() ? "" : " ") + word;
  };
  for (std::size_t i = 0; i < std::min(words.size(), most); ++i)
    put(cut(named(words[i]), kValue - 1) + (i + 1 < words.size() ? "," : ""));
  if (words.size() > most) put(fmt::format("… {} more", words.size() - most));
  if (!row.empty()) text_ += labelled(label) + row + "\n";
}

void Sheet::note(std::string_view text) {
  std::string lead = "  " + paint(Ink::kDoubtful, "!") + " ";
  for (const std::string& line : wrap(shown(text), kWidth - 4, kMostLines)) {
    text_ += lead + line + "\n";
    lead = "    ";
  }
}

void Sheet::bar(std::string_view label, std::int64_t start, std::int64_t us, std::int64_t total) {
  const auto column = [total](std::int64_t at) {
    return std::min(kBar, static_cast<std::size_t>(at * static_cast<std::int64_t>(kBar) / total));
  };
  const std::size_t from = std::min(column(start), kBar - 1);
  const std::size_t end = column(start + us);
  const std::size_t length = std::clamp<std::size_t>(end - std::min(from, end), 1, kBar - from);
  std::string bar;
  for (std::size_t k = 0; k < length; ++k) bar += "█";
  text_ += labelled(label) + std::string(from, ' ') + paint(Ink::kBar, bar) + std::string(kBar - from - length, ' ') +
           fmt::format("{:>12}\n", ms(us));
}

void Sheet::waterfall(const results::Record& record) {
  using results::Phase;
  const std::int64_t total = record.timing_us[static_cast<std::size_t>(Phase::kDone)];
  if (total <= 0) return;
  heading("Time");
  std::int64_t start = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Phase::kDone); ++i) {
    const std::int32_t us = record.timing_us[i];
    if (us < 0) continue;
    bar(spaced(results::kPhaseNames[i]), start, us, total);
    start += us;
  }
  text_ += labelled("in all") + std::string(kBar, ' ') + fmt::format("{:>12}\n", ms(total));
}

}  // namespace sonde::cli
