// Byte 0 chooses the protocol, byte 1 the cuts; the rest is what the server says.
#include <algorithm>
#include <cstdint>

#include "base/mix.h"
#include "wire/cut_anywhere.h"
#include "wire/ldap.h"
#include "wire/mysql.h"
#include "wire/postgres.h"
#include "wire/starttls_drive.h"
#include "wire/xmpp.h"

namespace sonde::wire {
namespace {

void check_frames(StartTls protocol, std::span<const std::byte> bytes) {
  if (protocol == StartTls::kLdap)
    check_cut_anywhere(LdapProcessor(), bytes, [](const auto& a, const auto& b) {
      return a.message_id == b.message_id && a.result_code == b.result_code && a.diagnostic == b.diagnostic;
    });
  if (protocol == StartTls::kPostgres)
    check_cut_anywhere(PostgresAnswerProcessor(), bytes,
                       [](const auto& a, const auto& b) { return a.type == b.type && a.message == b.message; });
  if (protocol == StartTls::kMysql)
    check_cut_anywhere(MysqlGreetingProcessor(), bytes, [](const auto& a, const auto& b) {
      return a.version == b.version && a.capabilities == b.capabilities && a.error == b.error;
    });
  if (protocol == StartTls::kXmpp)
    check_cut_anywhere(XmppProcessor(), bytes, [](const auto& a, const auto& b) {
      return a.kind == b.kind && a.name == b.name && a.text == b.text;
    });
}

}  // namespace
}  // namespace sonde::wire

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sonde::wire;
  if (size < 2) return 0;
  const auto protocol = static_cast<StartTls>(1 + data[0] % starttls_names().size());
  const std::span bytes(reinterpret_cast<const std::byte*>(data + 2), size - 2);
  const auto whole = play_starttls(protocol, bytes, "example.org", [](std::size_t) { return SIZE_MAX; });
  // From single bytes to pieces of a few hundred.
  const std::size_t most = std::size_t{1} << (data[1] % 9);
  const auto cut = play_starttls(protocol, bytes, "example.org", [&](std::size_t given) {
    return 1 + static_cast<std::size_t>(sonde::mix64(data[1], given) % most);
  });
  check_same_play(whole, cut);
  check_frames(protocol, bytes.first(std::min<std::size_t>(bytes.size(), 2048)));
  return 0;
}
