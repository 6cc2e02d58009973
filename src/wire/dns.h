// DNS messages (RFC 1035, 4; EDNS of RFC 6891): a query is written, a message is read, an answer is held against its
// question. Nothing is allocated; what is read borrows from the message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/ip_address.h"
#include "wire/dns_codes.h"
#include "wire/dns_name.h"
#include "wire/frame.h"

namespace sonde::wire {

inline constexpr std::size_t kDnsHeader = 12;
inline constexpr std::uint16_t kDnsUdpSize = 1232;  // what passes nearly everywhere unfragmented (DNS flag day 2020)

struct DnsQuery {
  std::uint16_t id = 0;
  DnsName name;
  std::uint16_t type = dns_type::kA;
  std::uint16_t klass = dns_class::kIn;
  bool recursion_desired = true;
  std::uint16_t edns_size = kDnsUdpSize;  // 0: no EDNS
  bool dnssec_ok = false;                 // needs EDNS
};
// Header, one question, one OPT record. Gives how many bytes it took. REQUIRES: room for kLongestDnsQuery.
inline constexpr std::size_t kLongestDnsQuery = kDnsHeader + DnsName::kLongest + 4 + 11;
std::size_t write_dns_query(const DnsQuery& query, std::span<std::byte> out);

struct DnsHeader {
  std::uint16_t id = 0;
  bool response = false;             // QR
  std::uint8_t opcode = 0;           // 0 is QUERY
  bool authoritative = false;        // AA
  bool truncated = false;            // TC
  bool recursion_desired = false;    // RD
  bool recursion_available = false;  // RA
  bool authentic = false;            // AD (RFC 4035)
  bool checking_disabled = false;    // CD
  std::uint8_t rcode = 0;            // the lower four bits; DnsReader::rcode() has all twelve
  std::uint16_t questions = 0;       // as the header says
  std::uint16_t answers = 0;
  std::uint16_t authorities = 0;
  std::uint16_t additionals = 0;
};

struct DnsQuestion {
  DnsName name;
  std::uint16_t type = 0;
  std::uint16_t klass = 0;
};

enum class DnsSection : std::uint8_t { kAnswer, kAuthority, kAdditional };

struct DnsRecord {
  DnsSection section = DnsSection::kAnswer;
  DnsName name;
  std::uint16_t type = 0;
  std::uint16_t klass = 0;
  std::uint32_t ttl = 0;       // seconds; what has its highest bit set is 0 (RFC 2181, 8). Of OPT: flags, as they are
  std::uint32_t ttl_sent = 0;  // as it came
  std::span<const std::byte> message;  // the whole, for names in the data that are compressed
  std::size_t rdata_at = 0;
  std::size_t rdata_size = 0;
  std::span<const std::byte> rdata() const { return message.subspan(rdata_at, rdata_size); }
};

// Of the OPT record (RFC 6891, 6.1).
struct DnsEdns {
  std::uint16_t udp_size = 0;
  std::uint8_t extended_rcode = 0;
  std::uint8_t version = 0;
  bool dnssec_ok = false;
  std::span<const std::byte> options;
};

// Reads a message from front to end: questions first, then records in the order of the sections. At the first fault it
// stops, and what was given stays true: error() tells the fault.
class DnsReader {
 public:
  explicit DnsReader(std::span<const std::byte> message);

  const DnsHeader& header() const { return header_; }
  // The next one; false when there is none, or it is broken. Questions that were not asked for are passed over by
  // next_record.
  bool next_question(DnsQuestion& out);
  bool next_record(DnsRecord& out);  // OPT is among them
  // Empty while all went well; also a message that has fewer records than it says, and one that has bytes behind them.
  const char* error() const { return error_; }
  // Of what has been read so far: OPT stands in the last section. All that a caller does not look at can be read with
  // finish().
  const std::optional<DnsEdns>& edns() const { return edns_; }
  std::uint16_t rcode() const;
  bool finish();  // reads the rest; whether the message is whole
  // Whether what was read is whole but for what the header counts: a message that ends between two records, or goes on
  // behind the last. That is what error() may say then.
  bool only_miscounted() const { return miscounted_; }

 private:
  bool fail(const char* error);
  bool miscounted(const char* error);
  std::uint16_t u16(std::size_t at) const;

  std::span<const std::byte> message_;
  std::size_t at_ = 0;
  DnsHeader header_;
  std::uint32_t questions_left_ = 0;
  std::uint32_t records_read_ = 0;
  std::optional<DnsEdns> edns_;
  const char* error_ = "";
  bool miscounted_ = false;
};

// Whether `message` is an answer to `query`, both as sent: its id, QR, opcode, and the question that it repeats,
// letters of either case (RFC 5452, 9.1). The rest of it may be broken.
bool dns_answers(std::span<const std::byte> message, std::span<const std::byte> query);

// A message over TCP: behind its length in two bytes (RFC 1035, 4.2.2).
class DnsTcpProcessor {
 public:
  using Frame = std::span<const std::byte>;  // the message, without its length
  static constexpr std::size_t min_frame_size() { return 2 + kDnsHeader; }
  ParseResult<Frame> parse(std::span<const std::byte> bytes) const;
};

}  // namespace sonde::wire
