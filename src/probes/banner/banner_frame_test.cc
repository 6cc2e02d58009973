#include <gtest/gtest.h>

#include "probes/banner/banner_probe.h"
#include "probes/banner/timed_drive.h"

namespace sonde::probes {
namespace {

using results::Outcome;

Timed hear(const std::vector<Piece>& pieces, End end, std::uint16_t port = 4711) {
  const auto module = make_banner_module();
  return TimedRun(*module, port).run(pieces, end);
}

TEST(BannerFrame, a_fin_within_a_frame_is_closed_even_behind_a_whole_line) {
  EXPECT_EQ(hear({{"220-mx ESMTP\r\n"}}, End::kFin).heard.outcome, Outcome::kClosed);
  EXPECT_EQ(hear({{"HTTP/1.1 200 OK\r\nServer: x\r\n"}}, End::kFin).heard.outcome, Outcome::kClosed);
  EXPECT_EQ(hear({{"two\nlines\n"}}, End::kFin).heard.outcome, Outcome::kSuccess) << "no protocol, no frame";
  EXPECT_EQ(hear({{"220-mx ESMTP\r\n"}}, End::kSilence).heard.outcome, Outcome::kSuccess) << "silence behind a line";
}

TEST(BannerFrame, a_reply_that_is_not_whole_is_named_by_its_words) {
  EXPECT_EQ(hear({{"220-mx ESMTP Postfix\r\n"}}, End::kReset).heard.protocol, "smtp");
  EXPECT_EQ(hear({{"220-mx ESMTP Postfix\r\n"}}, End::kReset).heard.product, "Postfix");
  EXPECT_EQ(hear({{"220 mail.exa"}}, End::kReset, 25).heard.protocol, "unknown") << "half a word says nothing";
}

TEST(BannerFrame, what_is_of_no_protocol_has_no_frame_and_is_a_success_where_it_ends) {
  const Timed prompt = hear({{"welcome\nlogin: "}}, End::kSilence);
  EXPECT_EQ(prompt.heard.outcome, Outcome::kSuccess);
  EXPECT_EQ(prompt.heard.protocol, "unknown");
  EXPECT_EQ(prompt.took, kReadBudget) << "it might go on";
  EXPECT_EQ(hear({{"login: "}}, End::kSilence).heard.outcome, Outcome::kSuccess);
  EXPECT_EQ(hear({{"welcome\nlogin: "}}, End::kFin).heard.outcome, Outcome::kSuccess);
  EXPECT_EQ(hear({{"\x80\xff"}}, End::kFin).heard.text, "\\x80\\xff");
}

TEST(BannerFrame, at_the_read_deadline_a_whole_line_is_enough) {
  EXPECT_EQ(hear({{"220-mx\r\n220 rea"}}, End::kSilence).heard.outcome, Outcome::kSuccess);
  EXPECT_EQ(hear({{"220-mx\r\n220 rea"}}, End::kFin).heard.outcome, Outcome::kClosed);
  EXPECT_EQ(hear({{"220 mx"}}, End::kSilence).heard.outcome, Outcome::kTimeout);
}

TEST(BannerFrame, lines_may_come_before_an_ssh_identification) {
  const Timed heard = hear({{"authorized use only\r\nSSH-2.0-OpenSSH_9.2p1\r\n"}}, End::kSilence);
  EXPECT_EQ(heard.heard.protocol, "ssh");
  EXPECT_EQ(heard.heard.product, "OpenSSH_9.2p1");
  EXPECT_EQ(heard.took, 500 * kMillisecond) << "there might be a KEXINIT behind it";
  EXPECT_EQ(hear({{"hello\r\nSSH-2.0-Op"}}, End::kReset).heard.protocol, "ssh");
}

TEST(BannerFrame, pop3_is_not_mistaken) {
  EXPECT_EQ(hear({{"+OK slow\r\n", 700 * kMillisecond}}, End::kSilence).heard.protocol, "pop3") << "after the hello";
  EXPECT_EQ(hear({{"-ERR busy\r\n"}}, End::kSilence, 110).heard.protocol, "pop3");
  EXPECT_EQ(hear({{"-ERR busy\r\n"}}, End::kSilence, 6379).heard.protocol, "redis");
}

}  // namespace
}  // namespace sonde::probes
