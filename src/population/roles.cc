// The roles there are, as tables: what a SYN meets, what is said then, and what a probe must find. A new role is an
// entry here.
#include <array>

#include "population/population.h"

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

constexpr auto kRoles = std::to_array<Role>({
    {"refused",
     "answers the SYN with RST",
     Arrival::kRefuse,
     {},
     failed("refused", "connect"),
     failed("refused", "connect")},
    {"silent",
     "drops the SYN",
     Arrival::kSilent,
     {},
     timeout("connect", "syn_unanswered"),
     timeout("connect", "syn_unanswered")},
    {"unreachable",
     "answers with ICMP unreachable (simulator only)",
     Arrival::kUnreachable,
     {},
     failed("unreachable", "connect"),
     failed("unreachable", "connect")},
    {"open_mute", "accepts and never speaks", Arrival::kAccept, {}, kOpen, timeout("first_byte", "acked_no_reply")},
    {"ssh", "an SSH server's identification", Arrival::kAccept, kSsh, kOpen, found("ssh", kSshText)},
    {"ssh_slow", "the same, dripping", Arrival::kAccept, kSshSlow, kOpen, found("ssh", kSshText)},
    {"smtp", "a mail server's greeting of two lines", Arrival::kAccept, kSmtp, kOpen,
     found("smtp", "220-mail.example ESMTP Postfix\r\n220 ready")},
    {"ftp", "an FTP server's greeting", Arrival::kAccept, kFtp, kOpen, found("ftp", "220 (vsFTPd 3.0.3)")},
    {"imap", "an IMAP server's greeting", Arrival::kAccept, kImap, kOpen,
     found("imap", "* OK [CAPABILITY IMAP4rev1] Dovecot ready.")},
    {"pop3", "a POP3 server's greeting", Arrival::kAccept, kPop3, kOpen, found("pop3", "+OK Dovecot ready.")},
    {"redis", "Redis: waits, then answers an HTTP hello with an error", Arrival::kAccept, kRedis, kOpen,
     found("redis", kRedisError.substr(0, kRedisError.size() - 2))},
    {"http", "a web server: waits for a request, answers, closes", Arrival::kAccept, kHttp, kOpen,
     found("http", kHttpHead)},
    {"line", "one line of no known protocol", Arrival::kAccept, kLine, kOpen,
     found("unknown", "welcome to the machine")},
    {"split", "a mail server whose greeting comes in pieces", Arrival::kAccept, kSplit, kOpen,
     found("smtp", "220 split.example ESMTP")},
    {"garbage", "bytes that are no text, then FIN", Arrival::kAccept, kGarbage, kOpen,
     failed("closed", "read", "unknown", "\\x00\\xff\\xfe\\x80\\x5c\n\\x1b[2J")},
    {"reset_on_accept", "accepts and resets", Arrival::kAccept, kResetOnAccept, kOpen, failed("reset", "first_byte")},
    {"reset_mid_banner", "resets in the middle of its identification", Arrival::kAccept, kResetMidBanner, kOpen,
     failed("reset", "read", "ssh", "SSH-2.0-Op")},
    {"close_on_accept", "accepts and closes", Arrival::kAccept, kCloseOnAccept, kOpen, failed("closed", "first_byte")},
    {"close_mid_line", "closes in the middle of its greeting", Arrival::kAccept, kCloseMidLine, kOpen,
     failed("closed", "read", "unknown", "220 mail.exa")},
    {"half_line", "stops in the middle of its greeting", Arrival::kAccept, kHalfLine, kOpen,
     timeout("read", "partial_reply", "unknown", "220 mail.exa")},
    {"deaf", "accepts, and then drops all that comes", Arrival::kAccept, kGoesDeaf, kOpen,
     timeout("first_byte", "request_unacked")},
});

}  // namespace

std::span<const Role> roles() { return kRoles; }

}  // namespace sonde::population
