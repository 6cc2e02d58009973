// The grpc prober against arbitrary servers. Byte 0: how the connection ends; bytes 1 and 2: how what comes is cut;
// byte 3: whether the rest is what the server says, raw, or the DATA of a stream whose headers are right, its last byte
// the status. The run does not depend on the cuts, of raw bytes its success. The same text is a target too.
#include <cstdint>

#include "probes/check/grpc_target.h"
#include "probes/check/stream_drive.h"

namespace {

using namespace sonde;                  // NOLINT(google-build-using-namespace): a fuzzer of this one folder
using namespace sonde::probes::driven;  // NOLINT(google-build-using-namespace)

StreamDrive& drive_of_all() {
  static StreamDrive drive(*probes::make_grpc_prober({.name = "m", .kind = probes::ProberKind::kGrpc}));
  return drive;
}

Meeting meeting_of(const std::string& text, bool raw, End end) {
  if (raw) return {.peer = std::make_shared<PlainPeer>(std::vector<std::string>{}, text), .end = end, .unopened = {}};
  return http2_peer(
      [text](http2::MemoryServer& peer) {
        peer.answer = [text](http2::MemoryServer& self, http2::StreamId id) {
          const std::string status = text.empty() ? "0" : std::to_string(text.back() & 0x1f);
          self.respond(id, {.fields = {{":status", "200"}, {"content-type", "application/grpc"}},
                            .body = text.substr(0, text.empty() ? 0 : text.size() - 1),
                            .trailers = {{"grpc-status", status}}});
        };
      },
      end);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 4, std::min<std::size_t>(size - 4, 60000));
  const bool raw = (data[3] & 1) != 0;
  const auto scene = [&] { return meeting_of(text, raw, static_cast<End>(data[0] % 3)); };
  StreamDrive& drive = drive_of_all();
  drive.piece = Drive::kLargestRead;
  drive.cut = SIZE_MAX;
  const Ran whole = drive.run(scene());
  SONDE_CHECK(whole.success == (whole.samples.at("probe_grpc_healthcheck_response{serving_status=\"SERVING\"}") == 1),
              "a success is a service that serves");
  drive.piece = data[1] == 0 ? Drive::kLargestRead : data[1];
  drive.cut = data[2];
  const Ran cut = drive.run(scene());
  // A stream that breaks HTTP/2 is told of when what is to be sent is fetched, once a read: a worse fault in the same
  // read comes before it. Both are failures.
  SONDE_CHECK(raw ? cut.success == whole.success : cut.same_as(whole), "a cut changes the run");

  if (const Parsed<probes::GrpcTarget> target = probes::read_grpc_target(text)) {
    SONDE_CHECK(target->host.find_first_of("/?#@ ") == std::string::npos, "a host is no more than that");
    SONDE_CHECK(target->port.find_first_not_of("0123456789") == std::string::npos, "a port has digits");
  }
  return 0;
}
