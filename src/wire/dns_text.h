// Pieces of the data of resource records as a master file has them (RFC 1035, 5.1), appended to a text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace sonde::wire {

void append_number(std::string& out, std::uint32_t number);
void append_hex(std::string& out, std::span<const std::byte> bytes);  // lower case
void append_base64(std::string& out, std::span<const std::byte> bytes);
// A character-string in quotes: what is not printable ASCII as \DDD.
void append_quoted(std::string& out, std::span<const std::byte> bytes);

}  // namespace sonde::wire
