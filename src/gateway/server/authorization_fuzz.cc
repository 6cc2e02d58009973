// Values of Authorization: never a crash, and of Basic only what base64 says in one way.
#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "gateway/server/auth.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string value(reinterpret_cast<const char*>(data), size);
  const auto credentials = sonde::gateway::read_authorization(value);
  if (!credentials || !credentials->basic) return 0;
  std::string encoded((credentials->secret.size() + 2) / 3 * 4 + 1, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                  reinterpret_cast<const unsigned char*>(credentials->secret.data()),
                  static_cast<int>(credentials->secret.size()));
  const auto again = sonde::gateway::read_authorization("Basic " + encoded.substr(0, encoded.size() - 1));
  SONDE_CHECK(again && again->secret == credentials->secret, "its own encoding reads as the same");
  return 0;
}
