// The body of an answer, as far as it is wanted: decoded, counted, hashed, and kept where something is to be found in
// it. Made when a body begins. One thread.
#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "wire/content_inflate.h"
#include "wire/html_title.h"

namespace sonde::probes {

class HttpBody {
 public:
  struct Wants {
    std::uint64_t limit = 0;  // decoded bytes
    std::uint64_t keep = 0;   // of them, from the first on
    bool title = false;       // of a page
    bool hash = true;
  };
  // coding: the Content-Encoding header.
  HttpBody(std::string_view coding, const Wants& wants);
  ~HttpBody();
  HttpBody(const HttpBody&) = delete;
  HttpBody& operator=(const HttpBody&) = delete;

  // False: no more is wanted (the limit is reached, or it cannot be decoded).
  bool add(std::span<const std::byte> bytes);
  // The body is over.
  void end();

  std::uint64_t bytes() const { return bytes_; }       // decoded, up to the limit
  bool truncated() const { return truncated_; }        // there was more than the limit, or the encoded data ended early
  const std::string& error() const { return error_; }  // why it could not be decoded; what came before it counts
  std::string_view kept() const { return kept_; }      // as many as are to be
  std::string title() const { return title_ ? title_->title() : std::string(); }
  std::string sha256() const;  // of the decoded bytes, lower-case hex. REQUIRES: it is wanted

 private:
  void take(std::span<const std::byte> decoded);

  EVP_MD_CTX* hash_ = nullptr;                     // null: not wanted
  std::unique_ptr<wire::ContentInflate> inflate_;  // null: as it comes
  std::uint64_t limit_;
  std::uint64_t keep_;
  std::uint64_t bytes_ = 0;
  bool truncated_ = false;
  std::string error_;
  std::string kept_;
  std::unique_ptr<wire::HtmlTitle> title_;  // null: none is looked for
};

}  // namespace sonde::probes
