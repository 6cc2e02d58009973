#include "engine/lifecycle.h"

#include <cstdio>

#include "base/check.h"

namespace sonde::engine {

std::string Lifecycle::history() const {
  std::string text;
  for (int i = moves_; i >= 0; --i) {
    text += name(static_cast<State>(history_ >> (4 * i) & 0xf));
    if (i > 0) text += ' ';
  }
  return text;
}

void AuditLog::illegal_move(ConnectionId id, State to, std::string_view history) {
  ++illegal_moves_;
  std::fprintf(stderr, "sonde: bug: connection %u.%u may not become %.*s; its states were: %.*s\n", id.index,
               id.generation, static_cast<int>(name(to).size()), name(to).data(), static_cast<int>(history.size()),
               history.data());
  SONDE_CHECK(!fatal_, "illegal move in a connection's lifecycle");
}

}  // namespace sonde::engine
