#include "wire/dns_record_text.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "wire/dns_builder.h"

namespace sonde::wire {
namespace {

DnsBytes bytes_of(std::string_view hex) {
  DnsBytes bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return bytes;
}

// The text of the one answer in a message; "broken" where it has none.
std::string text_of(const DnsBytes& message) {
  DnsReader reader(message);
  DnsRecord record;
  if (!reader.next_record(record)) return "no record";
  return dns_record_text(record).value_or("broken");
}
std::string text_of(std::uint16_t type, const DnsBytes& rdata, std::uint16_t klass = 1) {
  return text_of(DnsBuilder().record(DnsSection::kAnswer, dns_name_bytes("a.test"), type, 60, rdata, klass).bytes());
}

// Records as bytes, and what blackbox_exporter 0.23 logs of them ("Validating RR").
constexpr struct {
  const char* bytes;
  const char* text;
} kSamples[] = {
    {"0161047465737400000100010000003c00047f000001", "a.test.\t60\tIN\tA\t127.0.0.1"},
    {"0161047465737400001c00010000003d001000000000000000000000000000000001", "a.test.\t61\tIN\tAAAA\t::1"},
    {"0141045465737400000500010000003e00080163047465737400", "A.Test.\t62\tIN\tCNAME\tc.test."},
    {"0161047465737400000200010000003f0009026e73047465737400", "a.test.\t63\tIN\tNS\tns.test."},
    {"0161047465737400000f000100000040000b000a026d78047465737400", "a.test.\t64\tIN\tMX\t10 mx.test."},
    {"0161047465737400001000010000004100130b68656c6c6f20776f726c640671225c3b01ff",
     "a.test.\t65\tIN\tTXT\t\"hello world\" \"q\\\"\\\\;\\001\\255\""},
    {"01610474657374000006000100000042002a026e73047465737400026164036d696e04746573740078c275f50000000200000003000000040"
     "0000005",
     "a.test.\t66\tIN\tSOA\tns.test. ad.min.test. 2026010101 2 3 4 5"},
    {"01610474657374000021000100000043000e0001000201bb0173047465737400", "a.test.\t67\tIN\tSRV\t1 2 443 s.test."},
    {"01610474657374000101000100000044000e0005697373756563612e74657374", "a.test.\t68\tIN\tCAA\t0 issue \"ca.test\""},
    {"01610474657374000040000100000045002800010373766304746573740000010006026832026833000200000003000220fb000400047f000"
     "001",
     "a.test.\t69\tIN\tSVCB\t1 svc.test. alpn=\"h2,h3\" no-default-alpn=\"\" port=\"8443\" ipv4hint=\"127.0.0.1\""},
    {"016104746573740000410001000000460003000000", "a.test.\t70\tIN\tHTTPS\t0 ."},
    {"0161047465737400002b0001000000470024303908020a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223242526272829",
     "a.test.\t71\tIN\tDS\t12345 8 2 0A0B0C0D0E0F101112131415161718191A1B1C1D1E1F20212223242526272829"},
    {"01610474657374000030000100000048001801000308000102030405060708090a0b0c0d0e0f10111213",
     "a.test.\t72\tIN\tDNSKEY\t256 3 8 AAECAwQFBgcICQoLDA0ODxAREhM="},
    {"0161047465737400000d0001000000490009075246433834383200", "a.test.\t73\tIN\tHINFO\t\"RFC8482\" \"\""},
    {"0161047465737400ff0000010000004a0002abcd", "a.test.\t74\tCLASS1\tTYPE65280\t\\# 2 abcd"},
    {"00000c00010000004b00080170047465737400", ".\t75\tIN\tPTR\tp.test."},
    {"0161047465737400002700010000004c00080164047465737400", "a.test.\t76\tIN\tDNAME\td.test."},
    {"0161047465737400000100030000004d00047f000002", "a.test.\t77\tCH\tA\t127.0.0.2"},
    {"0161047465737400001000030000004e00020178", "a.test.\t78\tCH\tTXT\t\"x\""},
    {"0161047465737400001000ff0000004e00020178", "a.test.\t78\tCLASS255\tTXT\t\"x\""},
    {"0161047465737400000100010000004f0000", "a.test.\t79\tIN\tA\t"},
    {"01610474657374000011000100000050001001720474657374000174047465737400", "a.test.\t80\tIN\tRP\tr.test. t.test."},
    {"01610474657374000023000100000051001e000100020175074532552b7369700e215e2e2a24217369703a6940782100",
     "a.test.\t81\tIN\tNAPTR\t1 2 \"u\" \"E2U+sip\" \"!^.*$!sip:i@x!\" ."},
    {"0161047465737400002c00010000005200160102a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3",
     "a.test.\t82\tIN\tSSHFP\t1 2 A0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3"},
    {"016104746573740000340001000000530023030101a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf",
     "a.test.\t83\tIN\tTLSA\t3 1 1 a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"},
    {"0161047465737400002e000100000054001c0001080200000e106553f10064bb5a80126704746573740073696721",
     "a.test.\t84\tIN\tRRSIG\tA 8 2 3600 20231114221320 20230722042640 4711 test. c2lnIQ=="},
    {"0161047465737400002f00010000005500110162047465737400000762018008000380",
     "a.test.\t85\tIN\tNSEC\tb.test. A NS SOA MX TXT AAAA RRSIG NSEC DNSKEY"},
    {"01610474657374000100000100000056000e0001000268747470733a2f2f782f", "a.test.\t86\tIN\tURI\t1 2 \"https://x/\""},
    {"01610474657374000012000100000057000c000103616673047465737400", "a.test.\t87\tIN\tAFSDB\t1 afs.test."},
    {"01610474657374000063000100000058000403737066", "a.test.\t88\tIN\tSPF\t\"spf\""},
    {"0161047465737400003300010000005a00090100000a04aabbccdd", "a.test.\t90\tIN\tNSEC3PARAM\t1 0 10 AABBCCDD"},
    {"0161047465737400003b00010000005c002430390802000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
     "a.test.\t92\tIN\tCDS\t12345 8 2 000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"},
    {"0161047465737400001d00010000005e0010001216138b3cf018810cbce0009895b8",
     "a.test.\t94\tIN\tLOC\t52 22 23.000 N 04 53 32.000 E -2m 1m 10000m 10m"},
    {"0161047465737400001d00010000005f0010005091f17ffffffb6597a8d200989b52",
     "a.test.\t95\tIN\tLOC\t00 00 0.005 S 123 04 5.678 W 12.34m 0.05m 0.90m 0.150m"},
    {"016104746573740000010001ffffffff00047f000001", "a.test.\t4294967295\tIN\tA\t127.0.0.1"},
    {"0161047465737400003c00010000005d001801000308000102030405060708090a0b0c0d0e0f10111213",
     "a.test.\t93\tIN\tCDNSKEY\t256 3 8 AAECAwQFBgcICQoLDA0ODxAREhM="},
};

TEST(DnsRecordText, is_that_of_blackbox_exporter) {
  for (const auto& [bytes, text] : kSamples) {
    DnsBytes message = DnsBuilder().miscount(6, 1).bytes();
    const DnsBytes record = bytes_of(bytes);
    message.insert(message.end(), record.begin(), record.end());
    EXPECT_EQ(text_of(message), text);
  }
}

TEST(DnsRecordText, opt_is_a_comment) {
  const auto opt = [](std::uint32_t ttl, const DnsBytes& options) {
    return text_of(
        DnsBuilder().record(DnsSection::kAnswer, dns_name_bytes("."), dns_type::kOpt, ttl, options, 1232).bytes());
  };
  EXPECT_EQ(opt(0x01008000, {}), "\n;; OPT PSEUDOSECTION:\n; EDNS: version 0; flags: do; udp: 1232");
  EXPECT_EQ(opt(0x00010000, dns_number(0x000a00020102, 6)),
            "\n;; OPT PSEUDOSECTION:\n; EDNS: version 1; flags:; udp: 1232");
  EXPECT_EQ(opt(0, dns_number('a', 3)), "broken");
}

TEST(DnsRecordText, values_of_service_parameters_are_quoted) {
  const DnsBytes front = dns_joined({dns_number(1, 2), dns_name_bytes("b")});
  const auto service = [&](std::uint16_t key, const DnsBytes& value) {
    const std::string text =
        text_of(dns_type::kHttps, dns_joined({front, dns_number(key, 2), dns_number(value.size(), 2), value}));
    return text.substr(text.rfind('\t') + 1);
  };
  EXPECT_EQ(service(1, dns_string("h 2")), "1 b. alpn=\"h 2\"");
  EXPECT_EQ(service(2, {}), "1 b. no-default-alpn=\"\"");
  EXPECT_EQ(service(3, dns_number(443, 2)), "1 b. port=\"443\"");
  EXPECT_EQ(service(667, {}), "1 b. key667=\"\"");
}

TEST(DnsRecordText, data_that_is_not_of_its_type_is_broken) {
  for (const std::uint16_t type :
       {1, 2, 5, 6, 12, 13, 15, 17, 18, 28, 33, 35, 39, 43, 44, 46, 47, 48, 51, 52, 64, 65, 256, 257})
    EXPECT_EQ(text_of(type, dns_number(0x50, 1)), "broken") << type;
  EXPECT_EQ(text_of(16, dns_number(5, 1)), "broken");
  EXPECT_EQ(text_of(13, dns_joined({dns_string("a"), dns_string("b"), dns_string("c")})), "broken");
  EXPECT_EQ(text_of(47, dns_joined({dns_name_bytes("b"), dns_number(0x0021, 2), dns_number(0, 33)})), "broken");
}

TEST(DnsRecordText, no_data_is_of_every_type) {
  for (const std::uint16_t type : {1, 2, 6, 16, 46, 47, 65}) {
    const std::string text = text_of(type, {});
    EXPECT_TRUE(text.starts_with("a.test.\t60\tIN\t") && text.ends_with('\t')) << text;
  }
  EXPECT_EQ(text_of(65280, {}), "a.test.\t60\tCLASS1\tTYPE65280\t\\# 0");
}

}  // namespace
}  // namespace sonde::wire
