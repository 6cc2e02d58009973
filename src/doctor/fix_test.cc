#include "doctor/fix.h"

#include <gtest/gtest.h>

#include "doctor/fake_tree.h"

namespace sonde::doctor {
namespace {

namespace fs = std::filesystem;

class Fixing : public FakeTree {
 protected:
  FixOptions options() const {
    return {.root = root_.string(), .persist = true, .persist_file = (root_ / "90-sonde.conf").string()};
  }
};

Report report_of(std::vector<Fix> fixes) {
  Report report;
  for (Fix& each : fixes) report.findings.push_back({.name = "some", .value = "v", .fix = std::move(each)});
  return report;
}

TEST_F(Fixing, raises_what_is_lower_and_says_from_what_to_what) {
  put("proc/sys/net/core/somaxconn", "4096\n");
  const Fixed fixed = fix(report_of({{"net.core.somaxconn", "65535"}}), options());
  EXPECT_EQ(get("proc/sys/net/core/somaxconn"), "65535\n");
  EXPECT_TRUE(fixed.all_done());
  EXPECT_TRUE(render(fixed, options()).starts_with("net.core.somaxconn: 4096 → 65535\n"));
}

TEST_F(Fixing, never_lowers) {
  put("proc/sys/net/core/somaxconn", "100000\n");
  put("proc/sys/net/ipv4/ip_local_port_range", "500\t60999\n");
  put("proc/sys/net/ipv4/tcp_mem", "10\t500\t30\n");
  const Fixed fixed = fix(report_of({{"net.core.somaxconn", "65535"},
                                     {"net.ipv4.ip_local_port_range", "1024 65535"},
                                     {"net.ipv4.tcp_mem", "20 40 60"}}),
                          options());
  EXPECT_EQ(get("proc/sys/net/core/somaxconn"), "100000\n");
  EXPECT_EQ(get("proc/sys/net/ipv4/ip_local_port_range"), "500 65535\n") << "the wider of both ends";
  EXPECT_EQ(get("proc/sys/net/ipv4/tcp_mem"), "20 500 60\n");
  EXPECT_EQ(fixed.changes.size(), 2U);
}

TEST_F(Fixing, goes_on_after_what_is_refused_and_tells_why) {
  put("proc/sys/net/core/somaxconn", "4096\n");
  const Fixed fixed = fix(report_of({{"fs.file-max", "1000"}, {"net.core.somaxconn", "65535"}}), options());
  EXPECT_FALSE(fixed.all_done());
  EXPECT_EQ(get("proc/sys/net/core/somaxconn"), "65535\n");
  EXPECT_NE(render(fixed, options()).find("fs.file-max: refused, stays unread (open: No such file"), std::string::npos)
      << render(fixed, options());
  EXPECT_EQ(get("90-sonde.conf").find("file-max"), std::string::npos) << "what was refused is not kept either";
}

TEST_F(Fixing, writes_no_file_without_persist_nor_when_nothing_changed) {
  put("proc/sys/net/core/somaxconn", "4096\n");
  FixOptions once = options();
  once.persist = false;
  EXPECT_EQ(fix(report_of({{"net.core.somaxconn", "5000"}}), once).persisted, "");
  EXPECT_EQ(fix(report_of({{"net.core.somaxconn", "5000"}}), options()).persisted, "");
  EXPECT_FALSE(fs::exists(once.persist_file));
}

TEST_F(Fixing, a_persisted_file_keeps_its_other_keys) {
  put("90-sonde.conf", "# a comment\nfs.nr_open=3000\n net.core.somaxconn = 1\n=\n");
  put("proc/sys/net/core/somaxconn", "4096\n");
  const Fixed fixed = fix(report_of({{"net.core.somaxconn", "65535"}}), options());
  EXPECT_EQ(fixed.persisted, options().persist_file);
  const std::string text = get("90-sonde.conf");
  EXPECT_NE(text.find("fs.nr_open = 3000\n"), std::string::npos) << text;
  EXPECT_NE(text.find("net.core.somaxconn = 65535\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("somaxconn = 1\n"), std::string::npos) << text;
}

TEST_F(Fixing, a_file_that_cannot_be_written_is_told_and_the_sysctl_stays_raised) {
  put("proc/sys/net/core/somaxconn", "4096\n");
  FixOptions nowhere = options();
  nowhere.persist_file = (root_ / "no" / "such" / "folder.conf").string();
  const Fixed fixed = fix(report_of({{"net.core.somaxconn", "65535"}}), nowhere);
  EXPECT_FALSE(fixed.all_done());
  EXPECT_EQ(get("proc/sys/net/core/somaxconn"), "65535\n");
  EXPECT_NE(render(fixed, nowhere).find("folder.conf: open: No such file"), std::string::npos);
}

}  // namespace
}  // namespace sonde::doctor
