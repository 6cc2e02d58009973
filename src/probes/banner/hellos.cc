#include "probes/banner/hellos.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/mix.h"
#include "base/nearest.h"
#include "wire/dns_over_tcp.h"
#include "wire/line.h"
#include "wire/mongodb.h"
#include "wire/tls_client_hello.h"
#include "wire/tls_message.h"
#include "wire/tls_names.h"

namespace sonde::probes {
namespace {

using namespace std::string_view_literals;

constexpr auto kNames = std::to_array<std::string_view>(
    {"http", "tls", "redis", "mqtt", "amqp", "rdp", "memcached", "mongodb", "ldap", "sip", "dns", "postgres"});

// Redis takes a Host line for an attack.
constexpr std::string_view kHttp = "GET / HTTP/1.0\r\n\r\n";
constexpr std::string_view kRedis = "INFO server\r\n";
// CONNECT of 3.1.1: a clean session, 60 s, no client identifier, no user.
constexpr std::string_view kMqtt = "\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0"sv;
constexpr std::string_view kAmqp = "AMQP\0\0\x09\x01"sv;
// TPKT, X.224 Connection Request, RDP_NEG_REQ for TLS and CredSSP (MS-RDPBCGR, 2.2.1.1).
constexpr std::string_view kRdp = "\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0"sv;
constexpr std::string_view kMemcached = "version\r\n";
// OP_QUERY of {isMaster: 1} on admin.$cmd, which every release answers before a login.
constexpr std::string_view kMongodb =
    "\x3a\0\0\0\xe1\xab\xe0\x5d\0\0\0\0\xd4\x07\0\0"
    "\0\0\0\0"
    "admin.$cmd\0"
    "\0\0\0\0\xff\xff\xff\xff"
    "\x13\0\0\0\x10isMaster\0\x01\0\0\0\0"sv;
static_assert(kMongodb.size() == 0x3a && wire::kMongoRequestId == 0x5de0abe1);
// SearchRequest, message 1: the rootDSE (an empty name, its own scope, objectClass is present), its two attributes.
constexpr std::string_view kLdap =
    "\x30\x40\x02\x01\x01\x63\x3b\x04\0\x0a\x01\0\x0a\x01\0\x02\x01\x01\x02\x01\0\x01\x01\0\x87\x0b"
    "objectClass"
    "\x30\x1b\x04\x0a"
    "vendorName"
    "\x04\x0d"
    "vendorVersion"sv;
static_assert(kLdap.size() == 2 + 0x40);
constexpr std::string_view kSip =
    "OPTIONS sip:sonde.invalid SIP/2.0\r\n"
    "Via: SIP/2.0/TCP sonde.invalid;branch=z9hG4bKsonde\r\n"
    "Max-Forwards: 70\r\n"
    "From: <sip:sonde@sonde.invalid>;tag=sonde\r\n"
    "To: <sip:sonde.invalid>\r\n"
    "Call-ID: sonde@sonde.invalid\r\n"
    "CSeq: 1 OPTIONS\r\n"
    "Contact: <sip:sonde@sonde.invalid;transport=tcp>\r\n"
    "Accept: application/sdp\r\n"
    "Content-Length: 0\r\n\r\n";
// version.bind, TXT, CHAOS.
constexpr std::string_view kDns =
    "\0\x1e\xd5\xe9\0\0\0\x01\0\0\0\0\0\0"
    "\x07version\x04"
    "bind\0\0\x10\0\x03"sv;
static_assert(kDns.size() == 2 + 0x1e && wire::kDnsOverTcpId == 0xd5e9);
// A start-up packet of protocol 255.0, which every server refuses before it asks who one is.
constexpr std::string_view kPostgres = "\0\0\0\x08\0\xff\0\0"sv;

// Without a server name; what any server of the last twenty years finds something in. It is never completed, so nothing
// in it need be secret or fresh.
std::vector<std::byte> make_tls_hello() {
  constexpr auto kCiphers = std::to_array<std::uint16_t>(
      {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc009, 0xc013, 0xc00a, 0xc014,
       0x009e, 0x009f, 0x0033, 0x0039, 0x009c, 0x009d, 0x003c, 0x003d, 0x002f, 0x0035, 0x000a, 0x0005});
  constexpr auto kGroups = std::to_array<std::uint16_t>({wire::kX25519, wire::kSecp256r1, wire::kSecp384r1});
  constexpr auto kSignatures = std::to_array<std::uint16_t>(
      {0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0603, 0x0806, 0x0601, 0x0807, 0x0203, 0x0201});
  constexpr auto kVersions = std::to_array<std::uint16_t>({wire::kTls13, wire::kTls12, wire::kTls11, wire::kTls10});
  constexpr std::uint8_t kPskWithDhe = 1;
  std::array<std::byte, 32> share{};  // RFC 7748, 4.1: the base point, whose private key is 1
  share[0] = std::byte{9};
  const std::array shares = {wire::TlsKeyShare{.group = wire::kX25519, .key = share}};
  wire::TlsClientHello hello(wire::kTls10, wire::kTls12, kCiphers);
  hello.flag(wire::kExtExtendedMasterSecret).renegotiation_info().groups(kGroups).point_formats();
  hello.signature_algorithms(kSignatures)
      .supported_versions(kVersions)
      .psk_modes(kPskWithDhe)
      .key_shares(shares)
      .padding();
  std::array<std::byte, 64> nonces;
  for (std::size_t i = 0; i < nonces.size(); ++i) nonces[i] = static_cast<std::byte>(mix64(i, 0) & 0xff);
  hello.patch_nonces(std::span(nonces).first<32>(), std::span(nonces).last<32>());
  const std::span<const std::byte> bytes = hello.finish();
  return {bytes.begin(), bytes.end()};
}

std::span<const std::byte> tls_hello() {
  static const std::vector<std::byte> bytes = make_tls_hello();
  return bytes;
}

struct PortHello {
  std::uint16_t port;
  Hello hello;
};
// Ports whose service waits for its client, and answers neither HTTP nor TLS, or TLS first. Ascending.
constexpr auto kPorts = std::to_array<PortHello>({
    {53, Hello::kDns},          {389, Hello::kLdap},      {443, Hello::kTls},       {465, Hello::kTls},
    {563, Hello::kTls},         {636, Hello::kTls},       {853, Hello::kTls},       {989, Hello::kTls},
    {990, Hello::kTls},         {992, Hello::kTls},       {993, Hello::kTls},       {995, Hello::kTls},
    {1883, Hello::kMqtt},       {2376, Hello::kTls},      {3268, Hello::kLdap},     {3269, Hello::kTls},
    {3389, Hello::kRdp},        {5060, Hello::kSip},      {5061, Hello::kTls},      {5432, Hello::kPostgres},
    {5433, Hello::kPostgres},   {5671, Hello::kTls},      {5672, Hello::kAmqp},     {5986, Hello::kTls},
    {6379, Hello::kRedis},      {6380, Hello::kTls},      {6432, Hello::kPostgres}, {6443, Hello::kTls},
    {8443, Hello::kTls},        {8883, Hello::kTls},      {9443, Hello::kTls},      {10443, Hello::kTls},
    {11211, Hello::kMemcached}, {27017, Hello::kMongodb}, {27018, Hello::kMongodb}, {27019, Hello::kMongodb},
});
static_assert(std::ranges::is_sorted(kPorts, {}, &PortHello::port));

}  // namespace

std::string_view name_of(Hello hello) { return kNames[static_cast<std::size_t>(hello)]; }

std::span<const std::string_view> hello_names() { return kNames; }

std::optional<Hello> hello_of(std::string_view protocol) {
  const auto* const found = std::ranges::find(kNames, protocol);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Hello>(found - kNames.begin());
}

std::span<const std::byte> bytes_of(Hello hello) {
  switch (hello) {
    case Hello::kHttp:
      return wire::as_bytes(kHttp);
    case Hello::kTls:
      return tls_hello();
    case Hello::kRedis:
      return wire::as_bytes(kRedis);
    case Hello::kMqtt:
      return wire::as_bytes(kMqtt);
    case Hello::kAmqp:
      return wire::as_bytes(kAmqp);
    case Hello::kRdp:
      return wire::as_bytes(kRdp);
    case Hello::kMemcached:
      return wire::as_bytes(kMemcached);
    case Hello::kMongodb:
      return wire::as_bytes(kMongodb);
    case Hello::kLdap:
      return wire::as_bytes(kLdap);
    case Hello::kSip:
      return wire::as_bytes(kSip);
    case Hello::kDns:
      return wire::as_bytes(kDns);
    case Hello::kPostgres:
      return wire::as_bytes(kPostgres);
  }
  return {};
}

void HelloPlan::add(Hello hello) {
  const auto end = hellos.begin() + count;
  if (std::find(hellos.begin(), end, hello) != end) return;
  SONDE_CHECK(count < kMost, "a plan has room for the hellos put into it");
  hellos[count++] = hello;
}

HelloPlan plan_for(std::uint16_t port) {
  HelloPlan plan;
  const auto found = std::ranges::lower_bound(kPorts, port, {}, &PortHello::port);
  if (found != kPorts.end() && found->port == port) plan.add(found->hello);
  plan.add(Hello::kHttp);
  plan.add(Hello::kTls);
  return plan;
}

Parsed<std::optional<HelloPlan>> parse_hellos(std::string_view text) {
  if (text == "auto") return std::nullopt;
  HelloPlan plan;
  if (text == "none") return plan;
  for (bool more = true; more;) {
    const std::size_t comma = text.find(',');
    const std::string_view name = text.substr(0, comma);
    const std::optional<Hello> hello = hello_of(name);
    if (!hello) {
      std::string names = "auto, none";
      for (const std::string_view known : kNames) names += ", " + std::string(known);
      return input_error("'" + std::string(name) + "' is not one of " + names + did_you_mean(name, kNames));
    }
    if (plan.count == HelloPlan::kMost) return input_error("at most four hellos, each on a connection of its own");
    plan.add(*hello);
    more = comma != std::string_view::npos;
    text.remove_prefix(more ? comma + 1 : text.size());
  }
  return plan;
}

}  // namespace sonde::probes
