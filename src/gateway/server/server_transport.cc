#include "gateway/server/server_transport.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>

#include "base/check.h"

namespace sonde::gateway {
namespace {

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned offered_size, void*) {
  static constexpr std::string_view kHttp = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  const int found = SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(kHttp.data()),
                                          static_cast<unsigned>(kHttp.size()), offered, offered_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

std::string last_tls_error() {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_peek_last_error(), text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

}  // namespace

Parsed<TlsContext> make_server_tls(const ServerTls& files) {
  ERR_clear_error();
  TlsContext context(SSL_CTX_new(TLS_server_method()), FreeTls{});
  SONDE_CHECK(context, "OpenSSL has a server");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.cert.c_str()) != 1)
    return input_error(fmt::format("tls.cert: {}: {}", files.cert, last_tls_error()));
  if (SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1)
    return input_error(fmt::format("tls.key: {}: {}", files.key, last_tls_error()));
  if (SSL_CTX_check_private_key(context.get()) != 1)
    return input_error(fmt::format("tls.key: {} is not the key of {}: {}", files.key, files.cert, last_tls_error()));
  return context;
}

Transport::Transport(int fd, SSL_CTX* context) : fd_(fd), session_(context ? SSL_new(context) : nullptr) {
  if (!context) return;
  SONDE_CHECK(session_ && SSL_set_fd(session_.get(), fd) == 1, "a TLS session takes memory alone");
  SSL_set_accept_state(session_.get());
}

Transport::Next Transport::next_of(int result) {
  switch (SSL_get_error(session_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Next::kRead;
    case SSL_ERROR_WANT_WRITE:
      return Next::kWrite;
    default:
      return Next::kOver;
  }
}

Transport::Next Transport::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(session_.get());
  return result == 1 ? Next::kDone : next_of(result);
}

Transport::Moved Transport::read(std::span<char> room) {
  if (session_) {
    ERR_clear_error();
    std::size_t got = 0;
    const int result = SSL_read_ex(session_.get(), room.data(), room.size(), &got);
    return result == 1 ? Moved{got, Next::kDone} : Moved{0, next_of(result)};
  }
  for (;;) {
    const ssize_t got = ::recv(fd_, room.data(), room.size(), 0);
    if (got > 0) return {static_cast<std::size_t>(got), Next::kDone};
    if (got == 0) return {0, Next::kOver};
    if (errno == EINTR) continue;
    return {0, errno == EAGAIN ? Next::kRead : Next::kOver};
  }
}

Transport::Moved Transport::write(std::string_view head, std::string_view body) {
  if (session_) {
    Moved moved;
    for (const std::string_view part : {head, body})
      for (std::size_t sent = 0; sent < part.size();) {
        ERR_clear_error();
        std::size_t more = 0;
        const int result = SSL_write_ex(session_.get(), part.data() + sent, part.size() - sent, &more);
        if (result != 1) return {moved.bytes, next_of(result)};
        sent += more;
        moved.bytes += more;
      }
    return moved;
  }
  std::array<iovec, 2> parts{};
  parts[0] = {.iov_base = const_cast<char*>(head.data()), .iov_len = head.size()};
  parts[1] = {.iov_base = const_cast<char*>(body.data()), .iov_len = body.size()};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = body.empty() ? 1 : 2;
  for (;;) {
    const ssize_t sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (sent >= 0) {
      const auto bytes = static_cast<std::size_t>(sent);
      return {bytes, bytes == head.size() + body.size() ? Next::kDone : Next::kWrite};
    }
    if (errno == EINTR) continue;
    return {0, errno == EAGAIN ? Next::kWrite : Next::kOver};
  }
}

void Transport::bound_unsent(int bytes) const {
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);  // where there is no TCP, there is no bound
}

void Transport::finish() {
  if (session_ && is_shaken()) {
    ERR_clear_error();
    SSL_shutdown(session_.get());
  }
  ::shutdown(fd_, SHUT_WR);
}

Transport::Next Transport::discard(std::span<char> room) {
  const ssize_t got = ::recv(fd_, room.data(), room.size(), 0);
  if (got > 0) return Next::kRead;
  return got < 0 && (errno == EAGAIN || errno == EINTR) ? Next::kRead : Next::kOver;
}

}  // namespace sonde::gateway
