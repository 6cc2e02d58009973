#include "probes/banner/protocol.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "wire/http_head.h"
#include "wire/line.h"
#include "wire/redis.h"
#include "wire/reply.h"
#include "wire/ssh.h"

namespace sonde::probes {
namespace {

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
Banner banner(std::string_view protocol, const wire::ParseResult<Frame>& parsed, std::string_view product) {
  return {.protocol = protocol,
          .whole = parsed.consumed,
          .begun = parsed.kind == wire::ParseResult<Frame>::Kind::kNeed,
          .product = product};
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

Banner greeting(std::string_view protocol, std::span<const std::byte> bytes) {
  const auto line = wire::LineProcessor().parse(bytes);
  return banner(protocol, line, named_product(line.frame));
}

Banner ssh(std::span<const std::byte> bytes) {
  const auto identification = wire::SshProcessor().parse(bytes);
  return banner("ssh", identification, identification.frame.software);
}

}  // namespace

Banner identify(std::span<const std::byte> bytes, std::uint16_t port) {
  const std::string_view text = wire::as_text(bytes);
  if (text.starts_with("SSH-")) return ssh(bytes);
  if (text.starts_with("HTTP/1.")) {
    const auto head = wire::HttpHeadProcessor().parse(bytes);
    return banner("http", head, head.frame.server);
  }
  if (text.starts_with("* OK") || text.starts_with("* PREAUTH") || text.starts_with("* BYE"))
    return greeting("imap", bytes);
  const bool mailbox = port == 110 || port == 995;
  if (text.starts_with("+OK") || (mailbox && text.starts_with("-ERR"))) return greeting("pop3", bytes);
  // An answer to the hello in RESP, or Redis turning a client away before it speaks.
  if (text.starts_with("-ERR") || text.starts_with("-DENIED") || text.starts_with("-NOAUTH"))
    return banner("redis", wire::RedisProcessor().parse(bytes), {});
  using Reply = wire::ParseResult<wire::Reply>;
  const Reply reply = wire::ReplyProcessor().parse(bytes);
  // Of a reply that is not whole the words decide alone. Nothing else is tried before it is: what it turns out to be
  // must not depend on when it was looked at.
  if (reply.kind == Reply::Kind::kNeed)
    return by_words(text) == "unknown" ? Banner() : banner(by_words(text), reply, named_product(text));
  if (reply.kind == Reply::Kind::kFrame && mail_or_file(reply.frame.text, port) != "unknown")
    return banner(mail_or_file(reply.frame.text, port), reply, named_product(reply.frame.text));
  // Other lines may come before an SSH identification (RFC 4253, 4.2).
  if (text.find("\nSSH-") != std::string_view::npos) return ssh(bytes);
  return {};
}

}  // namespace sonde::probes
