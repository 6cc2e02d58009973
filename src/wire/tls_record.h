// TLS records (RFC 8446, 5; RFC 5246, 6.2; the same shape since SSL 3.0). A frame is one record; what is in it may be
// encrypted, in parts, or several messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "wire/frame.h"

namespace sonde::wire {

enum class TlsContent : std::uint8_t { kChangeCipherSpec = 20, kAlert = 21, kHandshake = 22, kApplicationData = 23 };

struct TlsRecord {
  TlsContent type = TlsContent::kHandshake;
  std::uint16_t version = 0;            // of the record layer: a formality since TLS 1.3
  std::span<const std::byte> header;    // the five bytes: what an AEAD authenticates (RFC 8446, 5.2)
  std::span<const std::byte> fragment;  // borrowed
};

class TlsRecordProcessor {
 public:
  using Frame = TlsRecord;
  static constexpr std::size_t kHeader = 5;
  // What an encrypted record of TLS 1.2 may have; 1.3 allows 2^14 + 256, plaintext 2^14.
  static constexpr std::size_t kLongest = 16384 + 2048;
  static constexpr std::size_t min_frame_size() { return kHeader; }

  // An error as soon as the bytes cannot become a record: the first byte is no content type, the version's major is not
  // 3, or the length is beyond kLongest.
  ParseResult<TlsRecord> parse(std::span<const std::byte> bytes) const {
    using Result = ParseResult<TlsRecord>;
    const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(bytes[i]); };
    if (!bytes.empty() && (at(0) < 20 || at(0) > 23)) return Result::fail(kNotTls);
    if (bytes.size() > 1 && at(1) != 3) return Result::fail(kNotTls);
    if (bytes.size() < kHeader) return Result::more(kHeader - bytes.size());
    const std::size_t length = at(3) << 8 | at(4);
    if (length > kLongest) return Result::fail(kTooLong);
    if (bytes.size() < kHeader + length) return Result::more(kHeader + length - bytes.size());
    return Result::got({.type = static_cast<TlsContent>(at(0)),
                        .version = static_cast<std::uint16_t>(at(1) << 8 | at(2)),
                        .header = bytes.first(kHeader),
                        .fragment = bytes.subspan(kHeader, length)},
                       kHeader + length);
  }

  // Told apart by their addresses: arrays, which are one object in all translation units; a literal may be several.
  static constexpr char kNotTls[] = "not a TLS record";
  static constexpr char kTooLong[] = "a record is longer than TLS allows";
};

}  // namespace sonde::wire
