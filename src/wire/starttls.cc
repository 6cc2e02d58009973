#include "wire/starttls.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "wire/ldap.h"
#include "wire/line.h"
#include "wire/mysql.h"
#include "wire/postgres.h"
#include "wire/reply.h"
#include "wire/xmpp.h"

namespace sonde::wire {
namespace {

using Step = StartTlsStep;
using namespace std::string_view_literals;

constexpr std::array<std::string_view, 8> kNames = {"smtp", "imap", "pop3", "ftp", "ldap", "xmpp", "postgres", "mysql"};
constexpr std::size_t kLineLimit = 8192;
constexpr const char* kBehind = "bytes behind the go-ahead";
constexpr const char* kNotOffered = "STARTTLS is not offered";

// What is sent. The name behind EHLO is one that can never be anybody's (RFC 6761) and has a dot, which some servers
// ask for.
constexpr std::string_view kEhlo = "EHLO sonde.invalid\r\n";
constexpr std::string_view kXmppStartTls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
constexpr std::string_view kPostgresSslRequest = "\0\0\0\x08\x04\xd2\x16\x2f"sv;  // length 8, code 80877103
// ExtendedRequest 1.3.6.1.4.1.1466.20037 as message 1.
constexpr std::string_view kLdapStartTls =
    "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
    "1.3.6.1.4.1.1466.20037"sv;
constexpr std::string_view kLdapUnbind = "\x30\x05\x02\x01\x02\x42\0"sv;
// SSLRequest: LONG_PASSWORD, LONG_FLAG, PROTOCOL_41, SSL, TRANSACTIONS, SECURE_CONNECTION, PLUGIN_AUTH; packets up to
// 16 MiB; utf8; 23 zeros. Sequence number 1, as the greeting's is 0.
constexpr std::string_view kMysqlSslRequest =
    "\x20\0\0\x01\x05\xaa\x08\0\0\0\0\x01\x21"
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv;
static_assert(kMysqlSslRequest.size() == 36);
// The same for a server before 4.1: LONG_PASSWORD, LONG_FLAG, SSL, TRANSACTIONS; packets up to 16 MiB.
constexpr std::string_view kMysqlSslRequest320 = "\x05\0\0\x01\x05\x28\xff\xff\xff"sv;

Step refused(std::string_view text, std::size_t consumed) {
  return {.kind = Step::Kind::kRefused,
          .consumed = consumed,
          .text = text.substr(0, std::min(text.size(), StartTlsDialogue::kTextBytes))};
}
Step error(const char* text) { return {.kind = Step::Kind::kError, .text = text}; }
Step need(std::size_t bytes) { return {.need = bytes}; }
// A frame that changes nothing: the next one is looked at.
Step skip(std::size_t consumed) { return {.consumed = consumed, .need = 0}; }
Step ready(std::size_t consumed, std::span<const std::byte> bytes) {
  // What an attacker in the middle slips in before TLS must never be taken for what the server said inside of it.
  return bytes.size() > consumed ? error(kBehind) : Step{.kind = Step::Kind::kReady, .consumed = consumed};
}

// What a processor gave, when that is no frame.
template <typename Frame>
std::optional<Step> unless_frame(const ParseResult<Frame>& result) {
  if (result.kind == ParseResult<Frame>::Kind::kError) return error(result.error);
  if (result.kind == ParseResult<Frame>::Kind::kNeed) return need(result.need);
  return {};
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}
std::string_view first_word(std::string_view text) { return text.substr(0, text.find_first_of(" \t\r\n")); }

// Peers that are told by how they begin.
struct Marker {
  std::string_view begin;
  const char* error;
  StartTls own = StartTls::kNone;  // the protocol that begins so
};
constexpr Marker kMarkers[] = {
    {"SSH-", "an SSH banner"},
    {"HTTP/", "an HTTP response"},
    {"\x15\x03", "a TLS alert"},
    {"* OK ", "an IMAP greeting", StartTls::kImap},
    {"+OK ", "a POP3 greeting", StartTls::kPop3},
};

// A verdict on the first bytes of the server, or nothing: they may be this protocol.
std::optional<Step> judge_first_bytes(StartTls protocol, std::string_view text) {
  // PostgreSQL's go-ahead is the one byte 'S'.
  if (protocol == StartTls::kPostgres && text.starts_with('S')) return {};
  for (const Marker& marker : kMarkers) {
    if (marker.own == protocol) continue;
    if (text.starts_with(marker.begin)) return error(marker.error);
    if (marker.begin.starts_with(text)) return need(1);  // the next byte may tell
  }
  return {};
}

// Whether a reply to EHLO has the keyword (RFC 5321, 4.1.1.1): on any line but the first, which names the server.
bool offers_starttls(std::string_view text) {
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    const std::string_view line = text.substr(at + 1);
    if (line.size() > 4 && same_word(first_word(line.substr(4)), "STARTTLS")) return true;
  }
  return false;
}

bool is_domain(std::string_view host) {
  return !host.empty() && host.size() <= 255 && std::ranges::all_of(host, [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' ||
           c == ':';
  });
}

// The opening of the stream (RFC 6120, 4.7). A host that could break out of the attribute is left out.
std::string_view stream_header(std::string_view host, std::span<char> room) {
  const std::array<std::string_view, 5> pieces = {
      "<?xml version='1.0'?><stream:stream ", is_domain(host) ? "to='"sv : ""sv, is_domain(host) ? host : ""sv,
      is_domain(host) ? "' "sv : ""sv,
      "version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"};
  std::size_t size = 0;
  for (const std::string_view piece : pieces) {
    SONDE_CHECK(size + piece.size() <= room.size(), "the room is too small");
    size = static_cast<std::size_t>(std::ranges::copy(piece, room.begin() + static_cast<std::ptrdiff_t>(size)).out -
                                    room.begin());
  }
  return {room.data(), size};
}

}  // namespace

std::span<const std::string_view> starttls_names() { return kNames; }

std::optional<StartTls> parse_starttls(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return {};
  return static_cast<StartTls>(found - kNames.begin() + 1);
}

std::string_view name_of(StartTls protocol) {
  return protocol == StartTls::kNone ? "none"sv : kNames[static_cast<std::size_t>(protocol) - 1];
}

StartTlsDialogue::StartTlsDialogue(StartTls protocol) : protocol_(protocol) {
  SONDE_CHECK(protocol != StartTls::kNone, "no protocol, no dialogue");
  const bool client_first =
      protocol == StartTls::kLdap || protocol == StartTls::kXmpp || protocol == StartTls::kPostgres;
  state_ = client_first ? State::kOpening : State::kGreeting;
}

StartTlsStep StartTlsDialogue::next(std::span<const std::byte> received, std::string_view host, std::span<char> room) {
  SONDE_CHECK(state_ != State::kDone, "the dialogue is over");
  std::size_t consumed = 0;
  while (true) {
    Step step = turn(received.subspan(consumed), host, room);
    consumed += step.consumed;
    consumed_ += static_cast<std::uint32_t>(step.consumed);
    if (step.kind == Step::Kind::kNeed && step.need == 0) {
      if (consumed_ <= kLimitBytes) continue;
      step = error("the dialogue is too long");
    }
    if (step.kind != Step::Kind::kNeed && step.kind != Step::Kind::kSend) state_ = State::kDone;
    step.consumed = consumed;
    return step;
  }
}

StartTlsStep StartTlsDialogue::turn(std::span<const std::byte> bytes, std::string_view host, std::span<char> room) {
  if (state_ == State::kOpening) return open(host, room);
  if (state_ == State::kAsked) return ready(0, bytes);
  if (bytes.empty()) return need(1);
  if (consumed_ == 0) {
    if (const auto verdict = judge_first_bytes(protocol_, as_text(bytes))) return *verdict;
  }
  switch (protocol_) {
    case StartTls::kNone:
      break;
    case StartTls::kSmtp:
      return smtp(bytes);
    case StartTls::kImap:
      return imap(bytes);
    case StartTls::kPop3:
      return pop3(bytes);
    case StartTls::kFtp:
      return ftp(bytes);
    case StartTls::kLdap:
      return ldap(bytes);
    case StartTls::kXmpp:
      return xmpp(bytes);
    case StartTls::kPostgres:
      return postgres(bytes);
    case StartTls::kMysql:
      return mysql(bytes);
  }
  SONDE_CHECK(false, "no such protocol");
  return {};
}

StartTlsStep StartTlsDialogue::send(std::string_view bytes, std::size_t consumed, State then) {
  state_ = then;
  return {.kind = Step::Kind::kSend, .consumed = consumed, .send = bytes};
}

StartTlsStep StartTlsDialogue::open(std::string_view host, std::span<char> room) {
  if (protocol_ == StartTls::kXmpp) return send(stream_header(host, room), 0, State::kHeader);
  return send(protocol_ == StartTls::kLdap ? kLdapStartTls : kPostgresSslRequest, 0, State::kGoAhead);
}

StartTlsStep StartTlsDialogue::smtp(std::span<const std::byte> bytes) {
  const auto reply = ReplyProcessor().parse(bytes);
  if (const auto step = unless_frame(reply)) return *step;
  const auto& [code, text] = reply.frame;
  switch (state_) {
    case State::kGreeting:
      return code == 220 ? send(kEhlo, reply.consumed, State::kFeatures) : refused(text, reply.consumed);
    case State::kFeatures:
      if (code != 250) return refused(text, reply.consumed);
      if (!offers_starttls(text)) return refused(kNotOffered, reply.consumed);
      return send("STARTTLS\r\n", reply.consumed, State::kGoAhead);
    default:
      return code == 220 ? ready(reply.consumed, bytes) : refused(text, reply.consumed);
  }
}

StartTlsStep StartTlsDialogue::ftp(std::span<const std::byte> bytes) {
  const auto reply = ReplyProcessor().parse(bytes);
  if (const auto step = unless_frame(reply)) return *step;
  const auto& [code, text] = reply.frame;
  if (state_ == State::kGreeting) {
    if (code == 120) return skip(reply.consumed);  // "ready in nnn minutes"; 220 follows
    return code == 220 ? send("AUTH TLS\r\n", reply.consumed, State::kGoAhead) : refused(text, reply.consumed);
  }
  return code == 234 ? ready(reply.consumed, bytes) : refused(text, reply.consumed);
}

// The command is sent without a look at CAPABILITY: one round trip less, and a server that cannot says so itself.
StartTlsStep StartTlsDialogue::imap(std::span<const std::byte> bytes) {
  const auto parsed = LineProcessor(kLineLimit).parse(bytes);
  if (const auto step = unless_frame(parsed)) return *step;
  const std::string_view line = parsed.frame;
  const bool untagged = line.starts_with("* ");
  if (!untagged && !(state_ == State::kGoAhead && line.starts_with("a1 "))) return error("not an IMAP response");
  const std::string_view status = first_word(line.substr(untagged ? 2 : 3));
  if (untagged && same_word(status, "BYE")) return refused(line, parsed.consumed);
  if (state_ == State::kGreeting) {
    // STARTTLS is for the state "not authenticated" only (RFC 3501, 6.2.1).
    if (same_word(status, "PREAUTH")) return refused(line, parsed.consumed);
    if (!same_word(status, "OK")) return error("not an IMAP greeting");
    return send("a1 STARTTLS\r\n", parsed.consumed, State::kGoAhead);
  }
  if (untagged) return skip(parsed.consumed);
  if (same_word(status, "OK")) return ready(parsed.consumed, bytes);
  if (same_word(status, "NO") || same_word(status, "BAD")) return refused(line, parsed.consumed);
  return error("not an IMAP response");
}

StartTlsStep StartTlsDialogue::pop3(std::span<const std::byte> bytes) {
  const auto parsed = LineProcessor(kLineLimit).parse(bytes);
  if (const auto step = unless_frame(parsed)) return *step;
  const std::string_view status = first_word(parsed.frame);
  if (same_word(status, "-ERR")) return refused(parsed.frame, parsed.consumed);
  if (!same_word(status, "+OK")) return error("not a POP3 response");
  if (state_ == State::kGreeting) return send("STLS\r\n", parsed.consumed, State::kGoAhead);
  return ready(parsed.consumed, bytes);
}

StartTlsStep StartTlsDialogue::ldap(std::span<const std::byte> bytes) {
  const auto parsed = LdapProcessor().parse(bytes);
  if (const auto step = unless_frame(parsed)) return *step;
  const LdapExtendedResponse& response = parsed.frame;
  if (response.message_id > 1) return error("an LDAP message that nobody asked for");
  // Message 0 is the notice of disconnection (RFC 4511, 4.4.1), whatever its code.
  if (response.result_code == 0 && response.message_id == 1) return ready(parsed.consumed, bytes);
  return refused(response.diagnostic.empty() ? ldap_result_name(response.result_code) : response.diagnostic,
                 parsed.consumed);
}

StartTlsStep StartTlsDialogue::xmpp(std::span<const std::byte> bytes) {
  const auto parsed = XmppProcessor().parse(bytes);
  if (const auto step = unless_frame(parsed)) return *step;
  const XmppFrame& frame = parsed.frame;
  if ((frame.kind == XmppFrame::Kind::kHeader) != (state_ == State::kHeader)) return error("not an XMPP stream");
  if (frame.kind == XmppFrame::Kind::kHeader) {
    // Without a version no features will come: that is Jabber before RFC 3920, which had no STARTTLS.
    if (!xmpp_has_version(frame)) return refused("STARTTLS is not offered: no version in the stream's header", 0);
    state_ = State::kFeatures;
    return skip(parsed.consumed);
  }
  if (frame.kind == XmppFrame::Kind::kEnd) return refused("the server ended the stream", parsed.consumed);
  if (frame.name == "error") {
    const auto text = xmpp_child(frame, "text");
    if (text && !text->content.empty()) return refused(text->content, parsed.consumed);
    const auto condition = xmpp_child(frame);
    return refused(condition ? condition->name : "a stream error", parsed.consumed);
  }
  if (state_ == State::kFeatures) {
    if (frame.name != "features") return error("not XMPP stream features");
    if (!xmpp_child(frame, "starttls")) return refused(kNotOffered, parsed.consumed);
    return send(kXmppStartTls, parsed.consumed, State::kGoAhead);
  }
  if (frame.name == "proceed") return ready(parsed.consumed, bytes);
  if (frame.name == "failure") return refused("the server answered failure", parsed.consumed);
  return error("neither proceed nor failure");
}

StartTlsStep StartTlsDialogue::postgres(std::span<const std::byte> bytes) {
  const auto parsed = PostgresAnswerProcessor().parse(bytes);
  if (const auto step = unless_frame(parsed)) return *step;
  if (parsed.frame.type == 'S') return ready(parsed.consumed, bytes);
  if (parsed.frame.type == 'N') return refused("the server has TLS switched off", parsed.consumed);
  return refused(parsed.frame.message.empty() ? "an error without words" : parsed.frame.message, parsed.consumed);
}

StartTlsStep StartTlsDialogue::mysql(std::span<const std::byte> bytes) {
  const auto parsed = MysqlGreetingProcessor().parse(bytes);
  if (const auto step = unless_frame(parsed)) return *step;
  const MysqlGreeting& greeting = parsed.frame;
  if (greeting.protocol == MysqlGreeting::kErrorPacket)
    return refused(greeting.error.empty() ? "an error without words" : greeting.error, parsed.consumed);
  if ((greeting.capabilities & MysqlGreeting::kSsl) == 0) return refused("TLS is not offered", parsed.consumed);
  // There is no answer to come: the greeting was the go-ahead.
  return send((greeting.capabilities & MysqlGreeting::kProtocol41) != 0 ? kMysqlSslRequest : kMysqlSslRequest320,
              parsed.consumed, State::kAsked);
}

std::string_view StartTlsDialogue::farewell() const {
  switch (protocol_) {
    case StartTls::kSmtp:
    case StartTls::kPop3:
    case StartTls::kFtp:
      return "QUIT\r\n";
    case StartTls::kImap:
      return "a2 LOGOUT\r\n";
    case StartTls::kLdap:
      return kLdapUnbind;
    case StartTls::kXmpp:
      return "</stream:stream>";
    case StartTls::kNone:
    case StartTls::kPostgres:
    case StartTls::kMysql:
      break;
  }
  return {};
}

}  // namespace sonde::wire
