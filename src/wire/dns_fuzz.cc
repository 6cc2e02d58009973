// Byte 0 chooses: a message as it is, or a stream of messages over TCP; the rest is that.
#include <algorithm>
#include <cstdint>

#include "wire/cut_anywhere.h"
#include "wire/dns.h"
#include "wire/dns_rdata.h"
#include "wire/dns_record_text.h"

namespace sonde::wire {
namespace {

void check_name(const DnsName& name) {
  SONDE_CHECK(name.wire().size() <= DnsName::kLongest && name.wire().back() == std::byte{0}, "a name keeps its bounds");
  const std::string text = name.text();
  SONDE_CHECK(text.size() <= 1004, "the text of a name keeps its bound");
  const std::optional<DnsName> back = DnsName::from_text(text);
  SONDE_CHECK(back && *back == name && back->text() == text, "the text of a name is that name");
}

void check_text(const std::string& text) {
  for (const char c : text) SONDE_CHECK(c >= ' ' && c < 0x7f, "the text of data is printable");
}

// What a reader gave before it stopped, of the whole and of a part: the part's is the beginning of the whole's.
std::size_t check_message(std::span<const std::byte> message) {
  DnsReader reader(message);
  std::size_t count = 0;
  for (DnsQuestion question; reader.next_question(question); ++count) check_name(question.name);
  for (DnsRecord record; reader.next_record(record); ++count) {
    check_name(record.name);
    SONDE_CHECK(record.rdata_at + record.rdata_size <= message.size(), "data lies within the message");
    const std::string text = dns_rdata_text(record);
    check_text(text);
    SONDE_CHECK(text.size() <= 16 + 3 * 1004 + 5 * record.rdata_size, "the text of data keeps its bound");
    if (const auto target = dns_target(record)) check_name(*target);
    const std::string line = dns_record_text(record).value_or("");
    for (const char c : line)
      SONDE_CHECK((c >= ' ' && c < 0x7f) || c == '\t' || c == '\n', "the text of a record is printable");
    SONDE_CHECK(line.size() <= 128 + 4 * 1004 + 100 * record.rdata_size, "the text of a record keeps its bound");
  }
  const DnsHeader& header = reader.header();
  const std::size_t said = std::size_t{header.questions} + header.answers + header.authorities + header.additionals;
  SONDE_CHECK(count <= said, "more than the header counts");
  SONDE_CHECK(*reader.error() != '\0' || count == said, "fewer, and no error");
  SONDE_CHECK(!reader.only_miscounted() || *reader.error() != '\0', "miscounted, and no error");
  if (header.response) (void)dns_answers(message, message);
  return count;
}

}  // namespace
}  // namespace sonde::wire

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sonde::wire;
  if (size < 1) return 0;
  const std::span bytes(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  if (data[0] % 2 == 1) {
    check_cut_anywhere(DnsTcpProcessor(), bytes, [](auto a, auto b) { return std::ranges::equal(a, b); });
    return 0;
  }
  const std::size_t whole = check_message(bytes);
  SONDE_CHECK(check_message(bytes.first(bytes.size() / 2)) <= whole, "a part has more than the whole");
  return 0;
}
