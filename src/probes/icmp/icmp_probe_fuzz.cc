// A program of acts against an icmp probe: true answers, answers with a bit flipped, arbitrary bytes, ICMP errors,
// time. Whatever comes, what is counted is what was answered.
#include <algorithm>
#include <cstdint>
#include <set>
#include <string>

#include "probes/icmp/drive.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sonde;
  using namespace sonde::probes;
  if (size < 2) return 0;
  const bool v4 = (data[0] & 1) != 0;
  IcmpDrive drive(v4 ? IpAddress::v4(9) : IpAddress::v6(9),
                  {{"count", std::to_string(1 + data[0] % 7)}, {"interval", "20ms"}, {"size", "16"}});
  std::set<std::size_t> answered;
  std::int64_t duplicates = 0;
  drive.start();
  for (std::size_t at = 1; at + 1 < size && !drive.done(); at += 2) {
    const std::uint8_t what = data[at + 1];
    const std::size_t which = what % drive.sent.size();
    EchoBytes reply = reply_to(v4, drive.sent[which]);
    switch (data[at] % 6) {
      case 0:
        drive.bytes(reply);
        duplicates += answered.insert(which).second ? 0 : 1;
        break;
      case 1: {  // a flipped bit, of the type or of what the probe put into the request
        const std::size_t bit = what % (8 + 8 * 16);
        reply[bit < 8 ? 0 : wire::kIcmpEchoHeader + bit / 8 - 1] ^= static_cast<std::byte>(1 << bit % 8);
        if (bit >= 8) reply = reply_to(v4, reply);
        drive.bytes(reply);
        break;
      }
      case 2: {
        const std::size_t length = std::min<std::size_t>(what, size - at);
        drive.bytes(std::as_bytes(std::span(data + at, length)));
        break;
      }
      case 3: {
        const IcmpError error{.from = {}, .type = what, .code = data[at]};
        drive.fail(what % 2 == 0 ? results::Outcome::kRefused : results::Outcome::kUnreachable,
                   what % 3 == 0 ? nullptr : &error);
        break;
      }
      case 4:
        drive.pass(what * kMillisecond);
        break;
      default:
        if (what < 8) drive.deadline();
        break;
    }
  }
  if (!drive.done()) drive.deadline();
  SONDE_CHECK(drive.number(IcmpField::kReceived) == static_cast<std::int64_t>(answered.size()),
              "a miscount of answers");
  SONDE_CHECK(drive.number(IcmpField::kDuplicates) == duplicates, "a miscount of duplicates");
  SONDE_CHECK(drive.number(IcmpField::kSent) == static_cast<std::int64_t>(drive.sent.size()), "a miscount of requests");
  SONDE_CHECK((drive.step.outcome == results::Outcome::kSuccess) == !answered.empty(), "an answer is success");
  return 0;
}
