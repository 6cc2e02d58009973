#include "probes/http/http_body.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "wire/line.h"

namespace sonde::probes {

HttpBody::HttpBody(std::string_view coding, const Wants& wants) : limit_(wants.limit), keep_(wants.keep) {
  if (wants.title) title_ = std::make_unique<wire::HtmlTitle>();
  if (wants.hash) {
    hash_ = EVP_MD_CTX_new();
    SONDE_CHECK(hash_ != nullptr && EVP_DigestInit_ex(hash_, EVP_sha256(), nullptr) == 1, "SHA-256 is there");
  }
  if (coding.empty()) return;
  auto inflate = wire::ContentInflate::create(coding, wants.limit);
  if (inflate) {
    inflate_ = std::move(*inflate);
  } else {
    error_ = inflate.error();  // and the body is taken as it comes
  }
}

HttpBody::~HttpBody() { EVP_MD_CTX_free(hash_); }

bool HttpBody::add(std::span<const std::byte> bytes) {
  if (!inflate_) {
    const std::uint64_t room = limit_ - bytes_;
    truncated_ = truncated_ || bytes.size() > room;
    take(bytes.first(std::min<std::uint64_t>(bytes.size(), room)));
    return !truncated_;
  }
  using State = wire::ContentInflate::State;
  const State state = inflate_->feed(bytes, [this](std::span<const std::byte> decoded) { take(decoded); });
  truncated_ = state == State::kCapped;
  if (state == State::kError) error_ = inflate_->error();
  return state == State::kMore || state == State::kEnd;
}

void HttpBody::end() {
  if (!inflate_ || inflate_->state() != wire::ContentInflate::State::kMore || inflate_->complete()) return;
  truncated_ = true;
  error_ = "the encoded data ends early";
}

void HttpBody::take(std::span<const std::byte> decoded) {
  bytes_ += decoded.size();
  if (hash_ != nullptr) EVP_DigestUpdate(hash_, decoded.data(), decoded.size());
  if (kept_.size() < keep_)
    kept_ += wire::as_text(decoded.first(std::min<std::uint64_t>(decoded.size(), keep_ - kept_.size())));
  if (title_) title_->feed(wire::as_text(decoded));
}

std::string HttpBody::sha256() const {
  constexpr std::string_view kHex = "0123456789abcdef";
  EVP_MD_CTX* copy = EVP_MD_CTX_new();
  SONDE_CHECK(copy != nullptr && EVP_MD_CTX_copy_ex(copy, hash_) == 1, "a hash can be copied");
  std::array<unsigned char, 32> digest{};
  EVP_DigestFinal_ex(copy, digest.data(), nullptr);
  EVP_MD_CTX_free(copy);
  std::string text;
  for (const unsigned char byte : digest) {
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

}  // namespace sonde::probes
