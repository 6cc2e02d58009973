#include <array>
#include <cstdint>

#include "probes/banner/banner_probe.h"
#include "probes/banner/timed_drive.h"
#include "results/escape.h"

// A conversation in time: byte 0 says how it ends, byte 1 the port, byte 2 where pieces are cut further; then pieces,
// each a byte of length and time, and its bytes. Cuts that take no time change nothing, and what is recorded was said.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sonde;
  using namespace sonde::probes;
  // One each, as what a module heard makes the next address suspect.
  const auto module = make_banner_module();
  const auto other = make_banner_module();
  constexpr std::array<std::uint16_t, 4> kPorts = {21, 25, 110, 4711};
  constexpr std::array<Nanos, 4> kPauses = {0, kMillisecond, 499 * kMillisecond, 700 * kMillisecond};
  if (size < 3) return 0;
  const auto end = static_cast<End>(data[0] % 3);
  const std::uint16_t port = kPorts[data[1] % kPorts.size()];
  const std::size_t step = 1 + data[2] % 16;

  std::vector<Piece> pieces;
  std::vector<Piece> cut;
  std::string said;
  for (std::size_t at = 3; at < size && pieces.size() < 32;) {
    const std::uint8_t head = data[at++];
    const std::size_t length = std::min<std::size_t>(head >> 2, size - at);
    const std::string_view bytes(reinterpret_cast<const char*>(data) + at, length);
    at += length;
    said += bytes;
    pieces.push_back({bytes, kPauses[head & 3]});
    cut.push_back({{}, kPauses[head & 3]});
    for (std::size_t from = 0; from < bytes.size(); from += step) cut.push_back({bytes.substr(from, step), 0});
  }

  const Timed whole = TimedRun(*module, port).run(pieces, end);
  SONDE_CHECK(TimedRun(*other, port).run(cut, end) == whole, "a cut changes the record");
  SONDE_CHECK(whole.leases_out == 0, "every lease is given back");
  SONDE_CHECK(whole.took <= 4 * kReadBudget, "each connection has its deadline");
  SONDE_CHECK(whole.heard.bytes >= 0 && static_cast<std::size_t>(whole.heard.bytes) <= said.size(), "bytes came");
  SONDE_CHECK(said.starts_with(results::unescaped(whole.heard.text)), "the text is what was said first");
  SONDE_CHECK(said.find(results::unescaped(whole.heard.product)) != std::string::npos, "the product was named");
  SONDE_CHECK((whole.heard.bytes == 0) == whole.heard.protocol.empty(), "bytes have a protocol, silence has none");
  return 0;
}
