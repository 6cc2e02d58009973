// The tcp prober's dialogue against arbitrary peers. Byte 0 chooses the module, byte 1 how the connection ends, bytes 2
// and 3 how what comes is cut; the rest is what the peer says. The run does not depend on the cuts; what is said in
// answer to groups is made of the peer's own bytes.
#include <array>
#include <cstdint>

#include "probes/check/go_pattern.h"
#include "probes/check/stream_drive.h"

namespace {

using namespace sonde;                  // NOLINT(google-build-using-namespace): a fuzzer of this one folder
using namespace sonde::probes::driven;  // NOLINT(google-build-using-namespace)

probes::QueryResponse entry(const char* expect, const char* send, bool starttls = false) {
  return {
      .expect = *expect == '\0' ? nullptr : std::make_shared<const RE2>(expect), .send = send, .starttls = starttls};
}

StreamDrive& chosen(std::uint8_t choice) {
  static const std::array<std::vector<probes::QueryResponse>, 5> kModules = {
      std::vector{entry("^SSH-2.0-(.*)$", "SSH-2.0-$1"), entry("", "bye")},
      {entry("(?P<a>.)(.)?", "$a ${2} $$ $3 ${x"), entry("^$", ""), entry("b$", "")},
      {entry("^220", "STARTTLS"), entry("^220", "", true), entry("inner", "")},
      {entry("", "hello"), entry("[^a-z]", ""), entry("(x*)(y)?$", "$1-$2")},
      {entry("never to be seen", "")}};
  static std::array<std::unique_ptr<StreamDrive>, kModules.size()> all;
  const std::size_t index = choice % kModules.size();
  if (!all[index]) {
    probes::TlsConfig config;
    config.insecure_skip_verify = true;
    auto prober = probes::make_tcp_prober({.name = "m",
                                           .kind = probes::ProberKind::kTcp,
                                           .tcp = {.query_response = kModules[index], .tls_config = config}});
    SONDE_CHECK(prober, "options that go together");
    all[index] = std::make_unique<StreamDrive>(*std::move(prober));
  }
  return *all[index];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 4, size - 4);
  const auto scene = [&] {
    return Meeting{.peer = std::make_shared<PlainPeer>(std::vector<std::string>{}, text),
                   .end = static_cast<End>(data[1] % 3),
                   .unopened = {}};
  };
  StreamDrive& drive = chosen(data[0]);
  drive.piece = Drive::kLargestRead;
  drive.cut = SIZE_MAX;
  const Ran whole = drive.run(scene());
  drive.piece = data[2] == 0 ? Drive::kLargestRead : data[2];
  drive.cut = data[3];
  SONDE_CHECK(drive.run(scene()).same_as(whole), "a cut changes the run");

  // A template is expanded to what it has itself and what the groups have.
  static const RE2 kPattern("(?P<n>.)(.)?");
  std::array<std::string_view, 3> groups;
  if (!probes::go_match(kPattern, text, groups)) return 0;
  for (const std::string_view group : groups)
    SONDE_CHECK(group.data() == nullptr ||
                    (group.data() >= text.data() && group.data() + group.size() <= text.data() + text.size()),
                "groups are parts of the text");
  SONDE_CHECK(probes::go_expand(kPattern, text, groups).size() <= text.size() * 9, "it grows by its groups alone");
  return 0;
}
