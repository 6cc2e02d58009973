#include "wire/html_title.h"

#include <algorithm>

#include "wire/ascii.h"
#include "wire/html_text.h"

namespace sonde::wire {
namespace {

// Elements whose content is text up to their own end tag (WHATWG HTML, 13.2.6.4).
constexpr std::array<std::string_view, 9> kRawElements = {"title",   "script", "style",    "textarea", "noscript",
                                                          "noembed", "xmp",    "noframes", "iframe"};
constexpr std::uint8_t kTitle = 0;

constexpr bool is_space(char c) { return is_blank(c) || c == '\r' || c == '\n' || c == '\f'; }

}  // namespace

// How many bytes at the front change nothing.
std::size_t HtmlTitle::skip(std::string_view page) const {
  switch (mode_) {
    case Mode::kText:
      return std::min(page.find('<'), page.size());
    case Mode::kRawText:
      return raw_element_ == kTitle ? 0 : std::min(page.find('<'), page.size());
    case Mode::kQuoted:
      return std::min(page.find(quote_), page.size());
    case Mode::kBogus:
      return std::min(page.find('>'), page.size());
    default:
      return 0;
  }
}

bool HtmlTitle::feed(std::string_view page) {
  page = page.substr(0, kPageLimit - seen_);
  seen_ += static_cast<std::uint32_t>(page.size());
  while (!page.empty() && !done_) {
    page.remove_prefix(skip(page));
    if (page.empty()) break;
    step(page.front());
    page.remove_prefix(1);
  }
  done_ = done_ || seen_ == kPageLimit;
  return done_;
}

void HtmlTitle::begin_tag(bool is_end) {
  end_tag_ = is_end;
  self_closing_ = false;
  name_size_ = 0;
  mode_ = Mode::kTagName;
}

void HtmlTitle::step(char c) {
  switch (mode_) {
    case Mode::kText:
      if (c == '<') mode_ = Mode::kLess;
      return;
    case Mode::kLess:
      if (is_letter(c)) {
        begin_tag(false);
        tag_name(c);
      } else if (c == '/') {
        mode_ = Mode::kEndLess;
      } else if (c == '!') {
        mode_ = Mode::kBang;
      } else if (c == '?') {
        mode_ = Mode::kBogus;
      } else if (c != '<') {
        mode_ = Mode::kText;
      }
      return;
    case Mode::kEndLess:
      if (is_letter(c)) {
        begin_tag(true);
        tag_name(c);
      } else {
        mode_ = c == '>' ? Mode::kText : Mode::kBogus;
      }
      return;
    case Mode::kBang:
    case Mode::kBangDash:
      if (c == '-') {
        if (mode_ == Mode::kBangDash) dashes_ = 2;  // "<!-->" is a whole comment
        bang_ = false;
        mode_ = mode_ == Mode::kBang ? Mode::kBangDash : Mode::kComment;
      } else {
        mode_ = c == '>' ? Mode::kText : Mode::kBogus;
      }
      return;
    case Mode::kComment:
      if (c == '>' && dashes_ >= 2) {
        mode_ = Mode::kText;
      } else if (c == '!' && dashes_ >= 2 && !bang_) {
        bang_ = true;
      } else {
        dashes_ = c == '-' ? static_cast<std::uint8_t>(bang_ ? 1 : std::min(dashes_ + 1, 2)) : 0;
        bang_ = false;
      }
      return;
    case Mode::kBogus:
      if (c == '>') mode_ = Mode::kText;
      return;
    case Mode::kTagName:
      return tag_name(c);
    case Mode::kInTag:
    case Mode::kAfterEquals:
    case Mode::kUnquoted:
      if (c == '>') return end_of_tag();
      if (mode_ == Mode::kInTag) {
        self_closing_ = c == '/';
        if (c == '=') mode_ = Mode::kAfterEquals;
      } else if (is_space(c)) {
        if (mode_ == Mode::kUnquoted) mode_ = Mode::kInTag;
      } else if (mode_ == Mode::kAfterEquals) {
        quote_ = c;
        mode_ = c == '"' || c == '\'' ? Mode::kQuoted : Mode::kUnquoted;
      }
      return;
    case Mode::kQuoted:
      if (c == quote_) mode_ = Mode::kInTag;
      return;
    case Mode::kRawText:
      if (c == '<') {
        mode_ = Mode::kRawLess;
      } else {
        keep({&c, 1});
      }
      return;
    case Mode::kRawLess:
      if (c == '/') {
        name_size_ = 0;
        mode_ = Mode::kRawEndName;
        return;
      }
      keep("<");
      if (c == '<') return;
      mode_ = Mode::kRawText;
      keep({&c, 1});
      return;
    case Mode::kRawEndName:
      return raw_end_name(c);
  }
}

void HtmlTitle::tag_name(char c) {
  if (c == '>') return end_of_tag();
  if (is_space(c) || c == '/') {
    self_closing_ = c == '/';
    mode_ = Mode::kInTag;
  } else if (name_size_ < name_.size()) {
    name_[name_size_++] = lower(c);
  }
}

void HtmlTitle::end_of_tag() {
  const std::string_view name(name_.data(), name_size_);
  mode_ = Mode::kText;
  if (name == "svg") {
    if (end_tag_ && svg_depth_ > 0) --svg_depth_;
    if (!end_tag_ && !self_closing_ && svg_depth_ < kPageLimit - 1) ++svg_depth_;
    return;
  }
  const auto* const found = std::ranges::find(kRawElements, name);
  if (end_tag_ || found == kRawElements.end()) return;
  const auto element = static_cast<std::uint8_t>(found - kRawElements.begin());
  // Within <svg> elements are XML's: a title is any element, and "/>" closes it.
  if (svg_depth_ > 0 && (element == kTitle || self_closing_)) return;
  raw_element_ = element;
  mode_ = Mode::kRawText;
  if (element == kTitle) found_ = true;
}

// Behind "</" in an element of text: its own name and then a blank, "/" or ">" ends it; anything else is text.
void HtmlTitle::raw_end_name(char c) {
  const std::string_view wanted = kRawElements[raw_element_];
  const std::string_view name(name_.data(), name_size_);
  if (name.size() == wanted.size() && (is_space(c) || c == '/' || c == '>')) {
    if (raw_element_ == kTitle) {
      done_ = true;
      return;
    }
    begin_tag(true);
    return tag_name(c);
  }
  if (name.size() < wanted.size() && lower(c) == wanted[name.size()]) {
    name_[name_size_++] = c;
    return;
  }
  keep("</");
  keep(name);
  mode_ = Mode::kRawText;
  if (c == '<') {
    mode_ = Mode::kRawLess;
  } else {
    keep({&c, 1});
  }
}

// Of a title only, and of other elements nothing.
void HtmlTitle::keep(std::string_view text) {
  if (raw_element_ != kTitle) return;
  for (const char c : text) {
    const bool blank = is_space(c);
    if (blank && (raw_.empty() || raw_.back() == ' ')) continue;
    if (raw_.size() == kRawLimit) {
      done_ = true;
      return;
    }
    raw_ += blank ? ' ' : c;
  }
}

std::string HtmlTitle::title() const { return html_text(raw_, kTitleLimit); }

}  // namespace sonde::wire
