#include "x509/scts.h"

#include <algorithm>
#include <array>

#include "x509/der.h"

namespace sonde::x509 {
namespace {

std::size_t u16(std::span<const std::byte> bytes) {
  return (static_cast<std::size_t>(bytes[0]) << 8) | static_cast<std::size_t>(bytes[1]);
}

// 1.3.6.1.4.1.11129.2.4.5, the SCT list in a single response (RFC 6962 3.3).
constexpr std::array<std::byte, 10> kOcspSctsOid = {std::byte{0x2b}, std::byte{0x06}, std::byte{0x01}, std::byte{0x04},
                                                    std::byte{0x01}, std::byte{0xd6}, std::byte{0x79}, std::byte{0x02},
                                                    std::byte{0x04}, std::byte{0x05}};

// Extensions ::= SEQUENCE OF SEQUENCE { extnID, critical DEFAULT FALSE, extnValue OCTET STRING }
std::optional<std::uint32_t> scts_in_extensions(std::span<const std::byte> extensions) {
  std::uint32_t count = 0;
  for (DerReader each(extensions); !each.at_end();) {
    const auto extension = each.next(kDerSequence);
    if (!extension) return std::nullopt;
    DerReader fields(extension->content);
    const auto id = fields.next(kDerOid);
    (void)fields.next(kDerBoolean);
    const auto value = fields.next(kDerOctetString);
    if (!id || !value) return std::nullopt;
    if (!std::ranges::equal(id->content, kOcspSctsOid)) continue;
    const auto scts = count_wrapped_scts(value->content);
    if (!scts) return std::nullopt;
    count += *scts;
  }
  return count;
}

// SingleResponse ::= SEQUENCE { certID, certStatus, thisUpdate, [0] nextUpdate OPTIONAL, [1] singleExtensions OPTIONAL
// }
std::optional<std::uint32_t> scts_in_single_response(std::span<const std::byte> single) {
  DerReader fields(single);
  for (int i = 0; i < 3; ++i)
    if (!fields.next()) return std::nullopt;
  (void)fields.next(der_context(0));
  const auto wrapped = fields.next(der_context(1));
  if (!wrapped) return fields.at_end() ? std::optional<std::uint32_t>(0) : std::nullopt;
  const auto extensions = DerReader(wrapped->content).next(kDerSequence);
  return extensions ? scts_in_extensions(extensions->content) : std::nullopt;
}

// ResponseData ::= SEQUENCE { [0] version DEFAULT v1, responderID, producedAt, responses SEQUENCE OF, … }
std::optional<std::uint32_t> scts_in_response_data(std::span<const std::byte> data) {
  DerReader fields(data);
  (void)fields.next(der_context(0));
  if (!fields.next() || !fields.next()) return std::nullopt;
  const auto responses = fields.next(kDerSequence);
  if (!responses) return std::nullopt;
  std::uint32_t count = 0;
  for (DerReader each(responses->content); !each.at_end();) {
    const auto single = each.next(kDerSequence);
    const auto scts = single ? scts_in_single_response(single->content) : std::nullopt;
    if (!scts) return std::nullopt;
    count += *scts;
  }
  return count;
}

}  // namespace

std::optional<std::uint32_t> count_scts(std::span<const std::byte> list) {
  if (list.size() < 2 || u16(list) != list.size() - 2) return std::nullopt;
  std::uint32_t count = 0;
  for (list = list.subspan(2); !list.empty(); ++count) {
    if (list.size() < 2) return std::nullopt;
    const std::size_t length = u16(list);
    if (length == 0 || length > list.size() - 2) return std::nullopt;
    list = list.subspan(2 + length);
  }
  return count;
}

std::optional<std::uint32_t> count_wrapped_scts(std::span<const std::byte> extension_value) {
  DerReader reader(extension_value);
  const auto list = reader.next(kDerOctetString);
  return list && reader.at_end() ? count_scts(list->content) : std::nullopt;
}

std::optional<std::uint32_t> count_ocsp_scts(std::span<const std::byte> response) {
  DerReader whole(response);
  const auto outer = whole.next(kDerSequence);
  if (!outer || !whole.at_end()) return std::nullopt;
  DerReader fields(outer->content);
  if (!fields.next(kDerEnumerated)) return std::nullopt;
  const auto wrapped = fields.next(der_context(0));
  if (!wrapped) return fields.at_end() ? std::optional<std::uint32_t>(0) : std::nullopt;  // "try later" and the like
  const auto bytes = DerReader(wrapped->content).next(kDerSequence);
  if (!bytes) return std::nullopt;
  DerReader typed(bytes->content);
  const auto type = typed.next(kDerOid);
  const auto basic = typed.next(kDerOctetString);
  if (!type || !basic) return std::nullopt;
  const auto signed_data = DerReader(basic->content).next(kDerSequence);
  if (!signed_data) return std::nullopt;
  const auto data = DerReader(signed_data->content).next(kDerSequence);
  return data ? scts_in_response_data(data->content) : std::nullopt;
}

}  // namespace sonde::x509
