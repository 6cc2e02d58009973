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

std::string_view mail_or_file(const wire::Reply& reply, std::uint16_t port) {
  if (contains_fold(reply.text, "smtp")) return "smtp";
  if (contains_fold(reply.text, "ftp")) return "ftp";
  if (port == 25 || port == 465 || port == 587 || port == 2525) return "smtp";
  return port == 21 ? "ftp" : "unknown";
}

Banner greeting(std::string_view protocol, std::span<const std::byte> bytes) {
  const auto line = wire::LineProcessor().parse(bytes);
  return {.protocol = protocol, .whole = line.consumed, .product = named_product(line.frame)};
}

}  // namespace

Banner identify(std::span<const std::byte> bytes, bool asked, std::uint16_t port) {
  const std::string_view text = wire::as_text(bytes);
  if (text.starts_with("SSH-")) {
    const auto ssh = wire::SshProcessor().parse(bytes);
    return {.protocol = "ssh", .whole = ssh.consumed, .product = ssh.frame.software};
  }
  if (text.starts_with("HTTP/1.")) {
    const auto head = wire::HttpHeadProcessor().parse(bytes);
    return {.protocol = "http", .whole = head.consumed, .product = head.frame.server};
  }
  if (text.starts_with("* OK") || text.starts_with("* PREAUTH") || text.starts_with("* BYE"))
    return greeting("imap", bytes);
  if (text.starts_with("+OK") && !asked) return greeting("pop3", bytes);
  // An answer to the hello in RESP, or Redis turning a client away before it speaks.
  if (text.starts_with("-ERR") || text.starts_with("-DENIED") || text.starts_with("-NOAUTH")) {
    const auto value = wire::RedisProcessor().parse(bytes);
    return {.protocol = "redis", .whole = value.consumed};
  }
  const auto reply = wire::ReplyProcessor().parse(bytes);
  if (reply.consumed > 0 && mail_or_file(reply.frame, port) != "unknown")
    return {.protocol = mail_or_file(reply.frame, port),
            .whole = reply.consumed,
            .product = named_product(reply.frame.text)};
  return {};
}

}  // namespace sonde::probes
