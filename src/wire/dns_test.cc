#include "wire/dns.h"

#include <ares.h>
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include <algorithm>
#include <memory>
#include <string>

#include "wire/cut_anywhere.h"
#include "wire/dns_builder.h"
#include "wire/dns_rdata.h"

namespace sonde::wire {
namespace {

DnsName name_of(std::string_view text) { return DnsName::from_text(text).value(); }

std::vector<DnsRecord> records_of(std::span<const std::byte> message, std::string* error = nullptr) {
  std::vector<DnsRecord> records;
  DnsReader reader(message);
  for (DnsRecord record; reader.next_record(record);) records.push_back(record);
  if (error != nullptr) *error = reader.error();
  return records;
}

std::string rdata_text(std::uint16_t type, const DnsBytes& rdata) {
  DnsBuilder message;
  message.question("example", type).record(DnsSection::kAnswer, dns_pointer(12), type, 60, rdata);
  const std::vector<DnsRecord> records = records_of(message.bytes());
  return records.empty() ? "no record" : dns_rdata_text(records[0]);
}

std::string name_at(std::span<const std::byte> message, std::size_t at) {
  DnsName name;
  return read_dns_name(message, at, message.size(), name) == 0 ? "broken" : name.text();
}

// --- names ---

TEST(DnsName, text_and_back) {
  for (const char* text : {".", "a.", "www.example.org.", "a\\.b.example.", "\\\\.example.", "\\032\\255\\000.example.",
                           "_443._tcp.example.", "\\@.example."})
    EXPECT_EQ(name_of(text).text(), text);
  EXPECT_EQ(name_of("www.example").text(), "www.example.");
  EXPECT_EQ(name_of("\\097b.example").text(), "ab.example.");
}

TEST(DnsName, what_is_no_name) {
  for (const char* text : {"", "..", ".a", "a..b", "a\\", "a\\25", "a\\256.b", "\\1x2"})
    EXPECT_FALSE(DnsName::from_text(text).has_value()) << text;
}

TEST(DnsName, bounds_of_label_and_name) {
  const std::string most(63, 'a');
  EXPECT_TRUE(DnsName::from_text(most));
  EXPECT_FALSE(DnsName::from_text(most + "a"));
  const std::string longest = most + "." + most + "." + most + "." + std::string(61, 'b');
  EXPECT_EQ(name_of(longest).wire().size(), DnsName::kLongest);
  EXPECT_FALSE(DnsName::from_text(longest + "b"));
  EXPECT_FALSE(DnsName::from_text(longest + ".c"));
}

TEST(DnsName, letters_of_either_case_are_the_same) {
  EXPECT_EQ(name_of("WWW.Example"), name_of("www.eXAMPLE."));
  EXPECT_FALSE(name_of("a.example") == name_of("b.example"));
  EXPECT_FALSE(name_of("a.b") == name_of("a\\.b"));
  EXPECT_FALSE(name_of("[.example") == name_of("{.example")) << "0x20 away, but no letters";
}

TEST(DnsName, reverse_of_addresses) {
  EXPECT_EQ(DnsName::reverse(*parse_ip("192.0.2.41")).text(), "41.2.0.192.in-addr.arpa.");
  EXPECT_EQ(DnsName::reverse(*parse_ip("2001:db8::567:89ab")).text(),
            "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.");  // RFC 3596, 2.5
}

TEST(DnsName, compressed_names_lead_towards_the_front) {
  // RFC 1035, 4.1.4: F.ISI.ARPA at 20, FOO.F.ISI.ARPA at 40, ARPA at 64, the root at 92.
  DnsBytes message(100);
  const auto put = [&](std::size_t at, const DnsBytes& bytes) {
    std::copy(bytes.begin(), bytes.end(), message.begin() + static_cast<std::ptrdiff_t>(at));
  };
  put(20, dns_name_bytes("F.ISI.ARPA"));
  put(40, dns_joined({dns_string("FOO"), dns_pointer(20)}));
  put(64, dns_pointer(26));
  EXPECT_EQ(name_at(message, 20), "F.ISI.ARPA.");
  EXPECT_EQ(name_at(message, 40), "FOO.F.ISI.ARPA.");
  EXPECT_EQ(name_at(message, 64), "ARPA.");
  EXPECT_EQ(name_at(message, 92), ".");
  DnsName name;
  EXPECT_EQ(read_dns_name(message, 40, message.size(), name), 46U);
  EXPECT_EQ(read_dns_name(message, 40, 46, name), 46U) << "the end bounds what is in place, not what is pointed at";
  EXPECT_EQ(read_dns_name(message, 40, 45, name), 0U);
}

TEST(DnsName, loops_and_forward_pointers_are_broken) {
  EXPECT_EQ(name_at(dns_pointer(0), 0), "broken") << "to itself";
  EXPECT_EQ(name_at(dns_joined({dns_pointer(2), dns_pointer(0)}), 0), "broken") << "to each other";
  EXPECT_EQ(name_at(dns_joined({dns_string("a"), dns_pointer(0)}), 0), "broken") << "into its own labels";
  EXPECT_EQ(name_at(dns_joined({dns_pointer(2), dns_name_bytes("a")}), 0), "broken") << "forwards";
  EXPECT_EQ(name_at(dns_number(0x40, 1), 0), "broken");
  EXPECT_EQ(name_at(dns_number(0x80, 1), 0), "broken");
  EXPECT_EQ(name_at(dns_number(0xc0, 1), 0), "broken") << "half a pointer";
  EXPECT_EQ(name_at(dns_string("abc"), 0), "broken") << "no end";
  EXPECT_EQ(name_at({}, 0), "broken");
}

TEST(DnsName, jumps_have_a_bound) {
  DnsBytes message = dns_number(0, 1);
  std::size_t last = 0;
  for (int i = 1; i <= kMostDnsJumps + 1; ++i) {
    const std::size_t at = message.size();
    const DnsBytes pointer = dns_pointer(last);
    message.insert(message.end(), pointer.begin(), pointer.end());
    EXPECT_EQ(name_at(message, at), i <= kMostDnsJumps ? "." : "broken") << i;
    last = at;
  }
}

TEST(DnsName, a_name_grown_too_long_by_pointers_is_broken) {
  DnsBytes message = dns_name_bytes("a." + std::string(63, 'x'));
  std::size_t last = 0;
  for (std::size_t i = 1; i <= 4; ++i) {
    const std::size_t at = message.size();
    const DnsBytes more = dns_joined({dns_string(std::string(61, 'y')), dns_pointer(last)});
    message.insert(message.end(), more.begin(), more.end());
    EXPECT_EQ(name_at(message, at) == "broken", 67 + i * 62 > DnsName::kLongest) << i;
    last = at;
  }
}

// --- queries and messages ---

TEST(Dns, query_byte_by_byte) {
  std::array<std::byte, kLongestDnsQuery> room;
  const std::size_t size =
      write_dns_query({.id = 0xabcd, .name = name_of("ab.c"), .type = dns_type::kAaaa, .dnssec_ok = true}, room);
  const DnsBytes expected = dns_joined({dns_number(0xabcd0100'00010000, 8), dns_number(0x00000001, 4), dns_string("ab"),
                                        dns_string("c"), dns_number(0, 1), dns_number(28, 2), dns_number(1, 2),  //
                                        dns_number(0, 1), dns_number(41, 2), dns_number(1232, 2),
                                        dns_number(0x00008000, 4), dns_number(0, 2)});
  EXPECT_EQ(DnsBytes(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(size)), expected);
}

TEST(Dns, the_longest_query_fits_and_reads_back) {
  const std::string label(63, 'a');
  const DnsName name = name_of(label + "." + label + "." + label + "." + std::string(61, 'b'));
  std::array<std::byte, kLongestDnsQuery> room;
  ASSERT_EQ(write_dns_query({.id = 7, .name = name}, room), room.size());
  DnsReader reader(room);
  DnsQuestion question;
  ASSERT_TRUE(reader.next_question(question));
  EXPECT_EQ(question.name, name);
  EXPECT_TRUE(reader.finish()) << reader.error();
  EXPECT_EQ(reader.edns()->udp_size, kDnsUdpSize);
  EXPECT_FALSE(reader.edns()->dnssec_ok);
}

TEST(Dns, a_query_without_edns_and_recursion) {
  std::array<std::byte, kLongestDnsQuery> room;
  const std::size_t size = write_dns_query({.recursion_desired = false, .edns_size = 0}, room);
  DnsReader reader(std::span<const std::byte>(room).first(size));
  EXPECT_EQ(size, kDnsHeader + 5);
  EXPECT_FALSE(reader.header().recursion_desired);
  EXPECT_EQ(reader.header().additionals, 0);
}

TEST(Dns, header_bits) {
  const DnsBuilder all(0xffff);
  const DnsHeader header = DnsReader(all.bytes()).header();
  EXPECT_TRUE(header.response && header.authoritative && header.truncated && header.recursion_desired &&
              header.recursion_available && header.authentic && header.checking_disabled);
  EXPECT_EQ(header.opcode, 15);
  EXPECT_EQ(header.rcode, 15);
  const DnsBuilder none(0);
  EXPECT_FALSE(DnsReader(none.bytes()).header().response);
}

TEST(Dns, sections_in_their_order) {
  DnsBuilder message;
  message.question("example", dns_type::kA)
      .address("example", 300, 0x01020304)
      .soa("example", 60, 5)
      .record(DnsSection::kAdditional, dns_number(0, 1), dns_type::kOpt, 0x01008000, dns_number(0x000a0000, 4), 4096);
  const std::vector<DnsRecord> records = records_of(message.bytes());
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].section, DnsSection::kAnswer);
  EXPECT_EQ(records[0].ttl, 300U);
  EXPECT_EQ(dns_address(records[0]), parse_ip("1.2.3.4"));
  EXPECT_EQ(records[1].section, DnsSection::kAuthority);
  EXPECT_EQ(dns_soa(records[1])->minimum, 5U);
  EXPECT_EQ(records[2].section, DnsSection::kAdditional);
}

TEST(Dns, extended_rcode_and_edns) {
  DnsBuilder message(0x8180);
  message.question("example", dns_type::kA)
      .record(DnsSection::kAdditional, dns_number(0, 1), dns_type::kOpt, 0x01008000, {}, 4096);
  DnsReader reader(message.bytes());
  EXPECT_EQ(reader.rcode(), 0) << "not read yet";
  ASSERT_TRUE(reader.finish());
  EXPECT_EQ(dns_rcode_name(reader.rcode()), "BADVERS");
  EXPECT_EQ(reader.edns()->udp_size, 4096);
  EXPECT_TRUE(reader.edns()->dnssec_ok);
}

TEST(Dns, a_ttl_with_its_highest_bit_is_zero) {
  DnsBuilder message;
  message.address("example", 0x80000000, 1).address("example", 0x7fffffff, 1);
  const std::vector<DnsRecord> records = records_of(message.bytes());
  EXPECT_EQ(records.at(0).ttl, 0U);
  EXPECT_GT(records.at(0).ttl_sent, 0x7fffffffU);
  EXPECT_EQ(records.at(1).ttl, 0x7fffffffU);
}

TEST(Dns, cut_anywhere_what_came_before_is_kept) {
  DnsBuilder message;
  message.question("www.example", dns_type::kA);
  std::vector<std::size_t> ends;
  for (std::uint32_t i = 0; i < 4; ++i) {
    message.record(DnsSection::kAnswer, dns_pointer(12), dns_type::kA, 60, dns_number(i, 4));
    ends.push_back(message.bytes().size());
  }
  for (std::size_t size = 0; size <= message.bytes().size(); ++size) {
    std::string error;
    const auto records = records_of(std::span(message.bytes()).first(size), &error);
    const auto whole = std::ranges::count_if(ends, [&](std::size_t end) { return end <= size; });
    ASSERT_EQ(records.size(), static_cast<std::size_t>(whole)) << size;
    for (std::size_t i = 0; i < records.size(); ++i) ASSERT_EQ(dns_address(records[i])->v4_bits(), i);
    ASSERT_EQ(error.empty(), size == message.bytes().size()) << size;
  }
}

TEST(Dns, counts_that_lie) {
  for (const std::size_t count : {6U, 8U, 10U}) {
    DnsBuilder more;
    more.question("a.example", dns_type::kA).address("a.example", 1, 1).miscount(count, 1);
    std::string error;
    EXPECT_EQ(records_of(more.bytes(), &error).size(), 1U) << "a count too high";
    EXPECT_EQ(error, "the DNS message ends too early");
  }
  DnsBuilder fewer;
  fewer.address("a.example", 1, 1).address("a.example", 1, 2).miscount(6, -1);
  std::string error;
  EXPECT_EQ(records_of(fewer.bytes(), &error).size(), 1U);
  EXPECT_EQ(error, "bytes behind the DNS message");
  DnsBuilder no_question;
  no_question.question("a.example", dns_type::kA).address("a.example", 1, 1).miscount(4, 1);
  EXPECT_TRUE(records_of(no_question.bytes(), &error).empty() && !error.empty());
}

TEST(Dns, a_broken_name_ends_the_reading) {
  DnsBuilder message;
  message.question("a.example", dns_type::kA)
      .address("a.example", 1, 1)
      .record(DnsSection::kAnswer, dns_pointer(0x3fff), dns_type::kA, 1, dns_number(1, 4));
  std::string error;
  EXPECT_EQ(records_of(message.bytes(), &error).size(), 1U);
  EXPECT_EQ(error, "a name in the DNS message is broken");
}

TEST(Dns, an_answer_belongs_to_its_question) {
  std::array<std::byte, kLongestDnsQuery> room;
  const std::size_t size = write_dns_query({.id = 0x1234, .name = name_of("www.example"), .type = dns_type::kA}, room);
  const std::span<const std::byte> query = std::span(room).first(size);
  const auto answers = [&](const DnsBuilder& message) { return dns_answers(message.bytes(), query); };
  EXPECT_TRUE(answers(DnsBuilder().question("WWW.EXAMPLE", dns_type::kA).address("x", 1, 1)));
  EXPECT_TRUE(answers(DnsBuilder(0x8183).question("www.example", dns_type::kA))) << "NXDOMAIN is an answer";
  EXPECT_TRUE(answers(DnsBuilder().question("www.example", dns_type::kA).miscount(6, 3))) << "a broken one too";
  EXPECT_FALSE(answers(DnsBuilder(0x0180).question("www.example", dns_type::kA))) << "a query";
  EXPECT_FALSE(answers(DnsBuilder(0x8180, 0x1235).question("www.example", dns_type::kA))) << "another id";
  EXPECT_FALSE(answers(DnsBuilder(0xa980).question("www.example", dns_type::kA))) << "another opcode";
  EXPECT_FALSE(answers(DnsBuilder().question("ww.example", dns_type::kA)));
  EXPECT_FALSE(answers(DnsBuilder().question("www.example", dns_type::kAaaa)));
  EXPECT_FALSE(answers(DnsBuilder()));
  EXPECT_FALSE(answers(DnsBuilder().question("www.example", 1).question("www.example", 1)));
  EXPECT_FALSE(dns_answers({}, query));
  EXPECT_FALSE(dns_answers({}, {})) << "nothing answers nothing";
}

TEST(Dns, messages_over_tcp_stand_behind_their_length) {
  const DnsBytes header = DnsBuilder().bytes();
  const DnsBytes stream = dns_joined({dns_number(12, 2), header, dns_number(13, 2), header, dns_number(7, 1)});
  check_cut_anywhere(DnsTcpProcessor(), stream, [](auto a, auto b) { return std::ranges::equal(a, b); });
  const auto first = DnsTcpProcessor().parse(stream);
  EXPECT_EQ(first.consumed, 14U);
  EXPECT_TRUE(std::ranges::equal(first.frame, header));
  const DnsBytes small = dns_number(11, 2);
  EXPECT_EQ(DnsTcpProcessor().parse(small).kind, ParseResult<DnsTcpProcessor::Frame>::Kind::kError);
}

// --- numbers, data ---

TEST(Dns, names_of_numbers_both_ways) {
  for (unsigned number = 0; number <= 0xffff; ++number) {
    const auto code = static_cast<std::uint16_t>(number);
    ASSERT_EQ(parse_dns_type(dns_type_name(code)), code);
    ASSERT_EQ(parse_dns_class(dns_class_name(code)), code);
    ASSERT_EQ(parse_dns_rcode(dns_rcode_name(code)), code);
  }
  EXPECT_EQ(parse_dns_type("https"), 65);
  EXPECT_EQ(parse_dns_type("type65"), 65);
  EXPECT_EQ(dns_type_name(65280), "TYPE65280");
  EXPECT_EQ(dns_class_name(3), "CH");
  EXPECT_EQ(dns_rcode_name(3), "NXDOMAIN");
  for (const char* text : {"", "TYPE", "TYPE65536", "TYPE-1", "TYPE1x", "B", "AA"})
    EXPECT_FALSE(parse_dns_type(text).has_value()) << text;
}

TEST(DnsRdata, in_the_form_of_its_type) {
  const DnsBytes name = dns_name_bytes("b.example");
  EXPECT_EQ(rdata_text(dns_type::kA, dns_number(0xc0000201, 4)), "192.0.2.1");
  EXPECT_EQ(rdata_text(dns_type::kAaaa, dns_joined({dns_number(0x20010db8, 4), dns_number(1, 12)})), "2001:db8::1");
  for (const std::uint16_t type : {dns_type::kCname, dns_type::kNs, dns_type::kPtr, dns_type::kDname})
    EXPECT_EQ(rdata_text(type, name), "b.example.");
  EXPECT_EQ(rdata_text(dns_type::kNs, dns_joined({dns_string("ns"), dns_pointer(12)})), "ns.example.");
  EXPECT_EQ(rdata_text(dns_type::kMx, dns_joined({dns_number(10, 2), name})), "10 b.example.");
  EXPECT_EQ(rdata_text(dns_type::kSrv, dns_joined({dns_number(0x000100020050, 6), name})), "1 2 80 b.example.");
  EXPECT_EQ(rdata_text(dns_type::kTxt, dns_joined({dns_string("a \"b\" \\"), dns_string(""), dns_string("\xff\n")})),
            R"("a \"b\" \\" "" "\255\010")");
  EXPECT_EQ(rdata_text(dns_type::kCaa, dns_joined({dns_number(128, 1), dns_string("issue"), dns_number('x', 1)})),
            "128 issue \"x\"");
  EXPECT_EQ(rdata_text(dns_type::kDs, dns_number(0x0001080200ffULL, 6)), "1 8 2 00ff");
  EXPECT_EQ(rdata_text(dns_type::kDnskey, dns_joined({dns_number(0x0101030d, 4), dns_number(0x0102, 2)})),
            "257 3 13 AQI=");
}

TEST(DnsRdata, https_and_svcb) {
  const auto parameter = [](std::uint16_t key, const DnsBytes& value) {
    return dns_joined({dns_number(key, 2), dns_number(value.size(), 2), value});
  };
  const DnsBytes root = dns_number(0, 1);
  EXPECT_EQ(rdata_text(dns_type::kHttps, dns_joined({dns_number(0, 2), dns_name_bytes("b.example")})), "0 b.example.");
  EXPECT_EQ(rdata_text(dns_type::kHttps,
                       dns_joined({dns_number(1, 2), root, parameter(0, dns_number(0x00010004, 4)),
                                   parameter(1, dns_joined({dns_string("h2"), dns_string("a,b\\")})), parameter(2, {}),
                                   parameter(3, dns_number(8443, 2)), parameter(4, dns_number(0x0102030405060708, 8)),
                                   parameter(5, dns_number(0xff, 1)), parameter(6, dns_number(1, 16)),
                                   parameter(667, dns_number('x', 1)), parameter(668, {})})),
            R"(1 . mandatory=alpn,ipv4hint alpn="h2,a\\,b\\\\" no-default-alpn port=8443 ipv4hint=1.2.3.4,5.6.7.8 )"
            R"(ech=/w== ipv6hint=::1 key667="x" key668)");
  EXPECT_TRUE(rdata_text(dns_type::kHttps, dns_joined({dns_number(1, 2), root, parameter(3, dns_number(1, 2)),
                                                       parameter(3, dns_number(1, 2))}))
                  .starts_with("\\# "))
      << "keys increase";
}

TEST(DnsRdata, what_is_not_of_its_form_is_shown_as_it_is) {
  EXPECT_EQ(rdata_text(65280, dns_number(0x0a000001, 4)), "\\# 4 0a000001");
  EXPECT_EQ(rdata_text(65280, {}), "\\# 0");
  for (const std::uint16_t type :
       {dns_type::kA, dns_type::kAaaa, dns_type::kCname, dns_type::kMx, dns_type::kTxt, dns_type::kSoa, dns_type::kSrv,
        dns_type::kCaa, dns_type::kHttps, dns_type::kSvcb, dns_type::kDs, dns_type::kDnskey})
    EXPECT_EQ(rdata_text(type, {}), "\\# 0") << type;
  EXPECT_EQ(rdata_text(dns_type::kA, dns_number(1, 3)), "\\# 3 000001");
  EXPECT_EQ(rdata_text(dns_type::kTxt, dns_number(0x05, 1)), "\\# 1 05");
  EXPECT_EQ(rdata_text(dns_type::kCname, dns_joined({dns_name_bytes("a"), dns_number(0, 1)})), "\\# 4 01610000")
      << "bytes behind the name";
  EXPECT_EQ(rdata_text(dns_type::kCaa, dns_joined({dns_number(0, 1), dns_string("a b"), dns_number('x', 1)})),
            "\\# 6 000361206278")
      << "a tag is letters and digits";
}

// --- against c-ares ---

const auto* raw(const DnsBytes& bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
std::string dotted(std::string name) { return name + "."; }

TEST(DnsAgainstCares, addresses_behind_an_alias) {
  DnsBuilder message;
  message.question("www.example", dns_type::kA)
      .alias("www.example", 100, "web.example")
      .address("web.example", 200, 0x01020304)
      .address("web.example", 300, 0x05060708);
  hostent* host = nullptr;
  std::array<ares_addrttl, 4> theirs{};
  int count = 4;
  ASSERT_EQ(
      ares_parse_a_reply(raw(message.bytes()), static_cast<int>(message.bytes().size()), &host, theirs.data(), &count),
      ARES_SUCCESS);
  const std::unique_ptr<hostent, decltype(&ares_free_hostent)> keep(host, ares_free_hostent);
  const std::vector<DnsRecord> ours = records_of(message.bytes());
  ASSERT_EQ(count, 2);
  ASSERT_EQ(ours.size(), 3U);
  EXPECT_EQ(ours[1].name.text(), dotted(host->h_name));
  EXPECT_EQ(dns_rdata_text(ours[0]), dotted(host->h_name));
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(dns_address(ours[i + 1])->v4_bits(), ntohl(theirs[i].ipaddr.s_addr));
}

TEST(DnsAgainstCares, ipv6_addresses) {
  DnsBuilder message;
  message.question("www.example", dns_type::kAaaa)
      .record(DnsSection::kAnswer, dns_pointer(12), dns_type::kAaaa, 77,
              dns_joined({dns_number(0x20010db8, 4), dns_number(42, 12)}));
  std::array<ares_addr6ttl, 4> theirs{};
  int count = 4;
  ASSERT_EQ(ares_parse_aaaa_reply(raw(message.bytes()), static_cast<int>(message.bytes().size()), nullptr,
                                  theirs.data(), &count),
            ARES_SUCCESS);
  ASSERT_EQ(count, 1);
  const DnsRecord ours = records_of(message.bytes()).at(0);
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, &theirs[0].ip6addr, text.data(), text.size());
  EXPECT_EQ(dns_rdata_text(ours), text.data());
  EXPECT_EQ(ours.ttl, static_cast<std::uint32_t>(theirs[0].ttl));
}

TEST(DnsAgainstCares, mail_exchangers) {
  DnsBuilder message;
  message.question("example", dns_type::kMx);
  for (std::uint16_t i = 0; i < 3; ++i)
    message.record(DnsSection::kAnswer, dns_pointer(12), dns_type::kMx, 60,
                   dns_joined({dns_number(10U * i, 2), dns_string("mx" + std::to_string(i)), dns_pointer(12)}));
  ares_mx_reply* theirs = nullptr;
  ASSERT_EQ(ares_parse_mx_reply(raw(message.bytes()), static_cast<int>(message.bytes().size()), &theirs), ARES_SUCCESS);
  const std::vector<DnsRecord> ours = records_of(message.bytes());
  std::size_t i = 0;
  for (const ares_mx_reply* mx = theirs; mx != nullptr; mx = mx->next, ++i)
    EXPECT_EQ(dns_rdata_text(ours.at(i)), std::to_string(mx->priority) + " " + dotted(mx->host));
  EXPECT_EQ(i, 3U);
  ares_free_data(theirs);
}

TEST(DnsAgainstCares, texts) {
  DnsBuilder message;
  message.question("example", dns_type::kTxt)
      .record(DnsSection::kAnswer, dns_pointer(12), dns_type::kTxt, 60,
              dns_joined({dns_string("v=spf1 -all"), dns_string("second")}));
  ares_txt_reply* theirs = nullptr;
  ASSERT_EQ(ares_parse_txt_reply(raw(message.bytes()), static_cast<int>(message.bytes().size()), &theirs),
            ARES_SUCCESS);
  std::string text;
  for (const ares_txt_reply* part = theirs; part != nullptr; part = part->next)
    text += (text.empty() ? "\"" : " \"") + std::string(reinterpret_cast<const char*>(part->txt), part->length) + "\"";
  EXPECT_EQ(dns_rdata_text(records_of(message.bytes()).at(0)), text);
  ares_free_data(theirs);
}

TEST(DnsAgainstCares, start_of_authority) {
  DnsBuilder message;
  message.question("example", dns_type::kSoa)
      .record(DnsSection::kAnswer, dns_pointer(12), dns_type::kSoa, 60,
              dns_joined({dns_string("ns1"), dns_pointer(12), dns_string("host.master"), dns_pointer(12),
                          dns_number(2026070501, 4), dns_number(7200, 4), dns_number(900, 4), dns_number(1209600, 4),
                          dns_number(3600, 4)}));
  ares_soa_reply* theirs = nullptr;
  ASSERT_EQ(ares_parse_soa_reply(raw(message.bytes()), static_cast<int>(message.bytes().size()), &theirs),
            ARES_SUCCESS);
  EXPECT_EQ(dns_rdata_text(records_of(message.bytes()).at(0)),
            dotted(theirs->nsname) + " " + dotted(theirs->hostmaster) + " " + std::to_string(theirs->serial) + " " +
                std::to_string(theirs->refresh) + " " + std::to_string(theirs->retry) + " " +
                std::to_string(theirs->expire) + " " + std::to_string(theirs->minttl));
  EXPECT_EQ(dns_soa(records_of(message.bytes()).at(0))->mailbox.text(), "host\\.master.example.");
  ares_free_data(theirs);
}

}  // namespace
}  // namespace sonde::wire
