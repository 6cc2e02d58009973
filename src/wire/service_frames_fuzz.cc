// Byte 0 chooses the processor; the rest is what a server says.
#include <cstdint>

#include "wire/amqp.h"
#include "wire/cut_anywhere.h"
#include "wire/dns_over_tcp.h"
#include "wire/ldap_answer.h"
#include "wire/memcached.h"
#include "wire/mongodb.h"
#include "wire/mqtt.h"
#include "wire/mysql.h"
#include "wire/rdp.h"
#include "wire/sip.h"
#include "wire/ssh_kex.h"
#include "wire/telnet.h"
#include "wire/tls_answer.h"
#include "wire/vnc.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sonde::wire;
  if (size < 1) return 0;
  const std::span bytes(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  switch (data[0] % 13) {
    case 0:
      check_cut_anywhere(SshKexProcessor(), bytes, [](const auto& a, const auto& b) { return a.lists == b.lists; });
      break;
    case 1:
      check_cut_anywhere(MysqlGreetingProcessor(), bytes, [](const auto& a, const auto& b) {
        return a.release() == b.release() && a.product() == b.product();
      });
      break;
    case 2:
      check_cut_anywhere(AmqpProcessor(), bytes, [](const auto& a, const auto& b) {
        return a.product == b.product && a.version == b.version && a.started == b.started;
      });
      break;
    case 3:
      check_cut_anywhere(MqttConnackProcessor(), bytes, [](const auto& a, const auto& b) { return a.code == b.code; });
      break;
    case 4:
      check_cut_anywhere(RdpProcessor(), bytes,
                         [](const auto& a, const auto& b) { return a.answer == b.answer && a.number == b.number; });
      break;
    case 5:
      check_cut_anywhere(VncProcessor(), bytes, [](const auto& a, const auto& b) { return a.version == b.version; });
      break;
    case 6:
      check_cut_anywhere(MemcachedProcessor(), bytes,
                         [](const auto& a, const auto& b) { return a.version == b.version; });
      break;
    case 7:
      check_cut_anywhere(MongoProcessor(), bytes, [](const auto& a, const auto& b) {
        return a.max_wire_version == b.max_wire_version && a.version == b.version;
      });
      break;
    case 8:
      check_cut_anywhere(LdapAnswerProcessor(), bytes,
                         [](const auto& a, const auto& b) { return a.vendor == b.vendor && a.version == b.version; });
      break;
    case 9:
      check_cut_anywhere(SipProcessor(), bytes,
                         [](const auto& a, const auto& b) { return a.status == b.status && a.server == b.server; });
      break;
    case 10:
      check_cut_anywhere(DnsOverTcpProcessor(), bytes,
                         [](const auto& a, const auto& b) { return a.code == b.code && a.version == b.version; });
      break;
    case 11:
      check_cut_anywhere(TelnetProcessor(), bytes,
                         [](const auto& a, const auto& b) { return a.verb == b.verb && a.option == b.option; });
      break;
    default:
      check_cut_anywhere(TlsAnswerProcessor(), bytes, [](const auto& a, const auto& b) {
        return a.version == b.version && a.is_alert == b.is_alert;
      });
  }
  return 0;
}
