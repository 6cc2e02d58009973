// The roles there are, as tables: what a SYN meets, what is said then, and what a probe must find. A new role is an
// entry here.
#include <algorithm>
#include <array>

#include "population/population.h"
#include "population/tls12_flight.h"

namespace sonde::population {
namespace {

using enum Act::Kind;

constexpr std::string_view kSshBanner = "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n";
constexpr std::string_view kSshText = kSshBanner.substr(0, kSshBanner.size() - 2);
// SSH_MSG_KEXINIT: what a server offers, said without waiting for its client.
constexpr std::string_view kSshKexinit(
    "\0\0\x01\x34\x05\x14"
    "0123456789abcdef"
    "\0\0\0\x2e"
    "curve25519-sha256,kex-strict-s-v00@openssh.com"
    "\0\0\0\x18"
    "rsa-sha2-512,ssh-ed25519"
    "\0\0\0\x34"
    "chacha20-poly1305@openssh.com,aes256-gcm@openssh.com"
    "\0\0\0\x34"
    "chacha20-poly1305@openssh.com,aes256-gcm@openssh.com"
    "\0\0\0\x1d"
    "hmac-sha2-256-etm@openssh.com"
    "\0\0\0\x1d"
    "hmac-sha2-256-etm@openssh.com"
    "\0\0\0\x04none\0\0\0\x04none\0\0\0\0\0\0\0\0"
    "\0\0\0\0\0\0\0\0\0\0",
    312);
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

constexpr std::array kSsh = {send(kSshBanner), send(kSshKexinit)};
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

// --- HTTP: what follows the request ---

constexpr std::string_view head_of(std::string_view answer) { return answer.substr(0, answer.find("\r\n\r\n")); }

constexpr std::string_view kKept = "HTTP/1.1 200 OK\r\nServer: world\r\nContent-Length: 6\r\n\r\nhello\n";
constexpr std::string_view kChunked =
    "HTTP/1.1 200 OK\r\nServer: world\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n3\r\nlo\n\r\n0\r\n\r\n";
constexpr std::string_view kHttp10 = "HTTP/1.0 200 OK\r\nServer: world\r\n\r\nhello\n";
constexpr std::string_view kOldPage = "<html>hello</html>\n";
constexpr std::string_view kToThere =
    "HTTP/1.1 302 Found\r\nServer: world\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view kUnavailable =
    "HTTP/1.1 503 Service Unavailable\r\nServer: world\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
constexpr std::string_view kHundred = "HTTP/1.1 200 OK\r\nServer: world\r\nContent-Length: 100\r\n\r\nhello\n";
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kHugeChunk =
    "HTTP/1.1 200 OK\r\nServer: world\r\nTransfer-Encoding: chunked\r\n\r\n8000000000000000\r\nhello\n";
constexpr std::string_view kKeptHead = head_of(kKept);
constexpr std::string_view kChunkedHead = head_of(kChunked);
constexpr std::string_view kHttp10Head = head_of(kHttp10);
constexpr std::string_view kToThereHead = head_of(kToThere);
constexpr std::string_view kUnavailableHead = head_of(kUnavailable);
constexpr std::string_view kHundredHead = head_of(kHundred);
constexpr std::string_view kContinueHead = head_of(kContinue);
// A status line, and a header line of 10,000 bytes ten times.
constexpr auto kHugeHead = [] {
  constexpr std::string_view kStatusLine = "HTTP/1.1 200 OK\r\n";
  std::array<char, kStatusLine.size() + 100'000> head{};
  auto* at = std::copy(kStatusLine.begin(), kStatusLine.end(), head.begin());
  for (; at != head.end(); ++at) *at = 'x';
  for (std::size_t line = kStatusLine.size(); line < head.size(); line += 10'000) {
    head[line + 1] = ':';
    head[line + 9'998] = '\r';
    head[line + 9'999] = '\n';
  }
  return head;
}();
constexpr auto kHttpDrip = [] {
  constexpr std::size_t kPieces = 13;  // longer than a read may take
  std::array<Act, 2 + 2 * kPieces> acts{};
  acts[0] = await_bytes(1);
  acts[1] = send("HTTP/1.1 200 OK\r\nX: ");
  for (std::size_t i = 0; i < kPieces; ++i) {
    acts[2 + 2 * i] = pause(400 * kMillisecond);
    acts[3 + 2 * i] = send("x");
  }
  return acts;
}();

constexpr std::array kHttpKeepAlive = {await_bytes(1), send(kKept),    await_bytes(1),
                                       send(kKept),    await_bytes(1), send(kKept)};
constexpr std::array kHttpChunked = {await_bytes(1),          send(kChunked.substr(0, 20)),
                                     pause(5 * kMillisecond), send(kChunked.substr(20, kChunkedHead.size() - 12)),
                                     pause(5 * kMillisecond), send(kChunked.substr(kChunkedHead.size() + 8))};
constexpr std::array kHttpUntilClose = {await_bytes(1), send(kHttp10), kFin};
constexpr std::array kHttp09 = {await_bytes(1), send(kOldPage), kFin};
constexpr std::array kHttpRedirect = {await_bytes(1), send(kToThere), await_bytes(1), send(kKept)};
constexpr std::array kHttpCircle = {await_bytes(1), send(kToThere), await_bytes(1), send(kToThere)};
constexpr std::array kHttpError = {await_bytes(1), send(kUnavailable), kFin};
constexpr std::array kHttpStall = {await_bytes(1), send(kHundred)};
constexpr std::array kHttpLyingLength = {await_bytes(1), send(kHundred), kFin};
constexpr std::array kHttpResetMidBody = {await_bytes(1), send(kHundred), pause(20 * kMillisecond), kRst};
constexpr std::array kHttpCloseMidHead = {await_bytes(1), send("HTTP/1.1 200 OK\r\nServer: wor"), kFin};
constexpr std::array kHttpEndless1xx = {await_bytes(1),  send(kContinue), send(kContinue), send(kContinue),
                                        send(kContinue), send(kContinue), send(kContinue), send(kContinue),
                                        send(kContinue), send(kContinue), send(kContinue)};
constexpr std::array kHttpHugeHead = {await_bytes(1), send({kHugeHead.data(), kHugeHead.size()})};
constexpr std::array kHttpHugeChunk = {await_bytes(1), send(kHugeChunk)};
constexpr std::array kHttpBinaryHeader = {await_bytes(1), send("HTTP/1.1 200 OK\r\n\x01\x02: x\r\n\r\n")};

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

constexpr Expectation answered(std::string_view version, std::string_view status) { return found(version, status); }
constexpr Expectation speaks(std::string_view protocol) { return failed("protocol_error", "read", protocol); }
constexpr Expectation kNotHttp = speaks({});

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
     failed("refused", "connect"),
     failed("refused", "connect")},
    {"silent",
     "drops the SYN",
     Arrival::kSilent,
     {},
     timeout("connect", "syn_unanswered"),
     timeout("connect", "syn_unanswered"),
     timeout("connect", "syn_unanswered"),
     timeout("connect", "syn_unanswered")},
    {"unreachable",
     "answers with ICMP unreachable (simulator only)",
     Arrival::kUnreachable,
     {},
     failed("unreachable", "connect"),
     failed("unreachable", "connect"),
     failed("unreachable", "connect"),
     failed("unreachable", "connect")},
    {"open_mute",
     "accepts and never speaks",
     Arrival::kAccept,
     {},
     kOpen,
     timeout("first_byte", "acked_no_reply"),
     timeout("tls", "acked_no_reply"),
     timeout("first_byte", "acked_no_reply")},
    {"ssh", "an SSH server's identification, and its algorithms", Arrival::kAccept, kSsh, kOpen, found("ssh", kSshText),
     kNotTls, speaks("ssh")},
    {"ssh_slow", "an SSH server's identification alone, dripping", Arrival::kAccept, kSshSlow, kOpen,
     found("ssh", kSshText), kNotTls, speaks("ssh")},
    {"smtp", "a mail server's greeting of two lines", Arrival::kAccept, kSmtp, kOpen,
     found("smtp", "220-mail.example ESMTP Postfix\r\n220 ready"), kNotTls, speaks("smtp")},
    {"ftp", "an FTP server's greeting", Arrival::kAccept, kFtp, kOpen, found("ftp", "220 (vsFTPd 3.0.3)"), kNotTls,
     speaks("ftp")},
    {"imap", "an IMAP server's greeting", Arrival::kAccept, kImap, kOpen,
     found("imap", "* OK [CAPABILITY IMAP4rev1] Dovecot ready."), kNotTls, speaks("imap")},
    {"pop3", "a POP3 server's greeting", Arrival::kAccept, kPop3, kOpen, found("pop3", "+OK Dovecot ready."), kNotTls,
     speaks("pop3")},
    {"redis", "Redis: waits, then answers an HTTP hello with an error", Arrival::kAccept, kRedis, kOpen,
     found("redis", kRedisError.substr(0, kRedisError.size() - 2)), kNotTls, speaks("redis")},
    {"http", "a web server: waits for a request, answers, closes", Arrival::kAccept, kHttp, kOpen,
     found("http", kHttpHead), kNotTls, answered("1.1", "200")},
    {"line", "one line of no known protocol", Arrival::kAccept, kLine, kOpen,
     found("unknown", "welcome to the machine"), kNotTls, kNotHttp},
    {"split", "a mail server whose greeting comes in pieces", Arrival::kAccept, kSplit, kOpen,
     found("smtp", "220 split.example ESMTP"), kNotTls, speaks("smtp")},
    {"garbage", "bytes that are no text, then FIN", Arrival::kAccept, kGarbage, kOpen,
     found("unknown", "\\x00\\xff\\xfe\\x80\\x5c\n\\x1b[2J"), kNotTls, kNotHttp},
    {"reset_on_accept", "accepts and resets", Arrival::kAccept, kResetOnAccept, kOpen, failed("reset", "first_byte"),
     failed("reset", "tls"), failed("reset", "first_byte")},
    {"reset_mid_banner", "resets in the middle of its identification", Arrival::kAccept, kResetMidBanner, kOpen,
     failed("reset", "read", "ssh", "SSH-2.0-Op"), kNotTls, speaks("ssh")},
    {"close_on_accept", "accepts and closes", Arrival::kAccept, kCloseOnAccept, kOpen, failed("closed", "first_byte"),
     failed("closed", "tls"), failed("closed", "first_byte")},
    {"close_mid_line", "closes in the middle of its greeting", Arrival::kAccept, kCloseMidLine, kOpen,
     failed("closed", "read", "unknown", "220 mail.exa"), kNotTls, kNotHttp},
    {"half_line", "stops in the middle of its greeting", Arrival::kAccept, kHalfLine, kOpen,
     timeout("read", "partial_reply", "unknown", "220 mail.exa"), kNotTls, kNotHttp},
    // A probe that speaks at once may be quicker than the deafness: its hello is acknowledged then, or is not.
    {"deaf", "accepts, and then drops all that comes", Arrival::kAccept, kGoesDeaf, kOpen,
     timeout("first_byte", "request_unacked"), timeout("tls", "acked_no_reply"),
     timeout("first_byte", "acked_no_reply")},
    {"tls12", "a TLS 1.2 server's whole flight", Arrival::kAccept, kTls12, kOpen, found("tls", {}), kTls12Found,
     speaks("tls")},
    {"tls12_slow", "the same, dripping", Arrival::kAccept, kTls12Slow, kOpen, found("tls", {}), kTls12Found,
     speaks("tls")},
    {"tls_alert", "refuses every ClientHello with the alert handshake_failure", Arrival::kAccept, kTlsAlert, kOpen,
     found("tls", {}), kTls12Broken, speaks("tls")},
    {"tls_http_answer", "answers a ClientHello with HTTP, as a web server without TLS", Arrival::kAccept,
     kTlsHttpAnswer, kOpen, found("http", kBadRequestHead), kNotTls, answered("1.1", "400")},
    {"tls_mute", "takes a ClientHello and never answers", Arrival::kAccept, kTlsMute, kOpen,
     timeout("first_byte", "acked_no_reply"), timeout("tls", "acked_no_reply"),
     timeout("first_byte", "acked_no_reply")},
    {"tls_reset_mid_flight", "resets behind its ServerHello", Arrival::kAccept, kTlsResetMidFlight, kOpen,
     found("tls", {}), failed("reset", "tls", "TLS1.2"), speaks("tls")},
    {"tls_close_mid_flight", "closes behind its ServerHello", Arrival::kAccept, kTlsCloseMidFlight, kOpen,
     found("tls", {}), failed("closed", "tls", "TLS1.2"), speaks("tls")},
    {"tls_half_record", "stops in the middle of its Certificate's record", Arrival::kAccept, kTlsHalfRecord, kOpen,
     found("tls", {}), timeout("tls", "partial_reply", "TLS1.2"), speaks("tls")},
    {"tls_flood", "sends records with nothing in them", Arrival::kAccept, kTlsFlood, kOpen, found("unknown", {}),
     failed("tls_error", "tls"), kNotHttp},
    {"tls_length_lie", "begins a ServerHello of 16 MiB", Arrival::kAccept, kTlsLengthLie, kOpen, found("unknown", {}),
     failed("tls_error", "tls"), kNotHttp},
    {"http_keep_alive", "answers three requests over one connection", Arrival::kAccept, kHttpKeepAlive, kOpen,
     found("http", kKeptHead), kNotTls, answered("1.1", "200")},
    {"http_chunked", "a web server whose answer comes in chunks, cut anywhere", Arrival::kAccept, kHttpChunked, kOpen,
     found("http", kChunkedHead), kNotTls, answered("1.1", "200")},
    {"http_until_close", "answers as HTTP/1.0 does: the body ends with the connection", Arrival::kAccept,
     kHttpUntilClose, kOpen, found("http", kHttp10Head), kNotTls, answered("1.0", "200")},
    {"http_09", "answers with HTML and nothing before it", Arrival::kAccept, kHttp09, kOpen,
     found("unknown", "<html>hello</html>"), kNotTls, answered("0.9", {})},
    {"http_redirect", "leads to /there, where it answers", Arrival::kAccept, kHttpRedirect, kOpen,
     found("http", kToThereHead), kNotTls, answered("1.1", "302")},
    {"http_circle", "leads to /there, and from there to /there again", Arrival::kAccept, kHttpCircle, kOpen,
     found("http", kToThereHead), kNotTls, answered("1.1", "302")},
    {"http_error", "answers 503", Arrival::kAccept, kHttpError, kOpen, found("http", kUnavailableHead), kNotTls,
     answered("1.1", "503")},
    {"http_drip", "a head that comes a byte at a time and does not end", Arrival::kAccept, kHttpDrip, kOpen,
     found("http", {}), kNotTls, timeout("read", "partial_reply", "1.1", "200")},
    {"http_stall", "stops in the middle of a body", Arrival::kAccept, kHttpStall, kOpen, found("http", kHundredHead),
     kNotTls, timeout("read", "partial_reply", "1.1", "200")},
    {"http_lying_length", "declares a hundred bytes, sends six and closes", Arrival::kAccept, kHttpLyingLength, kOpen,
     found("http", kHundredHead), kNotTls, failed("closed", "read", "1.1", "200")},
    {"http_reset_mid_body", "resets in the middle of a body", Arrival::kAccept, kHttpResetMidBody, kOpen,
     found("http", kHundredHead), kNotTls, failed("reset", "read", "1.1", "200")},
    {"http_close_mid_head", "closes in the middle of a head", Arrival::kAccept, kHttpCloseMidHead, kOpen,
     failed("closed", "read", "http"), kNotTls, failed("closed", "read", "1.1", "200")},
    {"http_endless_1xx", "says that it goes on, and on", Arrival::kAccept, kHttpEndless1xx, kOpen,
     found("http", kContinueHead), kNotTls, failed("protocol_error", "read", "1.1", "100")},
    {"http_huge_head", "a head of a hundred thousand bytes", Arrival::kAccept, kHttpHugeHead, kOpen, found("http", {}),
     kNotTls, failed("protocol_error", "read", "1.1", "200")},
    {"http_huge_chunk", "a chunk of 2^63 bytes", Arrival::kAccept, kHttpHugeChunk, kOpen, found("http", kChunkedHead),
     kNotTls, failed("protocol_error", "read", "1.1", "200")},
    {"http_binary_header", "a header whose name is no text", Arrival::kAccept, kHttpBinaryHeader, kOpen,
     found("http", {}), kNotTls, failed("protocol_error", "read", "1.1", "200")},
});

}  // namespace

std::span<const Role> roles() { return kRoles; }

}  // namespace sonde::population
