// One HTTP/1.x request out of a client's bytes (RFC 9112), by Beast's parser with stricter rules around it: no transfer
// coding but chunked, one Host, nothing that could be read in two ways. No I/O, no clock. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "gateway/server/http_service.h"

namespace sonde::gateway {

struct RequestLimits {
  std::size_t header = 64 << 10;  // bytes, of the first line and the fields; as many of a chunk's line or the trailer
  std::size_t body = 1 << 20;
};

class RequestReader {
 public:
  enum class State : std::uint8_t {
    kMore,     // it is not whole
    kWhole,    // take_request() once; the bytes behind it are another's
    kRefused,  // with status(); nothing more can be read from this client
  };

  explicit RequestReader(const RequestLimits& limits);
  ~RequestReader();

  // `bytes`: all that were not taken, those of the last call first. How many are taken.
  std::size_t take(std::string_view bytes);

  State state() const { return state_; }
  unsigned status() const { return status_; }  // 400, 413, 417, 431, 501, 505
  // The client waits for "100 Continue" (RFC 9110 10.1.1). True once.
  bool wants_continue();
  // kWhole: whether the client goes on on this connection, its minor version, and what it asks.
  bool keep_alive() const { return keep_alive_; }
  unsigned minor_version() const { return minor_version_; }
  HttpRequest& request() { return request_; }

 private:
  struct Parser;

  std::size_t parse(std::string_view bytes);
  void refuse(unsigned status);
  void read_header();

  RequestLimits limits_;
  std::unique_ptr<Parser> parser_;
  HttpRequest request_;
  State state_ = State::kMore;
  unsigned status_ = 0;
  unsigned minor_version_ = 1;
  bool header_read_ = false;
  bool keep_alive_ = false;
  bool expects_continue_ = false;
};

}  // namespace sonde::gateway
