// JA3S: a fingerprint of how a server answers, the MD5 of "legacy version,suite,extension-extension-…" in decimal, in
// wire order. Pure; any thread.
#pragma once

#include <string>

#include "wire/tls_message.h"

namespace sonde::probes {

std::string ja3s_text(const wire::TlsServerHello& hello);
// 32 hex digits; empty where libcrypto has no MD5 (FIPS).
std::string ja3s(const wire::TlsServerHello& hello);

}  // namespace sonde::probes
