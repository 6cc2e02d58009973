// The answer to one unary call of gRPC's health service, judged as grpc-go judges it: a status code whatever came, and
// the service's status where the call succeeded. A stream of HTTP/2 in, a result out; the probe's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http2/client_session.h"

namespace sonde::probes {

// gRPC's own (its "Status codes"), those that a client gives.
enum class GrpcCode : std::uint32_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kDeadlineExceeded = 4,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kUnauthenticated = 16,
};

struct GrpcResult {
  std::uint32_t code = 0;
  std::string text;          // of what failed, as it was said: any bytes; at most GrpcCall::kMostText
  std::int32_t serving = 0;  // ServingStatus; of code 0 alone
};

class GrpcCall final : public http2::StreamSink {
 public:
  static constexpr std::size_t kMostText = 1024;

  bool heard() const { return http_status_ != 0; }  // the answer has begun
  // Nothing until it is known. What comes behind it changes nothing.
  const std::optional<GrpcResult>& result() const { return result_; }
  bool lost() const { return lost_; }  // the result is that of a connection that ended

  void on_status(unsigned status) override { http_status_ = status; }
  void on_header(std::string_view name, std::string_view value) override;
  void on_trailer(std::string_view name, std::string_view value) override;
  void on_data(std::span<const std::byte> bytes) override;
  void on_end() override;
  void on_reset(http2::Reset reset) override;

 private:
  void take_status(std::string_view name, std::string_view value);
  void take_messages();
  void finish(GrpcCode code, std::string text) { finish(static_cast<std::uint32_t>(code), std::move(text)); }
  void finish(std::uint32_t code, std::string text);
  void finish_as_http();

  std::optional<GrpcResult> result_;
  std::string buffer_;  // of messages, at most one and a piece
  std::string encoding_;
  std::string grpc_message_;
  std::optional<std::string> grpc_status_;
  std::optional<std::int32_t> serving_;
  unsigned http_status_ = 0;
  bool is_grpc_ = false;
  bool has_trailers_ = false;
  bool lost_ = false;
};

}  // namespace sonde::probes
