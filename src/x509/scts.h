// How many signed certificate timestamps (RFC 6962) there are: in the list that a TLS extension carries, in the X.509
// extension that wraps such a list, and in a stapled OCSP response. Own code without allocation, well under a
// microsecond each, so that a shard may call it; work is bounded by the length of the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace sonde::x509 {

// Of a SignedCertificateTimestampList (RFC 6962 3.3): u16 length, then (u16 length, SCT) each. Nothing when it is cut,
// has bytes left over, or an SCT is empty; an empty list counts as 0.
std::optional<std::uint32_t> count_scts(std::span<const std::byte> list);

// Of the value of extension 1.3.6.1.4.1.11129.2.4.2 (or .5): an OCTET STRING around such a list.
std::optional<std::uint32_t> count_wrapped_scts(std::span<const std::byte> extension_value);

// Of an OCSPResponse (RFC 6960 4.2.1), over all its single responses. 0 when there are none; nothing when the response
// is malformed on the way to them or has bytes left over.
std::optional<std::uint32_t> count_ocsp_scts(std::span<const std::byte> response);

}  // namespace sonde::x509
