#include "x509/openssl_handles.h"

#include <openssl/err.h>

namespace sonde::x509 {

std::string take_openssl_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason == nullptr ? "unknown" : reason;
}

}  // namespace sonde::x509
