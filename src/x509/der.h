// A reader of DER elements over borrowed bytes, for the few structures that are read without libcrypto. It copies
// nothing, allocates nothing, and every step either moves on or ends: work is bounded by the length of the input.
// Definite lengths only, of at most four bytes; tags of one byte only (X.690 8.1.2.4 forms do not occur in X.509).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace sonde::x509 {

inline constexpr std::uint8_t kDerBoolean = 0x01;
inline constexpr std::uint8_t kDerInteger = 0x02;
inline constexpr std::uint8_t kDerOctetString = 0x04;
inline constexpr std::uint8_t kDerOid = 0x06;
inline constexpr std::uint8_t kDerEnumerated = 0x0a;
inline constexpr std::uint8_t kDerSequence = 0x30;
inline constexpr std::uint8_t kDerSet = 0x31;
// [number], constructed: an explicit context tag. REQUIRES: number < 31
constexpr std::uint8_t der_context(unsigned number) { return static_cast<std::uint8_t>(0xa0U + number); }

struct DerElement {
  std::uint8_t tag = 0;
  std::span<const std::byte> content;
  std::span<const std::byte> whole;  // with tag and length
};

class DerReader {
 public:
  explicit DerReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  bool at_end() const { return rest_.empty(); }
  // The next element; nothing at the end or when it is malformed, and then nothing ever after.
  std::optional<DerElement> next();
  // The next element when it has this tag; otherwise nothing, and it stays the next.
  std::optional<DerElement> next(std::uint8_t tag);

 private:
  std::span<const std::byte> rest_;
};

}  // namespace sonde::x509
