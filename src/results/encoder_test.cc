#include "results/encoder.h"

#include <gtest/gtest.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "base/mix.h"
#include "results/field_value.h"

namespace sonde::results {
namespace {

constexpr FieldDef kFields[] = {{"banner.protocol", FieldType::kString, "", true},
                                {"banner.bytes", FieldType::kInteger, ""},
                                {"banner.tls", FieldType::kBoolean, ""},
                                {"banner.names", FieldType::kStringList, ""}};

class EncoderTest : public testing::Test {
 protected:
  EncoderTest() {
    first_ = schema_.add(kFields);
    record_.unix_time = 1'795'382'796'123'456'789;
    record_.ip = *parse_ip("127.0.0.1");
    record_.port = 443;
    record_.host = "localhost";
    record_.probe = "banner";
    record_.timing_us.fill(kNoTiming);
    record_.timing_us[static_cast<std::size_t>(Phase::kConnect)] = 143;
    record_.timing_us[static_cast<std::size_t>(Phase::kDone)] = 3190;
    record_.first_value_id = first_;
    record_.values = values_;
  }
  std::string encode(const Encoder& encoder) const {
    std::string out;
    encoder.append(record_, out);
    return out;
  }
  std::string ndjson(std::vector<std::string> fields) const {
    return encode(*make_ndjson_encoder(schema_, *schema_.select(fields)));
  }

  Schema schema_;
  std::uint32_t first_ = 0;
  std::vector<Value> values_ = {std::string("ssh"), std::int64_t{40}, Value(), std::vector<std::string>{"a", "b\"c"}};
  Record record_;
};

TEST_F(EncoderTest, ndjson_nests_and_leaves_out_what_does_not_apply) {
  EXPECT_EQ(
      ndjson({}),
      R"({"ts":"2026-11-22T21:26:36.123456Z","ip":"127.0.0.1","port":443,"host":"localhost","probe":"banner","outcome":"success",)"
      R"("phase":"done","attempts":1,"timing_us":{"connect":143,"total":3190},)"
      R"("banner":{"protocol":"ssh","bytes":40,"names":["a","b\"c"]}})"
      "\n");
}

TEST_F(EncoderTest, fields_come_in_the_order_they_were_named_and_groups_stand_for_all_below) {
  EXPECT_EQ(ndjson({"banner.bytes", "ip", "timing_us", "banner.protocol"}),
            "{\"banner\":{\"bytes\":40,\"protocol\":\"ssh\"},\"ip\":\"127.0.0.1\",\"timing_us\":{\"connect\":143,"
            "\"total\":3190}}\n");
  EXPECT_EQ(ndjson({"ip", "ip"}), "{\"ip\":\"127.0.0.1\"}\n");
}

TEST_F(EncoderTest, a_record_of_another_module_has_none_of_these_fields) {
  record_.values = {};
  record_.first_value_id = 0;
  EXPECT_EQ(ndjson({"banner", "port"}), "{\"port\":443}\n");
}

TEST_F(EncoderTest, what_has_no_port_shows_none) {
  record_.port = 0;
  EXPECT_EQ(ndjson({"ip", "port", "host"}), "{\"ip\":\"127.0.0.1\",\"host\":\"localhost\"}\n");
  const auto ids = *schema_.select(std::vector<std::string>{"ip", "port", "host"});
  EXPECT_EQ(encode(*make_csv_encoder(schema_, ids)), "127.0.0.1,,localhost\n");
  EXPECT_TRUE(encode(*make_table_encoder(schema_, {}, false)).starts_with("127.0.0.1  "));
  record_.ip = IpAddress();
  EXPECT_TRUE(encode(*make_table_encoder(schema_, {}, false)).starts_with("localhost  "));
}

TEST_F(EncoderTest, csv_has_a_header_of_paths_and_quotes_what_needs_it) {
  const auto ids = *schema_.select(std::vector<std::string>{"ip", "banner.names", "banner.tls", "banner.bytes"});
  const auto encoder = make_csv_encoder(schema_, ids);
  EXPECT_EQ(encoder->header(), "ip,banner.names,banner.tls,banner.bytes\n");
  EXPECT_EQ(encode(*encoder), "127.0.0.1,\"a;b\"\"c\",,40\n");
}

TEST_F(EncoderTest, a_path_of_two_modules_of_a_pass_is_one_column) {
  const std::uint32_t other = schema_.add(kFields);
  const auto ids = *schema_.select(std::vector<std::string>{"port", "banner.protocol", "banner.bytes", "port"});
  const auto encoder = make_csv_encoder(schema_, ids);
  EXPECT_EQ(encoder->header(), "port,banner.protocol,banner.bytes\n");
  EXPECT_EQ(encode(*encoder), "443,ssh,40\n");
  record_.first_value_id = other;
  EXPECT_EQ(encode(*encoder), "443,ssh,40\n");
  EXPECT_EQ(make_table_encoder(schema_, ids, false)->header().find("banner.bytes"), 42U);
}

TEST_F(EncoderTest, the_default_set_of_csv_holds_the_modules_own) {
  std::string paths;
  for (const std::uint32_t id : schema_.csv_default()) paths += std::string(schema_.fields()[id].path) + " ";
  EXPECT_EQ(paths,
            "ts ip port host probe outcome phase attempts error timing_us.connect timing_us.total banner.protocol ");
}

TEST_F(EncoderTest, a_cause_and_what_tcp_knew_stand_where_they_are_known) {
  EXPECT_EQ(ndjson({"cause", "tcp", "port"}), "{\"port\":443}\n");
  record_.cause = Cause::kRequestUnacked;
  record_.tcp = TcpFacts{.rtt_us = 88, .retransmits = 3};
  EXPECT_NE(ndjson({}).find(R"(,"total":3190},"tcp":{"rtt_us":88,"retransmits":3},"banner":)"), std::string::npos);
  EXPECT_EQ(ndjson({"cause", "tcp"}), R"({"cause":"request_unacked","tcp":{"rtt_us":88,"retransmits":3}})"
                                      "\n");
  const auto csv = make_csv_encoder(schema_, *schema_.select(std::vector<std::string>{"cause", "tcp"}));
  EXPECT_EQ(csv->header(), "cause,tcp.rtt_us,tcp.retransmits\n");
  EXPECT_EQ(encode(*csv), "request_unacked,88,3\n");
}

TEST_F(EncoderTest, a_round_trip_of_nothing_acknowledged_is_absent) {
  record_.tcp = TcpFacts{.rtt_us = 0, .retransmits = 1};
  EXPECT_EQ(ndjson({"tcp"}), "{\"tcp\":{\"retransmits\":1}}\n");
}

TEST_F(EncoderTest, its_strings_are_those_of_another_writer) {
  const auto encoder = make_ndjson_encoder(schema_, *schema_.select(std::vector<std::string>{"banner.protocol"}));
  std::uint64_t seed = 1;
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (std::uint64_t length = seed % 40; length > 0; --length) {
      seed = mix64(seed);
      text += static_cast<char>(seed % 3 == 0 ? seed >> 8 & 0x7f : seed >> 8 & 0x3f);  // mostly what must be escaped
    }
    seed = mix64(seed);
    values_[0] = text;
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
    EXPECT_EQ(encode(*encoder), "{\"banner\":{\"protocol\":" + std::string(buffer.GetString()) + "}}\n");
  }
}

TEST_F(EncoderTest, a_table_line_tells_target_outcome_time_and_detail) {
  record_.outcome = Outcome::kTimeout;
  record_.phase = Phase::kConnect;
  record_.error = "no answer to the SYN";
  EXPECT_EQ(encode(*make_table_encoder(schema_, {}, false)),
            "127.0.0.1:443            timeout           3190 µs  localhost ssh  no answer to the SYN (connect)\n")
      << "of the probe's fields those that csv has by default";
}

TEST_F(EncoderTest, a_table_shows_of_a_text_its_first_line_and_bytes_only_without_words_behind_them) {
  constexpr FieldDef kTextAndProduct[] = {{"banner.text", FieldType::kString, "", true},
                                          {"banner.product", FieldType::kString, "", true}};
  Schema schema;
  record_.first_value_id = schema.add(kTextAndProduct);
  const auto detail = [&](std::string_view text, std::string_view product = "") {
    const std::vector<Value> values = {std::string(text), std::string(product)};
    record_.values = values;
    const std::string line = encode(*make_table_encoder(schema, {}, false));
    return line.substr(line.find("localhost ") + 10);
  };
  EXPECT_EQ(detail("HTTP/1.1 200 OK\r\nServer: x", "x"), "HTTP/1.1 200 OK  x\n");
  EXPECT_EQ(detail("\r\nlogin: "), "login:\n");
  EXPECT_EQ(detail("caf\\xe9 \\x1b[31m", "x"), "caf\\xe9 \\x1b[31m  x\n") << "another charset, a colour";
  EXPECT_EQ(detail("\\x16\\x03\\x03", "x"), "x\n");
  EXPECT_EQ(detail("d\n5.5.5-10.11.19-MariaDB\\x00", "MariaDB"), "MariaDB\n") << "not each 0x0a ends a line";
  EXPECT_EQ(detail("\\x01\n\\x02"), "\\x01\\n\\x02\n") << "nothing else is known";
}

TEST_F(EncoderTest, a_table_never_breaks_its_line) {
  values_[0] = std::string("220-a\r\n220 b\r\n");
  EXPECT_EQ(encode(*make_table_encoder(schema_, *schema_.select(std::vector<std::string>{"banner.protocol"}), false)),
            "220-a\\n220 b\n");
}

TEST(Schema, an_unknown_field_is_refused_with_the_nearest) {
  const Schema schema;
  EXPECT_EQ(schema.select(std::vector<std::string>{"outcom"}).error().text,
            "--fields: unknown field 'outcom'; did you mean 'outcome'?");
  EXPECT_FALSE(schema.select(std::vector<std::string>{"timing"}));
}

TEST(Timestamp, agrees_with_the_calendar) {
  const auto text = [](std::int64_t seconds) {
    std::string out;
    append_timestamp(seconds * kSecond, out);
    return out;
  };
  EXPECT_EQ(text(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(text(951'782'400), "2000-02-29T00:00:00.000000Z");
  EXPECT_EQ(text(1'709'251'199), "2024-02-29T23:59:59.000000Z");
  EXPECT_EQ(text(4'102'444'800), "2100-01-01T00:00:00.000000Z");
}

}  // namespace
}  // namespace sonde::results
