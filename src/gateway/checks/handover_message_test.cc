#include "gateway/checks/handover_message.h"

#include <gtest/gtest.h>

namespace sonde::gateway {
namespace {

HandoverMessage some_checks() {
  return {
      .kind = HandoverKind::kChecks,
      .listen = "",
      .checks = {{.id = 0xfedcba9876543210, .interval = kSecond, .next_due = 12345, .running = true, .state = "abc"},
                 {.id = 7, .interval = 60 * kSecond, .next_due = -1, .running = false, .state = ""}}};
}

TEST(HandoverMessage, all_kinds_come_back_as_they_went) {
  const HandoverMessage messages[] = {{.kind = HandoverKind::kHello, .listen = "127.0.0.1:9115", .checks = {}},
                                      {.kind = HandoverKind::kHello},
                                      {.kind = HandoverKind::kReady},
                                      some_checks(),
                                      {.kind = HandoverKind::kBegin},
                                      {.kind = HandoverKind::kDone},
                                      {.kind = HandoverKind::kTaken}};
  for (const HandoverMessage& message : messages) {
    const auto back = parse_handover(write_handover(message));
    ASSERT_TRUE(back) << back.error().text;
    EXPECT_EQ(*back, message);
  }
}

TEST(HandoverMessage, another_version_is_named_as_such) {
  std::string packet = write_handover({.kind = HandoverKind::kReady});
  ++packet[0];
  const auto parsed = parse_handover(packet);
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().text.find("version"), std::string::npos);
}

TEST(HandoverMessage, what_is_cut_or_has_more_behind_it_is_refused) {
  const std::string whole = write_handover(some_checks());
  const std::size_t first = 2 + 27 + 3;  // a packet that ends behind its first check is one of one check
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const bool is_whole = size == 2 || size == first;
    EXPECT_EQ(parse_handover(whole.substr(0, size)).has_value(), is_whole) << size;
  }
  EXPECT_FALSE(parse_handover(whole + '\0'));
  EXPECT_FALSE(parse_handover(write_handover({.kind = HandoverKind::kReady}) + '\0'));
  EXPECT_FALSE(parse_handover(std::string("\1\0", 2)));
  EXPECT_FALSE(parse_handover("\1\7"));
  EXPECT_FALSE(parse_handover(std::string(kMostHandoverPacket + 1, '\1')));
}

TEST(HandoverPacker, packets_hold_all_checks_within_the_bound) {
  HandoverPacker packer;
  std::vector<HandedCheck> back;
  const auto take = [&] {
    const std::string packet = packer.take();
    EXPECT_LE(packet.size(), kMostHandoverPacket);
    const auto message = parse_handover(packet);
    ASSERT_TRUE(message);
    back.insert(back.end(), message->checks.begin(), message->checks.end());
  };
  std::size_t packets = 0;
  for (CheckId id = 0; id < 500; ++id) {
    const std::size_t size = id % 50 == 0 ? kMostSavedState : id;
    if (packer.add({.id = id, .interval = kSecond, .next_due = 1, .running = false, .state = std::string(size, 's')})) {
      take();
      ++packets;
    }
  }
  if (!packer.empty()) take();
  EXPECT_GE(packets, 10U);
  ASSERT_EQ(back.size(), 500U);
  for (CheckId id = 0; id < 500; ++id) EXPECT_EQ(back[id].id, id);
}

}  // namespace
}  // namespace sonde::gateway
