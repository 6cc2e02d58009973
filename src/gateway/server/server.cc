#include "gateway/server/server.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "gateway/server/server_listener.h"
#include "gateway/server/server_worker.h"
#include "os/sockaddr.h"

namespace sonde::gateway {
namespace {

using metrics::Family;
using metrics::Type;

constexpr Family kConnections{"sonde_server_connections", "Connections of HTTP clients that are open."};
constexpr Family kAccepted{"sonde_server_accepted_total", "Connections accepted.", Type::kCounter};
constexpr Family kAcceptFailures{"sonde_server_accept_failures_total",
                                 "Connections that could not be accepted at once, most for want of descriptors.",
                                 Type::kCounter};
constexpr Family kShed{"sonde_server_shed_total", "Connections closed to make room, the longest idle first.",
                       Type::kCounter};
constexpr Family kRefused{"sonde_server_refused_total", "Connections closed at once because all others were busy.",
                          Type::kCounter};
constexpr Family kTimeouts{"sonde_server_timeouts_total", "Requests and responses that took too long.", Type::kCounter};
constexpr Family kAuthFailures{"sonde_server_auth_failures_total", "Requests refused for want of good credentials.",
                               Type::kCounter};
constexpr Family kResponses{"sonde_server_responses_total", "Responses by the first digit of their status.",
                            Type::kCounter};
constexpr Family kStreams{"sonde_server_streams", "WebSockets that are open."};
constexpr Family kStreamFrames{"sonde_server_stream_frames_total", "Frames written to WebSockets.", Type::kCounter};
constexpr Family kStreamBytes{"sonde_server_stream_bytes_total", "Bytes in them.", Type::kCounter};

constexpr Nanos kDrainGrace = kSecond;  // for idle clients, see ServerWorker::begin_drain
constexpr std::size_t kMostSlow = 128;  // requests that wait for a password to be verified

class HttpServer final : public Server {
 public:
  HttpServer(const ServerOptions& options, std::vector<os::Fd> sockets, ServerTerms terms, HttpService& service)
      : sockets_(std::move(sockets)), desk_(kMostSlow) {
    box_.set(std::make_shared<const ServerTerms>(std::move(terms)));
    const std::uint32_t threads = std::max(options.threads, 1U);
    std::vector<ServerWorker*> workers;
    for (std::uint32_t i = 0; i < threads; ++i) {
      workers_.push_back(std::make_unique<ServerWorker>(options, threads, box_, desk_, service));
      workers.push_back(workers_.back().get());
    }
    listener_ = std::make_unique<ServerListener>(HttpServer::sockets(), std::move(workers));
    listener_->start();
  }

  ~HttpServer() override {
    for (const auto& worker : workers_) worker->stop();
    listener_.reset();
  }

  void start() override {
    for (const auto& worker : workers_) worker->start();
  }

  std::uint16_t port() const override {
    os::SockAddr address;
    address.length = sizeof address.storage;
    SONDE_CHECK(::getsockname(sockets_.front().get(), address.get(), &address.length) == 0,
                "a bound socket has a name");
    return os::endpoint_of(address).port;
  }

  std::vector<int> sockets() const override {
    std::vector<int> all;
    all.reserve(sockets_.size());
    for (const os::Fd& socket : sockets_) all.push_back(socket.get());
    return all;
  }

  bool drain(Nanos patience) override {
    boost::asio::post(workers_.front()->loop(), [this] {
      listener_->stop();
      // Refused, who comes late goes elsewhere at once; in the kernel's queue nobody would tell him. A successor has
      // the sockets too, and keeps them open.
      sockets_.clear();
    });
    // What this waits for is kept by those who tell: they may do so after it gave up.
    struct Empty {
      std::mutex mutex;
      std::condition_variable changed;
      std::vector<bool> workers;
    };
    const auto empty = std::make_shared<Empty>();
    empty->workers.resize(workers_.size());
    for (std::size_t i = 0; i < workers_.size(); ++i)
      workers_[i]->begin_drain(std::min(patience / 2, kDrainGrace), [empty, i] {
        const std::lock_guard lock(empty->mutex);
        empty->workers[i] = true;
        empty->changed.notify_one();
      });
    std::unique_lock lock(empty->mutex);
    return empty->changed.wait_for(lock, std::chrono::nanoseconds(patience),
                                   [&] { return std::ranges::all_of(empty->workers, std::identity{}); });
  }

  Parsed<> change(std::optional<ServerTls> tls, AuthOptions auth) override {
    auto terms = make_terms(tls, auth);
    if (!terms) return std::unexpected(std::move(terms.error()));
    // The old one knows passwords that were good, each of which cost its bcrypt.
    if (const auto now = box_.get(); now->auth->same_as(*terms->auth)) terms->auth = now->auth;
    box_.set(std::make_shared<const ServerTerms>(std::move(*terms)));
    for (const auto& worker : workers_) worker->end_streams_of_others();
    return {};
  }

  void sample(metrics::Samples& out) const override {
    const auto sum = [&](auto counter) {
      std::uint64_t all = 0;
      for (const auto& worker : workers_) all += counter(std::as_const(*worker).counters()).value();
      return static_cast<double>(all);
    };
    using C = ServerCounters;
    out.add(kConnections, sum([](const C& c) -> auto& { return c.connections; }));
    out.add(kAccepted, sum([](const C& c) -> auto& { return c.accepted; }));
    out.add(kAcceptFailures, sum([](const C& c) -> auto& { return c.accept_failures; }));
    out.add(kShed, sum([](const C& c) -> auto& { return c.shed; }));
    out.add(kRefused, sum([](const C& c) -> auto& { return c.refused; }));
    out.add(kTimeouts, sum([](const C& c) -> auto& { return c.timeouts; }));
    out.add(kAuthFailures, sum([](const C& c) -> auto& { return c.auth_failures; }));
    out.add(kStreams, sum([](const C& c) -> auto& { return c.stream.streams; }));
    out.add(kStreamFrames, sum([](const C& c) -> auto& { return c.stream.frames; }));
    out.add(kStreamBytes, sum([](const C& c) -> auto& { return c.stream.bytes; }));
    for (std::size_t digit = 1; digit <= 5; ++digit)
      out.add(kResponses, {{"code", std::to_string(digit) + "xx"}},
              sum([digit](const C& c) -> auto& { return c.responses[digit]; }));
  }

  static Parsed<ServerTerms> make_terms(const std::optional<ServerTls>& tls, const AuthOptions& auth) {
    ServerTerms terms;
    if (tls) {
      auto context = make_server_tls(*tls);
      if (!context) return std::unexpected(std::move(context.error()));
      terms.tls = std::move(*context);
    }
    auto made = Auth::create(auth);
    if (!made) return std::unexpected(std::move(made.error()));
    terms.auth = std::move(*made);
    return terms;
  }

 private:
  std::vector<os::Fd> sockets_;
  ServerTermsBox box_;
  SlowDesk desk_;
  std::vector<std::unique_ptr<ServerWorker>> workers_;
  std::unique_ptr<ServerListener> listener_;
};

}  // namespace

Parsed<std::unique_ptr<Server>> Server::create(ServerOptions options, HttpService& service) {
  auto terms = HttpServer::make_terms(options.tls, options.auth);
  if (!terms) return std::unexpected(std::move(terms.error()));
  std::vector<os::Fd> sockets = std::move(options.sockets);
  if (sockets.empty()) {
    auto opened = open_listener(options.listen);
    if (!opened) return std::unexpected(std::move(opened.error()));
    sockets.push_back(std::move(*opened));
  }
  for (const os::Fd& socket : sockets)
    if (auto checked = check_listener(socket.get()); !checked) return std::unexpected(std::move(checked.error()));
  return std::make_unique<HttpServer>(options, std::move(sockets), std::move(*terms), service);
}

}  // namespace sonde::gateway
