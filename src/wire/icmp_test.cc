#include "wire/icmp.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

namespace sonde::wire {
namespace {

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> out;
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

TEST(InternetChecksum, is_that_of_the_rfc) {
  // RFC 1071, 3: the sum is 0xddf2.
  EXPECT_EQ(internet_checksum(bytes({0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7})), 0xffff & ~0xddf2);
  EXPECT_EQ(internet_checksum({}), 0xffff);
  EXPECT_EQ(internet_checksum(bytes({0x12})), 0xffff & ~0x1200) << "an odd byte is the upper half of a word";
  EXPECT_EQ(internet_checksum(bytes({0xff, 0xff, 0xff, 0xff})), 0);
}

TEST(Echo, a_request_has_its_checksum_in_place_of_icmp_alone) {
  std::vector<std::byte> message = bytes({9, 9, 9, 9, 9, 9, 9, 9, 'p', 'i', 'n'});
  write_echo_request(true, 0x1234, 0x0007, message);
  EXPECT_EQ(internet_checksum(message), 0);
  EXPECT_EQ(message[0], std::byte{8});
  EXPECT_EQ(message[1], std::byte{0});
  EXPECT_EQ(message[4], std::byte{0x12});
  EXPECT_EQ(message[7], std::byte{7});
  EXPECT_EQ(message[8], std::byte{'p'});
  write_echo_request(false, 0x1234, 0x0007, message);
  EXPECT_EQ(message[0], std::byte{128});
  EXPECT_EQ(message[2], std::byte{0});
  EXPECT_EQ(message[3], std::byte{0});
}

// The reply that a host makes of a request: another type, another checksum.
std::vector<std::byte> reply_to(bool v4, std::vector<std::byte> message) {
  message[0] = std::byte{static_cast<unsigned char>(v4 ? 0 : 129)};
  message[2] = message[3] = std::byte{0};
  const std::uint16_t sum = internet_checksum(message);
  if (v4) {
    message[2] = static_cast<std::byte>(sum >> 8);
    message[3] = static_cast<std::byte>(sum & 0xff);
  }
  return message;
}

TEST(Echo, a_reply_tells_what_the_request_said) {
  for (const bool v4 : {true, false}) {
    std::vector<std::byte> request = bytes({0, 0, 0, 0, 0, 0, 0, 0, 'p', 'o', 'n', 'g'});
    write_echo_request(v4, 0xfffe, 0x0102, request);
    EXPECT_FALSE(parse_echo_reply(v4, request)) << "a request is no reply";
    const std::vector<std::byte> message = reply_to(v4, request);
    const auto reply = parse_echo_reply(v4, message);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->identifier, 0xfffe);
    EXPECT_EQ(reply->sequence, 0x0102);
    EXPECT_EQ(std::memcmp(reply->payload.data(), "pong", 4), 0);
    EXPECT_FALSE(parse_echo_reply(!v4, message)) << "of the other family";
    for (std::size_t size = 0; size < kIcmpEchoHeader; ++size)
      EXPECT_FALSE(parse_echo_reply(v4, std::span(message).first(size))) << size;
  }
}

TEST(Echo, a_reply_with_any_bit_flipped_is_none) {
  std::vector<std::byte> request = bytes({0, 0, 0, 0, 0, 0, 0, 0, 'x'});
  write_echo_request(true, 1, 2, request);
  const std::vector<std::byte> reply = reply_to(true, request);
  ASSERT_TRUE(parse_echo_reply(true, reply));
  for (std::size_t bit = 0; bit < reply.size() * 8; ++bit) {
    std::vector<std::byte> broken = reply;
    broken[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    EXPECT_FALSE(parse_echo_reply(true, broken)) << bit;
  }
}

TEST(IcmpError, has_words_for_what_is_met) {
  EXPECT_STREQ(icmp_error_text(true, 3, 1), "host unreachable");
  EXPECT_STREQ(icmp_error_text(true, 3, 13), "filtered by a firewall");
  EXPECT_STREQ(icmp_error_text(false, 1, 4), "port unreachable");
  EXPECT_STREQ(icmp_error_text(false, 3, 0), icmp_error_text(true, 11, 0));
  for (const bool v4 : {true, false})
    for (int type = 0; type < 256; ++type)
      for (int code = 0; code < 256; ++code)
        EXPECT_GT(std::strlen(icmp_error_text(v4, static_cast<std::uint8_t>(type), static_cast<std::uint8_t>(code))),
                  5U);
}

}  // namespace
}  // namespace sonde::wire
