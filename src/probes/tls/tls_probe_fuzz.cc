// The whole tls probe against arbitrary servers. Byte 0 chooses the options, the rest is a script: each step a byte
// that says what happens, with the bytes that go with it, over as many connections as the probe asks for. There is a
// verdict whatever happens, in bounded many connections; a message of ours is never empty; every lease comes back.
#include <array>
#include <cstdint>

#include "probes/tls/crafted_server.h"
#include "probes/tls/drive.h"

namespace {

using namespace sonde;          // NOLINT(google-build-using-namespace): a fuzzer of this one folder
using namespace sonde::probes;  // NOLINT(google-build-using-namespace)
using results::Outcome;
using wire::operator+;  // of TlsBytes

Ready& chosen(std::uint8_t choice) {
  using Options = Ready::Options;
  static std::array<Ready, 6> all{
      Ready(Options{{"tls-engine", "lean"}}),
      Ready(Options{{"tls-engine", "lean"}, {"verify", "true"}, {"pem", "true"}}),
      Ready(Options{{"tls-engine", "lean"}, {"enumerate", "versions,groups"}, {"jarm", "true"}}),
      Ready(Options{{"tls-engine", "full"}}),
      Ready(Options{{"tls-engine", "full"}, {"resumption", "true"}}),
      Ready(Options{{"tls-engine", "lean"}, {"starttls", "smtp"}, {"enumerate", "versions"}})};
  return all[choice % all.size()];
}

class Script {
 public:
  Script(const std::uint8_t* data, std::size_t size) : left_(data, size) {}
  bool at_end() const { return left_.empty(); }
  std::uint8_t byte() {
    if (left_.empty()) return 0;
    const std::uint8_t value = left_.front();
    left_ = left_.subspan(1);
    return value;
  }
  wire::TlsBytes bytes(std::size_t size) {
    const auto taken = std::as_bytes(left_.first(std::min(size, left_.size())));
    left_ = left_.subspan(taken.size());
    return {taken.begin(), taken.end()};
  }

 private:
  std::span<const std::uint8_t> left_;
};

// One thing that a server, or the network, does.
void act(Driven& probe, Script& script) {
  const std::uint8_t what = script.byte();
  const std::size_t piece = (what & 16) != 0 ? 1 : Driven::kLargestRead;
  switch (what % 8) {
    case 0:
      probe.hear(script.bytes(script.byte()), piece);
      return;
    case 1:
      probe.hear(crafted::record(22, script.bytes(script.byte())), piece);
      return;
    case 2:
      probe.hear(crafted::plain_flight({.cipher = static_cast<std::uint16_t>(0xc000U | script.byte())}), piece);
      return;
    case 3: {
      if (!wire::read_client_hello(probe.sent)) return;
      crafted::Server13 server(probe.sent, static_cast<std::uint16_t>(0x1301 + script.byte() % 3));
      if (!server.has_share(wire::kX25519)) return;
      probe.hear(server.flight(crafted::encrypted_extensions() + script.bytes(script.byte())), piece);
      return;
    }
    case 4:
      probe.hear(crafted::alert(script.byte() % 3, script.byte()), piece);
      return;
    case 5:
      probe.fin();
      return;
    case 6:
      probe.reset((what & 32) != 0 ? Outcome::kTimeout : (what & 64) != 0 ? Outcome::kLocalError : Outcome::kReset);
      return;
    default:
      probe.silence();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  constexpr std::uint32_t kMostConnections = 512;  // the engine's bound; no course of surveys is as long
  Script script(data + 1, size - 1);
  Driven probe(chosen(data[0]));
  while (!probe.is_done()) {
    SONDE_CHECK(probe.connections < kMostConnections, "a probe has enough at some time");
    probe.connect();
    while (probe.is_open()) {
      if (script.at_end()) {
        probe.fin();
      } else {
        act(probe, script);
      }
    }
  }
  (void)probe.values();
  return 0;
}
