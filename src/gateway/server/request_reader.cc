#include "gateway/server/request_reader.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <string>
#include <utility>

#include "gateway/server/request_target.h"

namespace sonde::gateway {
namespace {

namespace http = boost::beast::http;

unsigned status_of(const boost::system::error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) return 431;
  if (error == http::error::body_limit) return 413;
  if (error == http::error::bad_version) return 505;
  return 400;
}

std::string lower(boost::beast::string_view text) {
  std::string out(text.data(), text.size());
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return out;
}

}  // namespace

struct RequestReader::Parser : http::request_parser<http::string_body> {};

RequestReader::RequestReader(const RequestLimits& limits) : limits_(limits), parser_(std::make_unique<Parser>()) {
  parser_->header_limit(static_cast<std::uint32_t>(limits.header));
  parser_->body_limit(limits.body);
  parser_->eager(false);  // the header first, then the body: a trailer's fields are not mixed with the header's
}

RequestReader::~RequestReader() = default;

void RequestReader::refuse(unsigned status) {
  state_ = State::kRefused;
  status_ = status;
}

bool RequestReader::wants_continue() { return state_ == State::kMore && std::exchange(expects_continue_, false); }

std::size_t RequestReader::take(std::string_view bytes) {
  std::size_t taken = 0;
  if (!parser_->got_some())  // RFC 9112 2.2: empty lines before a request are nothing
    while (bytes.substr(taken).starts_with("\r\n")) taken += 2;
  if (bytes.size() == taken || (bytes.size() == taken + 1 && bytes[taken] == '\r' && !parser_->got_some()))
    return taken;
  while (state_ == State::kMore && taken < bytes.size()) {
    const std::size_t more = parse(bytes.substr(taken));
    taken += more;
    if (more == 0) break;
  }
  if (state_ == State::kMore && bytes.size() - taken > limits_.header) refuse(431);
  return taken;
}

std::size_t RequestReader::parse(std::string_view bytes) {
  boost::system::error_code error;
  const std::size_t taken = parser_->put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  if (error && error != http::error::need_more) {
    refuse(status_of(error));
    return taken;
  }
  if (!header_read_ && parser_->is_header_done()) {
    header_read_ = true;
    read_header();
    parser_->eager(true);
  }
  if (state_ == State::kMore && parser_->is_done()) {
    request_.body = std::move(parser_->get().body());
    state_ = State::kWhole;
  }
  return taken;
}

void RequestReader::read_header() {
  const auto& message = parser_->get();
  minor_version_ = message.version() == 10 ? 0 : 1;
  keep_alive_ = parser_->keep_alive();
  request_.method = std::string(message.method_string());
  if (request_.method == "CONNECT") return refuse(501);
  if (!read_request_target({message.target().data(), message.target().size()}, request_)) return refuse(400);

  unsigned hosts = 0;
  for (const auto& field : message) {
    request_.fields.emplace_back(lower(field.name_string()), std::string(field.value()));
    const auto& [name, value] = request_.fields.back();
    if (name == "host") ++hosts;
    // What else is said of codings would be body that is taken for another request.
    if (name == "transfer-encoding" && minor_version_ == 0) return refuse(400);
    if (name == "transfer-encoding" && lower(value) != "chunked") return refuse(501);
    if (name == "expect") {
      if (lower(value) != "100-continue") return refuse(417);
      expects_continue_ = minor_version_ == 1;
    }
  }
  if (hosts > 1 || (hosts == 0 && minor_version_ == 1)) refuse(400);
}

}  // namespace sonde::gateway
