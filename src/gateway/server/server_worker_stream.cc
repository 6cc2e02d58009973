// A worker's WebSockets: what they wait for, and when they end. What they say is server_stream.h's.
#include <memory>
#include <utility>

#include "gateway/server/server_response.h"
#include "gateway/server/server_worker.h"
#include "gateway/server/websocket_handshake.h"
#include "os/machine.h"

namespace sonde::gateway {

void ServerWorker::begin_stream(Connection& connection, const HttpResponse& response) {
  const std::unique_ptr<HttpResponse> asked = std::move(connection.handshake);
  const HttpResponse handshake = asked ? *asked : websocket_handshake({}, connection.minor_version);
  if (handshake.status != 101) return answer(connection, handshake);
  box_.refresh(terms_, terms_version_);
  if (connection.let_in_by != terms_->auth)
    return answer(connection, short_response(503));  // meanwhile another decides
  if (draining_ || counters_.stream.streams.value() >= most_streams_) {
    HttpResponse refused = short_response(503);
    if (!draining_) refused.body = "Too many streams are open.\n";
    return answer(connection, refused);
  }
  counters_.responses[1].add();
  head_.clear();
  write_response_head(handshake, true, 1, date(), head_);
  const Nanos now = os::monotonic_now();
  connection.stream = std::make_unique<ServerStream>(response.frames, head_, stream_terms_, counters_.stream, now);
  connection.stream->hear(std::exchange(connection.input, {}), now);
  connection.transport.bound_unsent(ServerStream::kMostUnsent);
  connection.waits_read = connection.waits_write = false;
  enter(connection, State::kStreaming);
  turn_stream(connection);
}

void ServerWorker::turn_stream(Connection& connection) {
  ServerStream& stream = *connection.stream;
  switch (stream.turn(connection.transport, scratch_, os::monotonic_now())) {
    case ServerStream::Fate::kGoesOn:
      break;
    case ServerStream::Fate::kFarewell:
      return end_stream(connection);
    case ServerStream::Fate::kTimeout:
      counters_.timeouts.add();
      return close(connection);
    case ServerStream::Fate::kOver:
      return close(connection);
  }
  wait_stream(connection, Descriptor::wait_read, &Connection::waits_read);
  if (stream.wants_write()) wait_stream(connection, Descriptor::wait_write, &Connection::waits_write);
  arm(stream.due());
}

void ServerWorker::wait_stream(Connection& connection, Descriptor::wait_type what, bool Connection::* waits) {
  if (std::exchange(connection.*waits, true)) return;
  connection.descriptor->async_wait(
      what, [this, waits, name = Name{connection.index, connection.turn}](const boost::system::error_code& error) {
        Connection& waited = connections_[name.index];
        if (error == boost::asio::error::operation_aborted || waited.turn != name.turn) return;
        waited.*waits = false;
        turn_stream(waited);
      });
}

// Its close frame is out: what the client still says, a close frame too, is read and forgotten.
void ServerWorker::end_stream(Connection& connection) {
  boost::system::error_code ignored;
  ++connection.turn;
  (void)connection.descriptor->cancel(ignored);
  connection.stream.reset();
  connection.transport.finish();
  enter(connection, State::kLingering);
  wait(connection, Transport::Next::kRead);
}

// Few enough that all are looked at.
void ServerWorker::tend_streams(Nanos now) {
  List& streams = lists_[std::size_t(State::kStreaming)];
  for (auto next = streams.begin(); next != streams.end();) {
    Connection& connection = *next++;
    if (connection.stream->due() <= now)
      turn_stream(connection);
    else
      arm(connection.stream->due());
  }
}

void ServerWorker::drop_others() {
  box_.refresh(terms_, terms_version_);
  List& streams = lists_[std::size_t(State::kStreaming)];
  for (auto next = streams.begin(); next != streams.end();) {
    Connection& connection = *next++;
    if (connection.let_in_by == terms_->auth) continue;
    connection.stream->leave(wire::kWebSocketPolicy);
    turn_stream(connection);
  }
}

void ServerWorker::leave_streams() {
  List& streams = lists_[std::size_t(State::kStreaming)];
  for (auto next = streams.begin(); next != streams.end();) {
    Connection& connection = *next++;
    connection.stream->leave(wire::kWebSocketGoingAway);
    turn_stream(connection);
  }
}

}  // namespace sonde::gateway
