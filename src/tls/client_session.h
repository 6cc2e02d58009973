// One TLS connection of a client, by OpenSSL: bytes in, bytes out. It sees no socket; the only clock is OpenSSL's own
// for the age of tickets. It belongs to one thread at a time, stays where it was made (OpenSSL points at it), and lives
// in a slot of at most 1024 bytes with OpenSSL's state on the heap behind it. Its ClientContext must outlive it.
//
//   ClientSession session(context, {.server_name = "example.org"});
//   for (;;) {
//     send(session.outgoing());                            // then session.sent(n): as much as left
//     const auto state = session.feed(received_bytes);     // any cutting; at most kFeedMax a call
//     if (state == ClientSession::State::kOpen) session.write(request);
//     use(session.received());                             // then session.taken(n)
//   }
//   session.close();                                       // close_notify; send outgoing() once more
//
// The state moves only forward: handshaking → open → closed, or → failed from handshaking or open. Failed is final:
// error() says why, facts() keep what was learned, and what is in outgoing() (an alert) should still be sent.
//
// Bounds: received() holds kReceivedMax bytes (a caller that takes all after each feed never meets it), outgoing()
// about kOutgoingMax; a handshake kHandshakeBytesMax in all and kHandshakeRecordsMax records; then at most
// kIdleRecordsMax records in a row without data, beside OpenSSL's own 32 empty records and 5 warning alerts. Past one
// of them the session has failed, with a text.
#pragma once

#include <openssl/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memory/byte_queue.h"
#include "tls/client_context.h"
#include "tls/handshake_facts.h"
#include "tls/saved_session.h"

namespace sonde::tls {

struct SessionOptions {
  std::string_view server_name;          // SNI; empty: none is sent (an address is no SNI)
  std::string_view verify_name;          // for require_verified: a name or an address; empty: server_name
  const SavedSession* resume = nullptr;  // borrowed for the constructor
};

enum class EarlyData : std::uint8_t { kNotOffered, kRejected, kAccepted };

struct Alert {
  std::uint8_t level = 0;  // 1 warning, 2 fatal
  std::uint8_t number = 0;
};

// Views lie in the session and are valid until its next call. What did not happen (yet) is 0 or empty.
struct Facts {
  std::uint16_t version = 0;  // wire number; of an alert's record where there was no ServerHello
  std::uint16_t cipher = 0;   // IANA's number
  std::uint16_t group = 0;    // of the key exchange; 0 for RSA's, finite-field DHE without a name, or PSK alone
  std::string_view alpn;      // what the server chose
  bool hello_retry = false;
  bool resumed = false;  // the saved session was taken
  bool client_cert_requested = false;
  bool all_told = false;                          // what was not requested or stapled by then is not
  bool close_notify = false;                      // the server said that it is done
  EarlyData early_data = EarlyData::kNotOffered;  // kRejected until the server has accepted
  std::optional<Alert> alert;                     // the last one received, other than close_notify
  std::uint16_t legacy_version = 0;               // of the ServerHello, for JA3S
  std::span<const std::uint16_t> extensions;      // of the ServerHello, in wire order
  std::vector<std::span<const std::byte>> chain;  // DER, in wire order; empty when resumed
  std::span<const std::byte> stapled_ocsp;        // DER
  // require_verified, once open: the earliest expiry in the chain that verified, to its root; seconds since 1970.
  std::optional<std::int64_t> verified_until;
  bool certificate_rejected = false;  // require_verified: the chain or the name did not verify
  std::span<const std::byte> scts;    // SignedCertificateTimestampList, as in the extension
};

class ClientSession {
 public:
  enum class State : std::uint8_t { kHandshaking, kOpen, kClosed, kFailed };
  // Whose failure it is, in the terms of results::Outcome.
  enum class Failure : std::uint8_t {
    kNone,
    kNotTls,  // protocol_error: the peer does not speak TLS
    kTls,     // tls_error: it refused or broke it, or did not verify
    kClosed,  // closed: it ended before the handshake did
    kLocal,   // local_error: memory, or an option that cannot be used
  };
  static constexpr std::size_t kFeedMax = 32 * 1024;
  static constexpr std::size_t kReceivedMax = 64 * 1024;
  static constexpr std::size_t kOutgoingMax = 256 * 1024;
  static constexpr std::size_t kHandshakeBytesMax = 1024 * 1024;
  static constexpr std::uint32_t kHandshakeRecordsMax = 4096;
  static constexpr std::uint32_t kIdleRecordsMax = 64;

  ClientSession(const ClientContext& context, const SessionOptions& options);
  ~ClientSession();
  ClientSession(const ClientSession&) = delete;
  ClientSession& operator=(const ClientSession&) = delete;

  State state() const { return state_; }
  Failure failure() const { return failure_; }
  const std::string& error() const { return error_; }  // short plain words; empty unless failed

  // Ciphertext of the peer, at most kFeedMax bytes, borrowed for the call. Ignored once closed or failed.
  State feed(std::span<const std::byte> bytes);
  // The peer sent FIN, or the connection was reset: failed while handshaking, closed when open (facts().close_notify
  // tells whether the stream was whole).
  State end_of_input();

  // Ciphertext to send; the first call makes the ClientHello. Valid until the next call.
  std::span<const std::byte> outgoing();
  void sent(std::size_t count) { outgoing_.drop(count); }

  // Plaintext. Returns how many bytes were taken: 0 unless open, fewer than given when outgoing() is full.
  std::size_t write(std::span<const std::byte> plaintext);
  std::span<const std::byte> received() const { return received_.front(); }
  void taken(std::size_t count) { received_.drop(count); }

  // 0-RTT: how many bytes more may be written before the handshake. Not 0 only before the first feed, with a saved
  // TLS 1.3 session that allows it and was bound to this name and to a protocol that is offered again.
  std::size_t early_data_left() const;
  // Returns how many bytes were taken. If facts().early_data is not kAccepted once open, the server has not seen them:
  // write() them again.
  std::size_t write_early(std::span<const std::byte> plaintext);

  // Says close_notify when the handshake was done, once; closed from then on. Servers that keep sessions may drop those
  // of connections that end without it.
  void close();

  Facts facts() const;

  // Sessions that the server gave so far (TLS 1.3 tickets come after the handshake, with or before the first data), and
  // the newest that was not taken yet.
  std::uint32_t sessions_received() const { return sessions_received_; }
  std::optional<SavedSession> take_session();

 private:
  friend struct Callbacks;

  bool set_up(const ClientContext& context, const SessionOptions& options);
  void begin();
  void advance(std::span<const std::byte> bytes);
  void shake();
  void read_all();
  void judge(int result);
  void check_bounds();
  bool opens_as_tls(std::span<const std::byte> first);
  void fail(Failure failure, std::string error);
  void fail_by_openssl();

  SSL* ssl_ = nullptr;
  std::span<const std::byte> input_;  // what is being fed; empty between calls
  memory::ByteQueue outgoing_;
  memory::ByteQueue received_;
  HandshakeFacts handshake_;
  std::unique_ptr<SavedSession> session_;
  std::string error_;
  std::size_t handshake_bytes_ = 0;  // fed while handshaking, and messages after it
  std::size_t early_left_ = 0;
  std::uint32_t sessions_received_ = 0;
  std::uint32_t records_ = 0;  // of the handshake; once open, since the last data
  std::optional<Alert> alert_;
  std::uint16_t record_version_ = 0;  // of the last record's header
  std::uint16_t alert_version_ = 0;   // of the record that alert_ came in
  std::byte first_[5] = {};           // of the stream, until it is known whether it is TLS
  std::uint8_t first_size_ = 0;
  State state_ = State::kHandshaking;
  Failure failure_ = Failure::kNone;
  bool begun_ = false;
  bool fed_ = false;
  bool close_notify_sent_ = false;
  bool close_notify_received_ = false;
  bool outgoing_overflow_ = false;
};
static_assert(sizeof(ClientSession) <= 1024);

// For ClientContext: the BIO between OpenSSL and a session (null when there is no memory), and the callbacks by which
// sessions see their messages and tickets.
BIO_METHOD* make_wire_method();
void observe_sessions_of(SSL_CTX* context);

}  // namespace sonde::tls
