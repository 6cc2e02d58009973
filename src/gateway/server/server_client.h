// For the server's tests: a client that writes bytes as they are given, and a service that answers when it is told to.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "gateway/server/http_service.h"
#include "gateway/server/server.h"
#include "os/fd.h"

namespace sonde::gateway {

class Client {
 public:
  explicit Client(std::uint16_t port, int receive_buffer = 0) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    EXPECT_GE(fd_.get(), 0);
    // What never comes fails the test; nothing here waits for time to pass.
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (receive_buffer > 0) ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    if (port != 0) connect(port);
  }

  void connect(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // The next response, head and body; "" when the connection ended before it was whole.
  std::string response(bool has_body = true) {
    std::size_t end = 0;
    while ((end = bytes_.find("\r\n\r\n")) == std::string::npos)
      if (!more()) return {};
    const std::size_t at = bytes_.find("Content-Length: ");
    const std::size_t length =
        has_body && at < end
            ? std::strtoul(bytes_.c_str() + at + std::string_view("Content-Length: ").size(), nullptr, 10)
            : 0;
    while (bytes_.size() < end + 4 + length)
      if (!more()) return {};
    std::string whole = bytes_.substr(0, end + 4 + length);
    bytes_.erase(0, whole.size());
    return whole;
  }

  std::string ask(std::string_view request) {
    send(request);
    return response();
  }
  // True: the server closed, and sent nothing before it did.
  bool ended() { return bytes_.empty() && !more(); }
  void finish() { ::shutdown(fd_.get(), SHUT_WR); }
  int fd() const { return fd_.get(); }
  std::string& bytes() { return bytes_; }  // that came and were not taken

  // Waits for what comes; false: the connection ended.
  bool more() {
    char chunk[65536];
    const ssize_t got = ::recv(fd_.get(), chunk, sizeof chunk, 0);
    EXPECT_FALSE(got < 0 && errno == EAGAIN) << "nothing came";
    if (got <= 0) return false;
    bytes_.append(chunk, static_cast<std::size_t>(got));
    return true;
  }

 private:
  os::Fd fd_;
  std::string bytes_;
};

inline unsigned status_of(std::string_view response) {
  return response.starts_with("HTTP/1.1 ") ? static_cast<unsigned>(std::atoi(response.data() + 9)) : 0;
}
inline std::string body_of(const std::string& response) {
  const std::size_t end = response.find("\r\n\r\n");
  return end == std::string::npos ? std::string() : response.substr(end + 4);
}
inline std::string get(std::string_view path, std::string_view fields = {}) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n";
}

// "/later…" waits for the test, "/big" is 8 MiB; all else is answered at once with what was asked.
class EchoService final : public HttpService {
 public:
  void serve(HttpRequest request, Reply reply) override {
    HttpResponse response{.body = request.method + " " + request.path + " " + request.body, .fields = {}};
    if (request.path == "/big") response.body.assign(std::size_t{8} << 20, 'x');
    if (!request.path.starts_with("/later")) return reply(std::move(response));
    const std::lock_guard lock(mutex_);
    later_.emplace_back(std::move(reply), std::move(response));
    came_.notify_all();
  }
  // Waits until that many are held.
  void wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [&] { return later_.size() >= count; });
  }
  // Answers the one that came first.
  void release() {
    wait_for(1);
    std::unique_lock lock(mutex_);
    auto [reply, response] = std::move(later_.front());
    later_.pop_front();
    lock.unlock();
    reply(std::move(response));
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::pair<Reply, HttpResponse>> later_;
};

inline ServerOptions options() {
  ServerOptions options;
  options.listen = "127.0.0.1:0";
  return options;
}

// A server on loopback and its service.
template <typename Service>
struct ServedBy {
  Service service;
  std::unique_ptr<Server> server;

  explicit ServedBy(ServerOptions with = options()) {
    auto made = Server::create(std::move(with), service);
    EXPECT_TRUE(made) << made.error().text;
    server = std::move(*made);
    server->start();
  }
  std::uint16_t port() const { return server->port(); }
  double metric(std::string_view name, std::string_view code = {}) const {
    metrics::Samples samples;
    server->sample(samples);
    for (const auto& sample : samples.all())
      if (sample.family->name == name && (code.empty() || sample.labels.front().second == code)) return sample.value;
    ADD_FAILURE() << "no metric " << name;
    return -1;
  }
  void until(std::string_view name, double value) const {
    while (metric(name) != value) std::this_thread::yield();
  }
};

}  // namespace sonde::gateway
