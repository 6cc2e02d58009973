#include "wire/http1_response.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/check.h"
#include "wire/ascii.h"
#include "wire/http1_field.h"
#include "wire/line.h"

namespace sonde::wire {
namespace {

constexpr std::uint64_t kMostBytes = std::numeric_limits<std::int64_t>::max();

// What HTML begins with (WHATWG MIME Sniffing, 7.1): a client of HTTP/0.9 gets nothing else in front.
constexpr std::array<std::string_view, 16> kHtmlTags = {
    "<!doctype html", "<html", "<head",  "<script", "<iframe", "<h1",   "<div", "<font",
    "<table",         "<a",    "<style", "<title",  "<b",      "<body", "<br",  "<p"};

enum class Match : std::uint8_t { kNo, kMaybe, kYes };

// Whether `text` begins with `word`, or may when more of it is there.
Match begins_with(std::string_view text, std::string_view word) {
  const std::size_t size = std::min(text.size(), word.size());
  if (!equal_fold(text.substr(0, size), word.substr(0, size))) return Match::kNo;
  return size == word.size() ? Match::kYes : Match::kMaybe;
}

bool is_space(char c) { return is_blank(c) || c == '\r' || c == '\n' || c == '\f'; }

Match begins_with_tag(std::string_view text, std::string_view tag) {
  const Match match = begins_with(text, tag);
  if (match != Match::kYes) return match;
  if (text.size() == tag.size()) return Match::kMaybe;
  return is_space(text[tag.size()]) || text[tag.size()] == '>' ? Match::kYes : Match::kNo;
}

Match looks_like_html(std::string_view text) {
  Match best = begins_with(text, "<!--");
  for (const std::string_view tag : kHtmlTags) best = std::max(best, begins_with_tag(text, tag));
  return best;
}

std::string_view without_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Digits alone, at most 2^63 - 1 (RFC 9110, 8.6).
std::optional<std::uint64_t> parse_length(std::string_view digits) {
  std::uint64_t value = 0;
  for (const char c : digits) {
    if (!is_digit(c) || value > (kMostBytes - static_cast<unsigned>(c - '0')) / 10) return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return digits.empty() ? std::nullopt : std::optional(value);
}

}  // namespace

Http1Response::Http1Response(std::string_view method, Manner manner)
    : answers_head_(method == "HEAD"), answers_connect_(method == "CONNECT"), as_go_(manner == Manner::kGo) {}

void Http1Response::fail(const char* error) {
  state_ = State::kError;
  error_ = error;
}

Http1Response::State Http1Response::scan_head(std::span<const std::byte> kept) {
  SONDE_CHECK(state_ == State::kHead, "the head is over");
  const std::string_view text = as_text(kept.first(std::min(kept.size(), head_limit())));
  do {
    if (phase_ == Phase::kBegin) begin(text);
  } while (state_ == State::kHead && phase_ != Phase::kBegin && next_line(text));
  if (state_ == State::kHead && text.size() == head_limit())
    fail(as_go_ ? "the head is longer than 10 MiB" : "the head is longer than 64 KiB");
  return state_;
}

// Tells HTTP from the rest by the first bytes: at most kLeadingBlanks and the longest tag are looked at again.
void Http1Response::begin(std::string_view text) {
  while (!as_go_ && head_begin_ < text.size() && is_space(text[head_begin_])) {
    if (++blanks_ > kLeadingBlanks) return fail("not HTTP: it begins with blanks");
    field_ = line_ = scan_ = ++head_begin_;
  }
  if (head_begin_ == text.size()) return;
  const std::string_view rest = text.substr(head_begin_);
  const bool in_capitals = std::string_view("HTTP/").starts_with(rest.substr(0, 5));
  const Match http = as_go_ && !in_capitals ? Match::kNo : begins_with(rest, "HTTP/");
  const bool http_alone = as_go_ || interim_ > 0;
  const Match icy = http_alone ? Match::kNo : begins_with(rest, "ICY ");
  const Match html = http_alone ? Match::kNo : looks_like_html(rest);
  if (http == Match::kYes || icy == Match::kYes) {
    kind_ = http == Match::kYes ? Kind::kHttp : Kind::kIcy;
    phase_ = Phase::kStatusLine;
  } else if (html == Match::kYes) {
    kind_ = Kind::kHttp09;
    minor_ = 9;
    head_begin_ = line_ = body_begin_ = 0;
    framing_ = Framing::kClose;
    state_ = State::kBody;
  } else if (std::max({http, icy, html}) == Match::kNo) {
    fail(interim_ > 0 ? "no status line follows an interim answer" : "not HTTP: no status line");
  }
}

// Reads one more line. False: more bytes are needed, or the head is over. Whether a field is over shows only in the
// first byte of the line behind it.
bool Http1Response::next_line(std::string_view text) {
  if (line_ == text.size()) return false;
  if (field_ != line_ && !is_blank(text[line_]) && !field_ended(text)) return false;
  const std::size_t end = text.find('\n', scan_);
  scan_ = static_cast<std::uint32_t>(std::min(end, text.size()));
  if (!as_go_ && scan_ - line_ >= kLineLimit) fail("a line of the head is longer than 16 KiB");
  if (state_ == State::kError || end == std::string_view::npos) return false;

  const std::string_view line = without_end(text.substr(line_, end - line_));
  const auto next = static_cast<std::uint32_t>(end + 1);
  if (phase_ == Phase::kStatusLine) {
    headers_ = odd_lines_ = 0;
    as_go_ ? parse_status_as_go(line) : parse_status(line);
    phase_ = Phase::kFields;
    field_ = line_ = scan_ = next;
    return state_ == State::kHead;
  }
  if (line.empty() && field_ == line_) {
    end_of_head(next);
    return state_ == State::kHead;
  }
  line_ = scan_ = next;
  return true;
}

// The field from field_ to line_ is whole.
bool Http1Response::field_ended(std::string_view text) {
  const std::string_view lines = text.substr(field_, line_ - field_);
  const HttpField field = parse_field(lines);
  field_ = line_;
  if (as_go_ && (is_blank(lines.front()) || lines.substr(0, lines.find('\n')).find(':') == std::string_view::npos)) {
    fail("a header line without a colon");
    return false;
  }
  // To Go a name with a blank behind it is another name.
  if (as_go_ && (field.kind != HttpField::Kind::kField || lines[field.name.size()] != ':')) {
    ++odd_lines_;
    return true;
  }
  switch (field.kind) {
    case HttpField::Kind::kBinary:
      fail("binary bytes in a header");
      return false;
    case HttpField::Kind::kOdd:
      ++odd_lines_;
      return true;
    case HttpField::Kind::kField:
      break;
  }
  if (++headers_ > kHeaderLimit && !as_go_) {
    fail("more than 256 headers");
    return false;
  }
  learn(field.name, field.value);
  return true;
}

// "HTTP/1.1 200 OK"; the reason and the blank before it may be missing.
void Http1Response::parse_status(std::string_view line) {
  std::string_view rest = line;
  if (kind_ == Kind::kIcy) {
    major_ = 1;
    rest.remove_prefix(3);
  } else {
    rest.remove_prefix(5);
    if (rest.empty() || !is_digit(rest[0])) return fail("no version in the status line");
    major_ = static_cast<std::uint8_t>(rest[0] - '0');
    minor_ = 0;
    rest.remove_prefix(1);
    if (rest.size() >= 2 && rest[0] == '.' && is_digit(rest[1])) {
      minor_ = static_cast<std::uint8_t>(rest[1] - '0');
      rest.remove_prefix(2);
    }
  }
  if (rest.empty() || !is_blank(rest[0])) return fail("no status in the status line");
  rest = trimmed(rest);
  if (rest.size() < 3 || !is_digit(rest[0]) || !is_digit(rest[1]) || !is_digit(rest[2]) || rest[0] == '0' ||
      (rest.size() > 3 && !is_blank(rest[3])))
    return fail("the status is no number of three digits");
  status_ = static_cast<std::uint16_t>((rest[0] - '0') * 100 + (rest[1] - '0') * 10 + (rest[2] - '0'));
  if (line.find('\0') != std::string_view::npos) fail("binary bytes in the status line");
}

// "HTTP/1.1 200 OK"; digits are told from letters, versions and statuses are not.
void Http1Response::parse_status_as_go(std::string_view line) {
  if (line.size() < 9 || !is_digit(line[5]) || line[6] != '.' || !is_digit(line[7]) || line[8] != ' ')
    return fail("no version in the status line");
  major_ = static_cast<std::uint8_t>(line[5] - '0');
  minor_ = static_cast<std::uint8_t>(line[7] - '0');
  line.remove_prefix(std::min(line.find_first_not_of(' ', 8), line.size()));
  if (line.size() < 3 || !std::ranges::all_of(line.substr(0, 3), is_digit) || (line.size() > 3 && line[3] != ' '))
    return fail("the status is no number of three digits");
  status_ = static_cast<std::uint16_t>((line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0'));
}

// What the headers say of the body's end and of the connection.
void Http1Response::learn(std::string_view name, std::string_view raw) {
  constexpr std::string_view kLength = "content-length";
  constexpr std::string_view kCoding = "transfer-encoding";
  constexpr std::string_view kConnection = "connection";
  if (name.size() != kLength.size() && name.size() != kCoding.size() && name.size() != kConnection.size()) return;
  const bool length = equal_fold(name, kLength);
  const bool coding = equal_fold(name, kCoding);
  if (!length && !coding && !equal_fold(name, kConnection)) return;
  std::string room;
  const std::string_view value = unfolded(raw, room);
  if (length) return learn_length(value);
  if (coding && as_go_) return learn_coding_as_go(value);
  for_each_item(value, [&](std::string_view item) {
    if (coding) {
      item = trimmed(item.substr(0, item.find(';')));
      if (item.empty() || equal_fold(item, "identity")) return;
      coded_ = true;
      chunked_ = equal_fold(item, "chunked");
    } else {
      if (equal_fold(item, "close")) says_close_ = true;
      if (equal_fold(item, "keep-alive")) says_keep_alive_ = true;
    }
  });
}

// One field that says "chunked".
void Http1Response::learn_coding_as_go(std::string_view value) {
  chunked_ = !coded_ && equal_fold(value, "chunked");
  bad_coding_ = !chunked_;
  coded_ = true;
}

void Http1Response::learn_length(std::string_view value) {
  if (as_go_ && value.find(',') != std::string_view::npos) bad_length_ = true;
  for_each_item(value, [&](std::string_view item) {
    const auto length = parse_length(item);
    if (!length || (has_length_ && *length != length_)) {
      bad_length_ = true;
      return;
    }
    has_length_ = true;
    length_ = *length;
  });
}

void Http1Response::end_of_head(std::size_t begin_of_body) {
  body_begin_ = static_cast<std::uint32_t>(begin_of_body);
  if (as_go_ && !at_least_1_1()) coded_ = chunked_ = bad_coding_ = false;
  if (bad_coding_) return fail("a transfer coding that is not chunked alone");
  const bool interim = status_ >= 100 && status_ < 200 && status_ != 101;
  if (!interim) return choose_framing();
  if (++interim_ > (as_go_ ? kGoInterimLimit : kInterimLimit))
    return fail(as_go_ ? "more than 5 interim answers" : "more than 8 interim answers");
  head_begin_ = field_ = line_ = scan_ = body_begin_;
  blanks_ = 0;
  phase_ = Phase::kBegin;
  has_length_ = bad_length_ = coded_ = chunked_ = says_close_ = says_keep_alive_ = false;
}

// RFC 9112, 6.3.
void Http1Response::choose_framing() {
  const bool granted_tunnel = answers_connect_ && status_ / 100 == 2;
  state_ = State::kBody;
  if (answers_head_ || granted_tunnel || status_ == 101 || status_ == 204 || status_ == 304) {
    framing_ = Framing::kNone;
    state_ = State::kEnd;
  } else if (chunked_) {
    framing_ = Framing::kChunked;
  } else if (coded_ || (!has_length_ && !bad_length_)) {
    framing_ = Framing::kClose;
  } else if (bad_length_) {
    fail("Content-Length is not one number below 2^63");
  } else {
    framing_ = Framing::kLength;
    left_ = length_;
    if (left_ == 0) state_ = State::kEnd;
  }
}

std::string_view Http1Response::head(std::span<const std::byte> kept) const {
  return as_text(kept).substr(head_begin_, line_ - head_begin_);
}

std::optional<std::uint64_t> Http1Response::content_length() const {
  return has_length_ && !bad_length_ ? std::optional(length_) : std::nullopt;
}

bool Http1Response::keep_alive() const {
  if (state_ != State::kEnd || framing_ == Framing::kClose || status_ == 101 || says_close_) return false;
  if (answers_connect_ && status_ / 100 == 2) return false;
  if (coded_ && (has_length_ || bad_length_)) return false;  // RFC 9112, 6.1
  return at_least_1_1() || (major_ == 1 && says_keep_alive_ && !coded_);
}

std::span<const std::byte> Http1Response::take_body(std::span<const std::byte>& bytes) {
  if (state_ != State::kBody) return {};
  if (framing_ == Framing::kChunked) {
    skip_chunk_framing(bytes);
    if (state_ != State::kBody || chunk_ != Chunk::kData) return {};
  }
  const bool counted = framing_ != Framing::kClose;
  const auto piece = bytes.first(counted ? std::min<std::uint64_t>(left_, bytes.size()) : bytes.size());
  bytes = bytes.subspan(piece.size());
  body_bytes_ += piece.size();
  if (!counted) return piece;
  left_ -= piece.size();
  if (left_ == 0 && framing_ == Framing::kLength) state_ = State::kEnd;
  if (left_ == 0 && framing_ == Framing::kChunked) chunk_ = Chunk::kDataEnd;
  return piece;
}

// RFC 9112, 7.1. Stops at the chunk's data, at the body's end, or with the bytes.
void Http1Response::skip_chunk_framing(std::span<const std::byte>& bytes) {
  while (state_ == State::kBody && chunk_ != Chunk::kData && !bytes.empty()) {
    std::size_t taken = 1;
    if (chunk_ == Chunk::kExtension || chunk_ == Chunk::kTrailerLine) {
      const std::size_t end = as_text(bytes).find('\n');
      taken = end == std::string_view::npos ? bytes.size() : end + 1;
    }
    framing_bytes_ = static_cast<std::uint32_t>(std::min(framing_bytes_ + taken, kHeadLimit + 1));
    const bool in_trailers = chunk_ >= Chunk::kTrailer;
    if (framing_bytes_ > (in_trailers ? kHeadLimit : kLineLimit))
      return fail(in_trailers ? "the trailers are longer than 64 KiB" : "a chunk's head is longer than 16 KiB");
    chunk_byte(static_cast<char>(bytes[taken - 1]));
    bytes = bytes.subspan(taken);
  }
}

// In states that are skipped up to LF, `c` is the last of the bytes that were skipped.
void Http1Response::chunk_byte(char c) {
  switch (chunk_) {
    case Chunk::kSize:
    case Chunk::kSizeMore:
      if (const int digit = hex_value(c); digit >= 0) {
        if (left_ > kMostBytes >> 4) return fail("a chunk is larger than 2^63 - 1 bytes");
        left_ = left_ << 4 | static_cast<unsigned>(digit);
        chunk_ = Chunk::kSizeMore;
        return;
      }
      if (chunk_ == Chunk::kSize) return fail("a chunk begins without its size");
      [[fallthrough]];
    case Chunk::kPadding:
    case Chunk::kExtension:
    case Chunk::kSizeEnd:
      if (c == '\n') {
        chunk_ = left_ > 0 ? Chunk::kData : Chunk::kTrailer;
        framing_bytes_ = 0;
      } else if (chunk_ == Chunk::kExtension) {
        return;
      } else if (chunk_ == Chunk::kSizeEnd) {
        fail("a chunk's head has no end");
      } else if (c == '\r') {
        chunk_ = Chunk::kSizeEnd;
      } else if (c == ';') {
        chunk_ = Chunk::kExtension;
      } else if (is_blank(c)) {
        chunk_ = Chunk::kPadding;
      } else {
        fail("a chunk's size is not hexadecimal");
      }
      return;
    case Chunk::kData:
      return;
    case Chunk::kDataEnd:
    case Chunk::kDataEndLf:
      if (c == '\n') {
        chunk_ = Chunk::kSize;
      } else if (c == '\r' && chunk_ == Chunk::kDataEnd) {
        chunk_ = Chunk::kDataEndLf;
      } else {
        fail("a chunk is longer than its size");
      }
      return;
    case Chunk::kTrailer:
      if (c == '\n') {
        state_ = State::kEnd;
      } else if (c == '\r') {
        chunk_ = Chunk::kLastLf;
      } else {
        chunk_ = Chunk::kTrailerLine;
        if (!is_blank(c) && ++trailers_ > kHeaderLimit) fail("more than 256 trailers");
      }
      return;
    case Chunk::kTrailerLine:
      if (c == '\n') chunk_ = Chunk::kTrailer;
      return;
    case Chunk::kLastLf:
      if (c == '\n') {
        state_ = State::kEnd;
      } else {
        fail("no empty line behind the last chunk");
      }
      return;
  }
}

bool Http1Response::on_eof() {
  if (state_ == State::kBody && framing_ == Framing::kClose) state_ = State::kEnd;
  if (state_ == State::kHead || state_ == State::kBody) {
    truncated_ = true;
    fail(state_ == State::kHead ? "the answer ends within its head" : "the answer ends within its body");
  }
  return state_ == State::kEnd;
}

std::string_view reason_of(std::string_view head) {
  std::string_view line = without_end(head.substr(0, head.find('\n')));
  // Version and status are words; what is behind them is the reason.
  for (int word = 0; word < 2; ++word) {
    while (!line.empty() && !is_blank(line.front())) line.remove_prefix(1);
    while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
  }
  return trimmed(line);
}

}  // namespace sonde::wire
