#include "wire/tls_answer.h"

#include <algorithm>

#include "wire/tls_message.h"
#include "wire/tls_record.h"

namespace sonde::wire {
namespace {

using Result = ParseResult<TlsAnswer>;

Result wrong() { return Result::fail("not a TLS answer"); }

// What is behind the record's header: level and description.
Result alert(std::span<const std::byte> bytes, std::size_t length) {
  constexpr std::size_t kWhole = TlsRecordProcessor::kHeader + 2;
  if (length != 2) return wrong();
  if (bytes.size() > TlsRecordProcessor::kHeader) {
    const auto level = std::to_integer<unsigned>(bytes[TlsRecordProcessor::kHeader]);
    if (level != 1 && level != 2) return wrong();
  }
  if (bytes.size() < kWhole) return Result::more(kWhole - bytes.size());
  return Result::got({.is_alert = true}, kWhole);
}

Result server_hello(std::span<const std::byte> bytes, std::size_t length) {
  constexpr std::size_t kHeader = TlsRecordProcessor::kHeader;
  if (length < 4) return wrong();
  if (bytes.size() > kHeader && bytes[kHeader] != static_cast<std::byte>(TlsMessageType::kServerHello)) return wrong();
  if (bytes.size() < kHeader + TlsMessageProcessor::kHeader)
    return Result::more(kHeader + TlsMessageProcessor::kHeader - bytes.size());
  const auto at = [&](std::size_t i) { return std::to_integer<std::size_t>(bytes[kHeader + i]); };
  const std::size_t message = TlsMessageProcessor::kHeader + (at(1) << 16 | at(2) << 8 | at(3));
  if (message > TlsAnswerProcessor::kLimit) return wrong();
  const std::size_t whole = kHeader + std::min(message, length);
  if (bytes.size() < whole) return Result::more(whole - bytes.size());
  if (message > length) return Result::got({}, whole);
  const std::span<const std::byte> body =
      bytes.subspan(kHeader + TlsMessageProcessor::kHeader, message - TlsMessageProcessor::kHeader);
  const std::optional<TlsServerHello> hello = read_broken_server_hello(body);
  if (!hello) return wrong();
  return Result::got({.version = hello->version()}, whole);
}

}  // namespace

ParseResult<TlsAnswer> TlsAnswerProcessor::parse(std::span<const std::byte> bytes) const {
  const auto at = [&](std::size_t i) { return std::to_integer<std::size_t>(bytes[i]); };
  const auto is = [&](TlsContent type) { return at(0) == static_cast<std::size_t>(type); };
  if (!bytes.empty() && !is(TlsContent::kAlert) && !is(TlsContent::kHandshake)) return wrong();
  if ((bytes.size() > 1 && at(1) != 3) || (bytes.size() > 2 && at(2) > 4)) return wrong();
  if (bytes.size() < TlsRecordProcessor::kHeader) return Result::more(min_frame_size() - bytes.size());
  const std::size_t length = at(3) << 8 | at(4);
  if (length > TlsRecordProcessor::kLongest) return wrong();
  return is(TlsContent::kAlert) ? alert(bytes, length) : server_hello(bytes, length);
}

}  // namespace sonde::wire
