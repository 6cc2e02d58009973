// How the pages of `sonde tls` and `sonde http` are set: 80 columns, labelled lines, lists, waterfalls. Every text is
// made harmless here, so nothing of a peer reaches the terminal raw. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/page_text.h"
#include "results/record.h"

namespace sonde::cli {

enum class Ink : std::uint8_t { kNone, kBold, kGood, kBad, kDoubtful, kBar };

class Sheet {
 public:
  static constexpr std::size_t kWidth = 80;
  static constexpr std::size_t kIndent = 2;
  static constexpr std::size_t kLabel = 12;
  static constexpr std::size_t kValue = kWidth - kIndent - kLabel;
  static constexpr std::size_t kMostLines = 4;  // of one text

  explicit Sheet(bool colour) : colour_(colour) {}

  // Made harmless, without blanks at its ends.
  static std::string shown(std::string_view text);
  // The same, where an empty place would be puzzling.
  static std::string named(std::string_view text);
  // Fills up to `width` columns, where fmt would count code points.
  static std::string padded(std::string_view text, std::size_t width);
  // What stands before a labelled value.
  static std::string labelled(std::string_view label) { return std::string(kIndent, ' ') + padded(label, kLabel); }
  static std::string spaced(std::string_view word);  // without its underscores
  static std::string ms(std::int64_t us);

  std::string paint(Ink ink, std::string_view text) const;
  void add(std::string_view text) { text_ += text; }  // as it is
  void heading(std::string_view text) { text_ += "\n" + paint(Ink::kBold, text) + "\n"; }
  // The first line of a page; in bold.
  void title(std::string_view text) { text_ += paint(Ink::kBold, cut(text, kWidth)) + "\n\n"; }
  // What the page says first, behind a sign.
  void verdict(Ink ink, std::string_view sign, std::string_view text);
  // `head`, then the text; further lines stand under the first.
  void paragraph(std::string_view head, std::string_view text, Ink ink = Ink::kNone);
  // A labelled value; nothing where it is empty.
  void line(std::string_view label, std::string_view value, Ink ink = Ink::kNone) {
    paragraph(labelled(label), value, ink);
  }
  // A labelled list, wrapped between its words; what is too long for a line is cut.
  void list(std::string_view label, const std::vector<std::string>& words, std::size_t most);
  // A text behind a painted sign: what should be known.
  void note(std::string_view text);
  // A row of a waterfall: what took `us` from `start` on, of `total`.
  void bar(std::string_view label, std::int64_t start, std::int64_t us, std::int64_t total);
  // Each phase begins where the one before it ended.
  void waterfall(const results::Record& record);

  std::string take() { return std::move(text_); }

 private:
  static constexpr std::size_t kBar = 52;

  bool colour_;
  std::string text_;
};

}  // namespace sonde::cli
