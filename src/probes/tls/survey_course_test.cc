#include "probes/tls/survey_course.h"

#include <gtest/gtest.h>

#include "wire/tls_bytes.h"
#include "wire/tls_names.h"

namespace sonde::probes {
namespace {

using wire::operator+;
using wire::TlsBytes;
using wire::u16;
using wire::u8;
using wire::vec;

// Asks once, and keeps what it was told.
class OneQuestion final : public Survey {
 public:
  OneQuestion(bool wants_curve, std::vector<HelloAnswer>& told) : wants_curve_(wants_curve), told_(told) {}
  std::vector<std::byte> next(std::string_view, std::span<const std::byte, 64>) override { return TlsBytes(1); }
  bool wants_curve() const override { return wants_curve_; }
  void take(const HelloAnswer& answer) override { told_.push_back(answer); }
  void add_to(SurveyResult&) const override {}

 private:
  bool wants_curve_;
  std::vector<HelloAnswer>& told_;
};

TlsBytes message(std::uint8_t type, const TlsBytes& body) { return u8(type) + vec(3, body); }
TlsBytes record(const TlsBytes& fragment) { return u8(22) + u16(wire::kTls12) + vec(2, fragment); }

// ServerHello of ECDHE, Certificate, ServerKeyExchange on `curve`; the last one spans two records.
TlsBytes flight(std::uint16_t curve) {
  const TlsBytes hello = u16(wire::kTls12) + TlsBytes(32) + u8(0) + u16(0xc02b) + u8(0);
  const TlsBytes exchange = message(12, u8(3) + u16(curve) + vec(1, TlsBytes(32)) + u16(0x0403) + vec(2, TlsBytes(70)));
  const TlsBytes first(exchange.begin(), exchange.begin() + 5);
  const TlsBytes rest(exchange.begin() + 5, exchange.end());
  return record(message(2, hello)) + record(message(11, vec(3, vec(3, TlsBytes(900)))) + first) + record(rest);
}

TEST(SurveyCourse, reads_on_to_the_curve_in_any_cutting_and_only_where_it_is_wanted) {
  const TlsBytes bytes = flight(29);
  for (const bool wants_curve : {false, true}) {
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      std::vector<HelloAnswer> told;
      std::vector<std::unique_ptr<Survey>> surveys;
      surveys.push_back(std::make_unique<OneQuestion>(wants_curve, told));
      SurveyCourse course(std::move(surveys));
      ASSERT_TRUE(course.advance("", 1));
      const std::span<const std::byte> all = bytes;
      if (!course.on_bytes(all.first(cut))) {
        ASSERT_TRUE(told.empty()) << cut;
        ASSERT_TRUE(course.on_bytes(all.subspan(cut))) << cut;
      }
      ASSERT_EQ(told.size(), 1U) << cut;
      EXPECT_EQ(told[0].kind, HelloAnswer::Kind::kServerHello) << cut;
      EXPECT_EQ(told[0].curve, wants_curve ? std::optional<std::uint16_t>(29) : std::nullopt) << cut;
    }
  }
}

}  // namespace
}  // namespace sonde::probes
