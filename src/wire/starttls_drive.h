// Plays a server's bytes to a StartTlsDialogue, cut anywhere, for its tests and its fuzzer: the sends and the verdict
// must not depend on the cuts.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>

#include "base/check.h"
#include "wire/line.h"
#include "wire/starttls.h"

namespace sonde::wire {

struct StartTlsPlay {
  using Kind = StartTlsStep::Kind;
  Kind kind = Kind::kNeed;
  std::string sent;  // "offset of the server's bytes:sent|" for each
  std::string text;
  std::size_t consumed = 0;
};

// `cut(given)` is how many more bytes come (≥ 1; the rest at most) when `given` have come. The empty string at the
// start is one call of its own, as a connection that has just opened.
template <typename Cut>
StartTlsPlay play_starttls(StartTls protocol, std::span<const std::byte> bytes, std::string_view host, Cut cut) {
  StartTlsDialogue dialogue(protocol);
  std::array<char, StartTlsDialogue::kRoomBytes> room{};
  StartTlsPlay play;
  std::size_t given = 0;
  while (true) {
    const auto received = bytes.subspan(play.consumed, given - play.consumed);
    const StartTlsStep step = dialogue.next(received, host, room);
    SONDE_CHECK(step.consumed <= received.size(), "it takes bytes that are there");
    SONDE_CHECK(step.text.size() <= StartTlsDialogue::kTextBytes, "words have a bound");
    play.consumed += step.consumed;
    play.kind = step.kind;
    play.text = step.text;
    if (step.kind == StartTlsPlay::Kind::kSend) {
      SONDE_CHECK(!step.send.empty(), "it sends something");
      play.sent += std::to_string(play.consumed) + ":" + std::string(step.send) + "|";
      continue;
    }
    if (step.kind != StartTlsPlay::Kind::kNeed) break;
    SONDE_CHECK(step.need >= 1, "it needs something");
    if (given == bytes.size()) break;
    const std::size_t more = cut(given);
    given += more < bytes.size() - given ? more : bytes.size() - given;
  }
  // The one thing that a cut may change: bytes behind the go-ahead come later, and then TLS will find them.
  if (play.kind == StartTlsPlay::Kind::kReady && play.consumed < bytes.size()) {
    play.kind = StartTlsPlay::Kind::kError;
    play.text = "bytes behind the go-ahead";
    play.consumed = 0;
  }
  if (play.kind == StartTlsPlay::Kind::kError) play.consumed = 0;  // nobody goes on from there
  return play;
}

inline void check_same_play(const StartTlsPlay& a, const StartTlsPlay& b) {
  SONDE_CHECK(a.kind == b.kind, "a cut changes the verdict");
  SONDE_CHECK(a.text == b.text, "a cut changes the words");
  SONDE_CHECK(a.consumed == b.consumed, "a cut changes what was taken");
  SONDE_CHECK(a.sent == b.sent, "a cut changes what is sent");
}

}  // namespace sonde::wire
