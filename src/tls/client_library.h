// The OpenSSL library context of all client contexts: those of the default provider's algorithms that TLS uses.
//
// Why: for each certificate OpenSSL 3.0 asks every key type and every decoder that the library context has, over and
// over, which of them fit (OSSL_DECODER_CTX_new_for_pkey), to decode one public key. With all of the default provider's
// that is half of what a TLS 1.3 handshake costs a client; with the few that public keys in certificates need, it is
// small.
#pragma once

#include <openssl/types.h>

namespace sonde::tls {

// Made at the first call, by any thread, and never freed: saved sessions hold keys that lie in it. Null when OpenSSL
// cannot make it. Private keys are not decoded in it; read them in the default library context and hand them over.
OSSL_LIB_CTX* client_library();

}  // namespace sonde::tls
