// The first byte chooses the codings and the cuts. However the data are cut the same comes out; what came before an
// error may be longer with smaller pieces, as the libraries hold back less.
#include "wire/content_inflate.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "wire/line.h"

namespace {

using namespace sonde::wire;
constexpr std::uint64_t kCap = 100'000;
constexpr std::string_view kCodings[] = {"gzip",     "deflate",    "br",       "zstd",
                                         "br, gzip", "gzip, zstd", "zstd, br", "deflate, gzip, identity, deflate"};

struct Decoded {
  ContentInflate::State state;
  bool complete;
  std::string text;
};

Decoded decode(std::string_view codings, std::span<const std::byte> data, std::size_t step) {
  const auto inflater = ContentInflate::create(codings, kCap);
  SONDE_CHECK(inflater, "these are known");
  std::string text;
  while (!data.empty()) {
    const auto part = data.first(std::min(step, data.size()));
    (*inflater)->feed(part, [&](std::span<const std::byte> piece) { text += as_text(piece); });
    data = data.subspan(part.size());
  }
  SONDE_CHECK(text.size() <= kCap && (*inflater)->produced() == text.size(), "never more than the cap");
  return {(*inflater)->state(), (*inflater)->complete(), std::move(text)};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using State = ContentInflate::State;
  if (size == 0) return 0;
  const std::string_view codings = kCodings[data[0] & 7];
  const auto bytes = std::span(reinterpret_cast<const std::byte*>(data), size).subspan(1);
  const Decoded whole = decode(codings, bytes, bytes.size());
  const Decoded parts = decode(codings, bytes, std::size_t{1} + (data[0] >> 3));
  if (whole.state == State::kError || parts.state == State::kError) {
    SONDE_CHECK(whole.text.starts_with(parts.text) || parts.text.starts_with(whole.text), "a cut changes the text");
    return 0;
  }
  SONDE_CHECK(whole.text == parts.text, "a cut changes the text");
  SONDE_CHECK(whole.state == parts.state && whole.complete == parts.complete, "a cut changes the end");
  return 0;
}
