#include "gateway/server/server_worker.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <csignal>
#include <ctime>
#include <utility>

#include "base/check.h"
#include "gateway/server/server_response.h"
#include "gateway/server/websocket_handshake.h"
#include "os/machine.h"

namespace sonde::gateway {
namespace {

constexpr std::size_t kScratch = std::size_t{64} << 10;
constexpr Nanos kLinger = 2 * kSecond;

std::uint32_t share(std::uint32_t most, std::uint32_t workers) { return std::max((most + workers - 1) / workers, 1U); }

bool needs_no_auth(std::string_view path) { return path == "/-/healthy" || path == "/-/ready"; }

}  // namespace

ServerWorker::ServerWorker(const ServerOptions& options, std::uint32_t workers, const ServerTermsBox& terms,
                           SlowDesk& desk, HttpService& service)
    : limits_{.header = options.most_header, .body = options.most_body},
      most_streams_(share(options.most_streams, workers)),
      stream_terms_{.write_timeout = options.write_timeout, .ping_after = options.ping_after},
      patience_{options.idle_timeout, options.header_timeout, kNever, options.write_timeout, kLinger, kNever},
      box_(terms),
      desk_(desk),
      service_(service),
      connections_(share(options.most_connections, workers)),
      scratch_(kScratch) {
  mailbox_->worker = this;
  box_.refresh(terms_, terms_version_);
}

ServerWorker::~ServerWorker() { SONDE_CHECK(!thread_.joinable(), "a worker is stopped before it ends"); }

void ServerWorker::start() {
  thread_ = std::thread([this] {
    sigset_t all;
    sigfillset(&all);
    // Signals are the main thread's; and a write of OpenSSL's to a socket that is gone is an error, not SIGPIPE.
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    io_.run();
  });
}

void ServerWorker::stop() {
  {
    const std::lock_guard lock(mailbox_->mutex);
    mailbox_->worker = nullptr;
    mailbox_->letters.clear();
  }
  io_.stop();
  if (thread_.joinable()) thread_.join();
  for (List& list : lists_)
    while (!list.empty()) close(list.front());
}

// ── mail ─────────────────────────────────────────────────────────────────────────────────────────────────────────

void ServerWorker::Mailbox::put(Letter letter) {
  const std::lock_guard lock(mutex);
  if (!worker) return;
  letters.push_back(std::move(letter));
  if (std::exchange(rung, true)) return;
  if (!ReplyBatch::defer([self = shared_from_this()] {
        const std::lock_guard held(self->mutex);
        self->ring();
      }))
    ring();
}

// Under the lock, so that the loop is there.
void ServerWorker::Mailbox::ring() {
  if (worker) boost::asio::post(worker->io_, [reader = worker] { reader->read_mail(); });
}

void ServerWorker::read_mail() {
  {
    const std::lock_guard lock(mailbox_->mutex);
    mailbox_->rung = false;
    letters_.swap(mailbox_->letters);
  }
  for (Letter& letter : letters_) {
    Connection* connection = find(letter.to);
    if (!connection) continue;
    if (auto* authorized = std::get_if<Authorized>(&letter.content))
      serve(*connection, std::move(authorized->request));
    else
      answer(*connection, std::get<HttpResponse>(letter.content));
  }
  letters_.clear();
}

// Null: it was closed, or has its answer.
ServerWorker::Connection* ServerWorker::find(const Name& name) {
  Connection& connection = connections_[name.index];
  return connection.state == State::kServing && connection.turn == name.turn ? &connection : nullptr;
}

void ServerWorker::adopt(os::Fd connection) {
  // std::function would want a copy; asio's handlers do not.
  boost::asio::post(io_, [this, fd = std::move(connection)]() mutable { take_connection(std::move(fd)); });
}

void ServerWorker::post_shed() {
  boost::asio::post(io_, [this] { shed(); });
}

void ServerWorker::end_streams_of_others() {
  boost::asio::post(io_, [this] { drop_others(); });
}

void ServerWorker::begin_drain(Nanos grace, std::function<void()> when_empty) {
  boost::asio::post(io_, [this, grace, when_empty = std::move(when_empty)] {
    draining_ = true;
    when_empty_ = when_empty;
    // A client that asks again within the grace is told that the connection ends, which is the only way to end it that
    // no request can cross.
    patience_[std::size_t(State::kIdle)] = grace;
    List idle;
    idle.swap(lists_[std::size_t(State::kIdle)]);
    const Nanos now = os::monotonic_now();
    for (Connection& connection : idle) connection.since = now;
    lists_[std::size_t(State::kIdle)].swap(idle);
    arm(now + grace);
    leave_streams();
    if (connections_.in_use() == 0) when_empty_();
  });
}

// ── connections and their states ─────────────────────────────────────────────────────────────────────────────────

void ServerWorker::take_connection(os::Fd fd) {
  std::uint32_t index = connections_.acquire();
  if (index == decltype(connections_)::kNone && shed()) index = connections_.acquire();
  if (index == decltype(connections_)::kNone) {
    counters_.refused.add();
    return;
  }
  box_.refresh(terms_, terms_version_);
  Connection& connection = connections_[index];
  connection.index = index;
  connection.transport = Transport(fd.get(), terms_->tls.get());
  boost::system::error_code error;
  connection.descriptor.emplace(io_.get_executor());
  (void)connection.descriptor->assign(fd.get(), error);  // tells by `error` too
  if (error) {                                           // epoll has no room for it: this machine's limit
    connection.descriptor.reset();
    connection.transport = {};
    connections_.release(index);
    counters_.refused.add();
    return;
  }
  (void)fd.release();
  counters_.accepted.add();
  counters_.connections.add();
  enter(connection, connection.transport.is_tls() ? State::kReading : State::kIdle);
  wait(connection, Transport::Next::kRead);
}

void ServerWorker::enter(Connection& connection, State state) {
  if (connection.state != State::kFree) lists_[std::size_t(connection.state)].erase(List::s_iterator_to(connection));
  connection.state = state;
  if (state == State::kFree) return;
  lists_[std::size_t(state)].push_back(connection);
  const Nanos patience = patience_[std::size_t(state)];
  if (patience == kNever) return;
  connection.since = os::monotonic_now();
  arm(connection.since + patience);
}

void ServerWorker::close(Connection& connection) {
  enter(connection, State::kFree);
  ++connection.turn;
  connection.transport = {};
  connection.descriptor.reset();
  connection.reader.reset();
  connection.input = {};
  connection.output = {};
  connection.handshake.reset();
  connection.let_in_by.reset();
  connection.stream.reset();
  connections_.release(connection.index);
  counters_.connections.subtract();
  if (draining_ && connections_.in_use() == 0) when_empty_();
}

bool ServerWorker::shed() {
  for (const State state : {State::kLingering, State::kIdle, State::kReading}) {
    List& list = lists_[std::size_t(state)];
    if (list.empty()) continue;
    counters_.shed.add();
    close(list.front());
    return true;
  }
  return false;
}

void ServerWorker::wait(Connection& connection, Transport::Next next) {
  const Name name{connection.index, connection.turn};
  connection.descriptor->async_wait(next == Transport::Next::kWrite ? Descriptor::wait_write : Descriptor::wait_read,
                                    [this, name](const boost::system::error_code& error) {
                                      Connection& waited = connections_[name.index];
                                      // An answer ends a turn, but nothing waits then: another turn means another
                                      // connection.
                                      if (error == boost::asio::error::operation_aborted || waited.turn != name.turn)
                                        return;
                                      on_ready(waited);
                                    });
}

void ServerWorker::on_ready(Connection& connection) {
  switch (connection.state) {
    case State::kIdle:
    case State::kReading:
      return read(connection);
    case State::kWriting:
      return write(connection);
    case State::kLingering: {
      // One piece a turn, until its patience ends.
      if (connection.transport.discard(scratch_) == Transport::Next::kRead)
        return wait(connection, Transport::Next::kRead);
      return close(connection);
    }
    case State::kServing:
    case State::kStreaming:
    case State::kFree:
      SONDE_CHECK(false, "nothing is waited for then");
  }
}

void ServerWorker::read(Connection& connection) {
  if (!connection.transport.is_shaken()) {
    const Transport::Next next = connection.transport.handshake();
    if (next == Transport::Next::kOver) return close(connection);
    if (next != Transport::Next::kDone) return wait(connection, next);
    enter(connection, State::kIdle);
  }
  // What a client can have read at one go is bounded by the limits of a request: the reader refuses more.
  for (;;) {
    const Transport::Moved moved = connection.transport.read(scratch_);
    if (moved.next == Transport::Next::kOver) return close(connection);
    if (moved.next != Transport::Next::kDone) return wait(connection, moved.next);
    const std::string_view came(scratch_.data(), moved.bytes);
    if (connection.input.empty()) {
      if (parse(connection, came)) return;
    } else {
      connection.input += came;
      const std::string whole = std::move(connection.input);
      connection.input.clear();
      if (parse(connection, whole)) return;
    }
    // In the clear another read would say "nothing there": the wait says when there is.
    if (!connection.transport.is_tls()) return wait(connection, Transport::Next::kRead);
  }
}

// True: a request is whole or refused, or the connection closed; nothing is to be read.
bool ServerWorker::parse(Connection& connection, std::string_view bytes) {
  if (connection.state == State::kIdle) enter(connection, State::kReading);
  if (!connection.reader) connection.reader = std::make_unique<RequestReader>(limits_);
  RequestReader& reader = *connection.reader;
  const std::size_t taken = reader.take(bytes);
  connection.input.assign(bytes.substr(taken));
  switch (reader.state()) {
    case RequestReader::State::kMore:
      break;
    case RequestReader::State::kWhole:
      ask(connection);
      return true;
    case RequestReader::State::kRefused:
      refuse(connection, reader.status());
      return true;
  }
  if (!reader.wants_continue()) return false;
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  if (connection.transport.write(kContinue, {}).bytes == kContinue.size()) return false;
  close(connection);  // it takes not even that
  return true;
}

// ── from request to answer ───────────────────────────────────────────────────────────────────────────────────────

void ServerWorker::ask(Connection& connection) {
  RequestReader& reader = *connection.reader;
  HttpRequest request = std::move(reader.request());
  connection.keep_alive = reader.keep_alive();
  connection.minor_version = static_cast<std::uint8_t>(reader.minor_version());
  connection.head = request.method == "HEAD";
  box_.refresh(terms_, terms_version_);
  if (request.field("upgrade") != nullptr) {
    connection.handshake = std::make_unique<HttpResponse>(websocket_handshake(request, reader.minor_version()));
    connection.let_in_by = terms_->auth;
  }
  connection.reader.reset();
  ++connection.turn;
  enter(connection, State::kServing);

  Auth& auth = *terms_->auth;
  if (!auth.asks() || needs_no_auth(request.path)) return serve(connection, std::move(request));
  const std::string* authorization = request.field("authorization");
  const auto denied = [challenges = auth.challenges()] {
    HttpResponse response = short_response(401);
    for (const std::string& challenge : challenges) response.fields.emplace_back("WWW-Authenticate", challenge);
    return response;
  };
  switch (auth.quick(authorization, os::monotonic_now())) {
    case Auth::Verdict::kGood:
      return serve(connection, std::move(request));
    case Auth::Verdict::kBad:
      return mailbox_->put({{connection.index, connection.turn}, denied()});  // not now: see answered()
    case Auth::Verdict::kSlow:
      break;
  }
  auto held = std::make_shared<HttpRequest>(std::move(request));
  const bool taken = desk_.submit(
      [mailbox = mailbox_, name = Name{connection.index, connection.turn}, held, denied, auth = terms_->auth] {
        if (auth->slow(*held->field("authorization"), os::monotonic_now()))
          mailbox->put({name, Authorized{std::move(*held)}});
        else
          mailbox->put({name, denied()});
      });
  if (!taken) mailbox_->put({{connection.index, connection.turn}, short_response(503)});
}

void ServerWorker::serve(Connection& connection, HttpRequest request) {
  service_.serve(std::move(request), [mailbox = mailbox_, name = Name{connection.index, connection.turn}](
                                         HttpResponse response) { mailbox->put({name, std::move(response)}); });
  // Behind what else is ready in this turn of the loop.
  if (!std::exchange(tells_served_, true)) boost::asio::post(io_, [this] { tell_served(); });
}

void ServerWorker::tell_served() {
  tells_served_ = false;
  service_.served();
}

void ServerWorker::answer(Connection& connection, const HttpResponse& response) {
  if (response.frames) return begin_stream(connection, response);
  connection.handshake.reset();
  connection.let_in_by.reset();
  if (draining_) connection.keep_alive = false;
  if (response.status == 401) counters_.auth_failures.add();
  counters_.responses.at(std::min(response.status / 100, 5U)).add();
  head_.clear();
  write_response_head(response, connection.keep_alive, connection.minor_version, date(), head_);
  const std::string_view body =
      !connection.head && has_body("GET", response.status) ? std::string_view(response.body) : std::string_view{};
  const Transport::Moved moved = connection.transport.write(head_, body);
  if (moved.next == Transport::Next::kOver) return close(connection);
  if (moved.next == Transport::Next::kDone) return answered(connection);
  connection.output = head_;
  connection.output += body;
  connection.sent = moved.bytes;
  enter(connection, State::kWriting);
  wait(connection, moved.next);
}

void ServerWorker::refuse(Connection& connection, unsigned status) {
  connection.keep_alive = false;
  connection.head = false;
  connection.reader.reset();
  answer(connection, short_response(status));
}

void ServerWorker::write(Connection& connection) {
  const std::string_view rest = std::string_view(connection.output).substr(connection.sent);
  const Transport::Moved moved = connection.transport.write(rest, {});
  connection.sent += moved.bytes;
  if (moved.next == Transport::Next::kOver) return close(connection);
  if (moved.next != Transport::Next::kDone) return wait(connection, moved.next);
  connection.output = {};
  connection.sent = 0;
  answered(connection);
}

void ServerWorker::answered(Connection& connection) {
  if (!connection.keep_alive) {
    connection.transport.finish();
    enter(connection, State::kLingering);
    return wait(connection, Transport::Next::kRead);
  }
  enter(connection, State::kIdle);
  // Pipelined: every answer comes by the mail, so that one client's many requests are no recursion.
  if (!connection.input.empty()) {
    const std::string waiting = std::move(connection.input);
    connection.input.clear();
    if (parse(connection, waiting)) return;
  }
  // OpenSSL may hold bytes that the socket no longer has.
  if (connection.transport.is_tls()) return read(connection);
  wait(connection, Transport::Next::kRead);
}

// ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────

void ServerWorker::arm(Nanos due) {
  if (due >= armed_for_) return;
  armed_for_ = due;
  timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(due)));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) on_timer();
  });
}

void ServerWorker::on_timer() {
  armed_for_ = kNever;
  const Nanos now = os::monotonic_now();
  for (std::size_t state = 0; state < kStates; ++state) {
    if (patience_[state] == kNever) continue;
    List& list = lists_[state];
    while (!list.empty() && list.front().since + patience_[state] <= now) expire(list.front());
    if (!list.empty()) arm(list.front().since + patience_[state]);
  }
  tend_streams(now);
}

void ServerWorker::expire(Connection& connection) {
  if (connection.state == State::kReading || connection.state == State::kWriting) counters_.timeouts.add();
  if (connection.state != State::kReading || !connection.transport.is_shaken()) return close(connection);
  // It waits to read: that ends with the descriptor's cancel, and this turn.
  boost::system::error_code ignored;
  ++connection.turn;
  (void)connection.descriptor->cancel(ignored);
  refuse(connection, 408);
}

const std::string& ServerWorker::date() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != date_of_) {
    date_of_ = now.tv_sec;
    date_ = http_date(date_of_);
  }
  return date_;
}

}  // namespace sonde::gateway
