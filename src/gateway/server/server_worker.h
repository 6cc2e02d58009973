// One thread of the server with its event loop, its connections and nothing shared with the others but counters. A
// connection is in one state at a time and asks one thing at a time; what a client pipelines waits in its socket, so
// that answers come in order and nothing piles up. Each state has one patience for all, so that who entered first is
// due first: a list a state, one timer for all of them.
//
// Other threads talk to it by its mailbox: what came since it last looked is one wake-up.
#pragma once

#include <array>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/intrusive/list.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/time.h"
#include "gateway/server/auth.h"
#include "gateway/server/http_service.h"
#include "gateway/server/request_reader.h"
#include "gateway/server/server.h"
#include "gateway/server/server_stream.h"
#include "gateway/server/server_transport.h"
#include "memory/slab.h"
#include "metrics/counter.h"
#include "os/fd.h"

namespace sonde::gateway {

// What a reload changes; the workers look for another one at each request.
struct ServerTerms {
  TlsContext tls;  // null: in the clear
  std::shared_ptr<Auth> auth;
};

class ServerTermsBox {
 public:
  void set(std::shared_ptr<const ServerTerms> terms) {
    const std::lock_guard lock(mutex_);
    terms_ = std::move(terms);
    version_.fetch_add(1, std::memory_order_release);
  }
  std::shared_ptr<const ServerTerms> get() const {
    const std::lock_guard lock(mutex_);
    return terms_;
  }
  // `version` is of what the caller has; updated with it.
  void refresh(std::shared_ptr<const ServerTerms>& terms, std::uint32_t& version) const {
    if (version_.load(std::memory_order_acquire) == version) return;
    const std::lock_guard lock(mutex_);
    terms = terms_;
    version = version_.load(std::memory_order_relaxed);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const ServerTerms> terms_;
  std::atomic<std::uint32_t> version_{0};
};

struct ServerCounters {
  metrics::Counter accepted, accept_failures, connections;
  metrics::Counter shed;      // closed to make room, idle or unfinished ones
  metrics::Counter refused;   // none could be closed for it
  metrics::Counter timeouts;  // of requests and answers
  metrics::Counter auth_failures;
  std::array<metrics::Counter, 6> responses;  // by the status' first digit
  StreamCounters stream;
};

class ServerWorker {
 public:
  // Its share of the options' bounds: of `workers` in all.
  ServerWorker(const ServerOptions& options, std::uint32_t workers, const ServerTermsBox& terms, SlowDesk& desk,
               HttpService& service);
  ~ServerWorker();  // REQUIRES: stopped
  ServerWorker(const ServerWorker&) = delete;
  ServerWorker& operator=(const ServerWorker&) = delete;

  void start();
  void stop();  // closes everything; answers that come later are dropped

  // Any thread.
  void adopt(os::Fd connection);
  void begin_drain(Nanos grace, std::function<void()> when_empty);
  void post_shed();
  void end_streams_of_others();  // that another auth let in than that of the terms
  const ServerCounters& counters() const { return counters_; }

  // Its own thread.
  boost::asio::io_context& loop() { return io_; }
  void take_connection(os::Fd connection);
  bool shed();  // closes the connection that is missed least; false: all are being answered
  ServerCounters& counters() { return counters_; }

 private:
  using Executor = boost::asio::io_context::executor_type;
  using Descriptor = boost::asio::posix::basic_stream_descriptor<Executor>;
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
  // kLingering: the last answer is out; what the client still sends is read and forgotten, since closing over it would
  // be an RST that takes the answer away (RFC 9112 9.6). kStreaming: a WebSocket, which alone waits to read and to
  // write at a time, and each for a time of its own.
  enum class State : std::uint8_t { kIdle, kReading, kServing, kWriting, kLingering, kStreaming, kFree };
  static constexpr std::size_t kStates = 6;

  struct Connection : boost::intrusive::list_base_hook<> {
    State state = State::kFree;
    bool keep_alive = false;
    bool head = false;  // the method: its answer has no body
    std::uint8_t minor_version = 1;
    std::uint32_t index = 0;
    std::uint32_t turn = 0;  // counts requests and uses: an answer to an earlier one is nobody's
    Nanos since = 0;
    std::optional<Descriptor> descriptor;
    Transport transport;
    std::string input;  // not yet taken by the reader
    std::unique_ptr<RequestReader> reader;
    std::string output;  // what did not go at once
    std::size_t sent = 0;
    std::unique_ptr<HttpResponse> handshake;  // to a request that asks for a WebSocket, if it gets one
    std::shared_ptr<const Auth> let_in_by;    // the one that asks, or asked, for the WebSocket
    std::unique_ptr<ServerStream> stream;
    bool waits_read = false, waits_write = false;  // the stream
  };
  struct Name {
    std::uint32_t index = 0, turn = 0;
  };
  struct Authorized {
    HttpRequest request;
  };
  struct Letter {
    Name to;
    std::variant<HttpResponse, Authorized> content;
  };
  // Outlives the worker, in the hands of those who still owe an answer.
  struct Mailbox : std::enable_shared_from_this<Mailbox> {
    std::mutex mutex;
    std::vector<Letter> letters;
    ServerWorker* worker = nullptr;  // null: nobody reads them
    bool rung = false;               // or somebody has promised to ring

    void put(Letter letter);
    void ring();
  };
  using List = boost::intrusive::list<Connection, boost::intrusive::constant_time_size<false>>;

  void read_mail();
  Connection* find(const Name& name);

  void enter(Connection& connection, State state);
  void close(Connection& connection);
  void wait(Connection& connection, Transport::Next next);
  void on_ready(Connection& connection);
  void read(Connection& connection);
  bool parse(Connection& connection, std::string_view bytes);
  void ask(Connection& connection);
  void serve(Connection& connection, HttpRequest request);
  void tell_served();
  void answer(Connection& connection, const HttpResponse& response);
  void refuse(Connection& connection, unsigned status);
  void write(Connection& connection);
  void answered(Connection& connection);

  // server_worker_stream.cc
  void begin_stream(Connection& connection, const HttpResponse& response);
  void turn_stream(Connection& connection);
  void wait_stream(Connection& connection, Descriptor::wait_type what, bool Connection::* waits);
  void end_stream(Connection& connection);
  void tend_streams(Nanos now);
  void leave_streams();
  void drop_others();

  void arm(Nanos due);
  void on_timer();
  void expire(Connection& connection);
  const std::string& date();

  const RequestLimits limits_;
  const std::uint32_t most_streams_;
  const StreamTerms stream_terms_;
  std::array<Nanos, kStates> patience_;
  const ServerTermsBox& box_;
  SlowDesk& desk_;
  HttpService& service_;
  std::shared_ptr<const ServerTerms> terms_;
  std::uint32_t terms_version_ = 0;
  ServerCounters counters_;

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<Executor> work_{io_.get_executor()};
  Timer timer_{io_.get_executor()};
  Nanos armed_for_ = kNever;
  memory::Slab<Connection> connections_;
  std::array<List, kStates> lists_;
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  std::vector<Letter> letters_;  // those being read
  std::vector<char> scratch_;
  std::string head_;
  std::string date_;
  std::int64_t date_of_ = 0;
  bool draining_ = false;
  bool tells_served_ = false;  // soon
  std::function<void()> when_empty_;
  std::thread thread_;
};

}  // namespace sonde::gateway
