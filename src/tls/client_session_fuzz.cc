// Arbitrary bytes to a client session. The first byte chooses the versions and whether a server in memory has spoken
// before; the second where its flight is cut; the third the size of the pieces.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "tls/client_session.h"
#include "tls/memory_server.h"

namespace {

using namespace sonde::tls;
using State = ClientSession::State;

std::unique_ptr<ClientContext> make_context(std::uint16_t max_version) {
  return std::move(*ClientContext::create({.max_version = max_version, .alpn = {"h2", "http/1.1"}}));
}

void feed(ClientSession& session, std::string_view text, std::size_t piece) {
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
    const State before = session.state();
    const State after = session.feed(bytes_of(text.substr(0, piece)));
    SONDE_CHECK(before != State::kFailed || after == State::kFailed, "failed is final");
    SONDE_CHECK(before != State::kClosed || after == State::kClosed, "closed is not reopened");
    SONDE_CHECK(session.received().size() <= ClientSession::kReceivedMax, "received is bounded");
    SONDE_CHECK(session.outgoing().size() <= ClientSession::kOutgoingMax, "outgoing is bounded");
  }
}

// All that a caller may see, in one string.
std::string verdict(const ClientSession& session) {
  const Facts facts = session.facts();
  std::string text = session.error() + '|' + std::to_string(static_cast<int>(session.state())) + '|' +
                     std::to_string(static_cast<int>(session.failure())) + '|' + std::to_string(facts.version) + '|' +
                     std::to_string(facts.cipher) + '|' + std::to_string(facts.group) + '|' + std::string(facts.alpn) +
                     '|' + text_of(facts.stapled_ocsp) + '|' + text_of(facts.scts);
  for (const auto extension : facts.extensions) text += std::to_string(extension) + ',';
  for (const auto& certificate : facts.chain) text += text_of(certificate) + '|';
  if (facts.alert) text += std::to_string(facts.alert->number);
  SONDE_CHECK((session.state() == State::kFailed) == !session.error().empty(), "who fails says why");
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  static const std::unique_ptr<ClientContext> kContexts[] = {make_context(0x0304), make_context(0x0303)};
  static const MemoryServer kServer;
  const ClientContext& context = *kContexts[data[0] & 1];
  const bool with_server = (data[0] & 2) != 0;
  const std::size_t piece = data[2] == 0 ? ClientSession::kFeedMax : data[2];
  const std::string_view text(reinterpret_cast<const char*>(data) + 3, size - 3);

  ClientSession session(context, {.server_name = "localhost"});
  if (with_server) {
    MemoryConnection peer(kServer);
    for (int turn = 0; turn < 2; ++turn) {  // the second, when it is reached, is after the handshake
      const std::string out = text_of(session.outgoing());
      session.sent(out.size());
      peer.feed(bytes_of(out));
      const std::string flight = peer.output();
      if (turn == 0 && data[1] != 255) {
        feed(session, std::string_view(flight).substr(0, flight.size() * data[1] / 255), piece);
        break;
      }
      feed(session, flight, piece);
    }
  }
  feed(session, text, piece);
  session.end_of_input();
  const std::string first = verdict(session);
  if (!with_server) {
    ClientSession whole(context, {.server_name = "localhost"});
    feed(whole, text, ClientSession::kFeedMax);
    whole.end_of_input();
    SONDE_CHECK(verdict(whole) == first, "a cut changes the verdict");
  }
  session.close();
  return 0;
}
