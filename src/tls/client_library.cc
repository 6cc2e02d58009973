#include "tls/client_library.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace sonde::tls {
namespace {

// The provider that this one borrows from. It stays loaded in the default library context, which makes it so for ever.
struct Borrowed {
  OSSL_PROVIDER* provider = nullptr;
  std::vector<OSSL_ALGORITHM> decoders;
  std::vector<OSSL_ALGORITHM> key_types;
};

// Key types that a TLS client of ours meets: in certificates, in key exchanges, and HMAC, which CBC suites treat as
// one.
constexpr std::array<std::string_view, 11> kKeyTypes = {"RSA",  "RSA-PSS", "EC",  "ED25519", "ED448", "X25519",
                                                        "X448", "DH",      "DHX", "DSA",     "HMAC"};
constexpr std::array<std::string_view, 6> kCertifiedKeyTypes = {"RSA", "RSA-PSS", "EC", "ED25519", "ED448", "DSA"};

// Algorithms have lists of names: "X25519:1.3.101.110". The first is the common one.
template <typename Names>
bool is_one_of(const OSSL_ALGORITHM& algorithm, const Names& names) {
  const std::string_view all = algorithm.algorithm_names;
  return std::ranges::find(names, all.substr(0, all.find(':'))) != names.end();
}

bool decodes_public_keys(const OSSL_ALGORITHM& algorithm) {
  const std::string_view properties = algorithm.property_definition;
  return is_one_of(algorithm, kCertifiedKeyTypes) && properties.find("input=der") != properties.npos &&
         properties.find("structure=SubjectPublicKeyInfo") != properties.npos;
}

template <typename Wanted>
std::vector<OSSL_ALGORITHM> select(OSSL_PROVIDER* provider, int operation, Wanted wanted) {
  std::vector<OSSL_ALGORITHM> selected;
  int no_store = 0;
  for (const OSSL_ALGORITHM* each = OSSL_PROVIDER_query_operation(provider, operation, &no_store);
       each != nullptr && each->algorithm_names != nullptr; ++each)
    if (wanted(*each)) selected.push_back(*each);
  selected.push_back({nullptr, nullptr, nullptr, nullptr});
  return selected;
}

const Borrowed& borrowed() {
  static const Borrowed all = [] {
    Borrowed made;
    made.provider = OSSL_PROVIDER_load(nullptr, "default");
    if (made.provider == nullptr) return made;
    made.decoders = select(made.provider, OSSL_OP_DECODER, decodes_public_keys);
    made.key_types =
        select(made.provider, OSSL_OP_KEYMGMT, [](const OSSL_ALGORITHM& each) { return is_one_of(each, kKeyTypes); });
    return made;
  }();
  return all;
}

const OSSL_ALGORITHM* query(void*, int operation, int* no_store) {
  *no_store = 0;
  if (operation == OSSL_OP_DECODER) return borrowed().decoders.data();
  if (operation == OSSL_OP_KEYMGMT) return borrowed().key_types.data();
  return OSSL_PROVIDER_query_operation(borrowed().provider, operation, no_store);
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
