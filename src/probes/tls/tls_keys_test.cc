#include "probes/tls/tls_keys.h"

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "wire/line.h"
#include "wire/tls_names.h"

namespace sonde::probes {
namespace {

std::vector<std::byte> unhex(std::string_view hex) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return bytes;
}

Secret secret(std::string_view hex) {
  const std::vector<std::byte> bytes = unhex(hex);
  Secret secret;
  std::ranges::copy(bytes, secret.bytes.begin());
  secret.size = static_cast<std::uint8_t>(bytes.size());
  return secret;
}

// RFC 8448, 3: {server} derive secret "tls13 s hs traffic", and what is made of it.
TEST(TlsKeys, derive_the_traffic_keys_of_rfc_8448) {
  const auto keys = TlsKeys::create();
  ASSERT_TRUE(keys);
  const TlsKeys::Handshake handshake =
      (*keys)->schedule(0x1301, secret("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d"),
                        secret("860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8"));
  const std::vector<std::byte> key = unhex("3fce516009c21727d0f2e4e86ee403bc");
  EXPECT_TRUE(std::ranges::equal(std::span(handshake.server.key).first(16), key));
  EXPECT_TRUE(std::ranges::equal(handshake.server.iv, unhex("5d313eb2671276ee13000b30")));
  EXPECT_TRUE(std::ranges::equal(handshake.client_secret.view(),
                                 unhex("b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21")));
}

TEST(TlsKeys, the_shares_are_the_generators) {
  const auto keys = TlsKeys::create();
  ASSERT_TRUE(keys);
  for (const auto& [group, nid] :
       {std::pair{wire::kSecp256r1, NID_X9_62_prime256v1}, {wire::kSecp384r1, NID_secp384r1}}) {
    EC_GROUP* curve = EC_GROUP_new_by_curve_name(nid);
    std::vector<unsigned char> point(200);
    point.resize(EC_POINT_point2oct(curve, EC_GROUP_get0_generator(curve), POINT_CONVERSION_UNCOMPRESSED, point.data(),
                                    point.size(), nullptr));
    EXPECT_TRUE(std::ranges::equal((*keys)->share(group), std::as_bytes(std::span(point))));
    EC_GROUP_free(curve);
  }
  const std::span<const std::byte> share = (*keys)->share(wire::kX25519);
  ASSERT_EQ(share.size(), 32U);
  EXPECT_EQ(share[0], std::byte{9});
  EXPECT_TRUE(std::ranges::all_of(share.subspan(1), [](std::byte byte) { return byte == std::byte{0}; }));
  EXPECT_TRUE((*keys)->share(wire::kSecp521r1).empty());
}

TEST(TlsKeys, a_share_of_another_form_is_refused) {
  const auto keys = TlsKeys::create();
  ASSERT_TRUE(keys);
  EXPECT_FALSE((*keys)->agree(wire::kX25519, std::vector<std::byte>(32))) << "zeros";
  EXPECT_FALSE((*keys)->agree(wire::kX25519, std::vector<std::byte>(31, std::byte{1})));
  EXPECT_FALSE((*keys)->agree(wire::kSecp256r1, std::vector<std::byte>(65, std::byte{2}))) << "not uncompressed";
  EXPECT_FALSE((*keys)->agree(wire::kSecp521r1, std::vector<std::byte>(133, std::byte{4})));
  EXPECT_TRUE((*keys)->agree(wire::kSecp256r1, std::vector<std::byte>(65, std::byte{4})));
}

TEST(TlsKeys, a_record_that_was_touched_is_not_opened) {
  const auto keys = TlsKeys::create();
  ASSERT_TRUE(keys);
  const Secret secret_of_zeros = secret(std::string(64, '0'));
  for (const std::uint16_t cipher : {0x1301, 0x1302, 0x1303}) {
    const Secret base = cipher == 0x1302 ? secret(std::string(96, '0')) : secret_of_zeros;
    TrafficKeys sealing = (*keys)->traffic_keys(cipher, base);
    const auto sealed = (*keys)->seal_alert(sealing, 2, 40);
    std::vector<std::byte> record(sealed.begin(), sealed.end());
    std::vector<std::byte> out(record.size());
    const auto open = [&] {
      TrafficKeys opening = (*keys)->traffic_keys(cipher, base);
      return (*keys)->open(opening, std::span(record).first(5), std::span(record).subspan(5), out);
    };
    ASSERT_EQ(open(), 3U);
    EXPECT_EQ(out[1], std::byte{40});
    for (std::size_t i = 0; i < record.size(); ++i) {
      record[i] ^= std::byte{1};
      EXPECT_FALSE(open()) << "byte " << i;
      record[i] ^= std::byte{1};
    }
    TrafficKeys second = (*keys)->traffic_keys(cipher, base);
    second.sequence = 1;
    EXPECT_FALSE((*keys)->open(second, std::span(record).first(5), std::span(record).subspan(5), out)) << "replayed";
  }
}

}  // namespace
}  // namespace sonde::probes
