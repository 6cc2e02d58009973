// The first byte says into what pieces the rest is cut: lines and facts must not depend on it. What the reader takes, a
// tally must be able to say.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "report/line_splitter.h"
#include "report/record_reader.h"
#include "report/report_message.h"
#include "report/report_tally.h"

namespace {

using sonde::report::LineSplitter;
using sonde::report::RecordReader;

std::string report_of(std::string_view bytes, std::size_t piece) {
  LineSplitter splitter(RecordReader::kPadding, 4096);
  static RecordReader reader;  // what it has read does not show in what it reads
  sonde::report::RecordFacts facts;
  sonde::report::ReportTally tally;
  sonde::report::Sources sources;
  const auto take = [&] {
    while (const auto line = splitter.next()) {
      SONDE_CHECK(line->text.find('\n') == std::string_view::npos, "one line");
      if (reader.read(line->text, facts) == nullptr) {
        tally.add(facts);
      } else {
        ++sources.lines_invalid;
      }
    }
  };
  while (!bytes.empty()) {
    const std::span<char> room = splitter.room();
    const std::size_t size = std::min({piece, bytes.size(), room.size()});
    std::copy_n(bytes.begin(), size, room.begin());
    splitter.filled(size);
    bytes.remove_prefix(size);
    take();
  }
  splitter.finish();
  take();
  return sonde::report::report_json(tally, sources, 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = report_of(bytes, bytes.size() + 1);
  SONDE_CHECK(whole == report_of(bytes, data[0] % 32 + 1), "any cutting gives the same report");
  SONDE_CHECK(whole.find_first_of("<>&") == std::string::npos, "nothing of it ends an HTML element");
  return 0;
}
