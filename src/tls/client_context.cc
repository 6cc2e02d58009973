#include "tls/client_context.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <algorithm>

#include "base/check.h"
#include "tls/client_library.h"
#include "tls/client_session.h"
#include "wire/tls_names.h"

namespace sonde::tls {
namespace {

// The group whose share is sent comes first: most servers have x25519. The order is that of browsers.
constexpr const char* kGroups = "X25519:P-256:P-384:P-521:X448";
// What is common comes first; anonymous and export suites and those without encryption come last.
constexpr const char* kCiphers =
    "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:RSA+AESGCM:RSA+AES:DHE+AESGCM:DHE+AES:ALL:COMPLEMENTOFALL:eNULL:!PSK:!SRP";
constexpr const char* kSuites13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kSignatures =
    "ECDSA+SHA256:RSA-PSS+SHA256:RSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA384:RSA+SHA384:RSA-PSS+SHA512:RSA+SHA512:"
    "ECDSA+SHA512:ed25519:ed448:rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:ECDSA+SHA1:RSA+SHA1:DSA+"
    "SHA256:"
    "DSA+SHA1";
// The longest handshake message. OpenSSL allocates what a message's header says, so this is what a peer's lie costs.
constexpr long kMessageBytesMax = 128L * 1024;
constexpr unsigned kSignedCertificateTimestamp = 18;

int accept_every_chain(X509_STORE_CTX* store, void*) {
  X509_STORE_CTX_set_error(store, X509_V_OK);
  return 1;
}

// The answer is read from the raw messages; OpenSSL has only to know that it was asked for.
int ignore_extension(SSL*, unsigned, unsigned, const unsigned char*, std::size_t, X509*, std::size_t, int*, void*) {
  return 1;
}

// The oldest entry is the cause; what follows it are its consequences.
std::string reason_of_failure() {
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  std::string text = reason == nullptr ? "unknown reason" : reason;
  ERR_clear_error();
  return text;
}

std::unexpected<InputError> file_error(const std::string& file) {
  if (ERR_SYSTEM_ERROR(ERR_peek_error())) {
    ERR_clear_error();
    return input_error(fmt::format("{}: cannot be read", file));
  }
  return input_error(fmt::format("{}: {}", file, reason_of_failure()));
}

}  // namespace

Parsed<std::unique_ptr<ClientContext>> ClientContext::create(const ContextOptions& options) {
  std::unique_ptr<ClientContext> context(new ClientContext());
  if (auto done = context->set_up(options); !done) return std::unexpected(done.error());
  if (auto done = context->set_alpn(options.alpn); !done) return std::unexpected(done.error());
  if (auto done = context->load_files(options); !done) return std::unexpected(done.error());
  return context;
}

ClientContext::~ClientContext() {
  SSL_CTX_free(context_);
  BIO_meth_free(wire_);
}

Parsed<> ClientContext::set_up(const ContextOptions& options) {
  for (const std::uint16_t version : {options.min_version, options.max_version})
    if (wire::tls_version_name(version).empty())
      return input_error(fmt::format("0x{:04x} is no version of TLS", version));
  if (options.min_version > options.max_version)
    return input_error(fmt::format("the least TLS version, {}, is above the greatest, {}",
                                   wire::tls_version_name(options.min_version),
                                   wire::tls_version_name(options.max_version)));
  ERR_clear_error();
  if (client_library() != nullptr) context_ = SSL_CTX_new_ex(client_library(), nullptr, TLS_client_method());
  wire_ = make_wire_method();
  if (context_ == nullptr || wire_ == nullptr)
    return input_error(fmt::format("OpenSSL cannot be set up: {}", reason_of_failure()));
  SSL_CTX_set_security_level(context_, 0);  // before the lists, which it filters
  // A version that this OpenSSL was built without is skipped; all of them is an error.
  if (SSL_CTX_set_min_proto_version(context_, options.min_version) != 1 ||
      SSL_CTX_set_max_proto_version(context_, options.max_version) != 1)
    return input_error(fmt::format("this OpenSSL has no {} to {}", wire::tls_version_name(options.min_version),
                                   wire::tls_version_name(options.max_version)));
  SSL_CTX_clear_options(context_, SSL_CTX_get_options(context_) & SSL_OP_NO_TICKET);  // a system's openssl.cnf
  SSL_CTX_set_options(context_, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  const bool lists =
      SSL_CTX_set_cipher_list(context_, kCiphers) == 1 && SSL_CTX_set_ciphersuites(context_, kSuites13) == 1 &&
      SSL_CTX_set1_groups_list(context_, kGroups) == 1 && SSL_CTX_set1_sigalgs_list(context_, kSignatures) == 1;
  if (!lists) return input_error(fmt::format("this OpenSSL lacks what sonde offers: {}", reason_of_failure()));
  SSL_CTX_set_max_cert_list(context_, kMessageBytesMax);
  SSL_CTX_set_tlsext_status_type(context_, TLSEXT_STATUSTYPE_ocsp);
  constexpr unsigned kWhere = SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO | SSL_EXT_TLS1_3_CERTIFICATE;
  SONDE_CHECK(SSL_CTX_add_custom_ext(context_, kSignedCertificateTimestamp, kWhere, nullptr, nullptr, nullptr,
                                     ignore_extension, nullptr) == 1,
              "the SCT extension can be offered");
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  observe_sessions_of(context_);

  require_verified_ = options.require_verified;
  as_browsers_ = options.as_browsers;
  if (as_browsers_) X509_STORE_set_flags(SSL_CTX_get_cert_store(context_), X509_V_FLAG_PARTIAL_CHAIN);
  if (require_verified_) {
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
  } else {
    SSL_CTX_set_verify(context_, SSL_VERIFY_NONE, nullptr);  // alone, this still builds and checks the chain
    SSL_CTX_set_cert_verify_callback(context_, accept_every_chain, nullptr);
  }
  return {};
}

Parsed<> ClientContext::set_alpn(const std::vector<std::string>& names) {
  std::string wire;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > 255)
      return input_error(fmt::format("the ALPN name '{}' must have 1 to 255 bytes", name));
    wire += static_cast<char>(name.size());
    wire += name;
  }
  if (wire.size() > 65535 - 2) return input_error("the ALPN names are longer than 65,533 bytes together");
  alpn_ = names;
  if (wire.empty()) return {};
  if (SSL_CTX_set_alpn_protos(context_, reinterpret_cast<const unsigned char*>(wire.data()),
                              static_cast<unsigned>(wire.size())) != 0)
    return input_error(fmt::format("the ALPN names cannot be set: {}", reason_of_failure()));
  return {};
}

Parsed<> ClientContext::load_files(const ContextOptions& options) {
  ERR_clear_error();
  if (require_verified_ && options.ca_file.empty()) {
    if (SSL_CTX_set_default_verify_paths(context_) != 1)
      return input_error(fmt::format("the system's CA certificates cannot be read: {}", reason_of_failure()));
    ERR_clear_error();
  }
  if (!options.ca_file.empty() && SSL_CTX_load_verify_file(context_, options.ca_file.c_str()) != 1)
    return file_error(options.ca_file);
  if (options.cert_file.empty())
    return options.key_file.empty() ? Parsed<>()
                                    : input_error(fmt::format("{}: a key without its certificate", options.key_file));
  const std::string& key_file = options.key_file.empty() ? options.cert_file : options.key_file;
  if (SSL_CTX_use_certificate_chain_file(context_, options.cert_file.c_str()) != 1)
    return file_error(options.cert_file);
  const std::unique_ptr<BIO, decltype(&BIO_free)> file(BIO_new_file(key_file.c_str(), "rb"), BIO_free);
  if (file == nullptr) return file_error(key_file);
  // A key that is encrypted is an error, not a question to whoever sits at the terminal.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(file.get(), nullptr, no_password, nullptr), EVP_PKEY_free);
  // It checks too that the key is that of the certificate.
  if (key == nullptr || SSL_CTX_use_PrivateKey(context_, key.get()) != 1) return file_error(key_file);
  return {};
}

bool ClientContext::offers(std::string_view protocol) const {
  return std::ranges::find(alpn_, protocol) != alpn_.end();
}

}  // namespace sonde::tls
