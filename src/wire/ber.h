// Elements of BER (X.690) in definite lengths, as LDAP writes them: tags of one octet, lengths of at most four.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sonde::wire {

inline constexpr std::uint8_t kBerInteger = 0x02;
inline constexpr std::uint8_t kBerOctetString = 0x04;
inline constexpr std::uint8_t kBerEnumerated = 0x0a;
inline constexpr std::uint8_t kBerSequence = 0x30;
inline constexpr std::uint8_t kBerSet = 0x31;

struct BerHeader {
  enum class Kind : std::uint8_t { kNeed, kWrong, kGood };
  Kind kind = Kind::kNeed;
  std::size_t need = 1;
  std::size_t size = 0;    // of tag and length
  std::size_t length = 0;  // of the content
};

// Tag and length. Lengths need not be minimal: Active Directory writes all of them in five octets.
inline BerHeader ber_header(std::string_view bytes, std::uint8_t tag) {
  if (bytes.empty()) return {};
  if (static_cast<std::uint8_t>(bytes[0]) != tag) return {.kind = BerHeader::Kind::kWrong};
  if (bytes.size() < 2) return {};
  const auto first = static_cast<std::uint8_t>(bytes[1]);
  if (first < 0x80) return {.kind = BerHeader::Kind::kGood, .size = 2, .length = first};
  const std::size_t octets = first & 0x7fU;
  if (octets == 0 || octets > 4) return {.kind = BerHeader::Kind::kWrong};  // the indefinite form, or absurd
  std::size_t length = 0;
  for (std::size_t i = 0; i < octets; ++i) {
    if (2 + i == bytes.size()) return {.need = octets - i};
    length = length << 8 | static_cast<std::uint8_t>(bytes[2 + i]);
  }
  return {.kind = BerHeader::Kind::kGood, .size = 2 + octets, .length = length};
}

// Takes one element that is all there off the front of `rest`.
inline bool ber_take(std::string_view& rest, std::uint8_t tag, std::string_view& content) {
  const BerHeader header = ber_header(rest, tag);
  if (header.kind != BerHeader::Kind::kGood || rest.size() - header.size < header.length) return false;
  content = rest.substr(header.size, header.length);
  rest.remove_prefix(header.size + header.length);
  return true;
}

inline bool ber_take_number(std::string_view& rest, std::uint8_t tag, std::uint32_t& number) {
  std::string_view content;
  if (!ber_take(rest, tag, content) || content.empty() || content.size() > 4) return false;
  number = 0;
  for (const char octet : content) number = number << 8 | static_cast<std::uint8_t>(octet);
  return true;
}

}  // namespace sonde::wire
