// A TLS server without sockets for tests: OpenSSL over memory, with a self-signed certificate made on the spot.
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"

namespace sonde::probes {

struct ServerOptions {
  int min_version = SSL3_VERSION;
  int max_version = TLS1_3_VERSION;
  std::string ciphers = "ALL:@SECLEVEL=0";  // up to TLS 1.2
  std::string ciphersuites = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
  std::string groups = "X25519:P-256:P-384";
  std::string key = "EC:P-256";  // or "RSA:2048", "ED25519"
  std::vector<std::string> alpn;
  bool wants_certificate = false;
  bool requires_certificate = false;
  int certificates = 1;  // how often the chain repeats it
  bool stateless_cookie = false;
};

class OpensslServer {
 public:
  explicit OpensslServer(const ServerOptions& options)
      : options_(options), context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {
    SSL_CTX* context = context_.get();
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_options(context, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_min_proto_version(context, options_.min_version);
    SSL_CTX_set_max_proto_version(context, options_.max_version);
    SONDE_CHECK(SSL_CTX_set_cipher_list(context, options_.ciphers.c_str()) == 1, "ciphers");
    SONDE_CHECK(SSL_CTX_set_ciphersuites(context, options_.ciphersuites.c_str()) == 1, "ciphersuites");
    SONDE_CHECK(SSL_CTX_set1_groups_list(context, options_.groups.c_str()) == 1, "groups");
    make_certificate();
    if (options_.wants_certificate || options_.requires_certificate)
      SSL_CTX_set_verify(
          context, SSL_VERIFY_PEER | (options_.requires_certificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
    SSL_CTX_set_alpn_select_cb(context, select_alpn, this);
    ssl_.reset(SSL_new(context));
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(ssl_.get());
  }

  // What the server says to these bytes.
  std::vector<std::byte> hear(std::span<const std::byte> bytes) {
    BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
    last_ = SSL_do_handshake(ssl_.get());
    error_ = SSL_get_error(ssl_.get(), last_);
    std::vector<std::byte> said(static_cast<std::size_t>(BIO_pending(SSL_get_wbio(ssl_.get()))));
    if (!said.empty()) BIO_read(SSL_get_wbio(ssl_.get()), said.data(), static_cast<int>(said.size()));
    return said;
  }
  bool received_close_notify() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }
  SSL* ssl() { return ssl_.get(); }
  const std::vector<std::byte>& certificate() const { return der_; }

 private:
  static int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                         unsigned int in_size, void* argument) {
    const auto* self = static_cast<OpensslServer*>(argument);
    for (const std::string& name : self->options_.alpn) {
      for (unsigned int at = 0; at < in_size; at += in[at] + 1U) {
        if (std::string(reinterpret_cast<const char*>(in) + at + 1, in[at]) != name) continue;
        *out = in + at + 1;
        *out_size = in[at];
        return SSL_TLSEXT_ERR_OK;
      }
    }
    return SSL_TLSEXT_ERR_NOACK;
  }

  void make_certificate() {
    const std::size_t colon = options_.key.find(':');
    const std::string type = options_.key.substr(0, colon);
    const std::string detail = colon == std::string::npos ? "" : options_.key.substr(colon + 1);
    EVP_PKEY* key = type == "EC"    ? EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", detail.c_str())
                    : type == "RSA" ? EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::stoul(detail))
                                    : EVP_PKEY_Q_keygen(nullptr, nullptr, type.c_str());
    SONDE_CHECK(key != nullptr, "a key");
    X509* certificate = X509_new();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>("test.example"), -1,
                               -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_set_pubkey(certificate, key);
    SONDE_CHECK(X509_sign(certificate, key, type.starts_with("ED") ? nullptr : EVP_sha256()) > 0, "a signature");
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate, &der);
    der_.assign(reinterpret_cast<std::byte*>(der), reinterpret_cast<std::byte*>(der) + size);
    OPENSSL_free(der);
    SSL_CTX_use_certificate(context_.get(), certificate);
    SSL_CTX_use_PrivateKey(context_.get(), key);
    for (int i = 1; i < options_.certificates; ++i) SSL_CTX_add1_chain_cert(context_.get(), certificate);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }

  ServerOptions options_;
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_{nullptr, SSL_free};
  std::vector<std::byte> der_;
  int last_ = 0;
  int error_ = 0;
};

}  // namespace sonde::probes
