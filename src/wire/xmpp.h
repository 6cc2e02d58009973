// The XML stream of XMPP (RFC 6120, 4) in pieces: the opening tag of the stream, each element directly below it, and
// the stream's end. As much of XML as a stream may hold: no comments, no DTD, no processing instructions but the
// declaration (11.1). Prefixes of names are dropped, since a server may choose them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "wire/frame.h"

namespace sonde::wire {

struct XmppFrame {
  enum class Kind : std::uint8_t { kHeader, kElement, kEnd };
  Kind kind = Kind::kElement;
  std::string_view name;  // "stream", "features", "proceed"
  std::string_view text;  // all of it, tags included
};

class XmppProcessor {
 public:
  using Frame = XmppFrame;
  static constexpr std::size_t kLimit = 8192;
  static constexpr std::size_t min_frame_size() { return 4; }  // "<a/>"
  ParseResult<XmppFrame> parse(std::span<const std::byte> bytes) const;
};

struct XmppChild {
  std::string_view name;
  std::string_view content;  // up to the next tag
};

// The first child of an element, whatever its name, or the first one of that name.
std::optional<XmppChild> xmpp_child(const XmppFrame& element, std::string_view name = {});

// Whether the opening tag says version='1.x' or later; without it the stream has no features (4.7.5).
bool xmpp_has_version(const XmppFrame& header);

}  // namespace sonde::wire
