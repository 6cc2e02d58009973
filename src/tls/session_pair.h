// A ClientSession and a server in memory joined by hand, for the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "tls/client_session.h"
#include "tls/memory_server.h"

namespace sonde::tls {

inline std::unique_ptr<ClientContext> make_context(const ContextOptions& options = {}) {
  auto context = ClientContext::create(options);
  EXPECT_TRUE(context.has_value()) << (context ? "" : context.error().text);
  return std::move(*context);
}

inline std::string take_outgoing(ClientSession& session) {
  std::string text = text_of(session.outgoing());
  session.sent(text.size());
  return text;
}

inline std::string take_received(ClientSession& session) {
  std::string text = text_of(session.received());
  session.taken(text.size());
  return text;
}

// Feeds in pieces of at most `piece` bytes.
inline void feed(ClientSession& session, std::string_view text, std::size_t piece = ClientSession::kFeedMax) {
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) session.feed(bytes_of(text.substr(0, piece)));
}

// Moves bytes both ways until neither has any.
inline void join(ClientSession& session, MemoryConnection& peer, std::size_t piece = ClientSession::kFeedMax) {
  for (int turn = 0; turn < 20; ++turn) {
    const std::string out = take_outgoing(session);
    if (!out.empty()) peer.feed(bytes_of(out));
    const std::string in = peer.output();
    feed(session, in, piece);
    if (out.empty() && in.empty()) return;
  }
  FAIL() << "they talk without end";
}

struct Pair {
  explicit Pair(ServerOptions server_options = {}, const ContextOptions& context_options = {},
                const SessionOptions& options = {.server_name = "localhost"})
      : server(std::move(server_options)),
        context(make_context(context_options)),
        session(*context, options),
        peer(server) {}
  MemoryServer server;
  std::unique_ptr<ClientContext> context;
  ClientSession session;
  MemoryConnection peer;
};

}  // namespace sonde::tls
