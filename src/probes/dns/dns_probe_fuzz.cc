// A dns probe against messages of a peer. The first bytes say the transport, whether messages repeat id and question of
// the query (else nothing would be read behind them), and how a stream is cut. Whatever comes, there is a verdict, what
// is told is JSON in bounds, and a cut of a stream changes none of its messages.
#include <rapidjson/reader.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "probes/dns/dns_stream.h"
#include "probes/dns/drive.h"

namespace {

using sonde::probes::DnsDrive;
using sonde::probes::DnsField;
using sonde::probes::Octets;

struct Objects : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Objects> {
  std::size_t count = 0;
  bool StartObject() { return ++count > 0; }
};

void check_verdict(DnsDrive& drive) {
  if (drive.step.kind == DnsDrive::Kind::kReconnect) {
    drive.reconnected();
    drive.eof();
  }
  if (!drive.done()) drive.deadline();
  SONDE_CHECK(drive.step.outcome != sonde::results::Outcome::kSuccess || !drive.text(DnsField::kRcode).empty(),
              "success without an answer");
  const std::string records = drive.text(DnsField::kRecords);
  if (records.empty()) return;
  rapidjson::StringStream text(records.c_str());
  rapidjson::Reader reader;
  Objects objects;
  SONDE_CHECK(reader.Parse<rapidjson::kParseValidateEncodingFlag>(text, objects), "records are JSON");
  SONDE_CHECK(objects.count <= 64, "records are bounded");
  for (const char c : records) SONDE_CHECK(c >= ' ' && c < 0x7f, "records are printable ASCII");
}

// Gives the message the id of the query, and its question where that still fits.
Octets aimed(Octets message, const Octets& query) {
  if (message.size() >= 2) std::copy_n(query.begin(), 2, message.begin());
  if (message.size() >= query.size()) {
    message[2] |= std::byte{0x80};
    message[2] &= std::byte{0x87};
    const std::size_t question = query.size() - 11;  // without OPT
    std::copy(query.begin() + 4, query.begin() + 6, message.begin() + 4);
    std::copy(query.begin() + 12, query.begin() + static_cast<std::ptrdiff_t>(question), message.begin() + 12);
  }
  return message;
}

void over_udp(const Octets& message, bool aim) {
  DnsDrive drive({{"dns-query", "a.example"}});
  drive.start();
  drive.bytes(aim ? aimed(message, drive.sent[0]) : message);
  check_verdict(drive);
}

// Calls back with each piece of the stream, until that gives false.
template <typename Take>
void each_piece(const Octets& stream, const std::vector<std::size_t>& cuts, Take take) {
  std::size_t from = 0;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t to = i < cuts.size() ? std::min(cuts[i], stream.size()) : stream.size();
    if (to > from && !take(std::span(stream).subspan(from, to - from))) return;
    from = std::max(from, to);
  }
}

void over_tcp(const Octets& message, bool aim, const std::vector<std::size_t>& cuts) {
  DnsDrive drive({{"dns-query", "a.example"}, {"dns-transport", "tcp"}});
  drive.start();
  Octets stream = message;
  if (aim) {
    const Octets body = aimed(message, {drive.sent[0].begin() + 2, drive.sent[0].end()});
    stream = {static_cast<std::byte>(body.size() >> 8), static_cast<std::byte>(body.size() & 0xff)};
    stream.insert(stream.end(), body.begin(), body.end());
  }
  each_piece(stream, cuts, [&](std::span<const std::byte> piece) {
    drive.bytes(piece);
    return !drive.done();
  });
  check_verdict(drive);
}

// The messages of a stream, and its fault behind them.
std::string messages_of(const Octets& stream, const std::vector<std::size_t>& cuts) {
  using Kind = sonde::probes::DnsStream::Progress::Kind;
  static sonde::memory::RingPool pool(std::size_t{64} << 10);
  sonde::probes::DnsStream dns(nullptr, {}, {});
  std::string all;
  each_piece(stream, cuts, [&](std::span<const std::byte> piece) {
    auto progress = dns.on_bytes(pool, piece);
    for (; progress.kind == Kind::kMessage; progress = dns.on_bytes(pool, {}))
      all.append(reinterpret_cast<const char*>(progress.bytes.data()), progress.bytes.size()).append(1, '|');
    if (progress.kind == Kind::kFailed) all += progress.error;
    return progress.kind == Kind::kMore;
  });
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const bool aim = (data[0] & 2) != 0;
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  const Octets message(bytes + 4, bytes + std::min<std::size_t>(size, 4096));
  if ((data[0] & 1) == 0) {
    over_udp(message, aim);
    return 0;
  }
  std::vector<std::size_t> cuts;
  std::size_t at = 0;
  for (std::size_t i = 1; i < 4; ++i) cuts.push_back(at += data[i]);
  over_tcp(message, aim, cuts);
  SONDE_CHECK(messages_of(message, {}) == messages_of(message, cuts), "a cut changes the messages of a stream");
  return 0;
}
