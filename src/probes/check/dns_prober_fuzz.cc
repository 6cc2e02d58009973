// A dns prober against messages of a peer. The first bytes say the transport, whether the message has the id of the
// query, and how a stream is cut. Whatever comes, there is a verdict, log and samples are printable, and a cut of a
// stream changes nothing.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "probes/check/run_drive.h"

namespace {

using sonde::probes::CheckRun;
using sonde::probes::Prober;
using sonde::probes::RunDrive;
using Bytes = RunDrive::Bytes;

std::shared_ptr<const Prober> make(bool over_tcp) {
  sonde::probes::ModuleOptions options;
  options.kind = sonde::probes::ProberKind::kDns;
  options.dns.over_tcp = over_tcp;
  options.dns.query_name = "a.example";
  options.dns.query_type = 6;
  const auto pattern = [](const char* text) { return std::make_shared<const RE2>(text); };
  options.dns.answer.fail_if_matches = {pattern("NS\tns")};
  options.dns.authority.fail_if_all_match = {pattern("SOA|A")};
  options.dns.additional.fail_if_not_matches = {pattern("OPT")};
  return *sonde::probes::make_dns_prober(std::move(options));
}

Bytes aimed(Bytes message, std::span<const std::byte> query) {
  if (message.size() >= 2) std::copy_n(query.begin(), 2, message.begin());
  return message;
}

// The verdict and what is told of it.
std::string told(RunDrive& run) {
  if (!run.done()) run.deadline();
  const CheckRun& ended = run.run;
  SONDE_CHECK(!ended.success || run.sample("probe_dns_query_succeeded") == "1", "success without an answer");
  for (const std::string& line : ended.log)
    for (const char c : line) SONDE_CHECK(c >= ' ' && c < 0x7f, "the log is printable ASCII");
  return std::string(sonde::results::name(ended.ending.outcome)) + ' ' + ended.ending.cause + ' ' + ended.ending.error +
         '\n' + run.samples();
}

std::string over_udp(const Bytes& message, bool aim) {
  static const auto kProber = make(false);
  RunDrive run(kProber, "127.0.0.1");
  run.start();
  run.bytes(aim ? aimed(message, run.sent[0]) : message);
  return told(run);
}

std::string over_tcp(const Bytes& message, bool aim, std::span<const std::uint8_t> cuts) {
  static const auto kProber = make(true);
  RunDrive run(kProber, "127.0.0.1");
  run.start();
  Bytes stream = message;
  if (aim) {
    stream = {static_cast<std::byte>(message.size() >> 8), static_cast<std::byte>(message.size() & 0xff)};
    const Bytes body = aimed(message, std::span(run.sent[0]).subspan(2));
    stream.insert(stream.end(), body.begin(), body.end());
  }
  std::span<const std::byte> left(stream);
  for (std::size_t i = 0; !left.empty() && !run.done(); ++i) {
    const std::size_t size = i < cuts.size() ? std::clamp<std::size_t>(cuts[i], 1, left.size()) : left.size();
    run.bytes(left.first(size));
    left = left.subspan(size);
  }
  return told(run);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const bool aim = (data[0] & 2) != 0;
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  const Bytes message(bytes + 4, bytes + std::min<std::size_t>(size, 4096));
  if ((data[0] & 1) == 0) {
    over_udp(message, aim);
    return 0;
  }
  // The id is another one each time, and no two runs' times: neither is told.
  SONDE_CHECK(over_tcp(message, aim, {}) == over_tcp(message, aim, {data + 1, 3}), "a cut changes the verdict");
  return 0;
}
