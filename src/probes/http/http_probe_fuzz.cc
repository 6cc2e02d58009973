// The http probe against arbitrary servers. Byte 0 chooses the options, byte 1 how connections end, bytes 2 and 3 how
// what comes is cut; the rest is what is said on each connection, between separators. There is a verdict whatever
// happens, in bounded many connections; the record does not depend on the cuts; every lease comes back.
#include <array>
#include <cstdint>

#include "probes/http/drive.h"

namespace {

using namespace sonde;                  // NOLINT(google-build-using-namespace): a fuzzer of this one folder
using namespace sonde::probes::driven;  // NOLINT(google-build-using-namespace)

constexpr std::string_view kSeparator = "\xf8\xf9";
constexpr std::size_t kMostMeetings = 24;

struct Kind {
  Ready::Options options;
  // What was begun in HTTP/2 is told when it is fetched what is to be sent, which is once a read.
  bool cut_matters = false;
};

Ready& chosen(std::uint8_t choice, bool& cut_matters) {
  static const std::array<Kind, 9> kKinds = {
      Kind{{}},
      Kind{{{"follow", "4"}, {"dialogue", "true"}}},
      Kind{{{"follow", "4"}, {"method", "POST"}, {"body", "k=v"}, {"header", "Cookie: own=1"}}},
      Kind{{{"scheme", "auto"}, {"max-body", "100"}, {"keep-body", "true"}}},
      Kind{{{"scheme", "https"}}},
      Kind{{{"repeat", "3"}, {"path", "/a"}, {"path", "/b"}, {"expect-status", "200-299"}, {"expect-body", "a+b"}}},
      Kind{{{"method", "HEAD"}, {"max-body", "0"}}},
      Kind{{{"http", "2"}, {"follow", "4"}}, true},
      Kind{{{"http", "2"}, {"scheme", "auto"}, {"repeat", "2"}, {"max-body", "100"}}, true}};
  static std::array<std::unique_ptr<Ready>, kKinds.size()> all;
  const std::size_t kind = choice % kKinds.size();
  cut_matters = kKinds[kind].cut_matters;
  if (!all[kind]) all[kind] = std::make_unique<Ready>(kKinds[kind].options);
  return *all[kind];
}

std::vector<Meeting> meetings_of(std::string_view text, std::uint8_t ends) {
  std::vector<Meeting> meetings;
  while (!text.empty() && meetings.size() < 8) {
    const std::string_view said = text.substr(0, text.find(kSeparator));
    text.remove_prefix(std::min(text.size(), said.size() + kSeparator.size()));
    meetings.push_back(saying(std::string(said), static_cast<End>((ends >> (meetings.size() % 4 * 2) & 3U) % 3)));
  }
  while (meetings.size() < kMostMeetings) meetings.push_back(saying("", End::kFin));
  return meetings;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 4, size - 4);
  bool cut_matters = false;
  Ready& ready = chosen(data[0], cut_matters);
  Drive how{.host = "a.example"};
  const Told whole = how.run(ready, meetings_of(text, data[1]));
  SONDE_CHECK(whole.sent.size() <= 12, "a redirect a connection, one of each scheme, one more where one was lost");
  how.piece = data[2] == 0 ? Drive::kLargestRead : data[2];
  how.cut = data[3];
  const Told cut = how.run(ready, meetings_of(text, data[1]));
  // Where a request follows on a connection, what came before it was asked for is a matter of time.
  if (!cut_matters && whole.reused == 0 && cut.reused == 0) SONDE_CHECK(cut.same_as(whole), "a cut changes the record");
  return 0;
}
