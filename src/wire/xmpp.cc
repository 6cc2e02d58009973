#include "wire/xmpp.h"

#include <algorithm>

#include "wire/line.h"

namespace sonde::wire {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kData = "<![CDATA[";

struct Tag {
  enum class Kind : std::uint8_t { kNeed, kWrong, kOpen, kClose, kEmpty };
  Kind kind = Kind::kNeed;
  std::string_view name;  // without its prefix
  std::size_t end = 0;    // offset behind '>'
};

// The offset behind the '>' that ends the tag, which stands outside of quotes; npos when it is not there.
std::size_t tag_end(std::string_view text, std::size_t at) {
  char quote = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '>') {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

Tag tag_of(std::string_view tag, std::size_t end) {
  const bool close = tag[1] == '/';
  const bool empty = tag[tag.size() - 2] == '/' && !close;
  std::string_view name = tag.substr(close ? 2 : 1);
  name = name.substr(0, name.find_first_of(" \t\r\n/>"));
  name.remove_prefix(name.find(':') + 1);  // npos + 1 is 0
  if (name.empty()) return {.kind = Tag::Kind::kWrong};
  return {.kind = close ? Tag::Kind::kClose : (empty ? Tag::Kind::kEmpty : Tag::Kind::kOpen), .name = name, .end = end};
}

// The next tag at or behind `at`; the XML declaration and CDATA sections are passed over.
Tag next_tag(std::string_view text, std::size_t at) {
  while (true) {
    at = text.find('<', at);
    if (at == std::string_view::npos || at + 1 >= text.size()) return {};
    const std::string_view rest = text.substr(at);
    if (rest[1] == '?') {
      const std::size_t end = rest.find("?>", 2);
      if (end == std::string_view::npos) return {};
      at += end + 2;
    } else if (rest[1] == '!') {
      if (rest.size() < kData.size() && kData.starts_with(rest)) return {};
      if (!rest.starts_with(kData)) return {.kind = Tag::Kind::kWrong};
      const std::size_t end = rest.find("]]>", kData.size());
      if (end == std::string_view::npos) return {};
      at += end + 3;
    } else {
      const std::size_t end = tag_end(text, at + 1);
      if (end == std::string_view::npos) return {};
      return tag_of(text.substr(at, end - at), end);
    }
  }
}

}  // namespace

ParseResult<XmppFrame> XmppProcessor::parse(std::span<const std::byte> bytes) const {
  using Result = ParseResult<XmppFrame>;
  const std::string_view all = as_text(bytes.first(bytes.size() < kLimit ? bytes.size() : kLimit));
  const auto more = [&] {
    return all.size() == kLimit ? Result::fail("an XMPP element is too long") : Result::more(1);
  };
  const std::size_t begin = all.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return more();
  if (all[begin] != '<') return Result::fail("not an XML stream");
  const Tag first = next_tag(all, begin);
  XmppFrame::Kind kind = XmppFrame::Kind::kElement;
  std::size_t end = first.end;
  switch (first.kind) {
    case Tag::Kind::kNeed:
      return more();
    case Tag::Kind::kWrong:
      return Result::fail("not an XMPP stream");
    case Tag::Kind::kClose:
      kind = XmppFrame::Kind::kEnd;
      break;
    case Tag::Kind::kEmpty:
      break;
    case Tag::Kind::kOpen:
      if (first.name == "stream") {
        kind = XmppFrame::Kind::kHeader;
        break;
      }
      for (std::size_t depth = 1; depth > 0;) {
        const Tag tag = next_tag(all, end);
        if (tag.kind == Tag::Kind::kNeed) return more();
        if (tag.kind == Tag::Kind::kWrong) return Result::fail("not an XMPP stream");
        if (tag.kind == Tag::Kind::kOpen) ++depth;
        if (tag.kind == Tag::Kind::kClose) --depth;
        end = tag.end;
      }
  }
  return Result::got({.kind = kind, .name = first.name, .text = all.substr(begin, end - begin)}, end);
}

std::optional<XmppChild> xmpp_child(const XmppFrame& element, std::string_view name) {
  std::size_t at = next_tag(element.text, 0).end;
  for (std::size_t depth = 0;;) {
    const Tag tag = next_tag(element.text, at);
    if (tag.kind == Tag::Kind::kNeed || tag.kind == Tag::Kind::kWrong) return {};
    at = tag.end;
    if (tag.kind == Tag::Kind::kClose) {
      if (depth == 0) return {};
      --depth;
      continue;
    }
    if (depth == 0 && (name.empty() || tag.name == name)) {
      const std::string_view rest = element.text.substr(tag.end);
      return XmppChild{.name = tag.name,
                       .content = tag.kind == Tag::Kind::kEmpty ? std::string_view() : rest.substr(0, rest.find('<'))};
    }
    if (tag.kind == Tag::Kind::kOpen) ++depth;
  }
}

bool xmpp_has_version(const XmppFrame& header) {
  // The declaration has a version too: only the tag itself counts.
  const std::string_view tag = header.text.substr(header.text.rfind('<'));
  for (std::size_t at = tag.find("version"); at != std::string_view::npos; at = tag.find("version", at + 1)) {
    if (kSpace.find(tag[at - 1]) == std::string_view::npos) continue;
    std::string_view rest = tag.substr(at + 7);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n="), rest.size()));
    if (rest.size() >= 2 && (rest[0] == '\'' || rest[0] == '"')) return rest[1] >= '1' && rest[1] <= '9';
  }
  return false;
}

}  // namespace sonde::wire
