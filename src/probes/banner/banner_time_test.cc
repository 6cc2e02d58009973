#include <gtest/gtest.h>

#include "probes/banner/banner_probe.h"
#include "probes/banner/timed_drive.h"

namespace sonde::probes {
namespace {

using results::Outcome;

constexpr std::uint16_t kPort = 4711;

Timed hear(const std::vector<Piece>& pieces, End end) {
  const auto module = make_banner_module();
  return TimedRun(*module, kPort).run(pieces, end);
}

TEST(BannerTime, the_hello_is_said_after_500_ms_of_silence_and_once) {
  EXPECT_EQ(hear({{"x\n", 499 * kMillisecond}}, End::kFin).heard.sent, "");
  const Timed late = hear({{"HTTP/1.0 200 OK\r\n\r\n", 501 * kMillisecond}}, End::kSilence);
  EXPECT_TRUE(late.heard.sent.starts_with("GET / HTTP/1.0\r\n"));
  EXPECT_TRUE(late.heard.sent.ends_with("\r\n\r\n"));
  EXPECT_EQ(late.heard.sent.find("GET", 1), std::string::npos);
  EXPECT_EQ(late.heard.protocol, "http");
  EXPECT_EQ(late.took, 501 * kMillisecond) << "a whole frame ends the probe at once";
}

TEST(BannerTime, a_server_that_has_spoken_gets_no_hello) {
  EXPECT_EQ(hear({{"half a line", 0}}, End::kSilence).heard.sent, "");
  EXPECT_EQ(hear({{"a line\n", 0}}, End::kSilence).heard.sent, "");
}

TEST(BannerTime, a_mute_server_is_a_timeout_at_the_last_read_deadline_without_fields) {
  const Timed mute = hear({}, End::kSilence);
  EXPECT_EQ(mute.heard.outcome, Outcome::kTimeout);
  EXPECT_EQ(mute.connections, 2U);
  EXPECT_EQ(mute.took, 2 * 500 * kMillisecond + kReadBudget) << "listened, HTTP; TLS, for as long as one may";
  EXPECT_EQ(mute.heard.protocol, "");
  EXPECT_EQ(mute.heard.bytes, 0);
}

TEST(BannerTime, silence_counts_from_the_last_bytes) {
  const Timed slow =
      hear({{"one\n", 0}, {"two\n", 400 * kMillisecond}, {"three\n", 400 * kMillisecond}}, End::kSilence);
  EXPECT_EQ(slow.heard.outcome, Outcome::kSuccess);
  EXPECT_EQ(slow.heard.text, "one\ntwo\nthree");
  EXPECT_EQ(slow.took, 1300 * kMillisecond);
  EXPECT_EQ(hear({{"one\n", 0}, {"two\n", 600 * kMillisecond}}, End::kSilence).heard.text, "one");
}

TEST(BannerTime, a_pause_within_a_line_ends_nothing) {
  const Timed slow = hear({{"SSH-2.0-", 0}, {"Open", kSecond}, {"SSH_9.2p1\r\n", kSecond}}, End::kSilence);
  EXPECT_EQ(slow.heard.outcome, Outcome::kSuccess);
  EXPECT_EQ(slow.heard.product, "OpenSSH_9.2p1");
  EXPECT_EQ(slow.took, 2500 * kMillisecond) << "and the silence where there might be a KEXINIT";
}

TEST(BannerTime, what_drips_past_the_read_deadline_is_a_timeout_that_keeps_what_came) {
  std::vector<Piece> drip(100, Piece{"2", 100 * kMillisecond});
  drip[3] = Piece{" ", 100 * kMillisecond};
  const Timed heard = hear(drip, End::kFin);
  EXPECT_EQ(heard.heard.outcome, Outcome::kTimeout);
  EXPECT_EQ(heard.took, kReadBudget);
  EXPECT_EQ(heard.heard.bytes, 49) << "the deadline comes before the bytes of its moment";
}

TEST(BannerTime, every_lease_is_given_back_however_it_ends_and_however_long_it_was) {
  const std::string longest(100'000, 'a');
  for (const End end : {End::kSilence, End::kFin, End::kReset})
    for (const std::size_t size : {0, 1, 128, 129, 512, 2049, 4097, 16384, 16385, 100'000})
      EXPECT_EQ(hear({{std::string_view(longest).substr(0, size), 0}}, end).leases_out, 0U) << size;
}

TEST(BannerTime, the_largest_text_is_kept_whole_however_it_grew) {
  const auto module = make_banner_module();
  ASSERT_TRUE(module->configure("max-banner", "64k"));
  std::string said;
  for (std::size_t i = 0; said.size() < 65'535; ++i) said += static_cast<char>('a' + i % 26);
  said += '\n';
  for (const std::size_t step : {1, 100, 1448, 70'000}) {
    std::vector<Piece> pieces;
    for (std::size_t at = 0; at < said.size(); at += step)
      pieces.push_back({std::string_view(said).substr(at, step), 0});
    const Timed heard = TimedRun(*module, kPort).run(pieces, End::kFin);
    EXPECT_EQ(heard.heard.text, said.substr(0, 65'535)) << step;
    EXPECT_EQ(heard.heard.bytes, 65'536) << step;
  }
}

TEST(Banner, its_state_is_small_enough_for_a_silent_probe_of_512_bytes) {
  EXPECT_LE(make_banner_module()->state_bytes(), 256U);
}

TEST(Banner, max_banner_takes_1_to_65536_with_a_suffix) {
  const auto module = make_banner_module();
  for (const char* right : {"1", "4096", "65536", "1k", "64k", "64K"})
    EXPECT_TRUE(module->configure("max-banner", right)) << right;
  for (const char* wrong :
       {"", "k", "0", "0k", "-1", "65537", "65k", "1m", "4096 ", "4294967297", "99999999999999999999"})
    EXPECT_FALSE(module->configure("max-banner", wrong)) << wrong;
}

}  // namespace
}  // namespace sonde::probes
