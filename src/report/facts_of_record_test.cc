// A record in the making and its line must tell a report the same.
#include "report/facts_of_record.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

#include "report/record_reader.h"
#include "results/encoder.h"

namespace sonde::report {
namespace {

using results::FieldType;
using results::Value;

constexpr auto kFields = std::to_array<results::FieldDef>({
    {"tls.version", FieldType::kString, ""},
    {"tls.cipher", FieldType::kString, ""},
    {"tls.verified", FieldType::kBoolean, ""},
    {"tls.certificate.subject_cn", FieldType::kString, ""},
    {"tls.certificate.issuer_cn", FieldType::kString, ""},
    {"tls.certificate.issuer_dn", FieldType::kString, ""},
    {"tls.certificate.not_after", FieldType::kString, ""},
    {"tls.certificate.self_signed", FieldType::kBoolean, ""},
    {"tls.certificate.expired", FieldType::kBoolean, ""},
    {"tls.certificate.not_yet_valid", FieldType::kBoolean, ""},
    {"tls.certificate.host_matches", FieldType::kBoolean, ""},
    {"http.url", FieldType::kString, ""},
    {"http.status", FieldType::kInteger, ""},
    {"http.title", FieldType::kString, ""},
    {"http.headers", FieldType::kJson, ""},
    {"banner.protocol", FieldType::kString, ""},
    {"banner.product", FieldType::kString, ""},
    {"banner.suspect", FieldType::kString, ""},
    {"banner.tls", FieldType::kString, ""},
});

Value random_value(FieldType type, std::string_view path, std::mt19937& random) {
  if (random() % 3 == 0) return {};
  switch (type) {
    case FieldType::kInteger:
      return static_cast<std::int64_t>(random() % 600);
    case FieldType::kBoolean:
      return random() % 2 == 0;
    case FieldType::kJson:
      return results::Json{random() % 2 == 0 ? R"({"date":"x","server":"nginx"})" : R"({"server":["a","b"]})"};
    default:
      break;
  }
  if (path.ends_with("not_after")) return std::string("2036-11-19T21:00:00Z");
  return std::string(random() % 2 == 0 ? "one \"text\"" : "another");
}

void expect_same(const RecordFacts& a, const RecordFacts& b) {
  EXPECT_EQ(a.ended_us, b.ended_us);
  EXPECT_EQ(a.ip, b.ip);
  EXPECT_EQ(a.port, b.port);
  EXPECT_EQ(a.host, b.host);
  EXPECT_EQ(a.probe, b.probe);
  EXPECT_EQ(a.outcome, b.outcome);
  EXPECT_EQ(a.phase, b.phase);
  EXPECT_EQ(a.cause, b.cause);
  EXPECT_EQ(a.attempts, b.attempts);
  EXPECT_EQ(a.timing_us, b.timing_us);
  EXPECT_EQ(a.tls_version, b.tls_version);
  EXPECT_EQ(a.tls_cipher, b.tls_cipher);
  EXPECT_EQ(a.has_certificate, b.has_certificate);
  EXPECT_EQ(a.issuer, b.issuer);
  EXPECT_EQ(a.not_after_us, b.not_after_us);
  EXPECT_EQ(a.verified, b.verified);
  EXPECT_EQ(a.expired, b.expired);
  EXPECT_EQ(a.self_signed, b.self_signed);
  EXPECT_EQ(a.not_yet_valid, b.not_yet_valid);
  EXPECT_EQ(a.wrong_name, b.wrong_name);
  EXPECT_EQ(a.protocol, b.protocol);
  EXPECT_EQ(a.product, b.product);
  EXPECT_EQ(a.suspect, b.suspect);
  EXPECT_EQ(a.http_server, b.http_server);
  EXPECT_EQ(a.title, b.title);
  EXPECT_EQ(a.http_status, b.http_status);
}

TEST(FactsOfRecord, are_those_of_its_line) {
  results::Schema schema;
  const std::uint32_t first = schema.add(kFields);
  const auto encoder = results::make_ndjson_encoder(schema, *schema.select({}));
  FactsOfRecord facts_of(schema);
  RecordReader reader;
  std::mt19937 random(23);
  for (int i = 0; i < 500; ++i) {
    std::vector<Value> values;
    for (const results::FieldDef& field : kFields) values.push_back(random_value(field.type, field.path, random));
    results::Record record;
    record.unix_time = 1'795'382'796'123'456'000 + static_cast<Nanos>(random());
    if (i % 3 != 0) record.ip = i % 3 == 1 ? IpAddress::v4(random()) : IpAddress::v6(U128{random()} << 90 | 1);
    record.port = static_cast<std::uint16_t>(random());
    record.host = i % 2 == 0 ? "" : "host.test";
    record.probe = "http";
    record.outcome = static_cast<results::Outcome>(random() % results::kOutcomeNames.size());
    record.phase = static_cast<results::Phase>(random() % results::kPhaseNames.size());
    record.cause = static_cast<results::Cause>(random() % results::kCauseNames.size());
    record.attempts = 1 + random() % 3;
    for (std::int32_t& us : record.timing_us)
      us = random() % 3 == 0 ? results::kNoTiming : static_cast<std::int32_t>(random() % 1'000'000);
    record.values = values;
    record.first_value_id = first;
    std::string line;
    encoder->append(record, line);
    line.pop_back();
    const std::size_t size = line.size();
    line.resize(size + RecordReader::kPadding);
    RecordFacts from_line, from_record;
    ASSERT_EQ(reader.read(std::string_view(line).substr(0, size), from_line), nullptr) << line;
    facts_of.read(record, from_record);
    expect_same(from_record, from_line);
    ASSERT_FALSE(HasFailure()) << line;
  }
}

}  // namespace
}  // namespace sonde::report
