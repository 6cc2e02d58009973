#include <cstdint>

#include "base/check.h"
#include "results/escape.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string text;
  sonde::results::append_escaped(bytes, text);
  SONDE_CHECK(sonde::results::unescaped(text) == bytes, "the bytes can be had back");
  std::string again;
  for (const char c : text)
    SONDE_CHECK(static_cast<unsigned char>(c) >= 0x20 || c == '\t' || c == '\n' || c == '\r', "no control characters");
  sonde::results::append_escaped(text, again);
  std::size_t backslashes = 0;
  for (const char c : text) backslashes += c == '\\' ? 1 : 0;
  SONDE_CHECK(again.size() == text.size() + 3 * backslashes, "what is escaped is valid UTF-8");
  return 0;
}
