#include "wire/ldap.h"

#include "wire/ber.h"
#include "wire/line.h"

namespace sonde::wire {
namespace {

constexpr std::uint8_t kExtendedResponse = 0x78;  // of the ASN.1 module of RFC 4511, B

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
  const BerHeader outer = ber_header(all, kBerSequence);
  if (outer.kind == BerHeader::Kind::kNeed) return Result::more(outer.need);
  if (outer.kind == BerHeader::Kind::kWrong) return Result::fail("not an LDAP message");
  const std::size_t whole = outer.size + outer.length;
  if (whole > kLimit) return Result::fail("an LDAP message is too long");
  if (all.size() < whole) return Result::more(whole - all.size());
  std::string_view message = all.substr(outer.size, outer.length);
  std::string_view response;
  std::string_view matched_dn;
  LdapExtendedResponse frame;
  if (!ber_take_number(message, kBerInteger, frame.message_id)) return Result::fail("not an LDAP message");
  if (!ber_take(message, kExtendedResponse, response) ||
      !ber_take_number(response, kBerEnumerated, frame.result_code) ||
      !ber_take(response, kBerOctetString, matched_dn) || !ber_take(response, kBerOctetString, frame.diagnostic))
    return Result::fail("not an LDAP extended response");
  return Result::got(frame, whole);
}

}  // namespace sonde::wire
