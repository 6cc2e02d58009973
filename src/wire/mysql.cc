#include "wire/mysql.h"

#include "wire/line.h"

namespace sonde::wire {
namespace {

using Result = ParseResult<MysqlGreeting>;

constexpr std::size_t kHeaderBytes = 4;  // length (3, little-endian), sequence number

std::uint8_t byte_at(std::string_view text, std::size_t at) { return static_cast<std::uint8_t>(text[at]); }
std::uint16_t u16_at(std::string_view text, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(text, at) | byte_at(text, at + 1) << 8);
}

// By the first bytes, so that what is no greeting need not be waited for.
bool begins_payload(std::string_view payload) {
  const std::uint8_t protocol = byte_at(payload, 0);
  if (protocol == MysqlGreeting::kErrorPacket) return true;
  return (protocol == 10 || protocol == 9) && (payload.size() == 1 || (payload[1] >= '0' && payload[1] <= '9'));
}

bool read_payload(std::string_view payload, MysqlGreeting& greeting) {
  greeting.protocol = byte_at(payload, 0);
  if (greeting.protocol == MysqlGreeting::kErrorPacket) {
    if (payload.size() < 3) return false;
    greeting.error_code = u16_at(payload, 1);
    greeting.error = payload.substr(3);
    // An SQL state may stand before the text, though no capability was agreed on yet.
    if (greeting.error.starts_with('#') && greeting.error.size() >= 6) greeting.error.remove_prefix(6);
    return true;
  }
  if (greeting.protocol != 10 && greeting.protocol != 9) return false;
  const std::size_t end = payload.find('\0', 1);
  if (end == std::string_view::npos) return false;
  greeting.version = payload.substr(1, end - 1);
  // Thread id (4), scramble (8), a zero, capabilities. Protocol 9 ends before them.
  const std::size_t capabilities = end + 1 + 4 + 8 + 1;
  if (greeting.protocol == 10 && payload.size() >= capabilities + 2)
    greeting.capabilities = u16_at(payload, capabilities);
  return payload.size() >= capabilities;
}

}  // namespace

std::string_view MysqlGreeting::release() const {
  constexpr std::string_view kMariaDbPrefix = "5.5.5-";  // for the replication of MySQL 5.5, which took 10 for 1
  const bool prefixed = is_mariadb() && version.starts_with(kMariaDbPrefix);
  return prefixed ? version.substr(kMariaDbPrefix.size()) : version;
}

std::string_view MysqlGreeting::product() const {
  return is_mariadb() ? version.substr(version.find(kMariaDb), kMariaDb.size()) : std::string_view();
}

ParseResult<MysqlGreeting> MysqlGreetingProcessor::parse(std::span<const std::byte> bytes) const {
  const std::string_view all = as_text(bytes);
  if (all.size() < kHeaderBytes) return Result::more(kHeaderBytes - all.size());
  const std::size_t length = byte_at(all, 0) | byte_at(all, 1) << 8 | byte_at(all, 2) << 16;
  if (length < 3 || length > kLimit - kHeaderBytes || byte_at(all, 3) != 0) return Result::fail("not a MySQL greeting");
  if (all.size() > kHeaderBytes && !begins_payload(all.substr(kHeaderBytes)))
    return Result::fail("not a MySQL greeting");
  if (all.size() < kHeaderBytes + length) return Result::more(kHeaderBytes + length - all.size());
  MysqlGreeting greeting;
  if (!read_payload(all.substr(kHeaderBytes, length), greeting)) return Result::fail("not a MySQL greeting");
  return Result::got(greeting, kHeaderBytes + length);
}

}  // namespace sonde::wire
