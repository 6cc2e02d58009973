// Inflates what a CompressedCertificate message holds (RFC 8879).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sonde::wire {

// Fills `out`, whose size is the one that the message names. False: the algorithm is none of zlib (1), brotli (2) and
// zstd (3), the data are broken, or they inflate to another size. Never writes beyond `out`, whatever the data claim.
bool inflate_certificate(std::uint16_t algorithm, std::span<const std::byte> data, std::span<std::byte> out);

}  // namespace sonde::wire
