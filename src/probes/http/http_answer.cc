#include "probes/http/http_answer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "wire/ascii.h"
#include "wire/http1_field.h"
#include "wire/line.h"

namespace sonde::probes {
namespace {

bool may_have_title(std::string_view head) {
  std::optional<std::string> type = wire::header_value(head, "content-type");
  if (!type) return true;
  std::ranges::transform(*type, type->begin(), wire::lower);
  return type->find("html") != std::string::npos;
}

}  // namespace

void HttpAnswer::begin(memory::RingPool& pool, std::string_view method, Wants wants) {
  pool_ = &pool;
  using Manner = wire::Http1Response::Manner;
  http1_ = wire::Http1Response(method, wants.as_go ? Manner::kGo : Manner::kLenient);
  head_size_ = 0;
  surplus_ = 0;
  body_.reset();
  error_.clear();
  wants_ = wants;
  status_ = 0;
  state_ = State::kMore;
  is_http2_ = false;
  refused_ = false;
  answers_head_ = method == "HEAD";
}

void HttpAnswer::keep_head(std::span<const std::byte> bytes) {
  const std::size_t size = head_size_ + bytes.size();
  if (size > head_.bytes().size()) {
    memory::Lease larger = pool_->lend(std::max(size, head_size_ > 0 ? 2 * head_.bytes().size() : 0));
    copy_bytes(head_.bytes().first(head_size_), larger.bytes().data());
    head_ = std::move(larger);
  }
  copy_bytes(bytes, head_.bytes().data() + head_size_);
  head_size_ = static_cast<std::uint32_t>(size);
}

HttpAnswer::State HttpAnswer::fail(std::string error) {
  error_ = std::move(error);
  return state_ = State::kError;
}

HttpAnswer::State HttpAnswer::end() {
  if (body_) body_->end();
  return state_ = State::kEnd;
}

HttpAnswer::State HttpAnswer::on_bytes(std::span<const std::byte> bytes) {
  using Parser = wire::Http1Response::State;
  if (state_ != State::kMore) {
    surplus_ += static_cast<std::uint32_t>(bytes.size());
    return state_;
  }
  if (http1_.state() == Parser::kHead) {
    // Mostly the head comes in one piece: then it alone is kept. Else all is, until it is whole.
    const bool fresh = head_size_ == 0;
    if (!fresh) keep_head(bytes);
    const std::span<const std::byte> kept = fresh ? bytes : unread_head();
    const Parser parsed = http1_.scan_head(kept);
    if (parsed == Parser::kHead || parsed == Parser::kError) {
      if (fresh) keep_head(bytes);
      return parsed == Parser::kHead ? State::kMore : fail(http1_.error());
    }
    bytes = kept.subspan(http1_.head_bytes());
    if (fresh) keep_head(kept.first(http1_.head_bytes()));
  }
  // Where nothing of a body is wanted its first byte is not waited for, nor looked at where it is there.
  if (http1_.state() == Parser::kBody && wants_.limit == 0) return state_ = State::kEnough;
  for (;;) {
    const std::span<const std::byte> piece = http1_.take_body(bytes);
    if (piece.empty()) break;
    if (!take_body(piece)) return state_ = State::kEnough;
  }
  if (http1_.state() == Parser::kError) return fail(http1_.error());
  if (http1_.state() != Parser::kEnd) return State::kMore;
  surplus_ = static_cast<std::uint32_t>(bytes.size());
  return end();
}

HttpAnswer::State HttpAnswer::on_eof() {
  if (state_ != State::kMore || is_http2_) return state_;
  if (http1_.on_eof()) return end();
  error_ = http1_.error();
  return State::kMore;
}

bool HttpAnswer::take_body(std::span<const std::byte> bytes) {
  if (!body_) {
    const std::string coding =
        wants_.coding ? std::string(*wants_.coding) : wire::header_value(head(), "content-encoding").value_or("");
    // A 400 may say that one should ask by TLS.
    const bool kept = wants_.whole_text || status() == 400;
    const bool bare = wants_.bare.has_value();
    body_ = std::make_unique<HttpBody>(coding, HttpBody::Wants{.limit = wants_.limit,
                                                               .keep = kept ? wants_.bare.value_or(wants_.limit) : 0,
                                                               .title = !bare && may_have_title(head()),
                                                               .hash = !bare});
  }
  return body_->add(bytes);
}

void HttpAnswer::on_status(unsigned status) {
  is_http2_ = true;
  status_ = static_cast<std::uint16_t>(status);
  keep_head(wire::as_bytes(fmt::format("HTTP/2 {}\r\n", status)));
}

void HttpAnswer::on_header(std::string_view name, std::string_view value) {
  for (const std::string_view part : {name, std::string_view(": "), value, std::string_view("\r\n")})
    if (!part.empty()) keep_head(wire::as_bytes(part));
}

void HttpAnswer::on_data(std::span<const std::byte> bytes) {
  if (state_ == State::kMore && !take_body(bytes)) state_ = State::kEnough;
}

void HttpAnswer::on_end() {
  if (state_ == State::kMore) end();
}

void HttpAnswer::on_reset(http2::Reset reset) {
  if (state_ != State::kMore) return;
  is_http2_ = true;
  refused_ = reset.why == http2::Reset::Why::kRefused;
  using Why = http2::Reset::Why;
  fail(reset.why == Why::kTooLong ? "a header block is too long"
       : reset.why == Why::kSession
           ? "the connection ended before the answer did"
           : fmt::format("the server broke the stream off ({})", http2::error_name(reset.code)));
}

std::string HttpAnswer::version() const {
  using Kind = wire::Http1Response::Kind;
  if (is_http2_) return "2";
  if (http1_.kind() == Kind::kHttp09) return "0.9";
  if (http1_.kind() == Kind::kIcy) return "icy";
  return fmt::format("{}.{}", http1_.major_version(), http1_.minor_version());
}

std::string_view HttpAnswer::head() const {
  const std::span<const std::byte> kept = unread_head();
  return is_http2_ ? wire::as_text(kept) : http1_.head(kept);
}

std::optional<std::uint64_t> HttpAnswer::declared_length() const {
  using Framing = wire::Http1Response::Framing;
  if (answers_head_) return content_length();
  if (is_http2_) {
    const std::optional<std::uint64_t> length = content_length();
    return length || body_ || state_ != State::kEnd ? length : 0;
  }
  if (http1_.framing() == Framing::kNone) return 0;
  return http1_.framing() == Framing::kLength ? content_length() : std::nullopt;
}

std::optional<std::uint64_t> HttpAnswer::content_length() const {
  if (!is_http2_) return http1_.content_length();
  std::uint64_t length = 0;
  const std::optional<std::string> value = wire::header_value(head(), "content-length");
  if (!value || value->empty() || value->size() > 18) return std::nullopt;
  for (const char digit : *value) {
    if (!wire::is_digit(digit)) return std::nullopt;
    length = length * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  return length;
}

}  // namespace sonde::probes
