// Plays an answer to an Http1Response, cut anywhere, as a probe would, for its tests and its fuzzer: nothing that is
// learnt may depend on the cuts.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "wire/http1_field.h"
#include "wire/http1_response.h"
#include "wire/line.h"

namespace sonde::wire {

struct PlayedAnswer {
  using State = Http1Response::State;
  bool complete = false;
  State state = State::kHead;
  Http1Response::Kind kind = Http1Response::Kind::kUnknown;
  Http1Response::Framing framing = Http1Response::Framing::kUnknown;
  int status = 0;
  std::string version;
  std::string reason;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  std::string surplus;  // what came behind a complete answer
  std::string error;
  std::size_t interim = 0;
  std::size_t odd_lines = 0;
  std::size_t headers = 0;
  std::size_t trailers = 0;
  std::optional<std::uint64_t> content_length;
  bool truncated = false;
  bool keep_alive = false;
  friend bool operator==(const PlayedAnswer&, const PlayedAnswer&) = default;
};

// `cut(given)` is how many more bytes come (≥ 1; the rest at most) when `given` have come. Behind the last comes FIN.
template <typename Cut>
PlayedAnswer play_http1_response(std::string_view method, std::span<const std::byte> bytes, Cut cut,
                                 Http1Response::Manner manner = Http1Response::Manner::kLenient) {
  using State = Http1Response::State;
  Http1Response response(method, manner);
  PlayedAnswer played;
  std::vector<std::byte> head;   // what is kept of the head
  std::vector<std::byte> piece;  // of its exact size, so that ASan sees a byte too many
  for (std::size_t given = 0; given < bytes.size() && response.state() != State::kError;) {
    const std::size_t wanted = cut(given);
    const std::size_t size = wanted < bytes.size() - given ? wanted : bytes.size() - given;
    const auto part = bytes.subspan(given, size);
    piece.assign(part.begin(), part.end());
    given += size;
    std::span<const std::byte> left = piece;
    if (response.state() == State::kHead) {
      std::span<const std::byte> kept = left;
      if (!head.empty()) {
        head.insert(head.end(), left.begin(), left.end());
        kept = head;
      }
      const State state = response.scan_head(kept);
      SONDE_CHECK(state == response.state(), "it returns its state");
      if (head.empty()) head.assign(kept.begin(), kept.end());
      if (state != State::kBody && state != State::kEnd) continue;
      SONDE_CHECK(response.head_bytes() <= kept.size(), "it takes bytes that are there");
      left = kept.subspan(response.head_bytes());
    }
    while (true) {
      const auto body = response.take_body(left);
      if (body.empty()) break;
      played.body += as_text(body);
    }
    SONDE_CHECK(left.empty() || response.state() == State::kEnd || response.state() == State::kError,
                "it takes all that is there");
    SONDE_CHECK(response.body_bytes() == played.body.size(), "it counts the body");
    if (response.state() == State::kEnd) played.surplus += as_text(left);
  }
  played.complete = response.on_eof();
  played.state = response.state();
  SONDE_CHECK(played.complete == (played.state == State::kEnd), "complete is the end");
  SONDE_CHECK((played.state == State::kError) == (*response.error() != '\0'), "an error has its text");
  played.kind = response.kind();
  played.framing = response.framing();
  played.status = response.status();
  played.version = std::to_string(response.major_version()) + "." + std::to_string(response.minor_version());
  const std::string_view text = response.head(head);
  played.reason = reason_of(text);
  for_each_header(text,
                  [&](std::string_view name, std::string_view value) { played.fields.emplace_back(name, value); });
  played.error = response.error();
  played.interim = response.interim_answers();
  played.odd_lines = response.odd_lines();
  played.headers = response.headers();
  played.trailers = response.trailers();
  played.content_length = response.content_length();
  played.truncated = response.truncated();
  played.keep_alive = response.keep_alive();
  return played;
}

}  // namespace sonde::wire
