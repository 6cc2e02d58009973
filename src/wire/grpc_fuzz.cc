// The bytes are messages of gRPC as they come in a stream, and each of them, and the whole, a health answer.
#include <cstdint>
#include <span>
#include <vector>

#include "base/check.h"
#include "wire/cut_anywhere.h"
#include "wire/grpc.h"
#include "wire/line.h"

namespace {

using sonde::wire::GrpcMessage;

void read(std::span<const std::byte> message) {
  const auto status = sonde::wire::read_health_status(message);
  if (!status) return;
  SONDE_CHECK(!sonde::wire::serving_status_name(*status).empty(), "every status has a name");
  // Two messages in a row are one, whose last status counts: said again it says the same.
  std::vector<std::byte> twice(message.begin(), message.end());
  twice.insert(twice.end(), message.begin(), message.end());
  SONDE_CHECK(sonde::wire::read_health_status(twice) == status, "a message said twice says the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sonde::wire;  // NOLINT(google-build-using-namespace): a fuzzer of this one folder
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  const GrpcMessageProcessor processor;
  check_cut_anywhere(processor, bytes, [](const GrpcMessage& a, const GrpcMessage& b) {
    return a.compressed == b.compressed && as_text(a.bytes) == as_text(b.bytes);
  });
  read(bytes);
  if (const auto message = processor.parse(bytes); message.kind == ParseResult<GrpcMessage>::Kind::kFrame)
    read(message.frame.bytes);
  SONDE_CHECK(decode_grpc_message(as_text(bytes)).size() <= size, "it does not grow");
  return 0;
}
