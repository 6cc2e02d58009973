#include "probes/check/grpc_call.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "wire/grpc.h"
#include "wire/line.h"

namespace sonde::probes {
namespace {

using Message = wire::ParseResult<wire::GrpcMessage>;

// "application/grpc", maybe with "+proto" or ";…" behind it.
bool is_grpc_type(std::string_view value) {
  constexpr std::string_view kType = "application/grpc";
  if (!value.starts_with(kType)) return false;
  value.remove_prefix(kType.size());
  return value.empty() || value.front() == '+' || value.front() == ';';
}

// gRPC's "HTTP to gRPC status code mapping".
GrpcCode code_of_http(unsigned status) {
  switch (status) {
    case 400:
      return GrpcCode::kInternal;
    case 401:
      return GrpcCode::kUnauthenticated;
    case 403:
      return GrpcCode::kPermissionDenied;
    case 404:
      return GrpcCode::kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return GrpcCode::kUnavailable;
    default:
      return GrpcCode::kUnknown;
  }
}

// gRPC over HTTP/2, "HTTP2 error codes".
GrpcCode code_of_reset(std::uint32_t code) {
  switch (code) {
    case NGHTTP2_CANCEL:
      return GrpcCode::kCancelled;
    case NGHTTP2_REFUSED_STREAM:
      return GrpcCode::kUnavailable;
    case NGHTTP2_FLOW_CONTROL_ERROR:
    case NGHTTP2_ENHANCE_YOUR_CALM:
      return GrpcCode::kResourceExhausted;
    case NGHTTP2_INADEQUATE_SECURITY:
      return GrpcCode::kPermissionDenied;
    default:
      return code <= NGHTTP2_HTTP_1_1_REQUIRED ? GrpcCode::kInternal : GrpcCode::kUnknown;
  }
}

}  // namespace

void GrpcCall::finish(std::uint32_t code, std::string text) {
  if (result_) return;
  text.resize(std::min(text.size(), kMostText));
  result_ = GrpcResult{.code = code, .text = std::move(text), .serving = code == 0 ? serving_.value_or(0) : 0};
}

void GrpcCall::finish_as_http() {
  finish(code_of_http(http_status_), fmt::format("the answer is no gRPC, its HTTP status {}", http_status_));
}

void GrpcCall::take_status(std::string_view name, std::string_view value) {
  if (name == "grpc-status") grpc_status_ = value.substr(0, 32);
  if (name == "grpc-message") grpc_message_ = wire::decode_grpc_message(value.substr(0, 3 * kMostText));
}

void GrpcCall::on_header(std::string_view name, std::string_view value) {
  if (name == "content-type") is_grpc_ = is_grpc_type(value);
  if (name == "grpc-encoding") encoding_ = value.substr(0, 32);
  take_status(name, value);
}

void GrpcCall::on_trailer(std::string_view name, std::string_view value) {
  has_trailers_ = true;
  take_status(name, value);
}

void GrpcCall::on_data(std::span<const std::byte> bytes) {
  if (result_) return;
  if (!is_grpc_) return finish_as_http();
  // A status among the headers is one only where nothing follows.
  grpc_status_.reset();
  buffer_ += wire::as_text(bytes);
  take_messages();
}

void GrpcCall::take_messages() {
  std::size_t taken = 0;
  while (!result_) {
    const Message message = wire::GrpcMessageProcessor().parse(wire::as_bytes(std::string_view(buffer_).substr(taken)));
    if (message.kind == Message::Kind::kNeed) break;
    if (message.kind == Message::Kind::kError)
      return finish(buffer_[taken] > 1 ? GrpcCode::kInternal : GrpcCode::kResourceExhausted, message.error);
    if (serving_) return finish(GrpcCode::kUnknown, "more than one message");
    if (message.frame.compressed) {
      const bool unknown = !encoding_.empty() && encoding_ != "identity";
      return finish(unknown ? GrpcCode::kUnimplemented : GrpcCode::kInternal, "the message is compressed");
    }
    serving_ = wire::read_health_status(message.frame.bytes);
    if (!serving_) return finish(GrpcCode::kInternal, "the message is no HealthCheckResponse");
    taken += message.consumed;
  }
  buffer_.erase(0, taken);
}

void GrpcCall::on_end() {
  if (result_) return;
  if (!is_grpc_) return finish_as_http();
  if (!buffer_.empty()) return finish(GrpcCode::kInternal, "the stream ended within a message");
  if (serving_ && !has_trailers_) return finish(GrpcCode::kInternal, "the stream ended without trailers");
  if (!grpc_status_) return finish(GrpcCode::kUnknown, "no grpc-status");
  std::uint32_t code = 0;
  const char* const end = grpc_status_->data() + grpc_status_->size();
  const auto [stop, error] = std::from_chars(grpc_status_->data(), end, code);
  if (error != std::errc() || stop != end) return finish(GrpcCode::kInternal, "a malformed grpc-status");
  if (code == 0 && !serving_) return finish(GrpcCode::kUnknown, "no message");
  finish(code, code == 0 ? std::string() : grpc_message_);
}

void GrpcCall::on_reset(http2::Reset reset) {
  using Why = http2::Reset::Why;
  if (result_) return;
  switch (reset.why) {
    case Why::kReset:
      return finish(code_of_reset(reset.code),
                    fmt::format("the stream was reset with {}", http2::error_name(reset.code)));
    case Why::kRefused:
      return finish(GrpcCode::kUnavailable, "the stream was refused");
    case Why::kTooLong:
      return finish(GrpcCode::kInternal, "the headers are too long");
    case Why::kSession:
      lost_ = true;
      return finish(GrpcCode::kUnavailable, "the connection ended before the answer");
  }
}

}  // namespace sonde::probes
