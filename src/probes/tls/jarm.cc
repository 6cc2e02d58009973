// The ten hellos as a table, the orders that are made of one list of suites, and the hash.
#include "probes/tls/jarm.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/ip_address.h"
#include "wire/line.h"
#include "wire/tls_client_hello.h"
#include "wire/tls_names.h"

namespace sonde::probes {
namespace {

enum class Order : std::uint8_t { kForward, kReverse, kTopHalf, kBottomHalf, kMiddleOut };
enum class Versions : std::uint8_t { kNone, kUpTo12, kUpTo13 };  // in supported_versions

struct Hello {
  std::uint16_t version;
  bool without_tls13_suites;
  Order suites;
  bool grease;
  bool rare_alpn;
  Versions versions;
  Order lists;  // of ALPN and supported_versions
};

constexpr std::array<Hello, kJarmHellos> kHellos = {{
    {wire::kTls12, false, Order::kForward, false, false, Versions::kUpTo12, Order::kReverse},
    {wire::kTls12, false, Order::kReverse, false, false, Versions::kUpTo12, Order::kForward},
    {wire::kTls12, false, Order::kTopHalf, false, false, Versions::kNone, Order::kForward},
    {wire::kTls12, false, Order::kBottomHalf, false, true, Versions::kNone, Order::kForward},
    {wire::kTls12, false, Order::kMiddleOut, true, true, Versions::kNone, Order::kReverse},
    {wire::kTls11, false, Order::kForward, false, false, Versions::kNone, Order::kForward},
    {wire::kTls13, false, Order::kForward, false, false, Versions::kUpTo13, Order::kReverse},
    {wire::kTls13, false, Order::kReverse, false, false, Versions::kUpTo13, Order::kForward},
    {wire::kTls13, true, Order::kForward, false, false, Versions::kUpTo13, Order::kForward},
    {wire::kTls13, false, Order::kMiddleOut, true, false, Versions::kUpTo13, Order::kReverse},
}};

constexpr auto kSuites = std::to_array<std::uint16_t>({
    0x0016, 0x0033, 0x0067, 0xc09e, 0xc0a2, 0x009e, 0x0039, 0x006b, 0xc09f, 0xc0a3, 0x009f, 0x0045, 0x00be, 0x0088,
    0x00c4, 0x009a, 0xc008, 0xc009, 0xc023, 0xc0ac, 0xc0ae, 0xc02b, 0xc00a, 0xc024, 0xc0ad, 0xc0af, 0xc02c, 0xc072,
    0xc073, 0xcca9, 0x1302, 0x1301, 0xcc14, 0xc007, 0xc012, 0xc013, 0xc027, 0xc02f, 0xc014, 0xc028, 0xc030, 0xc060,
    0xc061, 0xc076, 0xc077, 0xcca8, 0x1305, 0x1304, 0x1303, 0xcc13, 0xc011, 0x000a, 0x002f, 0x003c, 0xc09c, 0xc0a0,
    0x009c, 0x0035, 0x003d, 0xc09d, 0xc0a1, 0x009d, 0x0041, 0x00ba, 0x0084, 0x00c0, 0x0007, 0x0004, 0x0005,
});
static_assert(kSuites.size() == 69);

constexpr auto kAlpn = std::to_array<std::string_view>(
    {"http/0.9", "http/1.0", "http/1.1", "spdy/1", "spdy/2", "spdy/3", "h2", "h2c", "hq"});
constexpr auto kGroups = std::to_array<std::uint16_t>({29, 23, 24, 25});
constexpr auto kSchemes =
    std::to_array<std::uint16_t>({0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0201});
constexpr auto kVersions = std::to_array<std::uint16_t>({wire::kTls10, wire::kTls11, wire::kTls12, wire::kTls13});

template <typename T>
std::vector<T> in_order(std::vector<T> list, Order order) {
  const std::size_t size = list.size();
  const std::size_t middle = size / 2;
  const bool is_odd = size % 2 == 1;
  switch (order) {
    case Order::kForward:
      return list;
    case Order::kReverse:
      std::ranges::reverse(list);
      return list;
    case Order::kBottomHalf:
      return {list.begin() + static_cast<std::ptrdiff_t>(middle + (is_odd ? 1 : 0)), list.end()};
    case Order::kTopHalf:  // from the middle up
      list.resize(middle + (is_odd ? 1 : 0));
      std::ranges::reverse(list);
      return list;
    case Order::kMiddleOut: {
      std::vector<T> out;
      if (is_odd) out.push_back(list[middle]);
      for (std::size_t i = 1; i <= middle; ++i) {
        out.push_back(list[is_odd ? middle + i : middle - 1 + i]);
        out.push_back(list[middle - i]);
      }
      return out;
    }
  }
  return list;
}

// 0a0a, 1a1a … fafa (RFC 8701).
std::uint16_t grease(unsigned char random) { return static_cast<std::uint16_t>(((random & 0xf) << 4 | 0xa) * 0x0101); }

// Bytes that the nonce gives: 32 for a key share that nobody derives from, the rest for GREASE.
struct Random {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> key;
  std::array<unsigned char, SHA256_DIGEST_LENGTH> grease;
  explicit Random(std::span<const std::byte, 64> nonce) {
    SHA256(reinterpret_cast<const unsigned char*>(nonce.data()), nonce.size(), key.data());
    SHA256(key.data(), key.size(), grease.data());
  }
};

void add_alpn(wire::TlsClientHello& hello, const Hello& kind) {
  std::vector<std::string_view> protocols(kAlpn.begin(), kAlpn.end());
  if (kind.rare_alpn)
    std::erase_if(protocols, [](std::string_view name) { return name == "http/1.1" || name == "h2"; });
  hello.alpn(in_order(std::move(protocols), kind.lists));
}

void add_key_share(wire::TlsClientHello& hello, const Hello& kind, const Random& random) {
  constexpr std::array kZero = {std::byte{0}};
  std::vector<wire::TlsKeyShare> shares;
  if (kind.grease) shares.push_back({.group = grease(random.grease[2]), .key = kZero});
  shares.push_back({.group = wire::kX25519, .key = std::as_bytes(std::span(random.key))});
  hello.key_shares(shares);
}

void add_versions(wire::TlsClientHello& hello, const Hello& kind, const Random& random) {
  if (kind.versions == Versions::kNone) return;
  std::vector<std::uint16_t> versions(kVersions.begin(), kVersions.end());
  if (kind.versions == Versions::kUpTo12) versions.pop_back();
  versions = in_order(std::move(versions), kind.lists);
  if (kind.grease) versions.insert(versions.begin(), grease(random.grease[3]));
  hello.supported_versions(versions);
}

// 1-based among the same suites ascending, those of TLS 1.3 last; one behind the last for a suite that was not offered.
std::size_t suite_index(std::uint16_t cipher) {
  auto sorted = kSuites;
  std::ranges::sort(sorted, {}, [](std::uint16_t suite) { return std::pair(wire::is_tls13_cipher(suite), suite); });
  return static_cast<std::size_t>(std::ranges::find(sorted, cipher) - sorted.begin()) + 1;
}

// The last digit: 0300 … 0305 are a … f.
char version_digit(std::uint16_t version) {
  const unsigned minor = version & 0xf;
  return minor < 6 ? "abcdef"[minor] : '0';
}

}  // namespace

std::vector<std::uint16_t> jarm_suites(std::size_t index) {
  const Hello& kind = kHellos.at(index);
  std::vector<std::uint16_t> suites(kSuites.begin(), kSuites.end());
  if (kind.without_tls13_suites) std::erase_if(suites, wire::is_tls13_cipher);
  return in_order(std::move(suites), kind.suites);
}

std::vector<std::byte> Jarm::next(std::string_view server_name, std::span<const std::byte, 64> nonce) {
  if (void_ || asked_ == kJarmHellos) return {};
  const Hello& kind = kHellos[asked_];
  const Random random(nonce);
  std::vector<std::uint16_t> suites = jarm_suites(asked_);
  if (kind.grease) suites.insert(suites.begin(), grease(random.grease[0]));
  const std::uint16_t record = kind.version == wire::kTls13 ? wire::kTls10 : kind.version;
  wire::TlsClientHello hello(record, std::min(kind.version, wire::kTls12), suites);
  if (kind.grease) hello.raw(grease(random.grease[1]), {});
  if (!server_name.empty() && !parse_ip(server_name)) hello.server_name(server_name);
  constexpr std::array kFragmentOf512 = {std::byte{1}};
  hello.flag(wire::kExtExtendedMasterSecret).raw(wire::kExtMaxFragment, kFragmentOf512).renegotiation_info();
  hello.groups(kGroups).point_formats().raw(wire::kExtSessionTicket, {});
  add_alpn(hello, kind);
  hello.signature_algorithms(kSchemes);
  add_key_share(hello, kind, random);
  hello.psk_modes(1);
  add_versions(hello, kind, random);
  hello.patch_nonces(nonce.first<32>(), nonce.last<32>());
  const std::span<const std::byte> bytes = hello.finish();
  return {bytes.begin(), bytes.end()};
}

void Jarm::take(const HelloAnswer& answer) {
  void_ |= answer.timed_out;
  JarmAnswer& kept = answers_.at(asked_++);
  if (answer.kind != HelloAnswer::Kind::kServerHello && answer.kind != HelloAnswer::Kind::kHelloRetry) return;
  kept.answered = true;
  kept.cipher = answer.hello.cipher;
  kept.legacy_version = answer.hello.legacy_version;
  answer.hello.extensions.for_each([&](const wire::TlsExtension& extension) {
    if (extension.type == wire::kExtAlpn) kept.alpn = wire::read_alpn(extension.body);
    fmt::format_to(std::back_inserter(kept.extensions), "{}{:04x}", kept.extensions.empty() ? "" : "-", extension.type);
  });
}

std::string jarm_hash(const std::array<JarmAnswer, kJarmHellos>& answers) {
  if (std::ranges::none_of(answers, &JarmAnswer::answered)) return std::string(62, '0');
  std::string hash;
  std::string rest;
  for (const JarmAnswer& answer : answers) {
    if (answer.answered) {
      fmt::format_to(std::back_inserter(hash), "{:02x}{}", suite_index(answer.cipher),
                     version_digit(answer.legacy_version));
    } else {
      hash += "000";
    }
    rest += answer.alpn + answer.extensions;
  }
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(rest.data()), rest.size(), digest.data());
  for (std::size_t i = 0; i < 16; ++i) fmt::format_to(std::back_inserter(hash), "{:02x}", digest[i]);
  return hash;
}

void Jarm::add_to(SurveyResult& result) const {
  if (!void_ && asked_ == kJarmHellos) result.jarm = jarm_hash(answers_);
}

}  // namespace sonde::probes
