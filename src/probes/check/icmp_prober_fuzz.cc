// An icmp prober against datagrams of a peer: the first byte says the family and whether the datagram is the reply with
// some bytes changed by the rest. Only what brings back type, code, sequence number and payload is success.
#include <algorithm>
#include <cstdint>
#include <memory>

#include "probes/check/run_drive.h"
#include "wire/icmp.h"

namespace {

using sonde::probes::RunDrive;
using Bytes = RunDrive::Bytes;

// The reply to `request`, with pairs of (place, what is flipped there) from `changes`.
Bytes reply_to(Bytes request, bool v4, std::span<const std::byte> changes) {
  request[0] = static_cast<std::byte>(v4 ? 0 : 129);
  for (std::size_t i = 0; i + 1 < changes.size(); i += 2)
    request[std::to_integer<std::size_t>(changes[i]) % request.size()] ^= changes[i + 1];
  if (!v4) return request;
  request[2] = request[3] = std::byte{0};
  const std::uint16_t sum = sonde::wire::internet_checksum(request);
  request[2] = static_cast<std::byte>(sum >> 8);
  request[3] = static_cast<std::byte>(sum & 0xff);
  return request;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto kProber = [] {
    sonde::probes::ModuleOptions options;
    options.kind = sonde::probes::ProberKind::kIcmp;
    return *sonde::probes::make_icmp_prober(std::move(options));
  }();
  if (size < 1) return 0;
  const bool v4 = (data[0] & 1) == 0;
  const std::span bytes(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  RunDrive run(kProber, v4 ? "127.0.0.1" : "::1");
  run.start();
  const Bytes request = run.sent[0];
  const Bytes datagram = (data[0] & 2) != 0 ? reply_to(request, v4, bytes) : Bytes(bytes.begin(), bytes.end());
  run.bytes(datagram);
  const bool same = datagram.size() == request.size() && datagram[0] == static_cast<std::byte>(v4 ? 0 : 129) &&
                    datagram[1] == std::byte{0} &&
                    std::equal(datagram.begin() + 6, datagram.end(), request.begin() + 6);
  SONDE_CHECK(!run.done() || same, "success without the reply");
  SONDE_CHECK(run.done() || !same || (data[0] & 2) == 0, "the reply, and no success");
  if (!run.done()) run.deadline();
  SONDE_CHECK(run.run.success == same || (data[0] & 2) == 0, "the verdict is that of the datagram");
  return 0;
}
