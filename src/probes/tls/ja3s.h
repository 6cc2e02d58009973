// JA3S: a fingerprint of how a server answers, the MD5 of "legacy version,suite,extension-extension-…" in decimal, in
// wire order. Pure; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace sonde::probes {

// Of a ServerHello: its legacy_version, its suite, the numbers of its extensions in wire order.
std::string ja3s_text(std::uint16_t version, std::uint16_t cipher, std::span<const std::uint16_t> extensions);
// 32 hex digits; empty where libcrypto has no MD5 (FIPS).
std::string ja3s(std::uint16_t version, std::uint16_t cipher, std::span<const std::uint16_t> extensions);

}  // namespace sonde::probes
