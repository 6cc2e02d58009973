// A TLS server with many certificates, for bench/scenarios/tls_chains: which chain it shows follows from the address
// that was called. It makes all of them when it starts, under one intermediate of one root, and writes the root's
// certificate to a file. One thread, an epoll loop, no sessions and no tickets; it takes a handshake as far as the
// client goes, and closes.
//
//   tls_chains PORT ec|rsa COUNT ROOT.pem      says "ready" on standard error, and ends when it is told to
//
// The leaves share a key. With rsa there is TLS 1.2 and its key exchange by RSA alone: then the server signs nothing.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOME 256

struct Client {
  int fd;
  SSL* ssl;
};

static void fail(const char* what) {
  perror(what);
  ERR_print_errors_fp(stderr);
  exit(1);
}

static void extend(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
  if (extension == NULL || X509_add_ext(certificate, extension, -1) != 1) fail(value);
  X509_EXTENSION_free(extension);
}

// Signed by the issuer, or by itself.
static X509* certificate_for(const char* name, long serial, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key,
                             int is_ca) {
  X509* made = X509_new();
  X509_set_version(made, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made), serial);
  X509_gmtime_adj(X509_getm_notBefore(made), -86400);
  X509_gmtime_adj(X509_getm_notAfter(made), 30L * 86400);
  X509_NAME* subject = X509_get_subject_name(made);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char*)name, -1, -1, 0);
  X509_set_issuer_name(made, issuer != NULL ? X509_get_subject_name(issuer) : subject);
  X509_set_pubkey(made, key);
  extend(made, issuer, NID_subject_key_identifier, "hash");
  if (issuer != NULL) extend(made, issuer, NID_authority_key_identifier, "keyid");
  if (is_ca) {
    extend(made, issuer, NID_basic_constraints, "critical,CA:TRUE");
    extend(made, issuer, NID_key_usage, "critical,keyCertSign");
  } else {
    extend(made, issuer, NID_ext_key_usage, "serverAuth");
    extend(made, issuer, NID_subject_alt_name, "DNS:chains.test");
  }
  if (X509_sign(made, issuer_key, EVP_sha256()) == 0) fail(name);
  return made;
}

static SSL_CTX* context_for(X509* leaf, X509* intermediate, EVP_PKEY* key, const char* ciphers) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  if (context == NULL || SSL_CTX_use_certificate(context, leaf) != 1 ||
      SSL_CTX_add1_chain_cert(context, intermediate) != 1 || SSL_CTX_use_PrivateKey(context, key) != 1 ||
      SSL_CTX_set_cipher_list(context, ciphers) != 1)
    fail("context");
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  return context;
}

static SSL_CTX** make_contexts(unsigned count, int is_rsa, const char* root_path) {
  EVP_PKEY* root_key = EVP_RSA_gen(2048);
  EVP_PKEY* intermediate_key = EVP_RSA_gen(2048);
  EVP_PKEY* key = is_rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
  X509* root = certificate_for("root", 1, root_key, NULL, root_key, 1);
  X509* intermediate = certificate_for("intermediate", 2, intermediate_key, root, root_key, 1);
  FILE* file = fopen(root_path, "w");
  if (file == NULL || PEM_write_X509(file, root) != 1 || fclose(file) != 0) fail(root_path);
  SSL_CTX** contexts = calloc(count, sizeof *contexts);
  if (contexts == NULL) fail("calloc");
  for (unsigned i = 0; i < count; ++i) {
    X509* leaf = certificate_for("chains.test", 3 + (long)i, key, intermediate, intermediate_key, 0);
    contexts[i] = context_for(leaf, intermediate, key, is_rsa ? "AES128-GCM-SHA256" : "ECDHE-ECDSA-AES128-GCM-SHA256");
    if (is_rsa) SSL_CTX_set_max_proto_version(contexts[i], TLS1_2_VERSION);
    X509_free(leaf);
  }
  return contexts;
}

static int listen_on(int port) {
  const int one = 1;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons((unsigned short)port), .sin_addr.s_addr = htonl(INADDR_ANY)};
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr*)&address, sizeof address) != 0 || listen(fd, 8192) != 0) fail("listen");
  return fd;
}

static void end(struct Client* client) {
  SSL_free(client->ssl);
  close(client->fd);
  free(client);
}

static void serve(struct Client* client) {
  ERR_clear_error();
  const int result = SSL_accept(client->ssl);
  if (result != 1 && SSL_get_error(client->ssl, result) == SSL_ERROR_WANT_READ) return;
  end(client);
}

static void take_all(int listener, int poller, SSL_CTX** contexts, unsigned count) {
  for (;;) {
    const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    struct sockaddr_in called;
    socklen_t size = sizeof called;
    if (getsockname(fd, (struct sockaddr*)&called, &size) != 0) fail("getsockname");
    struct Client* client = malloc(sizeof *client);
    if (client == NULL) fail("malloc");
    client->fd = fd;
    client->ssl = SSL_new(contexts[ntohl(called.sin_addr.s_addr) % count]);
    SSL_set_fd(client->ssl, fd);
    SSL_set_accept_state(client->ssl);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
  }
}

int main(int argc, char** argv) {
  const int is_rsa = argc == 5 && strcmp(argv[2], "rsa") == 0;
  const int count = argc == 5 ? atoi(argv[3]) : 0;
  if (count < 1 || (!is_rsa && strcmp(argv[2], "ec") != 0)) {
    fprintf(stderr, "usage: tls_chains PORT ec|rsa COUNT ROOT.pem\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  SSL_CTX** contexts = make_contexts((unsigned)count, is_rsa, argv[4]);
  const int listener = listen_on(atoi(argv[1]));
  const int poller = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  if (poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) != 0) fail("epoll");
  fprintf(stderr, "ready\n");
  for (;;) {
    struct epoll_event events[SOME];
    const int ready = epoll_wait(poller, events, SOME, -1);
    for (int i = 0; i < ready; ++i) {
      if (events[i].data.ptr == NULL) {
        take_all(listener, poller, contexts, (unsigned)count);
      } else {
        serve(events[i].data.ptr);
      }
    }
  }
}
