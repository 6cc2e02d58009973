// Reads ClientHellos, for the tests and fuzzers of what writes them and for models of servers: strict, so that a
// writer's slip is seen. Borrows from the record given.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "wire/byte_reader.h"
#include "wire/line.h"
#include "wire/tls_message.h"
#include "wire/tls_record.h"

namespace sonde::wire {

struct TlsClientHelloParts {
  std::uint16_t record_version = 0;
  std::uint16_t legacy_version = 0;
  std::span<const std::byte> random;
  std::span<const std::byte> session_id;
  std::vector<std::uint16_t> ciphers;
  std::span<const std::byte> compression;
  std::vector<TlsExtension> extensions;  // in wire order

  std::optional<std::span<const std::byte>> find(std::uint16_t type) const {
    const auto found = std::ranges::find(extensions, type, &TlsExtension::type);
    return found == extensions.end() ? std::nullopt : std::optional(found->body);
  }
  // The numbers of a list extension behind a length of one or two bytes; empty where it is not there or ill-formed.
  std::vector<std::uint16_t> numbers(std::uint16_t type, std::size_t length_bytes) const {
    ByteReader reader(find(type).value_or(std::span<const std::byte>()));
    ByteReader list(length_bytes == 1 ? reader.vector8() : reader.vector16());
    std::vector<std::uint16_t> numbers;
    while (!list.at_end()) numbers.push_back(list.u16());
    return reader.ok() && reader.at_end() && list.ok() ? numbers : std::vector<std::uint16_t>();
  }
  std::vector<std::uint16_t> groups() const { return numbers(kExtSupportedGroups, 2); }
  std::vector<std::uint16_t> versions() const { return numbers(kExtSupportedVersions, 1); }
  std::string_view server_name() const {
    ByteReader reader(find(kExtServerName).value_or(std::span<const std::byte>()));
    ByteReader list(reader.vector16());
    if (list.u8() != 0) return {};
    const std::span<const std::byte> name = list.vector16();
    return reader.ok() && reader.at_end() && list.ok() && list.at_end() ? as_text(name) : std::string_view();
  }
};

// Nothing unless `record` is exactly one record with exactly one well-formed ClientHello.
inline std::optional<TlsClientHelloParts> read_client_hello(std::span<const std::byte> record) {
  const auto framed = TlsRecordProcessor().parse(record);
  if (framed.kind != ParseResult<TlsRecord>::Kind::kFrame || framed.consumed != record.size()) return std::nullopt;
  if (framed.frame.type != TlsContent::kHandshake) return std::nullopt;
  const auto message = TlsMessageProcessor(16384).parse(framed.frame.fragment);
  if (message.kind != ParseResult<TlsMessage>::Kind::kFrame || message.consumed != framed.frame.fragment.size() ||
      message.frame.type != TlsMessageType::kClientHello)
    return std::nullopt;
  ByteReader reader(message.frame.body);
  TlsClientHelloParts hello;
  hello.record_version = framed.frame.version;
  hello.legacy_version = reader.u16();
  hello.random = reader.bytes(32);
  hello.session_id = reader.vector8();
  ByteReader ciphers(reader.vector16());
  while (!ciphers.at_end()) hello.ciphers.push_back(ciphers.u16());
  hello.compression = reader.vector8();
  const TlsExtensions extensions(reader.vector16());
  if (!reader.ok() || !reader.at_end() || !ciphers.ok() || !extensions.well_formed()) return std::nullopt;
  extensions.for_each([&](const TlsExtension& extension) { hello.extensions.push_back(extension); });
  return hello;
}

}  // namespace sonde::wire
