#include "probes/banner/banner_probe.h"

#include <gtest/gtest.h>

#include <optional>

#include "probes/banner/timed_drive.h"

namespace sonde::probes {
namespace {

using results::Outcome;

Spoken hear(std::string_view text, End end, std::uint16_t port = 4711, const std::vector<std::size_t>& cuts = {}) {
  const auto module = make_banner_module();
  return drive(*module, text, end, cuts, port);
}

TEST(Banner, names_the_protocols_it_knows) {
  EXPECT_EQ(hear("SSH-2.0-OpenSSH_9.2p1 Debian\r\n", End::kSilence).protocol, "ssh");
  EXPECT_EQ(hear("SSH-2.0-OpenSSH_9.2p1 Debian\r\n", End::kSilence).product, "OpenSSH_9.2p1");
  EXPECT_EQ(hear("220 mx ESMTP Exim 4.96 ready\r\n", End::kSilence).product, "Exim 4.96");
  EXPECT_EQ(hear("220 (vsFTPd 3.0.3)\r\n", End::kSilence).protocol, "ftp");
  EXPECT_EQ(hear("* OK Dovecot ready.\r\n", End::kSilence).protocol, "imap");
  EXPECT_EQ(hear("+OK ready\r\n", End::kSilence).protocol, "pop3");
  EXPECT_EQ(hear("-DENIED Redis is running in protected mode\r\n", End::kSilence).protocol, "redis");
  EXPECT_EQ(hear("HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\n\r\n<html>", End::kSilence).product, "nginx/1.22.1");
}

TEST(Banner, the_port_breaks_the_tie_of_greetings_that_smtp_and_ftp_share) {
  EXPECT_EQ(hear("220 ready\r\n", End::kSilence, 21).protocol, "ftp");
  EXPECT_EQ(hear("220 ready\r\n", End::kSilence, 25).protocol, "smtp");
  EXPECT_EQ(hear("220 ready\r\n", End::kSilence, 99).protocol, "unknown");
}

TEST(Banner, silence_behind_a_line_ends_it_and_silence_within_a_frame_does_not) {
  EXPECT_EQ(hear("hello\n", End::kSilence).outcome, Outcome::kSuccess);
  EXPECT_EQ(hear("220 mail.exa", End::kSilence).outcome, Outcome::kTimeout);
  EXPECT_EQ(hear("220 mail.exa", End::kSilence).text, "220 mail.exa") << "what came is kept";
}

TEST(Banner, a_fin_within_a_frame_is_closed_and_behind_one_success) {
  EXPECT_EQ(hear("220 mail.exa", End::kFin).outcome, Outcome::kClosed);
  EXPECT_EQ(hear("SSH-2.0-Op", End::kFin).outcome, Outcome::kClosed);
  EXPECT_EQ(hear("hello\n", End::kFin).outcome, Outcome::kSuccess);
  EXPECT_EQ(hear("", End::kFin).outcome, Outcome::kClosed);
}

TEST(Banner, a_reset_keeps_what_came) {
  EXPECT_EQ(hear("SSH-2.0-Op", End::kReset).outcome, Outcome::kReset);
  EXPECT_EQ(hear("SSH-2.0-Op", End::kReset).text, "SSH-2.0-Op");
}

TEST(Banner, a_silent_server_gets_a_hello_of_http_first) {
  const Spoken mute = hear("", End::kSilence);
  EXPECT_EQ(mute.outcome, Outcome::kTimeout);
  EXPECT_EQ(mute.sent.substr(0, 16), "GET / HTTP/1.0\r\n");
  EXPECT_EQ(mute.sent.find("Host"), std::string::npos) << "Redis takes it for an attack";
}

TEST(Banner, bytes_counts_all_and_text_keeps_the_first) {
  const auto module = make_banner_module();
  ASSERT_TRUE(module->configure("max-banner", "10"));
  const Spoken heard = drive(*module, std::string(50'000, 'a') + "\n", End::kFin, {}, 1);
  EXPECT_EQ(heard.bytes, 50'001);
  EXPECT_EQ(heard.text, "aaaaaaaaaa");
  EXPECT_FALSE(module->configure("max-banner", "0"));
  EXPECT_FALSE(module->configure("max-banner", "65k"));
  EXPECT_EQ(module->configure("max-banner", "x").error().text, "'x' is not a size from 1 to 64k, such as 4096 or 8k");
}

TEST(Banner, any_cutting_of_the_bytes_gives_the_same_record) {
  for (const std::string_view text : {"SSH-2.0-OpenSSH_9.2p1 x\r\nmore", "220-a ESMTP\r\n220 b\r\n",
                                      "HTTP/1.1 200 OK\r\nServer: x\r\n\r\nbody", "+OK hi\r\n", "\xff\xfe\n"}) {
    for (const End end : {End::kSilence, End::kFin, End::kReset}) {
      const Spoken whole = hear(text, end);
      for (std::size_t a = 1; a < text.size(); ++a)
        for (std::size_t b = a; b < text.size(); b += 3)
          EXPECT_EQ(hear(text, end, 4711, {a, b}), whole) << text << " " << a << " " << b;
    }
  }
}

}  // namespace
}  // namespace sonde::probes
