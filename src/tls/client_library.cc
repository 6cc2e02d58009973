#include "tls/client_library.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

namespace sonde::tls {
namespace {

using Names = std::span<const std::string_view>;

// What TLS takes of each kind of algorithm; of a kind that is not here it takes all or none that matter. What else a
// library context has is not free: OpenSSL goes through all of it for each key that it decodes.
constexpr std::array<std::string_view, 7> kDigests = {"MD5",      "SHA1",     "SHA2-224", "SHA2-256",
                                                      "SHA2-384", "SHA2-512", "MD5-SHA1"};
constexpr std::array<std::string_view, 19> kCiphers = {
    "NULL",
    "AES-128-GCM",
    "AES-256-GCM",
    "AES-128-CCM",
    "AES-256-CCM",
    "ChaCha20-Poly1305",
    "AES-128-CBC",
    "AES-256-CBC",
    "AES-128-CBC-HMAC-SHA1",
    "AES-256-CBC-HMAC-SHA1",
    "AES-128-CBC-HMAC-SHA256",
    "AES-256-CBC-HMAC-SHA256",
    "DES-EDE3-CBC",
    "CAMELLIA-128-CBC",
    "CAMELLIA-256-CBC",
    "ARIA-128-GCM",
    "ARIA-256-GCM",
    "ARIA-128-CCM",
    "ARIA-256-CCM",
};
constexpr std::array<std::string_view, 1> kMacs = {"HMAC"};
constexpr std::array<std::string_view, 3> kKdfs = {"TLS13-KDF", "TLS1-PRF", "HKDF"};
// HMAC is one because CBC suites treat their MAC's secret as a key.
constexpr std::array<std::string_view, 11> kKeyTypes = {"RSA",  "RSA-PSS", "EC",  "ED25519", "ED448", "X25519",
                                                        "X448", "DH",      "DHX", "DSA",     "HMAC"};
constexpr std::array<std::string_view, 6> kSignatures = {"RSA", "DSA", "ED25519", "ED448", "ECDSA", "HMAC"};
constexpr std::array<std::string_view, 4> kExchanges = {"DH", "ECDH", "X25519", "X448"};
constexpr std::array<std::string_view, 6> kCertifiedKeyTypes = {"RSA", "RSA-PSS", "EC", "ED25519", "ED448", "DSA"};

struct Kind {
  int operation;
  Names names;
};
constexpr std::array<Kind, 8> kKinds = {{{OSSL_OP_DIGEST, kDigests},
                                         {OSSL_OP_CIPHER, kCiphers},
                                         {OSSL_OP_MAC, kMacs},
                                         {OSSL_OP_KDF, kKdfs},
                                         {OSSL_OP_KEYMGMT, kKeyTypes},
                                         {OSSL_OP_SIGNATURE, kSignatures},
                                         {OSSL_OP_KEYEXCH, kExchanges},
                                         {OSSL_OP_DECODER, kCertifiedKeyTypes}}};

// The provider that this one borrows from, and a table for each of kKinds. It stays loaded in the default library
// context, which makes it so for ever.
struct Borrowed {
  OSSL_PROVIDER* provider = nullptr;
  std::array<std::vector<OSSL_ALGORITHM>, kKinds.size()> tables;
};

// Algorithms have lists of names: "X25519:1.3.101.110". The first is the common one.
bool is_wanted(const OSSL_ALGORITHM& algorithm, const Kind& kind) {
  const std::string_view all = algorithm.algorithm_names;
  if (std::ranges::find(kind.names, all.substr(0, all.find(':'))) == kind.names.end()) return false;
  const std::string_view properties = algorithm.property_definition;
  return kind.operation != OSSL_OP_DECODER || (properties.find("input=der") != properties.npos &&
                                               properties.find("structure=SubjectPublicKeyInfo") != properties.npos);
}

std::vector<OSSL_ALGORITHM> select(OSSL_PROVIDER* provider, const Kind& kind) {
  std::vector<OSSL_ALGORITHM> selected;
  int no_store = 0;
  for (const OSSL_ALGORITHM* each = OSSL_PROVIDER_query_operation(provider, kind.operation, &no_store);
       each != nullptr && each->algorithm_names != nullptr; ++each)
    if (is_wanted(*each, kind)) selected.push_back(*each);
  selected.push_back({nullptr, nullptr, nullptr, nullptr});
  return selected;
}

const Borrowed& borrowed() {
  static const Borrowed kAll = [] {
    Borrowed made;
    made.provider = OSSL_PROVIDER_load(nullptr, "default");
    if (made.provider == nullptr) return made;
    for (std::size_t i = 0; i < kKinds.size(); ++i) made.tables[i] = select(made.provider, kKinds[i]);
    return made;
  }();
  return kAll;
}

const OSSL_ALGORITHM* query(void*, int operation, int* no_store) {
  const auto kind = std::ranges::find(kKinds, operation, &Kind::operation);
  if (kind == kKinds.end()) return OSSL_PROVIDER_query_operation(borrowed().provider, operation, no_store);
  *no_store = 0;
  return borrowed().tables[static_cast<std::size_t>(kind - kKinds.begin())].data();
}

// What libssl asks a provider: which TLS groups it has.
int capabilities(void*, const char* capability, OSSL_CALLBACK* callback, void* argument) {
  return OSSL_PROVIDER_get_capabilities(borrowed().provider, capability, callback, argument);
}

int start_provider(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** out, void** context) {
  static const OSSL_DISPATCH kFunctions[] = {
      {OSSL_FUNC_PROVIDER_QUERY_OPERATION, reinterpret_cast<void (*)()>(query)},
      {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, reinterpret_cast<void (*)()>(capabilities)},
      {0, nullptr}};
  if (borrowed().provider == nullptr) return 0;
  *out = kFunctions;
  *context = OSSL_PROVIDER_get0_provider_ctx(borrowed().provider);  // the algorithms expect their own provider's
  return 1;
}

OSSL_LIB_CTX* make_library() {
  OSSL_LIB_CTX* library = OSSL_LIB_CTX_new();
  if (library == nullptr) return nullptr;
  if (OSSL_PROVIDER_add_builtin(library, "sonde", start_provider) != 1 ||
      OSSL_PROVIDER_load(library, "sonde") == nullptr) {
    OSSL_LIB_CTX_free(library);
    return nullptr;
  }
  return library;
}

}  // namespace

OSSL_LIB_CTX* client_library() {
  static OSSL_LIB_CTX* const kLibrary = make_library();
  return kLibrary;
}

}  // namespace sonde::tls
