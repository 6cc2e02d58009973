#include "wire/ssh_kex.h"

#include "wire/byte_reader.h"
#include "wire/line.h"

namespace sonde::wire {

ParseResult<SshKexinit> SshKexProcessor::parse(std::span<const std::byte> bytes) const {
  using Result = ParseResult<SshKexinit>;
  constexpr std::size_t kLengthBytes = 4;
  constexpr std::byte kMessage{20};
  constexpr std::size_t kCookieBytes = 16;
  constexpr std::size_t kTypeAt = 5;
  if (bytes.size() < kLengthBytes) return Result::more(kLengthBytes - bytes.size());
  const std::uint32_t length = ByteReader(bytes).u32();
  if (length < min_frame_size() - kLengthBytes || length > kLimit - kLengthBytes)
    return Result::fail("not an SSH packet");
  if (bytes.size() > kTypeAt && bytes[kTypeAt] != kMessage) return Result::fail("not a KEXINIT");
  const std::size_t whole = kLengthBytes + length;
  if (bytes.size() < whole) return Result::more(whole - bytes.size());

  ByteReader packet(bytes.subspan(kLengthBytes, length));
  const std::size_t padding = packet.u8();
  if (padding + 1 > length) return Result::fail("an SSH packet is all padding");
  ByteReader payload(packet.bytes(length - padding - 1));
  payload.bytes(1 + kCookieBytes);
  SshKexinit frame;
  for (std::string_view& list : frame.lists) list = as_text(payload.vector32());
  payload.bytes(5);  // first_kex_packet_follows, reserved
  if (!payload.ok()) return Result::fail("a KEXINIT is shorter than its lists");
  return Result::got(frame, whole);
}

}  // namespace sonde::wire
