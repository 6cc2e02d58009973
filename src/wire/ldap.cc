#include "wire/ldap.h"

#include "wire/line.h"

namespace sonde::wire {
namespace {

// Tags of the ASN.1 module of RFC 4511, B.
constexpr std::uint8_t kSequence = 0x30;
constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kEnumerated = 0x0a;
constexpr std::uint8_t kOctetString = 0x04;
constexpr std::uint8_t kExtendedResponse = 0x78;

struct Header {
  enum class Kind : std::uint8_t { kNeed, kWrong, kGood };
  Kind kind = Kind::kNeed;
  std::size_t need = 1;
  std::size_t size = 0;    // of tag and length
  std::size_t length = 0;  // of the content
};

// Tag and length. Lengths need not be minimal: Active Directory writes all of them in five octets.
Header header_of(std::string_view bytes, std::uint8_t tag) {
  if (bytes.empty()) return {};
  if (static_cast<std::uint8_t>(bytes[0]) != tag) return {.kind = Header::Kind::kWrong};
  if (bytes.size() < 2) return {};
  const auto first = static_cast<std::uint8_t>(bytes[1]);
  if (first < 0x80) return {.kind = Header::Kind::kGood, .size = 2, .length = first};
  const std::size_t octets = first & 0x7fU;
  if (octets == 0 || octets > 4) return {.kind = Header::Kind::kWrong};  // the indefinite form (5.1), or absurd
  std::size_t length = 0;
  for (std::size_t i = 0; i < octets; ++i) {
    if (2 + i == bytes.size()) return {.need = octets - i};
    length = length << 8 | static_cast<std::uint8_t>(bytes[2 + i]);
  }
  return {.kind = Header::Kind::kGood, .size = 2 + octets, .length = length};
}

// Takes one element of a whole message off the front of `rest`.
bool take(std::string_view& rest, std::uint8_t tag, std::string_view& content) {
  const Header header = header_of(rest, tag);
  if (header.kind != Header::Kind::kGood || rest.size() - header.size < header.length) return false;
  content = rest.substr(header.size, header.length);
  rest.remove_prefix(header.size + header.length);
  return true;
}

bool take_number(std::string_view& rest, std::uint8_t tag, std::uint32_t& number) {
  std::string_view content;
  if (!take(rest, tag, content) || content.empty() || content.size() > 4) return false;
  number = 0;
  for (const char octet : content) number = number << 8 | static_cast<std::uint8_t>(octet);
  return true;
}

}  // namespace

std::string_view ldap_result_name(std::uint32_t code) {
  switch (code) {
    case 1:
      return "operationsError";
    case 2:
      return "protocolError";
    case 7:
      return "authMethodNotSupported";
    case 8:
      return "strongerAuthRequired";
    case 10:
      return "referral";
    case 11:
      return "adminLimitExceeded";
    case 13:
      return "confidentialityRequired";
    case 50:
      return "insufficientAccessRights";
    case 51:
      return "busy";
    case 52:
      return "unavailable";
    case 53:
      return "unwillingToPerform";
    case 80:
      return "other";
    default:
      return "an LDAP error";
  }
}

ParseResult<LdapExtendedResponse> LdapProcessor::parse(std::span<const std::byte> bytes) const {
  using Result = ParseResult<LdapExtendedResponse>;
  const std::string_view all = as_text(bytes);
  const Header outer = header_of(all, kSequence);
  if (outer.kind == Header::Kind::kNeed) return Result::more(outer.need);
  if (outer.kind == Header::Kind::kWrong) return Result::fail("not an LDAP message");
  const std::size_t whole = outer.size + outer.length;
  if (whole > kLimit) return Result::fail("an LDAP message is too long");
  if (all.size() < whole) return Result::more(whole - all.size());
  std::string_view message = all.substr(outer.size, outer.length);
  std::string_view response;
  std::string_view matched_dn;
  LdapExtendedResponse frame;
  if (!take_number(message, kInteger, frame.message_id)) return Result::fail("not an LDAP message");
  if (!take(message, kExtendedResponse, response) || !take_number(response, kEnumerated, frame.result_code) ||
      !take(response, kOctetString, matched_dn) || !take(response, kOctetString, frame.diagnostic))
    return Result::fail("not an LDAP extended response");
  return Result::got(frame, whole);
}

}  // namespace sonde::wire
