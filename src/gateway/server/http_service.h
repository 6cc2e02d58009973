// The seam between the HTTP server and what it serves: a request in, a response out, later and from any thread. The
// server knows of connections, TLS, auth and limits; the service of paths and what is behind them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace sonde::gateway {

struct HttpRequest {
  std::string method;
  std::string path;                                         // without the query, %-decoded
  std::vector<std::pair<std::string, std::string>> query;   // decoded, in order
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case
  std::string body;

  // The first of that name; null: none.
  const std::string* parameter(std::string_view name) const;
  const std::string* field(std::string_view name) const;
};

// What one WebSocket client is sent, frame by frame. The server asks for the next one when all before is out, so a slow
// client is asked less often, and nothing queues for it. Asked by one thread; the clock is the steady one.
class FrameSource {
 public:
  virtual ~FrameSource() = default;
  // A binary message; null: nothing at this time. Shared by all who are sent the same.
  virtual std::shared_ptr<const std::string> next(Nanos now) = 0;
  // When next() is to be asked again; now or before: as soon as the frame is out.
  virtual Nanos next_time() const = 0;
};

struct HttpResponse {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> fields;  // beyond Content-Type and Content-Length
  // With status 101, to a request that asked for a WebSocket (RFC 6455 4.2): what the connection is from now on.
  std::shared_ptr<FrameSource> frames = nullptr;
};

class HttpService {
 public:
  using Reply = std::function<void(HttpResponse)>;
  virtual ~HttpService() = default;
  // Calls `reply` exactly once, now or later, from any thread.
  virtual void serve(HttpRequest request, Reply reply) = 0;
  // Behind some calls of serve(), when all requests that are there were given: whoever must be woken is woken here.
  virtual void served() {}
};

// While one lives, those who deliver answers that are given on its thread wake nobody: they do it at its end. So a
// thread that answers many at once wakes the server once, which on one core would else take its place for each of them.
class ReplyBatch {
 public:
  ReplyBatch() { current = this; }
  ~ReplyBatch() {
    current = nullptr;
    for (const std::function<void()>& wake : wakes_) wake();
  }
  ReplyBatch(const ReplyBatch&) = delete;
  ReplyBatch& operator=(const ReplyBatch&) = delete;

  // False: there is none on this thread, `wake` was not taken.
  static bool defer(std::function<void()> wake) {
    if (current == nullptr) return false;
    current->wakes_.push_back(std::move(wake));
    return true;
  }

 private:
  static thread_local ReplyBatch* current;
  std::vector<std::function<void()>> wakes_;
};

}  // namespace sonde::gateway
