// A TLS server in memory, for tests, fuzzers and benchmarks of this folder and of those above it: OpenSSL with
// certificates made at construction, bytes in, bytes out.
#pragma once

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"

namespace sonde::tls {

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }
inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct Identity {
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
  Identity() = default;
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;
  ~Identity() {
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  std::string der() const {
    unsigned char* out = nullptr;
    const int size = i2d_X509(certificate, &out);
    std::string text(reinterpret_cast<char*>(out), static_cast<std::size_t>(size));
    OPENSSL_free(out);
    return text;
  }
  std::string pem() const {
    BIO* out = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(out, certificate);
    PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out, &data);
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(out);
    return text;
  }
  void make(bool rsa, const char* name, const Identity* issuer = nullptr) {
    static EVP_PKEY* const kRsa = EVP_RSA_gen(2048);  // slow to make, so one is enough for all
    if (rsa) EVP_PKEY_up_ref(kRsa);
    key = rsa ? kRsa : EVP_EC_gen("P-256");
    certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400L * 365);
    X509_set_pubkey(certificate, key);
    X509_NAME* subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer->certificate) : subject);
    add_extension(NID_subject_alt_name, (std::string("DNS:") + name + ",IP:127.0.0.1").c_str());
    add_extension(NID_basic_constraints, issuer ? "CA:FALSE" : "critical,CA:TRUE");
    X509_sign(certificate, issuer ? issuer->key : key, EVP_sha256());
  }

 private:
  void add_extension(int nid, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
};

struct ServerOptions {
  std::uint16_t min_version = 0x0301;
  std::uint16_t max_version = 0x0304;
  bool rsa = false;
  bool both_keys = false;                   // a certificate for RSA and one for ECDSA
  int issuers = 1;                          // how often the issuer's certificate follows the leaf's
  const char* ciphers = "ALL:@SECLEVEL=0";  // up to TLS 1.2
  const char* suites13 = nullptr;
  const char* groups = nullptr;
  bool server_order = false;  // it chooses by its own order of suites
  std::string alpn;           // one name; "" for none
  int verify = SSL_VERIFY_NONE;
  bool tickets = true;               // TLS 1.2: else session ids
  std::uint32_t max_early_data = 0;  // the server also takes it then
  std::string ocsp;                  // stapled when not empty
  std::string scts;                  // the list, when not empty
};

class MemoryServer {
 public:
  explicit MemoryServer(ServerOptions given = {}) : options(std::move(given)) {
    ca.make(false, "sonde test CA");
    identity.make(options.rsa, "localhost", &ca);
    context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, options.min_version);
    SSL_CTX_set_max_proto_version(context, options.max_version);
    SONDE_CHECK(SSL_CTX_set_cipher_list(context, options.ciphers) == 1, "the server's ciphers");
    if (options.suites13 != nullptr)
      SONDE_CHECK(SSL_CTX_set_ciphersuites(context, options.suites13) == 1, "the server's suites of TLS 1.3");
    if (options.server_order) SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
    if (options.groups != nullptr) SONDE_CHECK(SSL_CTX_set1_groups_list(context, options.groups) == 1, "its groups");
    if (options.both_keys) {
      second.make(!options.rsa, "localhost", &ca);
      use(second);
    }
    use(identity);
    for (int i = 0; i < options.issuers; ++i) {
      X509_up_ref(ca.certificate);
      SSL_CTX_add_extra_chain_cert(context, ca.certificate);
    }
    SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>("s"), 1);
    SSL_CTX_set_dh_auto(context, 1);
    SSL_CTX_set_verify(context, options.verify, [](int, X509_STORE_CTX*) { return 1; });
    if (!options.tickets) SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_max_early_data(context, options.max_early_data);
    SSL_CTX_set_recv_max_early_data(context, options.max_early_data);
    // Replay protection would need the internal cache; a test replays nothing.
    if (options.max_early_data > 0) SSL_CTX_set_options(context, SSL_OP_NO_ANTI_REPLAY);
    if (!options.alpn.empty()) SSL_CTX_set_alpn_select_cb(context, select_alpn, this);
    if (!options.ocsp.empty()) {
      SSL_CTX_set_tlsext_status_cb(context, staple);
      SSL_CTX_set_tlsext_status_arg(context, this);
    }
    if (!options.scts.empty())
      SSL_CTX_add_custom_ext(
          context, 18, SSL_EXT_CLIENT_HELLO | SSL_EXT_TLS1_2_SERVER_HELLO | SSL_EXT_TLS1_3_CERTIFICATE, add_scts,
          nullptr, this,
          [](SSL*, unsigned, unsigned, const unsigned char*, std::size_t, X509*, std::size_t, int*, void*) {
            return 1;
          },
          nullptr);
  }
  ~MemoryServer() { SSL_CTX_free(context); }
  MemoryServer(const MemoryServer&) = delete;
  MemoryServer& operator=(const MemoryServer&) = delete;

  ServerOptions options;
  Identity ca;
  Identity identity;
  Identity second;  // with both_keys
  SSL_CTX* context = nullptr;

 private:
  void use(const Identity& own) const {
    SSL_CTX_use_certificate(context, own.certificate);
    SSL_CTX_use_PrivateKey(context, own.key);
  }
  static int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                         unsigned in_size, void* self) {
    const std::string& name = static_cast<MemoryServer*>(self)->options.alpn;
    for (unsigned at = 0; at < in_size; at += in[at] + 1U)
      if (in[at] == name.size() && std::memcmp(in + at + 1, name.data(), name.size()) == 0) {
        *out = in + at + 1;
        *out_size = in[at];
        return SSL_TLSEXT_ERR_OK;
      }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  static int staple(SSL* ssl, void* self) {
    const std::string& ocsp = static_cast<MemoryServer*>(self)->options.ocsp;
    SSL_set_tlsext_status_ocsp_resp(ssl, OPENSSL_memdup(ocsp.data(), ocsp.size()), static_cast<long>(ocsp.size()));
    return SSL_TLSEXT_ERR_OK;
  }
  static int add_scts(SSL*, unsigned, unsigned, const unsigned char** out, std::size_t* size, X509*, std::size_t index,
                      int*, void* self) {
    const std::string& scts = static_cast<MemoryServer*>(self)->options.scts;
    *out = reinterpret_cast<const unsigned char*>(scts.data());
    *size = scts.size();
    return index == 0 ? 1 : 0;
  }
};

class MemoryConnection {
 public:
  explicit MemoryConnection(const MemoryServer& server)
      : ssl(SSL_new(server.context)), takes_early(server.options.max_early_data > 0) {
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in_, -1);
    SSL_set_bio(ssl, in_, out_);
    SSL_set_accept_state(ssl);
  }
  ~MemoryConnection() {
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);  // else the session is forgotten
    SSL_free(ssl);
  }
  MemoryConnection(const MemoryConnection&) = delete;
  MemoryConnection& operator=(const MemoryConnection&) = delete;

  void feed(std::span<const std::byte> bytes) {
    BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
    advance();
  }
  // What it says to these bytes.
  std::vector<std::byte> hear(std::span<const std::byte> bytes) {
    feed(bytes);
    const std::string text = output();
    const std::span<const std::byte> said = bytes_of(text);
    return {said.begin(), said.end()};
  }
  void write(std::string_view text) {
    SONDE_CHECK(SSL_write(ssl, text.data(), static_cast<int>(text.size())) > 0, "the test server writes");
  }
  std::string output() {
    char* data = nullptr;
    const long size = BIO_get_mem_data(out_, &data);
    std::string text(data, static_cast<std::size_t>(size));
    (void)BIO_reset(out_);
    return text;
  }

  SSL* ssl;
  bool takes_early;
  bool done = false;            // its handshake
  bool closed_by_peer = false;  // close_notify came
  std::string received;
  std::string early;

 private:
  void advance() {
    ERR_clear_error();
    char data[4096];
    std::size_t count = 0;
    while (takes_early) {
      const int result = SSL_read_early_data(ssl, data, sizeof(data), &count);
      if (result == SSL_READ_EARLY_DATA_ERROR) return;
      early.append(data, count);
      if (result == SSL_READ_EARLY_DATA_FINISH) takes_early = false;
    }
    if (!done) done = SSL_do_handshake(ssl) == 1;
    while (done && SSL_read_ex(ssl, data, sizeof(data), &count) == 1) received.append(data, count);
    closed_by_peer = (SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
    ERR_clear_error();
  }
  BIO* in_;
  BIO* out_;
};

}  // namespace sonde::tls
