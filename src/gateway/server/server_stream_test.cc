// One stream over a pair of sockets, in a time that the tests pass in.
#include "gateway/server/server_stream.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "gateway/server/server_stream_client.h"
#include "os/fd.h"

namespace sonde::gateway {
namespace {

using Fate = ServerStream::Fate;
using enum wire::WebSocketOpcode;

constexpr std::size_t kBig = std::size_t{4} << 20;  // what no socket takes at one go
constexpr StreamTerms kTerms{.write_timeout = 20 * kSecond, .ping_after = 30 * kSecond};
const std::string kGreeting = "HTTP/1.1 101 Switching Protocols\r\n\r\n";

struct Streamed {
  std::shared_ptr<NumberedFrames> frames;
  StreamCounters counters;
  os::Fd ours, theirs;
  Transport transport;
  std::unique_ptr<ServerStream> stream;
  std::vector<char> scratch = std::vector<char>(65536);
  std::string came;

  explicit Streamed(std::size_t size = 1, int many = 1'000'000) : frames(std::make_shared<NumberedFrames>(size, many)) {
    std::array<int, 2> pair{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.data()), 0);
    ours = os::Fd(pair[0]);
    theirs = os::Fd(pair[1]);
    transport = Transport(ours.get(), nullptr);
    stream = std::make_unique<ServerStream>(frames, kGreeting, kTerms, counters, 0);
  }
  Fate turn(Nanos now) { return stream->turn(transport, scratch, now); }
  void say(std::string_view bytes) const {
    EXPECT_EQ(::send(theirs.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  // All that is there.
  void take() {
    for (ssize_t got = 0; (got = ::recv(theirs.get(), scratch.data(), scratch.size(), 0)) > 0;)
      came.append(scratch.data(), static_cast<std::size_t>(got));
  }
  std::vector<ServerFrame> taken() {
    take();
    if (came.starts_with(kGreeting)) came.erase(0, kGreeting.size());
    std::vector<ServerFrame> all;
    while (auto frame = take_frame(came)) all.push_back(std::move(*frame));
    return all;
  }
};

TEST(ServerStream, frames_go_one_a_turn_behind_the_greeting) {
  Streamed it;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(it.turn(i), Fate::kGoesOn);
  it.take();
  EXPECT_TRUE(it.came.starts_with(kGreeting));
  EXPECT_EQ(it.taken(), (std::vector<ServerFrame>{{kBinary, "1"}, {kBinary, "2"}, {kBinary, "3"}}));
  EXPECT_EQ(it.counters.streams.value(), 1U);
  EXPECT_EQ(it.counters.frames.value(), 3U);
  EXPECT_EQ(it.counters.bytes.value(), 3U);
  it.stream.reset();
  EXPECT_EQ(it.counters.streams.value(), 0U);
}

TEST(ServerStream, a_source_is_asked_when_its_time_has_come) {
  Streamed it;
  it.frames->time = 5 * kSecond;
  it.turn(5 * kSecond - 1);
  EXPECT_EQ(it.frames->asked, 0);
  EXPECT_EQ(it.stream->due(), 5 * kSecond);
  it.turn(5 * kSecond);
  EXPECT_EQ(it.frames->asked, 1);
}

TEST(ServerStream, a_source_that_has_nothing_and_names_no_time_is_not_asked_again_at_once) {
  Streamed it(1, 0);
  it.turn(1000);
  EXPECT_EQ(it.frames->asked, 1);
  const Nanos due = it.stream->due();
  EXPECT_GT(due, 1000);
  it.turn(due - 1);
  EXPECT_EQ(it.frames->asked, 1);
  it.turn(due);
  EXPECT_EQ(it.frames->asked, 2);
}

TEST(ServerStream, a_source_is_not_asked_while_a_frame_is_unsent) {
  Streamed it(kBig);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(it.turn(i), Fate::kGoesOn);
  EXPECT_TRUE(it.stream->wants_write());
  EXPECT_EQ(it.frames->asked, 1);
  EXPECT_EQ(it.counters.frames.value(), 0U);
  std::vector<ServerFrame> got;
  while (got.empty()) {
    got = it.taken();
    EXPECT_LE(it.frames->asked, 1);
    if (got.empty()) it.turn(10);
  }
  EXPECT_EQ(got, (std::vector<ServerFrame>{{kBinary, NumberedFrames::text(1, kBig)}}));
  it.turn(11);
  EXPECT_EQ(it.frames->asked, 2);
}

TEST(ServerStream, who_takes_not_a_byte_for_its_patience_is_given_up_and_who_takes_some_is_not) {
  Streamed it(kBig);
  it.turn(0);
  EXPECT_EQ(it.stream->due(), kTerms.write_timeout);
  EXPECT_EQ(it.turn(kTerms.write_timeout - 1), Fate::kGoesOn);
  it.take();
  EXPECT_EQ(it.turn(kTerms.write_timeout), Fate::kGoesOn) << "some went";
  EXPECT_EQ(it.stream->due(), 2 * kTerms.write_timeout);
  EXPECT_EQ(it.turn(2 * kTerms.write_timeout - 1), Fate::kGoesOn);
  EXPECT_EQ(it.turn(2 * kTerms.write_timeout), Fate::kTimeout);
}

TEST(ServerStream, a_client_that_is_silent_is_pinged_and_given_up_when_it_stays_so) {
  Streamed it(1, 0);
  it.frames->time = kNever;
  it.turn(0);
  EXPECT_EQ(it.stream->due(), kTerms.ping_after);
  EXPECT_EQ(it.turn(kTerms.ping_after), Fate::kGoesOn);
  EXPECT_EQ(it.taken(), (std::vector<ServerFrame>{{kPing, ""}}));
  it.say(wire::client_frame(kPong, ""));
  const Nanos heard = kTerms.ping_after + kSecond;
  it.turn(heard);
  EXPECT_EQ(it.stream->due(), heard + kTerms.ping_after);
  it.turn(heard + kTerms.ping_after);
  const Nanos end = heard + kTerms.ping_after + kTerms.write_timeout;
  EXPECT_EQ(it.stream->due(), end);
  EXPECT_EQ(it.turn(end - 1), Fate::kGoesOn);
  EXPECT_EQ(it.taken(), (std::vector<ServerFrame>{{kPing, ""}})) << "one is enough";
  EXPECT_EQ(it.turn(end), Fate::kTimeout);
}

TEST(ServerStream, a_ping_is_answered_and_of_many_the_last) {
  Streamed it(1, 0);
  it.say(wire::client_frame(kPing, "a") + wire::client_frame(kPing, "b"));
  it.turn(0);
  EXPECT_EQ(it.taken(), (std::vector<ServerFrame>{{kPong, "b"}}));
}

TEST(ServerStream, a_control_frame_goes_behind_the_frame_that_is_under_way) {
  Streamed it(kBig);
  it.turn(0);
  it.say(wire::client_frame(kPing, "a"));
  it.turn(1);
  it.stream->leave(wire::kWebSocketGoingAway);
  std::vector<ServerFrame> got;
  Fate fate = Fate::kGoesOn;
  while (fate == Fate::kGoesOn) {
    for (ServerFrame& frame : it.taken()) got.push_back(std::move(frame));
    fate = it.turn(2);
  }
  EXPECT_EQ(fate, Fate::kFarewell);
  for (ServerFrame& frame : it.taken()) got.push_back(std::move(frame));
  EXPECT_EQ(got, (std::vector<ServerFrame>{{kBinary, NumberedFrames::text(1, kBig)}, closed_with(1001)}))
      << "who leaves answers no ping";
  EXPECT_EQ(it.frames->asked, 1);
}

TEST(ServerStream, a_clients_frame_may_come_in_pieces) {
  Streamed it(1, 0);
  it.frames->time = kNever;
  for (const char c : wire::client_frame(kPing, "whole")) {
    EXPECT_EQ(it.taken(), std::vector<ServerFrame>{});
    it.say({&c, 1});
    EXPECT_EQ(it.turn(0), Fate::kGoesOn);
  }
  EXPECT_EQ(it.taken(), (std::vector<ServerFrame>{{kPong, "whole"}}));
}

TEST(ServerStream, what_a_client_says_behind_its_close_is_not_heard) {
  Streamed it(1, 0);
  it.say(wire::client_frame(kClose, wire::close_body(1000)) + "nonsense");
  EXPECT_EQ(it.turn(0), Fate::kFarewell);
  EXPECT_EQ(it.taken(), (std::vector<ServerFrame>{closed_with(1000)}));
}

TEST(ServerStream, it_is_over_when_the_client_is_gone) {
  Streamed it(1, 0);
  it.theirs = {};
  EXPECT_EQ(it.turn(0), Fate::kOver);
}

}  // namespace
}  // namespace sonde::gateway
