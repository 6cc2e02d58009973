// What a peer says, on its way to a terminal: harmless, in lines that fit, nothing lost that was not cut.
#include "base/check.h"
#include "cli/page_text.h"

using namespace sonde::cli;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view raw(reinterpret_cast<const char*>(data), size);
  const std::string text = harmless(raw);
  SONDE_CHECK(harmless(text) == text, "once is enough");
  for (const char c : text)
    SONDE_CHECK(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "no control character is left");
  std::string kept;
  std::string expected;
  for (const std::string& line : wrap(text, 8 + size % 90, SIZE_MAX)) {
    SONDE_CHECK(columns(line) <= 8 + size % 90, "every line fits");
    kept += line;
  }
  std::erase(kept, ' ');
  expected = text;
  std::erase(expected, ' ');
  SONDE_CHECK(kept == expected, "wrapping loses nothing but blanks");
  SONDE_CHECK(wrap(text, 20, 3).size() <= 3, "bounded");
  SONDE_CHECK(columns(cut(text, 5)) <= 5, "what is cut fits");
  return 0;
}
