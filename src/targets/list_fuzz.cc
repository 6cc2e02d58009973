// The first byte says into what pieces the rest is cut; the lines must not depend on it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "targets/list_reader.h"

namespace {

using sonde::targets::Line;
using sonde::targets::LineSplitter;

struct Seen {
  std::string text;
  std::uint64_t number;
  bool overlong;
  friend bool operator==(const Seen&, const Seen&) = default;
};

std::vector<Seen> lines_of(std::string_view bytes, std::size_t piece) {
  std::vector<Seen> seen;
  const auto sink = [&](const Line& line) {
    SONDE_CHECK(!line.text.empty() && line.text.size() <= LineSplitter::kMaxLine, "bounded, with text");
    SONDE_CHECK(line.text.find('\n') == std::string_view::npos, "one line");
    SONDE_CHECK(line.overlong || line.text.find('#') == std::string_view::npos, "no comment");
    SONDE_CHECK(seen.empty() || seen.back().number < line.number, "numbers ascend");
    seen.push_back({std::string(line.text), line.number, line.overlong});
    return true;
  };
  LineSplitter splitter;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    SONDE_CHECK(splitter.feed(bytes.substr(0, piece), sink), "nobody stopped it");
  splitter.finish(sink);
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  SONDE_CHECK(lines_of(bytes, bytes.size() + 1) == lines_of(bytes, data[0] % 16 + 1),
              "any cutting gives the same lines");
  return 0;
}
