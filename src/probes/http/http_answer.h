// One answer, read from an HTTP/1 connection or an HTTP/2 stream: the head is kept (in a lent buffer, in HTTP/1's form,
// so that a record reads both alike), the body goes through HttpBody. One thread; reused for the next answer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http2/client_session.h"
#include "memory/ring_pool.h"
#include "probes/http/http_body.h"
#include "wire/http1_response.h"

namespace sonde::probes {

class HttpAnswer final : public http2::StreamSink {
 public:
  struct Wants {
    std::uint64_t limit = 0;  // of the body, decoded
    bool whole_text = false;  // keep it; that of a 400 always is
    // Of who wants the body's bytes alone: no hash, no title; `whole_text` keeps at most so many bytes.
    std::optional<std::uint64_t> bare;
    std::optional<std::string_view> coding;  // in place of what the answer says; outlives the answer
    bool as_go = false;                      // wire::Http1Response::Manner::kGo
  };
  enum class State : std::uint8_t {
    kMore,
    kEnd,
    kEnough,  // the body's limit is reached; the rest is not read
    kError,   // error() says why
  };

  void begin(memory::RingPool& pool, std::string_view method, Wants wants);

  // HTTP/1.
  State on_bytes(std::span<const std::byte> bytes);
  State on_eof();  // kMore: it is cut short, error() says where
  bool keeps_alive() const { return http1_.keep_alive() && surplus_ == 0 && state_ == State::kEnd; }
  bool is_http() const { return status() != 0 || http1_.kind() != wire::Http1Response::Kind::kUnknown; }
  bool in_head() const { return is_http2_ ? status_ == 0 : http1_.state() == wire::Http1Response::State::kHead; }
  // The head is whole, whatever came of the body.
  bool has_head() const {
    return is_http2_ ? status_ != 0 : http1_.framing() != wire::Http1Response::Framing::kUnknown && status() != 0;
  }
  // What came while it was not known to be HTTP.
  std::span<const std::byte> unread_head() const { return head_.bytes().first(head_size_); }

  // HTTP/2
  void on_status(unsigned status) override;
  void on_header(std::string_view name, std::string_view value) override;
  void on_trailer(std::string_view, std::string_view) override {}
  void on_data(std::span<const std::byte> bytes) override;
  void on_end() override;
  void on_reset(http2::Reset reset) override;
  bool refused() const { return refused_; }  // the request may be sent again

  State state() const { return state_; }
  std::uint16_t status() const { return is_http2_ ? status_ : http1_.status(); }
  std::string version() const;    // "1.1", "2", …
  std::string_view head() const;  // for wire::for_each_header
  std::string_view reason() const { return is_http2_ ? std::string_view() : wire::reason_of(head()); }
  const HttpBody* body() const { return body_.get(); }  // null: none came
  bool truncated() const { return state_ == State::kEnough || (body_ && body_->truncated()) || http1_.truncated(); }
  std::optional<std::uint64_t> content_length() const;
  // The length that the head declares of the body that comes; nothing: it does not.
  std::optional<std::uint64_t> declared_length() const;
  const std::string& error() const { return error_; }

 private:
  void keep_head(std::span<const std::byte> bytes);
  bool take_body(std::span<const std::byte> bytes);
  State end();
  State fail(std::string error);

  memory::RingPool* pool_ = nullptr;
  wire::Http1Response http1_;
  memory::Lease head_;
  std::uint32_t head_size_ = 0;
  std::uint32_t surplus_ = 0;  // bytes that came behind the end
  std::unique_ptr<HttpBody> body_;
  std::string error_;
  Wants wants_;
  std::uint16_t status_ = 0;  // HTTP/2's
  State state_ = State::kMore;
  bool answers_head_ = false;
  bool is_http2_ = false;
  bool refused_ = false;
};

}  // namespace sonde::probes
