#include "scan/dry_run.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sonde::scan {
namespace {

using targets::Scheme;
using targets::Target;

class ListSource final : public targets::TargetSource {
 public:
  explicit ListSource(std::vector<Target> list) : list_(std::move(list)) {}
  std::size_t take(std::span<Target> out) override {
    std::size_t count = 0;
    while (count < out.size() && next_ < list_.size()) out[count++] = list_[next_++];
    return count;
  }
  bool exhausted() const override { return next_ == list_.size(); }
  std::optional<std::uint64_t> total() const override { return list_.size(); }
  std::uint64_t cursor() const override { return next_; }

 private:
  std::vector<Target> list_;
  std::size_t next_ = 0;
};

class Keep final : public sinks::Sink {
 public:
  Result<> write(std::span<const std::string> pieces) override {
    for (const std::string& piece : pieces) text += piece;
    return {};
  }
  Result<> sync() override { return {}; }
  std::string text;
};

std::string printed(std::vector<Target> list) {
  ListSource source(std::move(list));
  Keep sink;
  EXPECT_TRUE(dry_run(source, sink));
  return sink.text;
}

const Endpoint kV4 = {.address = IpAddress::v4(0x0a000001), .port = 80};
const Endpoint kV6 = {.address = IpAddress::v6(U128{0x20010db8} << 96 | 1), .port = 8443};

TEST(DryRun, prints_what_would_be_probed) {
  EXPECT_EQ(printed({{.endpoint = kV4},
                     {.endpoint = {.address = {}, .port = 443}, .host = "a.example"},
                     {.endpoint = {.address = {}, .port = 443}, .host = "b.example", .blocked = true}}),
            "{\"ip\":\"10.0.0.1\",\"port\":80,\"host\":null}\n{\"ip\":null,\"port\":443,\"host\":\"a.example\"}\n");
}

TEST(DryRun, prints_the_url_of_those_that_are_urls) {
  EXPECT_EQ(
      printed(
          {{.endpoint = kV4, .path = R"(/x?"\)", .scheme = Scheme::kHttp},
           {.endpoint = kV6, .scheme = Scheme::kHttps},
           {.endpoint = {.address = {}, .port = 443}, .host = "a.example", .path = "/b", .scheme = Scheme::kHttps}}),
      R"({"ip":"10.0.0.1","port":80,"host":null,"url":"http://10.0.0.1/x?\"\\"})"
      "\n"
      R"({"ip":"2001:db8::1","port":8443,"host":null,"url":"https://[2001:db8::1]:8443/"})"
      "\n"
      R"({"ip":null,"port":443,"host":"a.example","url":"https://a.example/b"})"
      "\n");
}

TEST(DryRun, a_longest_line_fits_wherever_it_stands) {
  const Target longest = {.endpoint = {.address = {}, .port = 65535},
                          .host = std::string(253, 'h'),
                          .path = "/" + std::string(2047, '"'),
                          .scheme = Scheme::kHttps};
  const std::size_t line = printed({longest}).size();
  EXPECT_EQ(printed(std::vector<Target>(500, longest)).size(), 500 * line);
}

}  // namespace
}  // namespace sonde::scan
