// The roles there are, as tables: what a SYN meets, what is said then, and what a probe must find. A new role is an
// entry here.
#include <array>

#include "population/population.h"
#include "population/tls12_flight.h"

namespace sonde::population {
namespace {

using enum Act::Kind;

constexpr std::string_view kSshBanner = "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n";
constexpr std::string_view kSshText = kSshBanner.substr(0, kSshBanner.size() - 2);
constexpr std::string_view kRedisError = "-ERR wrong number of arguments for 'get' command\r\n";
constexpr std::string_view kHttpAnswer =
    "HTTP/1.1 200 OK\r\nServer: world\r\nContent-Type: text/plain\r\nContent-Length: 6\r\nConnection: "
    "close\r\n\r\nhello\n";
constexpr std::string_view kHttpHead = kHttpAnswer.substr(0, kHttpAnswer.find("\r\n\r\n"));

constexpr Act send(std::string_view bytes) { return {.kind = kSend, .bytes = bytes}; }
constexpr Act pause(Nanos time) { return {.kind = kPause, .pause = time}; }
constexpr Act await_bytes(std::uint32_t count) { return {.kind = kAwait, .count = count}; }
constexpr Act kFin{.kind = kClose};
constexpr Act kRst{.kind = kReset};
constexpr Act kDeaf{.kind = kDeafen};

constexpr std::array kSsh = {send(kSshBanner)};
constexpr std::array kSshSlow = {send("SSH"),
                                 pause(30 * kMillisecond),
                                 send("-2.0-Open"),
                                 pause(30 * kMillisecond),
                                 send("SSH_9.2p1 Debian-2+deb12u3\r"),
                                 pause(30 * kMillisecond),
                                 send("\n")};
constexpr std::array kSmtp = {send("220-mail.example ESMTP Postfix\r\n220 ready\r\n")};
constexpr std::array kFtp = {send("220 (vsFTPd 3.0.3)\r\n")};
constexpr std::array kImap = {send("* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\n")};
constexpr std::array kPop3 = {send("+OK Dovecot ready.\r\n")};
constexpr std::array kRedis = {await_bytes(1), send(kRedisError)};
constexpr std::array kHttp = {await_bytes(1), send(kHttpAnswer), kFin};
constexpr std::array kLine = {send("welcome to the machine\n")};
constexpr std::array kSplit = {send("2"),           pause(kMillisecond),    send("20 sp"),
                               pause(kMillisecond), send("lit.example ES"), pause(kMillisecond),
                               send("MTP\r"),       pause(kMillisecond),    send("\n")};
constexpr std::array kGarbage = {send(std::string_view("\x00\xff\xfe\x80\\\n\x1b[2J", 10)), kFin};
constexpr std::array kResetOnAccept = {kRst};
constexpr std::array kResetMidBanner = {send("SSH-2.0-Op"), pause(20 * kMillisecond), kRst};
constexpr std::array kCloseOnAccept = {kFin};
constexpr std::array kHalfLine = {send("220 mail.exa")};
constexpr std::array kGoesDeaf = {kDeaf};
constexpr std::array kCloseMidLine = {send("220 mail.exa"), kFin};

// --- TLS: what follows the ClientHello ---

constexpr std::string_view kHandshakeFailure("\x15\x03\x03\x00\x02\x02\x28", 7);
constexpr std::string_view kBadRequest =
    "HTTP/1.1 400 Bad Request\r\nServer: world\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
constexpr std::string_view kBadRequestHead = kBadRequest.substr(0, kBadRequest.find("\r\n\r\n"));
// The ServerHello and the Certificate's beginning.
constexpr std::string_view kHalfFlight = kTls12Flight.substr(0, kTls12ServerHello.size() + 20);
// 64 handshake records with nothing in them; both engines have had enough after 32.
constexpr auto kEmptyRecords = [] {
  std::array<char, std::size_t{64} * 5> records{};
  for (std::size_t i = 0; i < records.size(); i += 5) {
    records[i] = 22;
    records[i + 1] = 3;
    records[i + 2] = 3;
  }
  return records;
}();
// A ServerHello that says it is 16 MiB long.
constexpr std::string_view kLongServerHello("\x16\x03\x03\x00\x04\x02\xff\xff\xff", 9);

constexpr std::array kTls12 = {await_bytes(1), send(kTls12Flight)};
// Cut in headers, between records and in bodies.
constexpr std::array kTls12Slow = {
    await_bytes(1),           send(kTls12Flight.substr(0, 3)),
    pause(20 * kMillisecond), send(kTls12Flight.substr(3, 40)),
    pause(20 * kMillisecond), send(kTls12Flight.substr(43, kTls12ServerHello.size() - 43)),
    pause(20 * kMillisecond), send(kTls12Flight.substr(kTls12ServerHello.size(), 7)),
    pause(20 * kMillisecond), send(kTls12Flight.substr(kTls12ServerHello.size() + 7))};
constexpr std::array kTlsAlert = {await_bytes(1), send(kHandshakeFailure), kFin};
constexpr std::array kTlsHttpAnswer = {await_bytes(1), send(kBadRequest), kFin};
constexpr std::array kTlsMute = {await_bytes(1)};
constexpr std::array kTlsResetMidFlight = {await_bytes(1), send(kHalfFlight), pause(20 * kMillisecond), kRst};
constexpr std::array kTlsCloseMidFlight = {await_bytes(1), send(kHalfFlight), kFin};
constexpr std::array kTlsHalfRecord = {await_bytes(1), send(kHalfFlight)};
constexpr std::array kTlsFlood = {await_bytes(1), send({kEmptyRecords.data(), kEmptyRecords.size()})};
constexpr std::array kTlsLengthLie = {await_bytes(1), send(kLongServerHello)};

constexpr Expectation kOpen{.outcome = "success", .phase = "done"};

constexpr Expectation found(std::string_view protocol, std::string_view text) {
  return {.outcome = "success", .phase = "done", .protocol = protocol, .text = text};
}
constexpr Expectation failed(std::string_view outcome, std::string_view phase, std::string_view protocol = {},
                             std::string_view text = {}) {
  return {.outcome = outcome, .phase = phase, .protocol = protocol, .text = text};
}

constexpr Expectation timeout(std::string_view phase, std::string_view cause, std::string_view protocol = {},
                              std::string_view text = {}) {
  return {.outcome = "timeout", .phase = phase, .protocol = protocol, .text = text, .cause = cause};
}

constexpr Expectation kNotTls = failed("protocol_error", "tls");
constexpr Expectation kTls12Found = found("TLS1.2", {});
constexpr Expectation kTls12Broken = failed("tls_error", "tls", "TLS1.2");

constexpr auto kRoles = std::to_array<Role>({
    {"refused",
     "answers the SYN with RST",
     Arrival::kRefuse,
     {},
     failed("refused", "connect"),
     failed("refused", "connect"),
     failed("refused", "connect")},
    {"silent",
     "drops the SYN",
     Arrival::kSilent,
     {},
     timeout("connect", "syn_unanswered"),
     timeout("connect", "syn_unanswered"),
     timeout("connect", "syn_unanswered")},
    {"unreachable",
     "answers with ICMP unreachable (simulator only)",
     Arrival::kUnreachable,
     {},
     failed("unreachable", "connect"),
     failed("unreachable", "connect"),
     failed("unreachable", "connect")},
    {"open_mute",
     "accepts and never speaks",
     Arrival::kAccept,
     {},
     kOpen,
     timeout("first_byte", "acked_no_reply"),
     timeout("tls", "acked_no_reply")},
    {"ssh", "an SSH server's identification", Arrival::kAccept, kSsh, kOpen, found("ssh", kSshText), kNotTls},
    {"ssh_slow", "the same, dripping", Arrival::kAccept, kSshSlow, kOpen, found("ssh", kSshText), kNotTls},
    {"smtp", "a mail server's greeting of two lines", Arrival::kAccept, kSmtp, kOpen,
     found("smtp", "220-mail.example ESMTP Postfix\r\n220 ready"), kNotTls},
    {"ftp", "an FTP server's greeting", Arrival::kAccept, kFtp, kOpen, found("ftp", "220 (vsFTPd 3.0.3)"), kNotTls},
    {"imap", "an IMAP server's greeting", Arrival::kAccept, kImap, kOpen,
     found("imap", "* OK [CAPABILITY IMAP4rev1] Dovecot ready."), kNotTls},
    {"pop3", "a POP3 server's greeting", Arrival::kAccept, kPop3, kOpen, found("pop3", "+OK Dovecot ready."), kNotTls},
    {"redis", "Redis: waits, then answers an HTTP hello with an error", Arrival::kAccept, kRedis, kOpen,
     found("redis", kRedisError.substr(0, kRedisError.size() - 2)), kNotTls},
    {"http", "a web server: waits for a request, answers, closes", Arrival::kAccept, kHttp, kOpen,
     found("http", kHttpHead), kNotTls},
    {"line", "one line of no known protocol", Arrival::kAccept, kLine, kOpen,
     found("unknown", "welcome to the machine"), kNotTls},
    {"split", "a mail server whose greeting comes in pieces", Arrival::kAccept, kSplit, kOpen,
     found("smtp", "220 split.example ESMTP"), kNotTls},
    {"garbage", "bytes that are no text, then FIN", Arrival::kAccept, kGarbage, kOpen,
     failed("closed", "read", "unknown", "\\x00\\xff\\xfe\\x80\\x5c\n\\x1b[2J"), kNotTls},
    {"reset_on_accept", "accepts and resets", Arrival::kAccept, kResetOnAccept, kOpen, failed("reset", "first_byte"),
     failed("reset", "tls")},
    {"reset_mid_banner", "resets in the middle of its identification", Arrival::kAccept, kResetMidBanner, kOpen,
     failed("reset", "read", "ssh", "SSH-2.0-Op"), kNotTls},
    {"close_on_accept", "accepts and closes", Arrival::kAccept, kCloseOnAccept, kOpen, failed("closed", "first_byte"),
     failed("closed", "tls")},
    {"close_mid_line", "closes in the middle of its greeting", Arrival::kAccept, kCloseMidLine, kOpen,
     failed("closed", "read", "unknown", "220 mail.exa"), kNotTls},
    {"half_line", "stops in the middle of its greeting", Arrival::kAccept, kHalfLine, kOpen,
     timeout("read", "partial_reply", "unknown", "220 mail.exa"), kNotTls},
    // A probe that speaks at once may be quicker than the deafness: its hello is acknowledged then, or is not.
    {"deaf", "accepts, and then drops all that comes", Arrival::kAccept, kGoesDeaf, kOpen,
     timeout("first_byte", "request_unacked"), timeout("tls", "acked_no_reply")},
    {"tls12", "a TLS 1.2 server's whole flight", Arrival::kAccept, kTls12, kOpen, found("unknown", {}), kTls12Found},
    {"tls12_slow", "the same, dripping", Arrival::kAccept, kTls12Slow, kOpen, found("unknown", {}), kTls12Found},
    {"tls_alert", "refuses every ClientHello with the alert handshake_failure", Arrival::kAccept, kTlsAlert, kOpen,
     failed("closed", "read", "unknown"), kTls12Broken},
    {"tls_http_answer", "answers a ClientHello with HTTP, as a web server without TLS", Arrival::kAccept,
     kTlsHttpAnswer, kOpen, found("http", kBadRequestHead), kNotTls},
    {"tls_mute", "takes a ClientHello and never answers", Arrival::kAccept, kTlsMute, kOpen,
     timeout("first_byte", "acked_no_reply"), timeout("tls", "acked_no_reply")},
    {"tls_reset_mid_flight", "resets behind its ServerHello", Arrival::kAccept, kTlsResetMidFlight, kOpen,
     failed("reset", "read", "unknown"), failed("reset", "tls", "TLS1.2")},
    {"tls_close_mid_flight", "closes behind its ServerHello", Arrival::kAccept, kTlsCloseMidFlight, kOpen,
     failed("closed", "read", "unknown"), failed("closed", "tls", "TLS1.2")},
    {"tls_half_record", "stops in the middle of its Certificate's record", Arrival::kAccept, kTlsHalfRecord, kOpen,
     timeout("read", "partial_reply", "unknown"), timeout("tls", "partial_reply", "TLS1.2")},
    {"tls_flood", "sends records with nothing in them", Arrival::kAccept, kTlsFlood, kOpen,
     timeout("read", "partial_reply", "unknown"), failed("tls_error", "tls")},
    {"tls_length_lie", "begins a ServerHello of 16 MiB", Arrival::kAccept, kTlsLengthLie, kOpen,
     timeout("read", "partial_reply", "unknown"), failed("tls_error", "tls")},
});

}  // namespace

std::span<const Role> roles() { return kRoles; }

}  // namespace sonde::population
