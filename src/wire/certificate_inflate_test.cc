#include "wire/certificate_inflate.h"

#include <brotli/encode.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "wire/line.h"
#include "wire/tls_bytes.h"

namespace sonde::wire {
namespace {

// zlib 1, brotli 2, zstd 3 (RFC 8879, 7.3).
TlsBytes compressed(std::uint16_t algorithm, const TlsBytes& data) {
  TlsBytes out(data.size() + 1000);
  std::size_t size = out.size();
  const auto* in = reinterpret_cast<const std::uint8_t*>(data.data());
  auto* to = reinterpret_cast<std::uint8_t*>(out.data());
  if (algorithm == 1) {
    uLongf length = size;
    compress(to, &length, in, data.size());
    size = length;
  } else if (algorithm == 2) {
    BrotliEncoderCompress(5, 22, BROTLI_MODE_GENERIC, data.size(), in, &size, to);
  } else {
    size = ZSTD_compress(out.data(), out.size(), data.data(), data.size(), 3);
  }
  out.resize(size);
  return out;
}

class CertificateInflate : public testing::TestWithParam<std::uint16_t> {};

TEST_P(CertificateInflate, gives_back_what_was_compressed) {
  const TlsBytes message = text("certificate") + zeros(3000) + text("end");
  const TlsBytes data = compressed(GetParam(), message);
  TlsBytes out(message.size());
  ASSERT_TRUE(inflate_certificate(GetParam(), data, out));
  EXPECT_EQ(as_text(out), as_text(message));
}

TEST_P(CertificateInflate, wants_exactly_the_size_that_was_named) {
  const TlsBytes message = text("certificate") + zeros(3000) + text("end");
  const TlsBytes data = compressed(GetParam(), message);
  for (const std::size_t wrong : {std::size_t{1}, message.size() - 1, message.size() + 1, message.size() * 2}) {
    TlsBytes out(wrong + 8, std::byte{0x5a});
    EXPECT_FALSE(inflate_certificate(GetParam(), data, std::span(out).first(wrong))) << wrong;
    for (std::size_t i = wrong; i < out.size(); ++i) ASSERT_EQ(out[i], std::byte{0x5a}) << "written behind the end";
  }
  EXPECT_FALSE(inflate_certificate(GetParam(), data, {})) << "a message of no bytes is none";
}

TEST_P(CertificateInflate, stops_a_bomb_at_the_named_size) {
  const TlsBytes data = compressed(GetParam(), zeros(std::size_t{8} << 20));
  ASSERT_LT(data.size(), 20'000U);
  TlsBytes out(65536);
  EXPECT_FALSE(inflate_certificate(GetParam(), data, out));
}

TEST_P(CertificateInflate, refuses_broken_data) {
  const TlsBytes message = text("certificate") + zeros(3000) + text("end");
  TlsBytes data = compressed(GetParam(), message);
  TlsBytes out(message.size());
  EXPECT_FALSE(inflate_certificate(GetParam(), std::span(data).first(data.size() / 2), out)) << "cut short";
  EXPECT_FALSE(inflate_certificate(GetParam(), {}, out));
  for (std::byte& byte : data) byte ^= std::byte{0xff};
  EXPECT_FALSE(inflate_certificate(GetParam(), data, out));
}

INSTANTIATE_TEST_SUITE_P(Algorithms, CertificateInflate, testing::Values(1, 2, 3));

TEST(CertificateInflateAlgorithm, of_another_number_is_refused) {
  TlsBytes out(10);
  for (const int algorithm : {0, 4, 0xffff})
    EXPECT_FALSE(inflate_certificate(static_cast<std::uint16_t>(algorithm), compressed(1, zeros(10)), out));
}

// A frame of zstd 0.7 with one raw block, "hello": magic number, descriptor without checksum, its size in one byte.
TEST(CertificateInflateAlgorithm, of_zstd_before_0_8_is_refused) {
  const TlsBytes old_frame = hex("27b52ffd 20 05 400005") + text("hello") + hex("c00000");
  TlsBytes out(5);
  EXPECT_FALSE(inflate_certificate(3, old_frame, out));
  EXPECT_FALSE(inflate_certificate(3, compressed(3, {}) + old_frame, out));
}

}  // namespace
}  // namespace sonde::wire
