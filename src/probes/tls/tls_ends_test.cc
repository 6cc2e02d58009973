// FIN, RST and silence at every byte of a server's flight: the outcome is the end's, and what came before it is kept.
#include <gtest/gtest.h>

#include "probes/tls/crafted_server.h"
#include "probes/tls/drive.h"
#include "results/outcome.h"
#include "tls/memory_server.h"

namespace sonde::probes {
namespace {

using crafted::TlsBytes;
using results::Outcome;
using tls::MemoryConnection;
using tls::MemoryServer;

enum class End : std::uint8_t { kFin, kReset, kSilence };
constexpr std::array kEnds = {std::pair{End::kFin, Outcome::kClosed}, std::pair{End::kReset, Outcome::kReset},
                              std::pair{End::kSilence, Outcome::kTimeout}};

void finish(Driven& probe, End end) {
  if (end == End::kFin) probe.fin();
  if (end == End::kReset) probe.reset();
  if (end == End::kSilence) probe.silence();
}

// Where the records end.
std::vector<std::size_t> record_ends(const TlsBytes& flight) {
  std::vector<std::size_t> ends;
  std::size_t at = 0;
  while (at < flight.size()) {
    const auto parsed = wire::TlsRecordProcessor().parse(std::span(flight).subspan(at));
    SONDE_CHECK(parsed.consumed > 0, "whole records");
    ends.push_back(at += parsed.consumed);
  }
  return ends;
}

// The first `size` bytes of the flight, then the end: the same in one piece and in single bytes.
void expect_end(Ready& ready, MemoryConnection* live, const TlsBytes& recorded, std::size_t size, End end,
                Outcome outcome, std::size_t piece) {
  Driven probe(ready);
  probe.connect();
  const TlsBytes flight = live != nullptr ? live->hear(probe.sent) : recorded;
  const std::vector<std::size_t> ends = record_ends(flight);
  size = std::min(size, flight.size() - 1);
  probe.hear(TlsBytes(flight.begin(), flight.begin() + static_cast<std::ptrdiff_t>(size)), piece);
  SCOPED_TRACE(testing::Message() << size << " of " << flight.size() << " bytes, then " << results::name(outcome));
  EXPECT_TRUE(probe.handshaking());
  const bool enough = probe.is_done();  // a TLS 1.3 client need not hear the server's Finished
  if (!enough) finish(probe, end);
  EXPECT_EQ(results::name(probe.outcome()), results::name(enough ? Outcome::kSuccess : outcome)) << probe.error;
  EXPECT_EQ(probe.has(TlsField::kVersion), size >= ends[0]);
  EXPECT_EQ(probe.has(TlsField::kCipher), size >= ends[0]);
  if (enough) {
    EXPECT_TRUE(probe.has(TlsField::kSha256));
    return;
  }
  const bool tls12 = probe.text(TlsField::kVersion) == "TLS1.2";
  if (tls12) {
    EXPECT_EQ(probe.has(TlsField::kSha256), size >= ends[1]);
  }
  // TLS 1.3 tells it in the certificate; before, it may come up to the flight's end.
  EXPECT_EQ(probe.has(TlsField::kOcspStapled), !tls12 && probe.has(TlsField::kSha256));
  if (end != End::kSilence) {
    EXPECT_EQ(probe.error, std::string(end == End::kFin ? "closed " : "reset ") +
                               (size == 0 ? "without a word" : "during the handshake"));
  }
}

TEST(TlsEnds, at_every_byte_of_a_recorded_1_2_flight_the_lean_engine_keeps_what_it_has) {
  Ready ready(Ready::Options{{"tls-engine", "lean"}});
  Driven first(ready);
  first.connect();
  const MemoryServer server({.max_version = wire::kTls12, .issuers = 0});
  const TlsBytes flight = MemoryConnection(server).hear(first.sent);
  ASSERT_GT(flight.size(), 400U);
  for (std::size_t size = 0; size < flight.size(); ++size)
    for (const auto& [end, outcome] : kEnds) expect_end(ready, nullptr, flight, size, end, outcome, SIZE_MAX);
  for (std::size_t size = 0; size < flight.size(); size += 11)
    for (const auto& [end, outcome] : kEnds) expect_end(ready, nullptr, flight, size, end, outcome, 1);
}

// Each time another handshake with a server that is there.
class LiveEnds : public testing::TestWithParam<std::tuple<const char*, std::uint16_t>> {};

TEST_P(LiveEnds, at_every_byte_of_a_live_flight_the_end_is_the_outcome) {
  const auto& [engine, version] = GetParam();
  Ready ready(Ready::Options{{"tls-engine", engine}});
  Driven first(ready);
  first.connect();
  const MemoryServer server({.min_version = version, .max_version = version, .issuers = 0, .alpn = "h2"});
  const TlsBytes flight = MemoryConnection(server).hear(first.sent);
  const std::vector<std::size_t> ends = record_ends(flight);
  std::size_t turn = 0;
  for (std::size_t size = 0; size < flight.size(); ++size) {
    // Every byte around the records' ends, and of the rest enough to meet every message.
    const bool near = std::ranges::any_of(ends, [&](std::size_t end) { return size + 3 > end && size < end + 8; });
    if (!near && size % 16 != 0) continue;
    const auto& [end, outcome] = kEnds[turn++ % kEnds.size()];
    MemoryConnection peer(server);
    expect_end(ready, &peer, {}, size, end, outcome, size % 2 == 0 ? 1 : SIZE_MAX);
  }
  EXPECT_GT(turn, 60U);
}

INSTANTIATE_TEST_SUITE_P(Engines, LiveEnds,
                         testing::Combine(testing::Values("lean", "full"), testing::Values(wire::kTls12, wire::kTls13)),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param)) +
                                  (std::get<1>(test.param) == wire::kTls12 ? "_1_2" : "_1_3");
                         });

}  // namespace
}  // namespace sonde::probes
