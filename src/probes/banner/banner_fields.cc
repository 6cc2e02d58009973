#include "probes/banner/banner_fields.h"

#include <array>
#include <string>
#include <vector>

#include "results/escape.h"
#include "wire/identify.h"
#include "wire/ssh_kex.h"

namespace sonde::probes {
namespace {

using results::FieldDef;
using results::FieldType;
using results::Value;
using wire::SshKexinit;

constexpr auto kFields = std::to_array<FieldDef>({
    {"banner.protocol", FieldType::kString,
     "the protocol that the bytes are of: ssh, smtp, ftp, imap, pop3, http, tls, mysql, postgres, redis, memcached, "
     "mongodb, mqtt, amqp, ldap, dns, sip, vnc, rdp, telnet, unknown",
     true},
    {"banner.text", FieldType::kString,
     "the first --max-banner bytes without the last line's end; what is no printable UTF-8 as \\xNN", true},
    {"banner.bytes", FieldType::kInteger, "bytes received, up to the end of the greeting or answer where it has one"},
    {"banner.product", FieldType::kString, "what the server says it is", true},
    {"banner.version", FieldType::kString, "and of which version, where the protocol tells that apart", true},
    {"banner.tls", FieldType::kString, "of tls: the version that the server chose, TLS1.3", true},
    {"banner.answer", FieldType::kString,
     "how it answered: mqtt accepted, not_authorized …; rdp tls, credssp …; amqp start, other_version; tls alert",
     true},
    {"banner.hello", FieldType::kString, "the hello that was answered; absent where the server spoke first"},
    {"banner.ssh.kex", FieldType::kStringList, "key exchange algorithms, in the server's order"},
    {"banner.ssh.host_key", FieldType::kStringList, "host key algorithms"},
    {"banner.ssh.ciphers", FieldType::kStringList, "ciphers to the server, then those to the client alone"},
    {"banner.ssh.macs", FieldType::kStringList, "MACs to the server, then those to the client alone"},
    {"banner.suspect", FieldType::kString,
     "8 ports of this address did the same: silent (open, and mute to every hello), same_answer (the same bytes)"},
});
static_assert(kFields.size() == static_cast<std::size_t>(BannerField::kCount));

// A name-list as a list, with what is only in `also` behind it.
std::vector<std::string> names(std::string_view list, std::string_view also = {}) {
  constexpr std::size_t kMost = 128;
  std::vector<std::string> found;
  for (std::string_view rest : {list, also}) {
    while (!rest.empty() && found.size() < kMost) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      std::string name = results::escaped(rest.substr(0, comma));
      if (!name.empty() && std::find(found.begin(), found.end(), name) == found.end()) found.push_back(std::move(name));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return found;
}

void fill_ssh(std::span<Value> values, std::span<const std::byte> behind) {
  const auto parsed = wire::SshKexProcessor().parse(behind);
  if (parsed.kind != decltype(parsed)::Kind::kFrame) return;
  const auto& lists = parsed.frame.lists;
  const auto set = [&](BannerField field, std::vector<std::string> list) {
    values[static_cast<std::size_t>(field)] = std::move(list);
  };
  set(BannerField::kSshKex, names(lists[SshKexinit::kKex]));
  set(BannerField::kSshHostKey, names(lists[SshKexinit::kHostKey]));
  set(BannerField::kSshCiphers, names(lists[SshKexinit::kCiphersToServer], lists[SshKexinit::kCiphersToClient]));
  set(BannerField::kSshMacs, names(lists[SshKexinit::kMacsToServer], lists[SshKexinit::kMacsToClient]));
}

}  // namespace

std::span<const FieldDef> banner_fields() { return kFields; }

void fill_banner(std::span<Value> values, const Heard& heard, std::uint16_t port, std::size_t max_banner,
                 std::string_view hello) {
  const wire::Identified found = wire::identify(heard.banner(), port);
  const auto set = [&](BannerField field, std::string_view text) {
    if (!text.empty()) values[static_cast<std::size_t>(field)] = results::escaped(text);
  };
  set(BannerField::kProtocol, found.protocol);
  // The end of the last line is not part of what it says.
  std::string_view said = wire::as_text(heard.banner());
  while (said.ends_with('\n') || said.ends_with('\r')) said.remove_suffix(1);
  values[static_cast<std::size_t>(BannerField::kText)] = results::escaped(said.substr(0, max_banner));
  values[static_cast<std::size_t>(BannerField::kBytes)] = static_cast<std::int64_t>(heard.bytes());
  set(BannerField::kProduct, found.product);
  set(found.protocol == "tls" ? BannerField::kTls : BannerField::kVersion, found.version);
  set(BannerField::kAnswer, found.answer);
  set(BannerField::kHello, hello);
  if (found.protocol == "ssh" && heard.whole > 0) fill_ssh(values, heard.kept().subspan(heard.whole));
}

}  // namespace sonde::probes
