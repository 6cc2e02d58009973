#include "wire/dns_over_tcp.h"

#include "wire/byte_reader.h"
#include "wire/line.h"

namespace sonde::wire {
namespace {

// Steps over a name: labels up to the root or to a pointer, which is not followed.
void skip_name(ByteReader& reader) {
  while (reader.ok()) {
    const std::uint8_t length = reader.u8();
    if (length == 0) return;
    if (length >= 0xc0) {
      reader.u8();
      return;
    }
    reader.bytes(length);
  }
}

std::string_view first_text(ByteReader& message, unsigned questions, unsigned answers) {
  constexpr std::uint16_t kTxt = 16;
  constexpr unsigned kMost = 16;  // records that are looked at
  if (questions > 1) return {};
  if (questions == 1) {
    skip_name(message);
    message.bytes(4);
  }
  for (unsigned i = 0; i < answers && i < kMost && message.ok(); ++i) {
    skip_name(message);
    const std::uint16_t type = message.u16();
    message.bytes(2 + 4);  // class, time to live
    ByteReader data(message.vector16());
    const std::span<const std::byte> text = data.vector8();
    if (message.ok() && data.ok() && type == kTxt) return as_text(text);
  }
  return {};
}

}  // namespace

ParseResult<DnsVersionAnswer> DnsOverTcpProcessor::parse(std::span<const std::byte> bytes) const {
  using Result = ParseResult<DnsVersionAnswer>;
  constexpr unsigned kAnswer = 0x80;  // QR
  const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(bytes[i]); };
  const auto wrong = [] { return Result::fail("not a DNS answer"); };
  if (bytes.size() < 2) return Result::more(min_frame_size() - bytes.size());
  const std::size_t whole = 2 + (at(0) << 8 | at(1));
  if (whole < min_frame_size() || whole > kLimit) return wrong();
  if ((bytes.size() > 2 && at(2) != kDnsOverTcpId >> 8) || (bytes.size() > 3 && at(3) != (kDnsOverTcpId & 0xff)))
    return wrong();
  if (bytes.size() > 4 && (at(4) & kAnswer) == 0) return wrong();
  if (bytes.size() < whole) return Result::more(whole - bytes.size());
  ByteReader message(bytes.subspan(4, whole - 4));
  const std::uint16_t flags = message.u16();
  const std::uint16_t questions = message.u16();
  const std::uint16_t answers = message.u16();
  message.bytes(4);  // numbers of the other sections
  return Result::got(
      {.code = static_cast<std::uint8_t>(flags & 0xf), .version = first_text(message, questions, answers)}, whole);
}

}  // namespace sonde::wire
