#include "wire/ldap_answer.h"

#include <algorithm>

#include "wire/ber.h"
#include "wire/line.h"

namespace sonde::wire {
namespace {

// Tags of the ASN.1 module of RFC 4511, B: results of bind, search, extension; an entry; a reference.
constexpr char kEntry = 0x64;
constexpr std::string_view kAnswers = "\x61\x64\x65\x73\x78";

// Whether what is there of a message's content begins as an answer does: a number, then the tag of one.
bool begins_answer(std::string_view content) {
  if (!content.empty() && static_cast<std::uint8_t>(content[0]) != kBerInteger) return false;
  if (content.size() < 2) return true;
  const auto size = static_cast<std::uint8_t>(content[1]);
  if (size == 0 || size > 4) return false;
  const std::size_t tag_at = std::size_t{2} + size;
  return content.size() <= tag_at || kAnswers.find(content[tag_at]) != std::string_view::npos;
}

// SearchResultEntry: its name, then attributes, each a name and a set of values.
void read_entry(std::string_view entry, LdapAnswer& answer) {
  std::string_view name;
  std::string_view attributes;
  if (!ber_take(entry, kBerOctetString, name) || !ber_take(entry, kBerSequence, attributes)) return;
  std::string_view attribute;
  while (ber_take(attributes, kBerSequence, attribute)) {
    std::string_view type;
    std::string_view values;
    std::string_view value;
    if (!ber_take(attribute, kBerOctetString, type) || !ber_take(attribute, kBerSet, values)) return;
    if (!ber_take(values, kBerOctetString, value)) continue;
    if (type == "vendorName") answer.vendor = value;
    if (type == "vendorVersion") answer.version = value;
  }
}

}  // namespace

ParseResult<LdapAnswer> LdapAnswerProcessor::parse(std::span<const std::byte> bytes) const {
  using Result = ParseResult<LdapAnswer>;
  const std::string_view all = as_text(bytes);
  const BerHeader outer = ber_header(all, kBerSequence);
  if (outer.kind == BerHeader::Kind::kNeed) return Result::more(outer.need);
  if (outer.kind == BerHeader::Kind::kWrong) return Result::fail("not an LDAP message");
  const std::size_t whole = outer.size + outer.length;
  if (whole < min_frame_size() || whole > kLimit) return Result::fail("not an LDAP message");
  if (!begins_answer(all.substr(outer.size, std::min(outer.length, all.size() - outer.size))))
    return Result::fail("not an LDAP answer");
  if (all.size() < whole) return Result::more(whole - all.size());
  std::string_view message = all.substr(outer.size, outer.length);
  std::uint32_t id = 0;
  if (!ber_take_number(message, kBerInteger, id) || message.empty()) return Result::fail("not an LDAP answer");
  LdapAnswer answer;
  std::string_view content;
  const char tag = message.front();
  if (!ber_take(message, static_cast<std::uint8_t>(tag), content)) return Result::fail("not an LDAP answer");
  if (tag == kEntry) read_entry(content, answer);
  return Result::got(answer, whole);
}

}  // namespace sonde::wire
