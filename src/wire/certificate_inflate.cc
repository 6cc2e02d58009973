#include "wire/certificate_inflate.h"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

namespace sonde::wire {
namespace {

const std::uint8_t* in(std::span<const std::byte> bytes) { return reinterpret_cast<const std::uint8_t*>(bytes.data()); }
std::uint8_t* out_of(std::span<std::byte> bytes) { return reinterpret_cast<std::uint8_t*>(bytes.data()); }

bool inflate_zlib(std::span<const std::byte> data, std::span<std::byte> out) {
  uLongf size = out.size();
  return uncompress(out_of(out), &size, in(data), data.size()) == Z_OK && size == out.size();
}

bool inflate_brotli(std::span<const std::byte> data, std::span<std::byte> out) {
  std::size_t size = out.size();
  return BrotliDecoderDecompress(data.size(), in(data), &size, out_of(out)) == BROTLI_DECODER_RESULT_SUCCESS &&
         size == out.size();
}

// One frame, and of RFC 8878: the library would decode formats before zstd 0.8 too, which have no magic number of this.
bool inflate_zstd(std::span<const std::byte> data, std::span<std::byte> out) {
  constexpr std::byte kMagicBegin{ZSTD_MAGICNUMBER & 0xff};
  return !data.empty() && data.front() == kMagicBegin &&
         ZSTD_findFrameCompressedSize(data.data(), data.size()) == data.size() &&
         ZSTD_decompress(out.data(), out.size(), data.data(), data.size()) == out.size();
}

}  // namespace

bool inflate_certificate(std::uint16_t algorithm, std::span<const std::byte> data, std::span<std::byte> out) {
  if (out.empty()) return false;
  switch (algorithm) {
    case 1:
      return inflate_zlib(data, out);
    case 2:
      return inflate_brotli(data, out);
    case 3:
      return inflate_zstd(data, out);
    default:
      return false;
  }
}

}  // namespace sonde::wire
