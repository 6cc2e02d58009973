// The order of things: bytes that are fed become input_, from which OpenSSL reads through a BIO of our own, without a
// copy between; it runs until the input is used up. So there is no buffer of ciphertext but the record that OpenSSL is
// about to complete.
#include "tls/client_session.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>

#include "base/check.h"
#include "wire/tls_names.h"

namespace sonde::tls {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t kRecordPlaintextMax = 16384;
constexpr std::size_t kRecordOverheadMax = 256;

bool begins_with(Bytes bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

// What a first answer that is not TLS most likely is; "" when it is like nothing known.
std::string_view protocol_of(Bytes first) {
  if (begins_with(first, "HTTP/")) return "HTTP";
  if (begins_with(first, "SSH-")) return "SSH";
  if (begins_with(first, "220")) return "SMTP or FTP";
  if (begins_with(first, "+OK")) return "POP3";
  if (begins_with(first, "* OK")) return "IMAP";
  if (begins_with(first, "RFB ")) return "VNC";
  return "";
}

// Nothing when there is no chain, or a date that cannot be read.
std::optional<std::int64_t> earliest_expiry(STACK_OF(X509) * chain) {
  std::optional<std::int64_t> earliest;
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    std::tm broken{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(sk_X509_value(chain, i)), &broken) != 1) return std::nullopt;
    const std::int64_t expiry = timegm(&broken);
    if (!earliest || expiry < *earliest) earliest = expiry;
  }
  return earliest;
}

Bytes as_bytes(const unsigned char* data, std::size_t size) { return {reinterpret_cast<const std::byte*>(data), size}; }

}  // namespace

// What OpenSSL calls back. A friend of the session, so that its members need not be public.
struct Callbacks {
  static ClientSession& of(BIO* bio) { return *static_cast<ClientSession*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* into, std::size_t size, std::size_t* count) {
    ClientSession& session = of(bio);
    BIO_clear_retry_flags(bio);
    *count = std::min(size, session.input_.size());
    if (*count == 0) {
      BIO_set_retry_read(bio);
      return 0;
    }
    std::memcpy(into, session.input_.data(), *count);
    session.input_ = session.input_.subspan(*count);
    return 1;
  }

  static int write(BIO* bio, const char* from, std::size_t size, std::size_t* count) {
    ClientSession& session = of(bio);
    BIO_clear_retry_flags(bio);
    if (session.outgoing_.size() + size > ClientSession::kOutgoingMax) {
      session.outgoing_overflow_ = true;
      return -1;  // not to be tried again: what fills it is the peer's doing, as write() asks for room first
    }
    session.outgoing_.append(std::as_bytes(std::span(from, size)));
    *count = size;
    return 1;
  }

  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static void message(int written, int, int content, const void* data, std::size_t size, SSL* ssl, void*) {
    auto* session = static_cast<ClientSession*>(SSL_get_app_data(ssl));
    if (written != 0 || session == nullptr) return;
    const Bytes bytes = as_bytes(static_cast<const unsigned char*>(data), size);
    if (content == SSL3_RT_HEADER) {
      ++session->records_;
      if (size >= 3)
        session->record_version_ =
            static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[1]) << 8 | std::to_integer<unsigned>(bytes[2]));
    } else if (content == SSL3_RT_HANDSHAKE) {
      if (session->state_ == ClientSession::State::kHandshaking)
        session->handshake_.on_message(bytes);
      else
        session->handshake_bytes_ += size;
    } else if (content == SSL3_RT_ALERT && size == 2) {
      const Alert alert{std::to_integer<std::uint8_t>(bytes[0]), std::to_integer<std::uint8_t>(bytes[1])};
      if (alert.number == SSL_AD_CLOSE_NOTIFY) return;
      session->alert_ = alert;
      session->alert_version_ = session->record_version_;
    }
  }

  static int new_session(SSL* ssl, SSL_SESSION* owned) {
    auto* session = static_cast<ClientSession*>(SSL_get_app_data(ssl));
    if (session == nullptr || SSL_SESSION_is_resumable(owned) != 1) return 0;  // not taken: OpenSSL frees it
    ++session->sessions_received_;
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    session->session_ = std::make_unique<SavedSession>(owned, name == nullptr ? "" : name);
    return 1;
  }
};

BIO_METHOD* make_wire_method() {
  BIO_METHOD* method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "sonde session");
  if (method == nullptr) return nullptr;
  BIO_meth_set_read_ex(method, Callbacks::read);
  BIO_meth_set_write_ex(method, Callbacks::write);
  BIO_meth_set_ctrl(method, Callbacks::control);
  return method;
}

void observe_sessions_of(SSL_CTX* context) {
  SSL_CTX_set_msg_callback(context, Callbacks::message);
  SSL_CTX_sess_set_new_cb(context, Callbacks::new_session);
}

ClientSession::ClientSession(const ClientContext& context, const SessionOptions& options) {
  ERR_clear_error();
  if (!set_up(context, options) && state_ != State::kFailed) fail(Failure::kLocal, "no memory for a TLS session");
}

ClientSession::~ClientSession() {
  if (ssl_ == nullptr) return;
  // Without this SSL_free marks the session as not resumable when the connection was simply dropped.
  if (state_ != State::kFailed) SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(ssl_);
}

bool ClientSession::set_up(const ClientContext& context, const SessionOptions& options) {
  ssl_ = SSL_new(context.native());
  if (ssl_ == nullptr) return false;
  BIO* bio = BIO_new(context.wire_method());
  if (bio == nullptr) return false;
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_app_data(ssl_, this);
  SSL_set_connect_state(ssl_);
  if (!options.server_name.empty() && SSL_set_tlsext_host_name(ssl_, std::string(options.server_name).c_str()) != 1) {
    fail(Failure::kLocal, "the server name is too long for TLS");
    return false;
  }
  if (context.require_verified()) {
    const std::string name(options.verify_name.empty() ? options.server_name : options.verify_name);
    X509_VERIFY_PARAM* verify = SSL_get0_param(ssl_);
    X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                                (context.as_browsers() ? X509_CHECK_FLAG_NEVER_CHECK_SUBJECT : 0U));
    if (name.empty() || (X509_VERIFY_PARAM_set1_ip_asc(verify, name.c_str()) != 1 &&
                         X509_VERIFY_PARAM_set1_host(verify, name.c_str(), name.size()) != 1)) {
      fail(Failure::kLocal, "no name to verify the certificate against");
      return false;
    }
    ERR_clear_error();  // of the name that is no address
  }
  if (options.resume != nullptr) {
    if (SSL_set_session(ssl_, options.resume->native()) != 1) return false;
    const SavedSession& saved = *options.resume;
    if (saved.server_name() == options.server_name && (saved.alpn().empty() || context.offers(saved.alpn())))
      early_left_ = saved.max_early_data();
  }
  return true;
}

void ClientSession::fail(Failure failure, std::string error) {
  state_ = State::kFailed;
  failure_ = failure;
  error_ = std::move(error);
  input_ = {};
}

void ClientSession::begin() {
  if (begun_ || state_ != State::kHandshaking) return;
  begun_ = true;
  shake();
}

std::span<const std::byte> ClientSession::outgoing() {
  begin();
  return outgoing_.front();
}

std::size_t ClientSession::early_data_left() const { return state_ == State::kHandshaking && !fed_ ? early_left_ : 0; }

std::size_t ClientSession::write_early(Bytes plaintext) {
  const std::size_t size = std::min(plaintext.size(), early_data_left());
  std::size_t done = 0;
  while (done < size && outgoing_.size() + kRecordPlaintextMax + 4096 <= kOutgoingMax) {
    begun_ = true;
    ERR_clear_error();
    std::size_t count = 0;
    const int result =
        SSL_write_early_data(ssl_, plaintext.data() + done, std::min(size - done, kRecordPlaintextMax), &count);
    if (result != 1) {
      judge(result);
      break;
    }
    done += count;
  }
  early_left_ -= done;
  return done;
}

ClientSession::State ClientSession::feed(Bytes bytes) {
  SONDE_CHECK(bytes.size() <= kFeedMax, "at most kFeedMax bytes are fed at once");
  if (state_ == State::kClosed || state_ == State::kFailed || bytes.empty()) return state_;
  begin();
  fed_ = true;
  if (state_ == State::kHandshaking) handshake_bytes_ += bytes.size();
  if (first_size_ < sizeof(first_)) {
    const std::size_t count = std::min(bytes.size(), sizeof(first_) - first_size_);
    std::copy_n(bytes.begin(), count, first_ + first_size_);
    first_size_ = static_cast<std::uint8_t>(first_size_ + count);
    bytes = bytes.subspan(count);
    if (first_size_ < sizeof(first_) || !opens_as_tls(first_)) return state_;
    // A first feed that has it all goes to OpenSSL at once; first_ is fed alone only after shorter ones.
    if (count == sizeof(first_))
      bytes = {bytes.data() - count, bytes.size() + count};
    else
      advance(first_);
  }
  if (!bytes.empty()) advance(bytes);
  return state_;
}

// A record: its type, then the major version 3 (RFC 8446, 5.1).
bool ClientSession::opens_as_tls(Bytes first) {
  const auto type = std::to_integer<unsigned>(first[0]);
  if (type >= SSL3_RT_CHANGE_CIPHER_SPEC && type <= SSL3_RT_APPLICATION_DATA &&
      (first.size() < 2 || first[1] == std::byte{3}))
    return true;
  const std::string_view protocol = protocol_of(first);
  fail(Failure::kNotTls, protocol.empty() ? "the server does not speak TLS"
                                          : fmt::format("the server does not speak TLS but {}", protocol));
  return false;
}

ClientSession::State ClientSession::end_of_input() {
  if (state_ == State::kOpen) state_ = State::kClosed;
  if (state_ != State::kHandshaking) return state_;
  const bool silent = first_size_ == 0;
  if (!silent && first_size_ < sizeof(first_) && !opens_as_tls(Bytes(first_).first(first_size_))) return state_;
  fail(Failure::kClosed, silent ? "the server closed the connection without an answer to the ClientHello"
                                : "the server closed the connection during the handshake");
  return state_;
}

void ClientSession::advance(Bytes bytes) {
  input_ = bytes;
  if (state_ == State::kHandshaking) shake();
  if (state_ == State::kOpen) read_all();
  if (state_ == State::kHandshaking || state_ == State::kOpen) check_bounds();
  input_ = {};
}

void ClientSession::shake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  if (result != 1) return judge(result);
  state_ = State::kOpen;
  records_ = 0;
}

void ClientSession::read_all() {
  std::array<std::byte, kRecordPlaintextMax> plaintext;  // NOLINT: left unset, as it is filled by the record
  while (!input_.empty() || SSL_has_pending(ssl_) == 1) {
    ERR_clear_error();
    std::size_t count = 0;
    const int result = SSL_read_ex(ssl_, plaintext.data(), plaintext.size(), &count);
    if (result != 1) return judge(result);
    records_ = 0;
    if (received_.size() + count > kReceivedMax)
      return fail(Failure::kTls, "the server sent more data than is kept unread");
    received_.append(Bytes(plaintext).first(count));
  }
}

void ClientSession::check_bounds() {
  if (handshake_bytes_ > kHandshakeBytesMax) return fail(Failure::kTls, "the handshake is longer than 1 MiB");
  if (records_ > (state_ == State::kOpen ? kIdleRecordsMax : kHandshakeRecordsMax))
    fail(Failure::kTls, "the server sends records without progress");
}

// REQUIRES: the last call of OpenSSL returned `result`, which is no success.
void ClientSession::judge(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      return;
    case SSL_ERROR_ZERO_RETURN:
      close_notify_received_ = true;
      if (state_ == State::kHandshaking)
        return fail(Failure::kClosed, "the server said close_notify during the handshake");
      state_ = State::kClosed;
      return;
    default:
      fail_by_openssl();
  }
}

void ClientSession::fail_by_openssl() {
  const unsigned long first = ERR_peek_error();  // the cause; what follows it are its consequences
  const int reason = ERR_GET_REASON(first);
  const bool refused = ERR_GET_LIB(first) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET;
  if (outgoing_overflow_) {
    fail(Failure::kTls, "the server makes the client answer more than is kept unsent");
  } else if (first == 0 || ERR_GET_REASON(first) == ERR_R_MALLOC_FAILURE) {
    fail(Failure::kLocal, "no memory for the TLS session");
  } else if (refused && alert_) {
    fail(Failure::kTls, fmt::format("the server refused: {}", wire::tls_alert_name(alert_->number)));
  } else if (ERR_GET_LIB(first) == ERR_LIB_SSL && reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    fail(Failure::kTls, fmt::format("the certificate does not verify: {}",
                                    X509_verify_cert_error_string(SSL_get_verify_result(ssl_))));
  } else {
    const char* text = ERR_reason_error_string(first);
    fail(Failure::kTls, fmt::format("TLS was broken: {}", text == nullptr ? "unknown reason" : text));
  }
  ERR_clear_error();
}

std::size_t ClientSession::write(Bytes plaintext) {
  std::size_t done = 0;
  while (state_ == State::kOpen && done < plaintext.size() &&
         outgoing_.size() + kRecordPlaintextMax + kRecordOverheadMax <= kOutgoingMax) {
    ERR_clear_error();
    std::size_t count = 0;
    const int result =
        SSL_write_ex(ssl_, plaintext.data() + done, std::min(plaintext.size() - done, kRecordPlaintextMax), &count);
    if (result != 1) {
      judge(result);
      break;
    }
    done += count;
  }
  return done;
}

void ClientSession::close() {
  if (state_ == State::kFailed) return;
  if (state_ != State::kHandshaking && !close_notify_sent_) {
    close_notify_sent_ = true;
    ERR_clear_error();
    SSL_shutdown(ssl_);  // 0 or 1: said; whether the peer says it too is not waited for
    ERR_clear_error();
  }
  state_ = State::kClosed;
}

std::optional<SavedSession> ClientSession::take_session() {
  if (session_ == nullptr) return std::nullopt;
  std::optional<SavedSession> taken(std::move(*session_));
  session_ = nullptr;
  return taken;
}

Facts ClientSession::facts() const {
  Facts facts;
  facts.hello_retry = handshake_.hello_retry();
  facts.client_cert_requested = handshake_.client_cert_requested();
  facts.all_told = handshake_.all_told();
  facts.close_notify = close_notify_received_;
  facts.alert = alert_;
  if (alert_ && alert_version_ >= SSL3_VERSION && alert_version_ <= TLS1_2_VERSION) facts.version = alert_version_;
  if (ssl_ == nullptr || !handshake_.server_hello()) return facts;

  facts.version = handshake_.version();
  facts.legacy_version = handshake_.legacy_version();
  facts.extensions = handshake_.extensions();
  facts.cipher = handshake_.cipher();
  const unsigned char number[2] = {static_cast<unsigned char>(facts.cipher >> 8),
                                   static_cast<unsigned char>(facts.cipher & 0xff)};
  const SSL_CIPHER* cipher = SSL_CIPHER_find(ssl_, number);
  facts.group = handshake_.hello_group();
  if (facts.group == 0 && cipher != nullptr && SSL_CIPHER_get_kx_nid(cipher) == NID_kx_ecdhe)
    facts.group = handshake_.exchange_group();

  const unsigned char* alpn = nullptr;
  unsigned alpn_size = 0;
  SSL_get0_alpn_selected(ssl_, &alpn, &alpn_size);
  if (alpn != nullptr) facts.alpn = {reinterpret_cast<const char*>(alpn), alpn_size};
  facts.resumed = SSL_session_reused(ssl_) == 1;
  const int early = SSL_get_early_data_status(ssl_);
  if (early == SSL_EARLY_DATA_ACCEPTED) facts.early_data = EarlyData::kAccepted;
  if (early == SSL_EARLY_DATA_REJECTED) facts.early_data = EarlyData::kRejected;
  facts.chain = handshake_.chain();
  facts.stapled_ocsp = handshake_.stapled_ocsp();
  facts.scts = handshake_.scts();
  facts.certificate_rejected = state_ == State::kFailed && SSL_get_verify_result(ssl_) != X509_V_OK;
  if (SSL_get_verify_result(ssl_) == X509_V_OK) facts.verified_until = earliest_expiry(SSL_get0_verified_chain(ssl_));
  return facts;
}

}  // namespace sonde::tls
