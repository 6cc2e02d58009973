// What a report says of records, and that its sums agree.
#include "report/report_tally.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "report/html_json.h"
#include "report/report_message.h"
#include "report/report_page.h"
#include "sonde/v1/scan_report.pb.h"

namespace sonde::report {
namespace {

using results::Outcome;

RecordFacts facts_of(std::uint32_t ip, std::uint16_t port, Outcome outcome) {
  RecordFacts facts;
  facts.ended_us = 1'795'382'796'000'000;
  facts.ip = IpAddress::v4(ip);
  facts.port = port;
  facts.probe = "tcp";
  facts.outcome = static_cast<std::uint8_t>(outcome);
  facts.attempts = 1;
  return facts;
}

// Records of every kind, by a seed; texts are literals.
RecordFacts random_facts(std::mt19937& random) {
  const auto pick = [&random](auto... texts) {
    const std::array<std::string_view, sizeof...(texts)> all = {texts...};
    return all[random() % all.size()];
  };
  RecordFacts facts;
  facts.ended_us = random() % 5 == 0 ? 0 : 1'795'382'796'000'000 + static_cast<std::int64_t>(random() % 4'000'000'000);
  switch (random() % 8) {
    case 0:
      break;
    case 1:
      facts.ip = IpAddress::v6((U128{0x20010db800000000 + random() % 9} << 64) | random());
      break;
    default:
      facts.ip = IpAddress::v4(0x0a000000 + random() % 70'000);
  }
  facts.port = static_cast<std::uint16_t>(random() % 4 == 0 ? random() % 1'000 : 443);
  facts.host = pick("", "", "a.test", "b.test");
  facts.probe = pick("tcp", "tls", "http", "banner");
  facts.outcome = static_cast<std::uint8_t>(random() % 3 == 0 ? random() % kOutcomes : kSuccess);
  facts.phase = static_cast<std::uint8_t>(random() % kPhases);
  facts.cause = static_cast<std::uint8_t>(random() % kCauses);
  facts.attempts = random() % 12;
  for (auto& us : facts.timing_us) us = static_cast<std::int64_t>(random() % 100'000) - 1'000;
  facts.tls_version = pick("", "TLS1.0", "TLS1.2", "TLS1.3");
  facts.tls_cipher = pick("", "A", "B");
  facts.has_certificate = random() % 2 == 0;
  facts.issuer = pick("", "CA one", "CA two");
  facts.not_after_us = random() % 3 == 0 ? 0 : facts.ended_us + static_cast<std::int64_t>(random()) * 1'000'000;
  facts.expired = random() % 9 == 0;
  facts.self_signed = random() % 3 == 0;
  facts.wrong_name = random() % 3 == 0;
  facts.not_yet_valid = random() % 30 == 0;
  if (random() % 2 == 0) facts.verified = random() % 2 == 0;
  facts.protocol = pick("", "ssh", "smtp", "http", "tls", "unknown");
  facts.product = pick("", "OpenSSH", "Exim");
  facts.suspect = pick("", "", "", "", "silent", "same_answer");
  facts.http_server = pick("", "nginx");
  facts.title = pick("", "Welcome");
  facts.http_status = random() % 2 == 0 ? 0 : 200 + random() % 3;
  return facts;
}

std::uint64_t sum(const auto& rows) {
  std::uint64_t total = 0;
  for (const auto& row : rows) total += row.count();
  return total;
}

std::uint64_t sum(const v1::CountTable& table) { return sum(table.rows()) + table.others(); }

TEST(ReportTally, merged_parts_are_the_whole) {
  std::mt19937 random(17);
  ReportTally whole;
  std::array<ReportTally, 4> parts;
  for (int i = 0; i < 20'000; ++i) {
    const RecordFacts facts = random_facts(random);
    whole.add(facts);
    parts[random() % parts.size()].add(facts);
  }
  ReportTally merged;
  for (const ReportTally& part : parts) merged.merge(part);
  EXPECT_EQ(report_json(merged, {}, 1), report_json(whole, {}, 1));
}

TEST(ReportTally, its_sums_agree) {
  std::mt19937 random(18);
  ReportTally tally;
  for (int i = 0; i < 20'000; ++i) tally.add(random_facts(random));
  v1::ScanReport report;
  fill(tally, report);
  EXPECT_EQ(report.records(), 20'000U);
  EXPECT_EQ(sum(report.outcomes()), report.records());
  EXPECT_EQ(sum(report.probes()), report.records());
  EXPECT_EQ(sum(report.attempts()), report.records());
  std::uint64_t by_port = report.ports_others();
  for (const v1::PortRow& row : report.ports()) {
    EXPECT_EQ(sum(row.outcomes()), row.records());
    by_port += row.records();
  }
  EXPECT_EQ(by_port, report.records());
  EXPECT_EQ(report.ports().size(), 200);
  EXPECT_GT(report.ports_distinct(), 200U);
  EXPECT_EQ(sum(report.errors()), report.records() - report.outcomes(0).count());
  EXPECT_EQ(report.map().v4() + report.map().v6() + report.map().without_address(), report.records());
  EXPECT_EQ(sum(report.map().v6_prefixes()), report.map().v6());
  std::uint64_t timed = report.series().untimed();
  for (const std::uint64_t records : report.series().records()) timed += records;
  EXPECT_EQ(timed, report.records());
  EXPECT_EQ(sum(report.tls().versions()), report.tls().handshakes());
  EXPECT_EQ(sum(report.tls().expiry()), report.tls().certificates());
  for (const v1::PhaseLatency& phase : report.latency()) {
    std::uint64_t count = 0;
    for (const std::uint64_t bucket : phase.buckets()) count += bucket;
    EXPECT_EQ(count, phase.count());
    EXPECT_LE(phase.p50_us(), phase.p90_us());
    EXPECT_LE(phase.p99_us(), phase.max_us());
  }
}

TEST(ReportTally, hostile_records_meet_its_bounds) {
  ReportTally tally;
  std::string name;
  for (std::uint32_t i = 0; i < 30'000; ++i) {
    RecordFacts facts = facts_of(i * 2'654'435'761U, static_cast<std::uint16_t>(i), Outcome::kSuccess);
    name = std::to_string(i) + std::string(1'000, 'x');
    facts.probe = facts.host = facts.tls_version = facts.tls_cipher = facts.issuer = facts.protocol = facts.product =
        name;
    facts.http_server = facts.title = name;
    facts.has_certificate = true;
    facts.http_status = i;
    facts.ended_us = static_cast<std::int64_t>(i) * 1'000'000'000'000;
    facts.timing_us.fill(static_cast<std::int64_t>(i) << 40);
    tally.add(facts);
  }
  v1::ScanReport report;
  fill(tally, report);
  EXPECT_EQ(sum(report.probes()), 30'000U);
  EXPECT_TRUE(report.probes().lower_bounds());
  EXPECT_LE(report.ByteSizeLong(), 1'000'000U);
  EXPECT_LE(report_json(tally, {}, 1).size(), 1'000'000U);
}

TEST(ReportTally, certificates_stand_by_the_time_they_have_left) {
  ReportTally tally;
  constexpr std::int64_t kDay = 86'400'000'000;
  for (const std::int64_t days : {-1, 0, 6, 7, 29, 31, 364, 366}) {
    RecordFacts facts = facts_of(1, 443, Outcome::kSuccess);
    facts.has_certificate = true;
    facts.not_after_us = facts.ended_us + days * kDay;
    tally.add(facts);
  }
  RecordFacts untold = facts_of(1, 443, Outcome::kSuccess);
  untold.has_certificate = true;
  tally.add(untold);
  EXPECT_EQ(tally.expiry, (decltype(tally.expiry){1, 2, 2, 1, 1, 1, 1}));
}

TEST(ReportTally, the_slowest_are_of_the_successes) {
  ReportTally tally;
  for (std::uint32_t i = 0; i < 1'000; ++i) {
    RecordFacts facts = facts_of(i, 80, i % 2 == 0 ? Outcome::kSuccess : Outcome::kTimeout);
    facts.timing_us[6] = i;
    tally.add(facts);
  }
  ASSERT_EQ(tally.slowest.targets().size(), kSlowest);
  EXPECT_EQ(tally.slowest.targets().front().total_us, 998U);
  EXPECT_EQ(tally.slowest.targets().back().total_us, 900U);
}

const StrangeTargets::Kind& kind(const auto& kinds, Strange which) { return kinds[static_cast<std::size_t>(which)]; }

TEST(StrangeTargets, one_of_many_on_a_port_is_rare) {
  StrangeTargets strange;
  for (std::uint32_t i = 0; i < 99; ++i) {
    RecordFacts facts = facts_of(i, 22, Outcome::kSuccess);
    facts.protocol = i == 50 ? "smtp" : "ssh";
    strange.add(facts);
  }
  const auto kinds = strange.kinds();
  ASSERT_EQ(kind(kinds, Strange::kRare).count, 1U);
  EXPECT_EQ(kind(kinds, Strange::kRare).examples.targets()[0].ip, IpAddress::v4(50));
  EXPECT_EQ(kind(kinds, Strange::kRare).examples.targets()[0].reason, "smtp: 1 of 99 on this port, most are ssh");
  EXPECT_EQ(kind(kinds, Strange::kOddPort).count, 1U) << "smtp on a port of ssh";
  EXPECT_EQ(strange.most_frequent(22), "ssh");
  EXPECT_EQ(strange.most_frequent(23), "");
}

TEST(StrangeTargets, of_few_answers_none_is_rare) {
  StrangeTargets strange;
  for (std::uint32_t i = 0; i < 19; ++i) {
    RecordFacts facts = facts_of(i, 7777, Outcome::kSuccess);
    facts.protocol = i == 0 ? "redis" : "ssh";
    strange.add(facts);
  }
  EXPECT_EQ(kind(strange.kinds(), Strange::kRare).count, 0U);
}

TEST(StrangeTargets, tls_is_odd_where_custom_has_something_else) {
  StrangeTargets strange;
  for (const std::uint16_t port : {443, 8443, 993, 9443}) {
    RecordFacts facts = facts_of(1, port, Outcome::kSuccess);
    facts.tls_version = "TLS1.3";
    strange.add(facts);
  }
  EXPECT_EQ(kind(strange.kinds(), Strange::kTlsOnOddPort).count, 0U);
  RecordFacts facts = facts_of(1, 22, Outcome::kSuccess);
  facts.tls_version = "TLS1.1";
  strange.add(facts);
  EXPECT_EQ(kind(strange.kinds(), Strange::kTlsOnOddPort).examples.targets()[0].reason, "TLS on a port of ssh");
  EXPECT_EQ(kind(strange.kinds(), Strange::kOldTls).count, 1U);
  EXPECT_EQ(kind(strange.kinds(), Strange::kOddPort).count, 0U) << "one reason is enough";
}

TEST(StrangeTargets, certificates_and_tarpits_have_their_reasons) {
  StrangeTargets strange;
  RecordFacts facts = facts_of(1, 443, Outcome::kTimeout);
  facts.has_certificate = facts.expired = facts.self_signed = facts.wrong_name = true;
  facts.not_after_us = facts.ended_us - std::int64_t{12} * 86'400'000'000 - 1;
  facts.suspect = "silent";
  facts.cause = static_cast<std::uint8_t>(results::Cause::kZeroWindow);
  strange.add(facts);
  const auto kinds = strange.kinds();
  EXPECT_EQ(kind(kinds, Strange::kExpired).examples.targets()[0].reason, "expired 12 days before");
  EXPECT_EQ(kind(kinds, Strange::kSelfSigned).count, 1U);
  EXPECT_EQ(kind(kinds, Strange::kWrongName).count, 0U) << "no name was asked for";
  EXPECT_EQ(kind(kinds, Strange::kSuspect).count, 1U);
  EXPECT_EQ(kind(kinds, Strange::kStalled).count, 1U);
}

TEST(ReportJson, no_record_breaks_out_of_a_script_element) {
  ReportTally tally;
  RecordFacts facts = facts_of(1, 80, Outcome::kSuccess);
  facts.probe = "</script><!--<script>&\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa";
  tally.add(facts);
  const std::string json = report_json(tally, {.names = {"</script>"}}, 1);
  EXPECT_EQ(json.find_first_of("<>&"), std::string::npos);
  EXPECT_EQ(json.find("\xe2\x80\xa8"), std::string::npos);
  EXPECT_EQ(json.find("\xe2\x80\xa9"), std::string::npos);
  EXPECT_NE(json.find("\\u2028"), std::string::npos);
}

TEST(ReportPage, data_goes_into_its_element_alone) {
  const std::string page = R"(<p>report-data</p><script type="application/json" id="report-data"></script><p>end)";
  EXPECT_EQ(page_with(page, "{}"),
            R"(<p>report-data</p><script type="application/json" id="report-data">{}</script><p>end)");
  EXPECT_EQ(page_with("<p>", "{}"), std::nullopt);
}

TEST(ReportJson, escaping_touches_nothing_else) {
  EXPECT_EQ(safe_in_html("{\"a\":\"\xe2\x80\xaa \xe2\x80\"}"), "{\"a\":\"\xe2\x80\xaa \xe2\x80\"}");
  EXPECT_EQ(safe_in_html("<&>"), "\\u003c\\u0026\\u003e");
}

}  // namespace
}  // namespace sonde::report
