// The answer to an HTTP/1 request (RFC 9112), read incrementally: each byte is looked at once, however the answer is
// cut. Sans-IO and small: the parser keeps offsets, its caller keeps the bytes of the head (at most 64 KiB, in a buffer
// that grows), and those of the body pass through in place.
//
//   Http1Response response("GET");
//   // bytes came; `kept` is all of the head so far: the bytes themselves at first, later a buffer with them at its end
//   if (response.state() == State::kHead) {
//     if (response.scan_head(kept) == State::kHead) …   // keep `kept`, wait for more
//     bytes = kept.subspan(response.head_bytes());      // what follows the head
//   }
//   while (!(piece = response.take_body(bytes)).empty()) …
//   // state() is kBody: more must come; kEnd: what is left in `bytes` is surplus; kError: error() says why
//
// Read as browsers and curl do: lines may end in LF alone; header lines without a colon, without a name or with a
// separator in the name are skipped and counted; up to 16 blank bytes may come first; the reason may be missing;
// "http/" in any case. 1xx answers are skipped, except 101, which ends it. Chunked wins over Content-Length. Whatever
// was learnt before an error stays: status(), head(). Or as Go's net/http reads, where the verdict is to be its own:
// Manner::kGo.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sonde::wire {

class Http1Response {
 public:
  static constexpr std::size_t kHeadLimit = 65536;   // bytes of all heads, those of 1xx answers included; of trailers
  static constexpr std::size_t kLineLimit = 16384;   // bytes of a line, its end included
  static constexpr std::size_t kHeaderLimit = 256;   // header fields of a head; trailer fields
  static constexpr std::size_t kInterimLimit = 8;    // 1xx answers before the final one
  static constexpr std::size_t kLeadingBlanks = 16;  // bytes
  static constexpr std::size_t kGoHeadLimit = std::size_t{10} << 20;
  static constexpr std::size_t kGoInterimLimit = 5;

  enum class State : std::uint8_t { kHead, kBody, kEnd, kError };
  enum class Kind : std::uint8_t {
    kUnknown,  // not enough came to tell; after an error: not HTTP
    kHttp,
    kHttp09,  // no status line but HTML at once: all of it is the body
    kIcy,     // SHOUTcast's "ICY 200 OK"
  };
  enum class Manner : std::uint8_t {
    kLenient,
    // Heads of 10 MiB, lines and headers without limits of their own, 5 interim answers. A line without a colon, any
    // transfer coding but one "chunked", blanks or anything else before "HTTP/1.1 200" are errors; below HTTP/1.1 no
    // transfer coding is looked at; a status may be below 100.
    kGo,
  };
  // How the body's end is found (RFC 9112, 6.3).
  enum class Framing : std::uint8_t { kUnknown, kNone, kLength, kChunked, kClose };

  // method: the request's. The answer to HEAD has no body, nor has that of a CONNECT that was granted.
  explicit Http1Response(std::string_view method = "GET", Manner manner = Manner::kLenient);

  // `kept`: all bytes since the answer's first, those of earlier calls in front. REQUIRES: state() is kHead.
  State scan_head(std::span<const std::byte> kept);

  // How many bytes of `kept` the heads took; the body begins there. Meaningful once state() is kBody or kEnd.
  std::size_t head_bytes() const { return body_begin_; }

  // Status line and whole header lines of the last head, without the empty line: for for_each_header and reason_of.
  // `kept` as in scan_head. Whole after kHead, else what there is so far. Empty for HTTP/0.9.
  std::string_view head(std::span<const std::byte> kept) const;

  // The next piece of the body, in place. `bytes` loses what was taken, framing included. Empty: no more of the body
  // is here (state() says why).
  std::span<const std::byte> take_body(std::span<const std::byte>& bytes);

  // The peer sent FIN. True: the answer is complete. False: it is cut short (error() says where, truncated() is true)
  // or was in error already.
  bool on_eof();

  State state() const { return state_; }
  Kind kind() const { return kind_; }
  Framing framing() const { return framing_; }
  std::uint16_t status() const { return status_; }  // 0: none seen; that of the last 1xx until the final one is there
  std::uint8_t major_version() const { return major_; }  // 0 and 9 for HTTP/0.9
  std::uint8_t minor_version() const { return minor_; }
  std::size_t interim_answers() const { return interim_; }
  std::size_t headers() const { return headers_; }          // of the last head
  std::size_t odd_lines() const { return odd_lines_; }      // header lines that were skipped
  std::size_t trailers() const { return trailers_; }        // fields behind a chunked body; they are not kept
  std::uint64_t body_bytes() const { return body_bytes_; }  // given by take_body so far
  bool truncated() const { return truncated_; }
  const char* error() const { return error_; }  // a literal; empty unless state() is kError

  // What Content-Length declares, whether it frames the body or not (HEAD).
  std::optional<std::uint64_t> content_length() const;

  // Once the answer ended: the connection may carry another request (RFC 9112, 9.3), if no surplus came.
  bool keep_alive() const;

 private:
  enum class Phase : std::uint8_t { kBegin, kStatusLine, kFields };
  enum class Chunk : std::uint8_t {
    kSize,       // at the size's first digit
    kSizeMore,   // behind a digit
    kPadding,    // blanks behind the size
    kExtension,  // skipped up to LF
    kSizeEnd,    // behind CR: LF must come
    kData,
    kDataEnd,  // CR LF, or LF, must come
    kDataEndLf,
    kTrailer,      // at the start of a line behind the last chunk
    kTrailerLine,  // skipped up to LF
    kLastLf,
  };

  void begin(std::string_view text);
  bool next_line(std::string_view text);
  bool field_ended(std::string_view text);
  void parse_status(std::string_view line);
  void parse_status_as_go(std::string_view line);
  void learn(std::string_view name, std::string_view value);
  void learn_length(std::string_view value);
  void learn_coding_as_go(std::string_view value);
  bool at_least_1_1() const { return major_ > 1 || (major_ == 1 && minor_ >= 1); }
  std::size_t head_limit() const { return as_go_ ? kGoHeadLimit : kHeadLimit; }
  void end_of_head(std::size_t begin_of_body);
  void choose_framing();
  void skip_chunk_framing(std::span<const std::byte>& bytes);
  void chunk_byte(char c);
  void fail(const char* error);

  std::uint64_t left_ = 0;  // of the body or the chunk; while a chunk's size is read, the size so far
  std::uint64_t length_ = 0;
  std::uint64_t body_bytes_ = 0;
  const char* error_ = "";
  std::uint32_t head_begin_ = 0;
  std::uint32_t field_ = 0;  // where the field begins that is being read
  std::uint32_t line_ = 0;   // where its last line begins: all before is whole lines
  std::uint32_t scan_ = 0;   // no LF between line_ and here
  std::uint32_t body_begin_ = 0;
  std::uint32_t framing_bytes_ = 0;  // of a chunk's size line; of all trailers
  std::uint32_t headers_ = 0;
  std::uint32_t odd_lines_ = 0;
  std::uint16_t status_ = 0;
  std::uint16_t trailers_ = 0;
  std::uint8_t major_ = 0;
  std::uint8_t minor_ = 0;
  std::uint8_t interim_ = 0;
  std::uint8_t blanks_ = 0;
  State state_ = State::kHead;
  Kind kind_ = Kind::kUnknown;
  Framing framing_ = Framing::kUnknown;
  Phase phase_ = Phase::kBegin;
  Chunk chunk_ = Chunk::kSize;
  bool answers_head_ : 1;
  bool answers_connect_ : 1;
  bool as_go_ : 1;
  bool has_length_ : 1 = false;
  bool bad_length_ : 1 = false;
  bool coded_ : 1 = false;    // Transfer-Encoding names something
  bool chunked_ : 1 = false;  // and chunked is the last of it
  bool bad_coding_ : 1 = false;
  bool says_close_ : 1 = false;
  bool says_keep_alive_ : 1 = false;
  bool truncated_ : 1 = false;
};
static_assert(sizeof(Http1Response) <= 128, "it lives in a probe's slot");

// The reason phrase of a head's status line, trimmed; empty when there is none.
std::string_view reason_of(std::string_view head);

}  // namespace sonde::wire
