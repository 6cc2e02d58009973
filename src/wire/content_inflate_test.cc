#include "wire/content_inflate.h"

#include <brotli/encode.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include "base/mix.h"
#include "wire/line.h"

namespace sonde::wire {
namespace {

using State = ContentInflate::State;

// window_bits: 31 gzip, 15 zlib, -15 raw.
std::string deflated(std::string_view data, int window_bits) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, data.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string brotli(std::string_view data, int window_log = 22) {
  std::string out(BrotliEncoderMaxCompressedSize(data.size()) + 1024, '\0');
  std::size_t size = out.size();
  EXPECT_TRUE(BrotliEncoderCompress(5, window_log, BROTLI_MODE_GENERIC, data.size(),
                                    reinterpret_cast<const std::uint8_t*>(data.data()), &size,
                                    reinterpret_cast<std::uint8_t*>(out.data())));
  out.resize(size);
  return out;
}

std::string zstd(std::string_view data, int window_log = 0) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  std::string out(ZSTD_compressBound(data.size()), '\0');
  ZSTD_inBuffer in{data.data(), data.size(), 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  EXPECT_EQ(ZSTD_compressStream2(context, &to, &in, ZSTD_e_flush), 0U);  // the frame does not know its size
  EXPECT_EQ(ZSTD_compressStream2(context, &to, &in, ZSTD_e_end), 0U);
  ZSTD_freeCCtx(context);
  out.resize(to.pos);
  return out;
}

std::string encoded(std::string_view coding, std::string_view data) {
  if (coding == "gzip") return deflated(data, 31);
  if (coding == "deflate") return deflated(data, 15);
  if (coding == "raw") return deflated(data, -15);
  if (coding == "br") return brotli(data);
  if (coding == "zstd") return zstd(data);
  return std::string(data);
}

// Text with some order in it, as long as asked for.
std::string page(std::size_t size) {
  std::string text;
  for (std::uint64_t i = 0; text.size() < size; ++i) text += "<p>" + std::to_string(mix64(i) % 1000) + "</p>\n";
  text.resize(size);
  return text;
}

struct Decoded {
  State state = State::kMore;
  bool complete = false;
  std::string text;
  std::string error;
};

Decoded decoded(std::string_view codings, std::string_view data, std::size_t step = std::string::npos,
                std::uint64_t cap = 1 << 30) {
  auto inflater = ContentInflate::create(codings, cap);
  EXPECT_TRUE(inflater);
  Decoded result;
  for (std::size_t at = 0; at < data.size(); at += std::min(step, data.size())) {
    (*inflater)->feed(as_bytes(data.substr(at, step)), [&](std::span<const std::byte> piece) {
      EXPECT_FALSE(piece.empty());
      result.text += as_text(piece);
    });
  }
  EXPECT_EQ((*inflater)->produced(), result.text.size());
  EXPECT_EQ((*inflater)->error().empty(), (*inflater)->state() != State::kError);
  result.state = (*inflater)->state();
  result.complete = (*inflater)->complete();
  result.error = (*inflater)->error();
  return result;
}

class Coding : public testing::TestWithParam<const char*> {
 protected:
  std::string name() const { return GetParam() == std::string_view("raw") ? "deflate" : GetParam(); }
};

TEST_P(Coding, gives_back_what_was_encoded_however_it_is_cut) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{16384}, std::size_t{200'000}}) {
    const std::string data = page(size);
    for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{999}, std::string::npos}) {
      const Decoded result = decoded(name(), encoded(GetParam(), data), step);
      EXPECT_TRUE(result.text == data) << size << " in steps of " << step;
      EXPECT_TRUE(result.complete) << size << " in steps of " << step << ": " << result.error;
    }
  }
}

TEST_P(Coding, what_is_cut_short_is_not_complete) {
  const std::string data = encoded(GetParam(), page(50'000));
  const Decoded result = decoded(name(), std::string_view(data).substr(0, data.size() - 1));
  EXPECT_FALSE(result.complete);
  EXPECT_EQ(result.state, State::kMore);
  EXPECT_GT(result.text.size(), 0U);
  EXPECT_TRUE(page(50'000).starts_with(result.text));
}

TEST_P(Coding, the_cap_is_exact) {
  const std::string data = encoded(GetParam(), page(100'000));
  const Decoded capped = decoded(name(), data, std::string::npos, 70'001);
  EXPECT_EQ(capped.state, State::kCapped);
  EXPECT_TRUE(capped.text == page(70'001));
  EXPECT_FALSE(capped.complete);
  const Decoded whole = decoded(name(), data, 7, 100'000);
  EXPECT_TRUE(whole.complete);
  EXPECT_EQ(whole.text.size(), 100'000U);
}

TEST_P(Coding, a_bomb_stops_at_the_cap) {
  const std::string bomb = encoded(GetParam(), std::string(std::size_t{64} << 20, '\0'));
  ASSERT_LT(bomb.size(), 100'000U);
  const Decoded result = decoded(name(), bomb, 1000, 65536);
  EXPECT_EQ(result.state, State::kCapped);
  EXPECT_EQ(result.text.size(), 65536U);
}

TEST_P(Coding, broken_data_say_which_coding_it_was) {
  const Decoded result = decoded(name(), std::string(300, '\xee'));
  EXPECT_EQ(result.state, State::kError);
  EXPECT_TRUE(result.error.starts_with(name() + ": ")) << result.error;
  EXPECT_FALSE(result.complete);
}

TEST_P(Coding, bytes_behind_the_end_are_ignored) {
  const Decoded result = decoded(name(), encoded(GetParam(), "page") + "\r\n\r\n");
  EXPECT_EQ(result.text, "page");
  EXPECT_TRUE(result.complete);
  EXPECT_EQ(result.state, State::kEnd);
}

INSTANTIATE_TEST_SUITE_P(ContentInflate, Coding, testing::Values("gzip", "deflate", "raw", "br", "zstd"),
                         [](const auto& coding) { return std::string(coding.param); });

TEST(ContentInflate, identity_passes_through) {
  for (const std::string_view codings : {"", "identity", " , Identity ,"}) {
    const Decoded result = decoded(codings, "as it is", 3, 1000);
    EXPECT_EQ(result.text, "as it is");
    EXPECT_TRUE(result.complete);
    EXPECT_EQ(decoded(codings, "as it is", 3, 5).text, "as it");
    EXPECT_EQ(decoded(codings, "as it is", 3, 5).state, State::kCapped);
  }
}

TEST(ContentInflate, codings_lie_over_one_another) {
  const std::string data = page(70'000);
  const std::string layers = encoded("zstd", encoded("br", encoded("gzip", data)));
  for (const std::size_t step : {std::size_t{1}, std::string::npos}) {
    const Decoded result = decoded("gzip, identity, BR,ZStd", layers, step);
    EXPECT_TRUE(result.text == data);
    EXPECT_TRUE(result.complete) << result.error;
  }
  const Decoded short_of_one = decoded("gzip, br, zstd", std::string_view(layers).substr(0, layers.size() - 1));
  EXPECT_FALSE(short_of_one.complete);
}

TEST(ContentInflate, an_outer_coding_that_goes_on_behind_the_inner_end_is_read_to_its_end) {
  const std::string layers = encoded("gzip", encoded("br", "page") + std::string(100'000, ' '));
  const Decoded result = decoded("br, gzip", layers, 1, 100'000);
  EXPECT_EQ(result.text, "page");
  EXPECT_TRUE(result.complete);
}

TEST(ContentInflate, behind_the_inner_end_nothing_begins_again) {
  const std::string layers = encoded("gzip", encoded("gzip", "page") + "\r\n\x1f\x8b");
  for (const std::size_t step : {std::size_t{1}, std::string::npos}) {
    const Decoded result = decoded("gzip, gzip", layers, step);
    EXPECT_EQ(result.text, "page");
    EXPECT_TRUE(result.complete) << "in steps of " << step;
  }
}

TEST(ContentInflate, an_inner_bomb_that_comes_to_nothing_is_capped) {
  std::string empty_members;
  for (int i = 0; i < 100'000; ++i) empty_members += encoded("gzip", "");
  const Decoded result = decoded("gzip, zstd", encoded("zstd", empty_members), std::string::npos, 1000);
  EXPECT_EQ(result.state, State::kCapped);
  EXPECT_EQ(result.text, "");
}

TEST(ContentInflate, gzip_members_and_zstd_frames_follow_one_another) {
  EXPECT_EQ(decoded("gzip", encoded("gzip", "one ") + encoded("gzip", "two"), 1).text, "one two");
  EXPECT_EQ(decoded("x-gzip", encoded("gzip", "one ") + encoded("gzip", "two")).text, "one two");
  EXPECT_EQ(decoded("zstd", encoded("zstd", "one ") + encoded("zstd", "two"), 1).text, "one two");
  const std::string second = encoded("gzip", "two");
  EXPECT_FALSE(decoded("gzip", encoded("gzip", "one ") + second.substr(0, 1)).complete);
}

TEST(ContentInflate, windows_have_a_bound) {
  const std::string data = page(std::size_t{9} << 20);
  EXPECT_TRUE(decoded("zstd", zstd(data, 23)).complete);
  EXPECT_EQ(decoded("zstd", zstd(data, 24)).error, "zstd: Frame requires too much memory for decoding");
  EXPECT_TRUE(decoded("br", brotli(data, 23)).complete);
  EXPECT_EQ(decoded("br", brotli(data, 24)).error, "br: its window is larger than 8 MiB");
}

TEST(ContentInflate, formats_before_zstd_0_8_are_refused) {
  for (const std::string_view magic :
       {"\x1e\xb5\x2f\xfd", "\x25\xb5\x2f\xfd", "\x26\xb5\x2f\xfd", "\x27\xb5\x2f\xfd"}) {
    const Decoded result = decoded("zstd", std::string(magic) + std::string(30, '<'));
    EXPECT_EQ(result.error, "zstd: not a frame of zstd");
    EXPECT_EQ(result.text, "");
    EXPECT_EQ(decoded("zstd", encoded("zstd", "page") + std::string(magic)).text, "page");
  }
}

TEST(ContentInflate, refuses_what_it_does_not_know) {
  EXPECT_STREQ(ContentInflate::create("compress", 1).error(), "a content coding that is not known");
  EXPECT_STREQ(ContentInflate::create("gzip, utf-8", 1).error(), "a content coding that is not known");
  EXPECT_STREQ(ContentInflate::create("gzip, gzip, gzip, gzip", 1).error(), "more than three content codings");
}

}  // namespace
}  // namespace sonde::wire
