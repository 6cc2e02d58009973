#include "scan/progress.h"

#include <gtest/gtest.h>

namespace sonde::scan {
namespace {

Tally sample() {
  Tally tally;
  tally.elapsed = 10 * kSecond;
  tally.done = 199'557;
  tally.total = 327'680;
  tally.attempts = 200'000;
  tally.in_flight = 597;
  tally.successes = 7776;
  tally.timeouts = 1891;
  return tally;
}

TEST(Progress, json_has_the_contracts_keys_in_their_order) {
  EXPECT_EQ(
      Progress::json_line(sample(), 20'000),
      R"({"elapsed_s":10.000,"done":199557,"total":327680,"percent":60.90,"rate_now":20000.0,"rate_mean":20000.0,)"
      R"("in_flight":597,"successes":7776,"timeouts":1891,"eta_s":6.4})");
}

TEST(Progress, what_is_unknown_is_null_and_never_nonsense) {
  Tally tally = sample();
  tally.total.reset();
  EXPECT_NE(Progress::json_line(tally, 20'000).find(R"("total":null,"percent":null)"), std::string::npos);
  EXPECT_NE(Progress::json_line(tally, 20'000).find(R"("eta_s":null)"), std::string::npos);
  tally = sample();
  tally.elapsed = 0;
  tally.done = 0;
  EXPECT_NE(Progress::json_line(tally, 0).find(R"("rate_mean":0.0)"), std::string::npos);
  tally.elapsed = 5 * kSecond;
  tally.done = 400'000;  // more than the total: a resume of a longer run
  EXPECT_NE(Progress::json_line(tally, 10).find(R"("percent":100.00)"), std::string::npos);
  EXPECT_NE(Progress::json_line(tally, 10).find(R"("eta_s":0.0)"), std::string::npos);
}

TEST(Progress, the_bar_fits_its_terminal) {
  for (const std::size_t columns : {40, 80, 100, 200}) {
    const std::string line = Progress::bar_line(sample(), 20'000, columns);
    std::size_t shown = 0;
    for (const char c : line) shown += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
    EXPECT_LT(shown, columns + 1) << line;
    EXPECT_NE(line.find("60.9 %"), std::string::npos) << line;
  }
}

TEST(Progress, local_faults_are_said) {
  Tally tally = sample();
  tally.local_faults = 3;
  EXPECT_NE(Progress::text_line(tally, 1).find("3 local faults (slowed down)"), std::string::npos);
  EXPECT_EQ(Progress::text_line(sample(), 1).find("local"), std::string::npos);
}

TEST(Progress, counts_and_times_are_short) {
  EXPECT_EQ(short_count(999), "999");
  EXPECT_EQ(short_count(1234), "1.2k");
  EXPECT_EQ(short_count(123'456), "123k");
  EXPECT_EQ(short_count(45'300'000), "45.3M");
  EXPECT_EQ(clock_text(187), "3:07");
  EXPECT_EQ(clock_text(3723), "1:02:03");
  EXPECT_EQ(clock_text(-5), "0:00");
}

}  // namespace
}  // namespace sonde::scan
