#include "wire/dns.h"

#include <algorithm>

#include "base/check.h"

namespace sonde::wire {
namespace {

constexpr const char* kShort = "the DNS message ends too early";
constexpr const char* kBadName = "a name in the DNS message is broken";

class Writer {
 public:
  explicit Writer(std::span<std::byte> out) : out_(out) {}
  void bytes(std::span<const std::byte> bytes) {
    std::ranges::copy(bytes, out_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += bytes.size();
  }
  void u8(unsigned value) { out_[size_++] = static_cast<std::byte>(value & 0xff); }
  void u16(unsigned value) {
    u8(value >> 8);
    u8(value);
  }
  std::size_t size() const { return size_; }

 private:
  std::span<std::byte> out_;
  std::size_t size_ = 0;
};

}  // namespace

std::size_t write_dns_query(const DnsQuery& query, std::span<std::byte> out) {
  SONDE_CHECK(out.size() >= kLongestDnsQuery, "no room for a DNS query");
  SONDE_CHECK(!query.dnssec_ok || query.edns_size > 0, "DO is a flag of EDNS");
  Writer writer(out);
  writer.u16(query.id);
  writer.u16(query.recursion_desired ? 0x0100 : 0);
  writer.u16(1);
  writer.u16(0);
  writer.u16(0);
  writer.u16(query.edns_size > 0 ? 1 : 0);
  writer.bytes(query.name.wire());
  writer.u16(query.type);
  writer.u16(query.klass);
  if (query.edns_size > 0) {
    writer.u8(0);  // the root
    writer.u16(dns_type::kOpt);
    writer.u16(query.edns_size);
    writer.u16(0);  // extended rcode, version
    writer.u16(query.dnssec_ok ? 0x8000 : 0);
    writer.u16(0);
  }
  return writer.size();
}

DnsReader::DnsReader(std::span<const std::byte> message) : message_(message) {
  if (message.size() < kDnsHeader) {
    fail(kShort);
    return;
  }
  const unsigned flags = u16(2);
  header_ = {.id = u16(0),
             .response = (flags & 0x8000) != 0,
             .opcode = static_cast<std::uint8_t>(flags >> 11 & 0xf),
             .authoritative = (flags & 0x0400) != 0,
             .truncated = (flags & 0x0200) != 0,
             .recursion_desired = (flags & 0x0100) != 0,
             .recursion_available = (flags & 0x0080) != 0,
             .authentic = (flags & 0x0020) != 0,
             .checking_disabled = (flags & 0x0010) != 0,
             .rcode = static_cast<std::uint8_t>(flags & 0xf),
             .questions = u16(4),
             .answers = u16(6),
             .authorities = u16(8),
             .additionals = u16(10)};
  at_ = kDnsHeader;
  questions_left_ = header_.questions;
}

std::uint16_t DnsReader::u16(std::size_t at) const {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(message_[at]) << 8 |
                                    std::to_integer<unsigned>(message_[at + 1]));
}

bool DnsReader::fail(const char* error) {
  error_ = error;
  return false;
}

bool DnsReader::miscounted(const char* error) {
  miscounted_ = true;
  return fail(error);
}

bool DnsReader::next_question(DnsQuestion& out) {
  if (*error_ != '\0' || questions_left_ == 0) return false;
  if (at_ == message_.size()) return miscounted(kShort);
  const std::size_t end = read_dns_name(message_, at_, message_.size(), out.name);
  if (end == 0) return fail(kBadName);
  if (message_.size() - end < 4) return fail(kShort);
  out.type = u16(end);
  out.klass = u16(end + 2);
  at_ = end + 4;
  --questions_left_;
  return true;
}

bool DnsReader::next_record(DnsRecord& out) {
  for (DnsQuestion passed_over; next_question(passed_over);) continue;
  if (*error_ != '\0') return false;
  const std::uint32_t to_authorities = header_.answers;
  const std::uint32_t to_additionals = to_authorities + header_.authorities;
  if (records_read_ == to_additionals + header_.additionals)
    return at_ == message_.size() ? false : miscounted("bytes behind the DNS message");
  if (at_ == message_.size()) return miscounted(kShort);
  const std::size_t end = read_dns_name(message_, at_, message_.size(), out.name);
  if (end == 0) return fail(kBadName);
  if (message_.size() - end < 10) return fail(kShort);
  out.section = records_read_ < to_authorities   ? DnsSection::kAnswer
                : records_read_ < to_additionals ? DnsSection::kAuthority
                                                 : DnsSection::kAdditional;
  out.type = u16(end);
  out.klass = u16(end + 2);
  const std::uint32_t ttl = std::uint32_t{u16(end + 4)} << 16 | u16(end + 6);
  out.ttl_sent = ttl;
  out.ttl = out.type != dns_type::kOpt && ttl > INT32_MAX ? 0 : ttl;
  out.message = message_;
  out.rdata_at = end + 10;
  out.rdata_size = u16(end + 8);
  if (message_.size() - out.rdata_at < out.rdata_size) return fail(kShort);
  at_ = out.rdata_at + out.rdata_size;
  ++records_read_;
  // There is but one OPT, with the root for its name (RFC 6891, 6.1.1); others say nothing.
  if (out.type == dns_type::kOpt && out.section == DnsSection::kAdditional && out.name.is_root() && !edns_)
    edns_ = DnsEdns{.udp_size = out.klass,
                    .extended_rcode = static_cast<std::uint8_t>(ttl >> 24),
                    .version = static_cast<std::uint8_t>(ttl >> 16),
                    .dnssec_ok = (ttl & 0x8000) != 0,
                    .options = out.rdata()};
  return true;
}

std::uint16_t DnsReader::rcode() const {
  return static_cast<std::uint16_t>((edns_ ? edns_->extended_rcode << 4 : 0) | header_.rcode);
}

bool DnsReader::finish() {
  for (DnsRecord record; next_record(record);) continue;
  return *error_ == '\0';
}

bool dns_answers(std::span<const std::byte> message, std::span<const std::byte> query) {
  DnsReader answer(message);
  DnsReader asked(query);
  DnsQuestion a;
  DnsQuestion b;
  return answer.header().response && answer.header().id == asked.header().id &&
         answer.header().opcode == asked.header().opcode && answer.header().questions == 1 && asked.next_question(b) &&
         answer.next_question(a) && a.type == b.type && a.klass == b.klass && a.name == b.name;
}

ParseResult<DnsTcpProcessor::Frame> DnsTcpProcessor::parse(std::span<const std::byte> bytes) const {
  using Result = ParseResult<Frame>;
  if (bytes.size() < 2) return Result::more(2 - bytes.size());
  const std::size_t length = std::to_integer<std::size_t>(bytes[0]) << 8 | std::to_integer<std::size_t>(bytes[1]);
  if (length < kDnsHeader) return Result::fail("a DNS message shorter than its header");
  if (bytes.size() < 2 + length) return Result::more(2 + length - bytes.size());
  return Result::got(bytes.subspan(2, length), 2 + length);
}

}  // namespace sonde::wire
