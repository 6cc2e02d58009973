#include "probes/check/run_log.h"

#include <gtest/gtest.h>

namespace sonde::probes {
namespace {

constexpr Nanos kTime = Nanos{1'767'268'800} * kSecond + 7 * kMillisecond;  // 2026-01-01T12:00:00.007Z

CheckRun kept() {
  CheckRun run;
  run.target = "a target";
  run.keeps_log = true;
  return run;
}

TEST(RunLog, a_line_is_logfmt) {
  CheckRun run = kept();
  log_line(run, kTime, "info", "Got response", {{"rcode", "0"}, {"empty", ""}});
  ASSERT_EQ(run.log.size(), 1U);
  EXPECT_EQ(run.log[0],
            "ts=2026-01-01T12:00:00.007Z target=\"a target\" level=info msg=\"Got response\" rcode=0 empty=");
}

TEST(RunLog, values_that_would_break_the_line_are_quoted) {
  CheckRun run = kept();
  log_line(run, kTime, "info", "x",
           {{"a", "tab\tand \"quote\" \\"}, {"b", "k=v"}, {"c", "\x1b[1m\n"}, {"d", "\xff é"}});
  EXPECT_EQ(run.log.at(0).substr(run.log.at(0).find("a=")),
            "a=\"tab\\tand \\\"quote\\\" \\\\\" b=\"k=v\" c=\"\\u001b[1m\\n\" d=\"\xef\xbf\xbd é\"");
}

TEST(RunLog, nothing_is_kept_where_nobody_reads_it) {
  CheckRun run;
  log_line(run, kTime, "info", "x");
  EXPECT_TRUE(run.log.empty());
}

TEST(RunLog, its_size_is_bounded) {
  CheckRun run = kept();
  const std::string huge(2 * kMostLogValue, 'x');
  for (std::size_t i = 0; i < kMostLogLines + 10; ++i) log_line(run, kTime, "info", "x", {{"a", i == 0 ? huge : ""}});
  EXPECT_EQ(run.log.size(), kMostLogLines);
  EXPECT_LT(run.log[0].size(), kMostLogValue + 100);
}

}  // namespace
}  // namespace sonde::probes
