// The dialogues that come before TLS on a port that begins in the clear: SMTP (RFC 3207), IMAP and POP3 (RFC 2595), FTP
// (RFC 4217), LDAP (RFC 4511, 4.14), XMPP (RFC 6120, 5), PostgreSQL (SSLRequest) and MySQL (CLIENT_SSL). No I/O, no
// clock, no heap; one object a connection, used by one thread.
//
// Any cutting of the server's bytes gives the same sends and the same verdict, with one exception that lies in the
// matter: bytes behind the go-ahead are an error when they came together with it, and garbage to TLS when later.
// Bounds: a frame (line, reply, packet, element) of 8 KiB, 64 KiB in all; beyond them the verdict is kError.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sonde::wire {

enum class StartTls : std::uint8_t { kNone, kSmtp, kImap, kPop3, kFtp, kLdap, kXmpp, kPostgres, kMysql };

// "smtp", "imap" …: in the order of the enumeration, without kNone.
std::span<const std::string_view> starttls_names();
std::optional<StartTls> parse_starttls(std::string_view name);
std::string_view name_of(StartTls protocol);  // "none" for kNone

struct StartTlsStep {
  enum class Kind : std::uint8_t {
    kNeed,     // wait for at least `need` more bytes
    kSend,     // send `send`, then ask next() again at once with what is left
    kReady,    // TLS starts; nothing was received behind the go-ahead
    kRefused,  // the peer speaks the protocol and will not start TLS; `text` tells why, in its own words when it has
               // any
    kError,    // not this protocol, over a bound, or bytes behind the go-ahead; `text` is a literal
  };
  Kind kind = Kind::kNeed;
  std::size_t consumed = 0;  // of every kind: bytes that are done with and must not be offered again
  std::size_t need = 1;
  std::string_view send;  // a literal or in the caller's room
  // A literal or in `received`, at most StartTlsDialogue::kTextBytes; what the peer wrote may hold any byte.
  std::string_view text;
};

class StartTlsDialogue {
 public:
  static constexpr std::size_t kRoomBytes = 512;           // what next() needs for what it composes
  static constexpr std::size_t kTextBytes = 256;           // of the peer's words
  static constexpr std::size_t kLimitBytes = 64UL * 1024;  // of all that the server says

  // REQUIRES: not kNone.
  explicit StartTlsDialogue(StartTls protocol);

  // `received` starts at the first byte that is not consumed; it is empty at the first call, or holds what came first.
  // `host` is the name or else the address text (XMPP asks for a domain). `room` has kRoomBytes and must live until
  // what is to be sent is handed over.
  // REQUIRES: no call after kReady, kRefused or kError.
  StartTlsStep next(std::span<const std::byte> received, std::string_view host, std::span<char> room);

  // What a polite client says when it leaves without TLS, after kRefused; empty where the protocol has nothing.
  std::string_view farewell() const;

 private:
  enum class State : std::uint8_t {
    kOpening,   // the client speaks first
    kGreeting,  // the server does
    kHeader,    // XMPP: the server's stream header
    kFeatures,  // SMTP: the reply to EHLO; XMPP: <stream:features>
    kGoAhead,   // TLS was asked for
    kAsked,     // MySQL: TLS was asked for, and there is no answer to that
    kDone,
  };

  StartTlsStep turn(std::span<const std::byte> bytes, std::string_view host, std::span<char> room);
  StartTlsStep open(std::string_view host, std::span<char> room);
  StartTlsStep smtp(std::span<const std::byte> bytes);
  StartTlsStep ftp(std::span<const std::byte> bytes);
  StartTlsStep imap(std::span<const std::byte> bytes);
  StartTlsStep pop3(std::span<const std::byte> bytes);
  StartTlsStep ldap(std::span<const std::byte> bytes);
  StartTlsStep xmpp(std::span<const std::byte> bytes);
  StartTlsStep postgres(std::span<const std::byte> bytes);
  StartTlsStep mysql(std::span<const std::byte> bytes);
  StartTlsStep send(std::string_view bytes, std::size_t consumed, State then);

  StartTls protocol_;
  State state_;
  std::uint32_t consumed_ = 0;
};
static_assert(sizeof(StartTlsDialogue) <= 64);

}  // namespace sonde::wire
