#include "wire/grpc.h"

#include <array>

#include "wire/ascii.h"
#include "wire/byte_reader.h"
#include "wire/line.h"

namespace sonde::wire {
namespace {

// Of protocol buffers: a field begins with its number and one of these.
enum WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kBeginGroup = 3, kEndGroup = 4, kFixed32 = 5 };

constexpr std::uint32_t kLastFieldNumber = (1U << 29) - 1;
constexpr std::size_t kMostGroups = 100;  // open at once; what official readers allow of nested messages

// At most ten octets, 64 bits.
std::uint64_t read_varint(ByteReader& reader, bool& ok) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    const std::uint8_t octet = reader.u8();
    if (!reader.ok() || (shift == 63 && octet > 1)) break;
    value |= std::uint64_t{octet & 0x7fU} << shift;
    if (octet < 0x80) return value;
  }
  ok = false;
  return 0;
}

void append_varint(std::uint64_t value, std::string& out) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7f) | 0x80);
  out += static_cast<char>(value);
}

bool pass_over(ByteReader& reader, unsigned type) {
  bool ok = true;
  if (type == kVarint) (void)read_varint(reader, ok);
  if (type == kFixed64) (void)reader.bytes(8);
  if (type == kFixed32) (void)reader.bytes(4);
  if (type == kBytes) {
    const std::uint64_t size = read_varint(reader, ok);
    (void)reader.bytes(size);
  }
  return ok && reader.ok();
}

}  // namespace

ParseResult<GrpcMessage> GrpcMessageProcessor::parse(std::span<const std::byte> bytes) const {
  using Result = ParseResult<GrpcMessage>;
  constexpr std::size_t kPrefix = min_frame_size();
  if (bytes.size() < kPrefix) return Result::more(kPrefix - bytes.size());
  ByteReader reader(bytes);
  const std::uint8_t flag = reader.u8();
  const std::size_t size = reader.u32();
  if (flag > 1) return Result::fail("a message with an unknown flag");
  if (size > kGrpcMessageMax) return Result::fail("a message is too long");
  if (bytes.size() - kPrefix < size) return Result::more(kPrefix + size - bytes.size());
  return Result::got({.compressed = flag == 1, .bytes = reader.bytes(size)}, kPrefix + size);
}

std::string grpc_health_request(std::string_view service) {
  std::string message;
  if (!service.empty()) {
    message += static_cast<char>(1U << 3 | kBytes);
    append_varint(service.size(), message);
    message += service;
  }
  std::string out(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(message.size() >> shift & 0xff);
  return out + message;
}

std::optional<std::int32_t> read_health_status(std::span<const std::byte> message) {
  ByteReader reader(message);
  std::int32_t status = 0;
  std::array<std::uint64_t, kMostGroups> groups{};  // the numbers of those that are open
  std::size_t depth = 0;
  while (!reader.at_end()) {
    bool ok = true;
    const std::uint64_t tag = read_varint(reader, ok);
    const std::uint64_t number = tag >> 3;
    const auto type = static_cast<unsigned>(tag & 7);
    if (!ok || number == 0 || number > kLastFieldNumber || type > kFixed32) return std::nullopt;
    if (type == kBeginGroup) {
      if (depth == groups.size()) return std::nullopt;
      groups[depth++] = number;
    } else if (type == kEndGroup) {
      if (depth == 0 || groups[depth - 1] != number) return std::nullopt;
      --depth;
    } else if (depth == 0 && number == 1 && type == kVarint) {
      status = static_cast<std::int32_t>(read_varint(reader, ok));  // the last one counts, of it the low 32 bits
      if (!ok) return std::nullopt;
    } else if (!pass_over(reader, type)) {
      return std::nullopt;
    }
  }
  return depth == 0 ? std::optional(status) : std::nullopt;
}

std::string serving_status_name(std::int32_t status) {
  constexpr std::array<std::string_view, 4> kNames = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
  const auto index = static_cast<std::size_t>(status);
  return status >= 0 && index < kNames.size() ? std::string(kNames[index]) : std::to_string(status);
}

std::string decode_grpc_message(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0;
    if (!escape) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
    i += 2;
  }
  return out;
}

std::string grpc_code_name(std::uint32_t code) {
  constexpr std::array<std::string_view, 17> kNames = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  return code < kNames.size() ? std::string(kNames[code]) : std::to_string(code);
}

}  // namespace sonde::wire
