// However a page is cut its title is the same, has no control characters and keeps its bound.
#include "wire/html_title.h"

#include <algorithm>
#include <cstdint>

#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using sonde::wire::HtmlTitle;
  const std::string_view page(reinterpret_cast<const char*>(data), size);
  HtmlTitle whole;
  const bool done = whole.feed(page);
  const std::size_t step = size == 0 ? 1 : std::size_t{1} + data[0] % 16;
  HtmlTitle parts;
  bool parts_done = false;
  for (std::size_t at = 0; at < size; at += step) parts_done = parts.feed(page.substr(at, step));
  const std::string title = whole.title();
  SONDE_CHECK(title == parts.title() && whole.found() == parts.found(), "a cut changes the title");
  SONDE_CHECK(size == 0 || done == parts_done, "a cut changes when it is done");
  SONDE_CHECK(title.size() <= HtmlTitle::kTitleLimit, "a title has a bound");
  SONDE_CHECK(std::ranges::none_of(title, [](unsigned char c) { return c < ' ' || c == 0x7f; }), "it has no controls");
  return 0;
}
