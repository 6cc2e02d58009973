#include "probes/check/run_plan.h"

#include <gtest/gtest.h>

#include "engine/probe.h"

namespace sonde::probes {
namespace {

std::string split(std::string_view text) {
  const auto parts = split_host_port(text);
  return parts ? parts->host + " " + parts->port : parts.error().text;
}

// Each as net.SplitHostPort has it.
TEST(SplitHostPort, is_that_of_go) {
  EXPECT_EQ(split("localhost:80"), "localhost 80");
  EXPECT_EQ(split("127.0.0.1:http"), "127.0.0.1 http");
  EXPECT_EQ(split("[::1]:53"), "::1 53");
  EXPECT_EQ(split(":53"), " 53");
  EXPECT_EQ(split("localhost:"), "localhost ");
  EXPECT_EQ(split("[]:1"), " 1");
  EXPECT_EQ(split(""), "address : missing port in address");
  EXPECT_EQ(split("localhost"), "address localhost: missing port in address");
  EXPECT_EQ(split("[::1]"), "address [::1]: missing port in address");
  EXPECT_EQ(split("[::1]x:5"), "address [::1]x:5: missing port in address");
  EXPECT_EQ(split("[::1]:5:6"), "address [::1]:5:6: too many colons in address");
  EXPECT_EQ(split("::1"), "address ::1: too many colons in address");
  EXPECT_EQ(split("[::1:5"), "address [::1:5: missing ']' in address");
  EXPECT_EQ(split("a[b:5"), "address a[b:5: unexpected '[' in address");
  EXPECT_EQ(split("a]b:5"), "address a]b:5: unexpected ']' in address");
  EXPECT_EQ(split("[a[b]:5"), "address [a[b]:5: unexpected '[' in address");
  EXPECT_EQ(split("\x1b"), "address \\x1b: missing port in address");
}

struct Planned {
  CheckRun run;
  Parsed<> result;
};
Planned planned(std::string_view host, const IpPreference& ip) {
  Planned out;
  out.run.timeout = 3 * kSecond;
  out.result = plan_address(out.run, host, 80, ip);
  return out;
}

TEST(PlanAddress, a_name_is_left_to_the_resolver_with_its_families) {
  using engine::IpVersion;
  const struct {
    IpPreference ip;
    IpVersion version;
  } kCases[] = {{{.prefers_v6 = true, .fallback = true}, IpVersion::kPrefer6},
                {{.prefers_v6 = true, .fallback = false}, IpVersion::k6},
                {{.prefers_v6 = false, .fallback = true}, IpVersion::kPrefer4},
                {{.prefers_v6 = false, .fallback = false}, IpVersion::k4}};
  for (const auto& [ip, version] : kCases) {
    const Planned out = planned("host.example", ip);
    ASSERT_TRUE(out.result);
    EXPECT_EQ(out.run.plan.host, "host.example");
    EXPECT_TRUE(out.run.plan.endpoint.address.is_unspecified());
    EXPECT_EQ(out.run.plan.endpoint.port, 80);
    EXPECT_EQ(out.run.plan.terms.ip_version, version);
    EXPECT_EQ(out.run.plan.terms.timeout, 3 * kSecond);
  }
}

TEST(PlanAddress, an_address_must_be_of_a_family_that_is_wanted) {
  EXPECT_TRUE(planned("127.0.0.1", {.prefers_v6 = true, .fallback = true}).result);
  EXPECT_TRUE(planned("::1", {.prefers_v6 = true, .fallback = false}).result);
  const Planned four = planned("127.0.0.1", {.prefers_v6 = false, .fallback = false});
  ASSERT_TRUE(four.result);
  EXPECT_EQ(four.run.plan.host, "");
  EXPECT_EQ(four.run.plan.endpoint.address, IpAddress::v4(0x7f000001));
  EXPECT_EQ(planned("127.0.0.1", {.prefers_v6 = true, .fallback = false}).result.error().text,
            "address 127.0.0.1: no suitable address found");
  EXPECT_EQ(planned("::1", {.prefers_v6 = false, .fallback = false}).result.error().text,
            "address ::1: no suitable address found");
  EXPECT_EQ(planned("", {}).result.error().text, "lookup : no such host");
}

}  // namespace
}  // namespace sonde::probes
