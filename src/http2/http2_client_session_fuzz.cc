// Arbitrary frames to a client session with two requests. The first byte tells whether the peer's settings come before
// them, and whether the first stream is cancelled when it has data; the second the size of the pieces.
#include <cstdint>
#include <string>

#include "http2/client_session.h"
#include "http2/memory_server.h"

namespace {

using namespace sonde::http2;
using State = ClientSession::State;

// All that a caller may see, in one string. What is to be sent is not taken meanwhile: a stream that broke the rules is
// told so when that is fetched, so where it is asked for within a frame that breaks more, it matters.
std::string verdict(std::string_view input, std::size_t piece, bool cancels) {
  ClientSession client;
  Log first, second;
  const StreamId id = client.submit({.authority = "a"}, first);
  client.submit({.method = "POST", .authority = "a", .body = bytes_of("body")}, second);
  if (cancels) first.on_bytes = [&] { client.cancel(id); };
  take(client);
  for (; !input.empty(); input.remove_prefix(std::min(piece, input.size()))) {
    const State before = client.state();
    const State after = client.feed(bytes_of(input.substr(0, piece)));
    SONDE_CHECK(after >= before, "the state moves forward");
    SONDE_CHECK(client.streams() <= 2, "a server opens no stream");
  }
  SONDE_CHECK(client.outgoing().size() <= ClientSession::kOutgoingMax, "outgoing is bounded");
  client.end_of_input();
  SONDE_CHECK((client.state() == State::kFailed) == !client.error().empty(), "who fails says why");
  SONDE_CHECK(client.state() == State::kFailed || client.state() == State::kClosed, "all is over");
  SONDE_CHECK((cancels && first.text.find(';') != std::string::npos) || first.over(), "every stream ends");
  SONDE_CHECK(second.over(), "every stream ends");
  // What a cancelled stream had heard of is a matter of the cutting.
  return (cancels ? "" : first.text + '|') + second.text + '|' + client.error();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string input((data[0] & 1) != 0 ? frame(NGHTTP2_SETTINGS, 0, 0, "") : "");
  input.append(reinterpret_cast<const char*>(data) + 2, size - 2);
  const bool cancels = (data[0] & 2) != 0;
  const std::size_t piece = data[1] == 0 ? ClientSession::kFeedMax : data[1];
  SONDE_CHECK(verdict(input, piece, cancels) == verdict(input, ClientSession::kFeedMax, cancels),
              "a cut changes what is told");
  return 0;
}
