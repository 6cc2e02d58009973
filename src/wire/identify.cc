#include "wire/identify.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "wire/amqp.h"
#include "wire/dns_over_tcp.h"
#include "wire/http_head.h"
#include "wire/ldap_answer.h"
#include "wire/line.h"
#include "wire/memcached.h"
#include "wire/mongodb.h"
#include "wire/mqtt.h"
#include "wire/mysql.h"
#include "wire/postgres.h"
#include "wire/rdp.h"
#include "wire/redis.h"
#include "wire/reply.h"
#include "wire/sip.h"
#include "wire/ssh.h"
#include "wire/telnet.h"
#include "wire/tls_answer.h"
#include "wire/tls_names.h"
#include "wire/vnc.h"

namespace sonde::wire {
namespace {

using namespace std::string_view_literals;

bool contains_fold(std::string_view text, std::string_view word) {
  return std::search(text.begin(), text.end(), word.begin(), word.end(), [](char a, char b) {
           return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
         }) != text.end();
}

// A product named in a greeting, with the version that follows it: "vsFTPd 3.0.3".
std::string_view named_product(std::string_view text) {
  constexpr auto kProducts =
      std::to_array<std::string_view>({"Postfix", "Exim", "Sendmail", "Microsoft ESMTP MAIL Service", "vsFTPd",
                                       "ProFTPD", "Pure-FTPd", "FileZilla Server", "Dovecot", "Courier-IMAP", "Cyrus"});
  for (const std::string_view product : kProducts) {
    const std::size_t at = text.find(product);
    if (at == std::string_view::npos) continue;
    std::size_t end = at + product.size();
    if (end + 1 < text.size() && text[end] == ' ' && std::isdigit(static_cast<unsigned char>(text[end + 1])) != 0) {
      ++end;
      while (end < text.size() &&
             (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '.' || text[end] == '-'))
        ++end;
    }
    return text.substr(at, end - at);
  }
  return {};
}

template <typename Frame>
Identified named(std::string_view protocol, const ParseResult<Frame>& parsed, std::string_view product) {
  return {.protocol = protocol,
          .whole = parsed.consumed,
          .begun = parsed.kind == ParseResult<Frame>::Kind::kNeed,
          .product = product};
}

// What one processor makes of the bytes; nullopt when they are not its protocol, which then holds for any more behind
// them. `sure`: how many bytes tell the protocol when the frame is not whole. tell(frame, identified) adds the rest.
template <typename Processor, typename Tell>
std::optional<Identified> tried(const Processor& processor, std::span<const std::byte> bytes, std::string_view protocol,
                                std::size_t sure, Tell tell) {
  using Result = ParseResult<typename Processor::Frame>;
  const Result parsed = processor.parse(bytes);
  if (parsed.kind == Result::Kind::kError) return std::nullopt;
  if (parsed.kind == Result::Kind::kNeed && bytes.size() < sure) return Identified{};
  Identified found = named(protocol, parsed, {});
  if (parsed.kind == Result::Kind::kFrame) tell(parsed.frame, found);
  return found;
}

std::string_view by_words(std::string_view text) {
  if (contains_fold(text, "smtp")) return "smtp";
  return contains_fold(text, "ftp") ? "ftp" : "unknown";
}

std::string_view mail_or_file(std::string_view text, std::uint16_t port) {
  if (const std::string_view protocol = by_words(text); protocol != "unknown") return protocol;
  if (port == 25 || port == 465 || port == 587 || port == 2525) return "smtp";
  return port == 21 ? "ftp" : "unknown";
}

Identified greeting(std::string_view protocol, std::span<const std::byte> bytes) {
  const auto line = LineProcessor().parse(bytes);
  return named(protocol, line, named_product(line.frame));
}

Identified ssh(std::span<const std::byte> bytes) {
  const auto identification = SshProcessor().parse(bytes);
  return named("ssh", identification, identification.frame.software);
}

// Protocols that no text begins like. Each processor says of the first few bytes whether they can be its own, and one
// that does not know yet keeps those behind it from deciding.
std::optional<Identified> binary(std::span<const std::byte> bytes) {
  if (auto tls = tried(TlsAnswerProcessor(), bytes, "tls", 6, [](const TlsAnswer& frame, Identified& found) {
        found.version = tls_version_name(frame.version);
        if (frame.is_alert) found.answer = "alert";
      }))
    return tls;
  if (auto rdp = tried(RdpProcessor(), bytes, "rdp", 6,
                       [](const RdpConfirm& frame, Identified& found) { found.answer = rdp_security_name(frame); }))
    return rdp;
  if (auto amqp = tried(AmqpProcessor(), bytes, "amqp", 4, [](const AmqpAnswer& frame, Identified& found) {
        found.product = frame.product;
        found.version = frame.version;
        found.answer = frame.started ? "start" : "other_version";
      }))
    return amqp;
  if (auto mqtt = tried(MqttConnackProcessor(), bytes, "mqtt", 4,
                        [](const MqttConnack& frame, Identified& found) { found.answer = mqtt_code_name(frame.code); }))
    return mqtt;
  if (auto ldap = tried(LdapAnswerProcessor(), bytes, "ldap", 6, [](const LdapAnswer& frame, Identified& found) {
        found.product = frame.vendor;
        found.version = frame.version;
      }))
    return ldap;
  if (auto dns = tried(DnsOverTcpProcessor(), bytes, "dns", 5,
                       [](const DnsVersionAnswer& frame, Identified& found) { found.version = frame.version; }))
    return dns;
  if (auto mongodb = tried(MongoProcessor(), bytes, "mongodb", 16, [](const MongoAnswer& frame, Identified& found) {
        found.version = frame.version.empty() ? mongo_release(frame.max_wire_version) : frame.version;
      }))
    return mongodb;
  // Of its answers only the ErrorResponse of protocol 3.0 is sure: 'S' and 'N' may begin anything. Its severity comes
  // first, where a MySQL packet of as many bytes has a digit or an error's number.
  const std::string_view text = as_text(bytes);
  constexpr std::size_t kSure = 6;
  if (text.starts_with("E\0\0"sv)) {
    if (text.size() < kSure) return Identified{};
    if (text[kSure - 1] == 'S') {
      if (auto postgres = tried(PostgresAnswerProcessor(), bytes, "postgres", kSure, [](const auto&, Identified&) {}))
        return postgres;
    }
  }
  if (auto mysql =
          tried(MysqlGreetingProcessor(), bytes, "mysql", 6, [](const MysqlGreeting& frame, Identified& found) {
            found.product = frame.product();
            found.version = frame.release();
          }))
    return mysql;
  // A person is spoken to behind the negotiation, which has no end of its own.
  if (const auto telnet = TelnetProcessor().parse(bytes); telnet.kind == decltype(telnet)::Kind::kFrame)
    return Identified{.protocol = "telnet"};
  return std::nullopt;
}

// What Redis and its kin tell of themselves: lines of "name:value" as one bulk string. The successors tell first which
// Redis they are like, then their own version.
std::optional<Identified> redis_info(std::span<const std::byte> bytes) {
  constexpr std::string_view kHead = "# Server\r\n";
  const std::string_view text = as_text(bytes);
  if (!text.starts_with('$')) return std::nullopt;
  const auto info = RedisProcessor().parse(bytes);
  using Kind = decltype(info)::Kind;
  const std::size_t length_end = text.find("\r\n");
  const std::string_view said = length_end == std::string_view::npos ? "" : text.substr(length_end + 2);
  if (info.kind == Kind::kError || !may_begin(said, kHead)) return std::nullopt;
  if (said.size() < kHead.size()) return info.kind == Kind::kNeed ? std::optional(Identified{}) : std::nullopt;
  Identified found = named("redis", info, {});
  if (info.kind == Kind::kNeed) return found;
  constexpr auto kVersions =
      std::to_array<std::string_view>({"\r\nvalkey_version:", "\r\ndragonfly_version:", "\r\nredis_version:"});
  for (const std::string_view line : kVersions) {
    const std::size_t at = info.frame.text.find(line);
    if (at == std::string_view::npos) continue;
    found.product = info.frame.text.substr(at + 2, line.find('_') - 2);
    found.version = info.frame.text.substr(at + line.size());
    found.version = found.version.substr(0, found.version.find('\r'));
    break;
  }
  return found;
}

Identified text_answer(std::span<const std::byte> bytes, std::uint16_t port) {
  const std::string_view text = as_text(bytes);
  if (text.starts_with("SSH-")) return ssh(bytes);
  if (text.starts_with("HTTP/1.")) {
    const auto head = HttpHeadProcessor().parse(bytes);
    return named("http", head, head.frame.server);
  }
  if (auto vnc = tried(VncProcessor(), bytes, "vnc", 4,
                       [](const VncVersion& frame, Identified& found) { found.version = frame.version; }))
    return *vnc;
  if (auto sip = tried(SipProcessor(), bytes, "sip", 4,
                       [](const SipHead& frame, Identified& found) { found.product = frame.server; }))
    return *sip;
  if (auto memcached = tried(MemcachedProcessor(), bytes, "memcached", 6,
                             [](const auto& frame, Identified& found) { found.version = frame.version; }))
    return *memcached;
  if (text.starts_with("* OK") || text.starts_with("* PREAUTH") || text.starts_with("* BYE"))
    return greeting("imap", bytes);
  const bool mailbox = port == 110 || port == 995;
  if (text.starts_with("+OK") || (mailbox && text.starts_with("-ERR"))) return greeting("pop3", bytes);
  // An answer to a hello in RESP, or Redis turning a client away before it speaks.
  for (const std::string_view word : {"+PONG", "-ERR", "-DENIED", "-NOAUTH", "-NOPERM", "-LOADING", "-MISCONF"})
    if (text.starts_with(word)) return named("redis", RedisProcessor().parse(bytes), {});
  if (const auto info = redis_info(bytes)) return *info;
  using Result = ParseResult<Reply>;
  const Result reply = ReplyProcessor().parse(bytes);
  // Of a reply that is not whole the words decide alone. Nothing else is tried before it is: what it turns out to be
  // must not depend on when it was looked at.
  if (reply.kind == Result::Kind::kNeed) return named(by_words(text), reply, named_product(text));
  if (reply.kind == Result::Kind::kFrame && mail_or_file(reply.frame.text, port) != "unknown")
    return named(mail_or_file(reply.frame.text, port), reply, named_product(reply.frame.text));
  // Other lines may come before an SSH identification (RFC 4253, 4.2).
  if (text.find("\nSSH-") != std::string_view::npos) return ssh(bytes);
  return {};
}

}  // namespace

Identified identify(std::span<const std::byte> bytes, std::uint16_t port) {
  if (bytes.empty()) return {};
  const std::optional<Identified> found = binary(bytes);
  return found ? *found : text_answer(bytes, port);
}

}  // namespace sonde::wire
