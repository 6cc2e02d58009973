// Targets that are URLs: which of them are the same, and what of them is kept.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "targets/indexed_source.h"
#include "targets/target_set_builder.h"

namespace sonde::targets {
namespace {

using Texts = std::vector<std::string>;

Parsed<TargetSet> build(const Texts& texts, const char* ports = "", const Texts& excluded = {}, bool keep = true) {
  TargetSetBuilder builder;
  if (keep) builder.keep_urls();
  for (const std::string& text : texts)
    if (auto added = builder.add(text); !added) return std::unexpected(added.error());
  if (*ports != '\0') builder.set_ports(*PortSet::parse(ports));
  Exclusion exclusion;
  EXPECT_TRUE(exclusion.add(excluded));
  return builder.build(exclusion);
}

// "host:443 https /path".
std::string text_of(const Target& target) {
  std::string out =
      target.host.empty() ? to_string(target.endpoint) : target.host + ":" + std::to_string(target.endpoint.port);
  if (target.scheme != Scheme::kNone) out.append(" ").append(name(target.scheme));
  if (!target.path.empty()) out += " " + target.path;
  return target.blocked ? out + " blocked" : out;
}

Texts all_of(const Texts& texts, const char* ports = "", const Texts& excluded = {}, bool keep = true) {
  const auto set = build(texts, ports, excluded, keep);
  EXPECT_TRUE(set) << set.error().text;
  Texts out;
  Target target;  // one for all: nothing of one target may stay for the next
  for (std::uint64_t i = 0; set && i < set->size(); ++i) {
    set->at(i, target);
    out.push_back(text_of(target));
  }
  return out;
}

TEST(UrlTargets, paths_tell_urls_of_one_host_apart) {
  EXPECT_EQ(
      all_of({"https://a.example/", "https://a.example/b", "https://a.example/b?c", "https://a.example/b#d",
              "HTTPS://A.example:443", "http://127.0.0.1:8080/x", "http://[2001:db8::1]/y", "http://a.example/b"}),
      (Texts{"127.0.0.1:8080 http /x", "[2001:db8::1]:80 http /y", "a.example:80 http /b", "a.example:443 https",
             "a.example:443 https /b", "a.example:443 https /b?c"}));
}

TEST(UrlTargets, without_a_path_a_url_is_its_host_and_port_with_a_scheme) {
  EXPECT_EQ(all_of({"a.example:443", "https://a.example/", "10.0.0.1:8443", "https://10.0.0.1:8443"}),
            (Texts{"10.0.0.1:8443 https", "a.example:443 https"}));
  EXPECT_EQ(all_of({"10.0.0.0-2:443", "https://10.0.0.1/", "b.example:443", "https://a.example/x"}),
            (Texts{"10.0.0.0:443", "10.0.0.2:443", "b.example:443", "10.0.0.1:443 https", "a.example:443 https /x"}));
}

TEST(UrlTargets, a_pair_that_ports_are_crossed_with_takes_the_scheme_of_its_url) {
  EXPECT_EQ(
      all_of({"10.0.0.0/31", "https://10.0.0.1", "a.example", "http://a.example:443/", "http://a.example/"}, "80,443"),
      (Texts{"10.0.0.0:80", "10.0.0.0:443", "10.0.0.1:80", "10.0.0.1:443 https", "a.example:80 http",
             "a.example:443 http"}));
}

TEST(UrlTargets, two_schemes_at_one_port_are_two_targets) {
  EXPECT_EQ(all_of({"http://a.example:8443/", "https://a.example:8443/", "a.example:8443"}),
            (Texts{"a.example:8443 http", "a.example:8443 https"}));
  EXPECT_EQ(all_of({"http://10.0.0.1:99/", "https://10.0.0.1:99/", "10.0.0.1"}, "99"),
            (Texts{"10.0.0.1:99 http", "10.0.0.1:99 https"}));
}

TEST(UrlTargets, a_path_is_a_target_beside_the_plain_one) {
  EXPECT_EQ(all_of({"10.0.0.1", "https://10.0.0.1/a", "https://10.0.0.1/b"}, "443"),
            (Texts{"10.0.0.1:443", "10.0.0.1:443 https /a", "10.0.0.1:443 https /b"}));
}

TEST(UrlTargets, a_probe_that_takes_no_urls_sees_each_host_and_port_once) {
  EXPECT_EQ(all_of({"https://a.example/a", "https://a.example/b", "http://10.0.0.1:443/c", "https://10.0.0.1/d"}, "",
                   {}, false),
            (Texts{"10.0.0.1:443", "a.example:443"}));
}

TEST(UrlTargets, exclusions_take_addresses_out_and_block_names) {
  const Texts texts = {"https://10.0.0.1/a", "https://10.0.0.2/a", "https://a.example/x", "https://b.example/x"};
  EXPECT_EQ(all_of(texts, "", {"10.0.0.1", "a.example"}),
            (Texts{"10.0.0.2:443 https /a", "a.example:443 https /x blocked", "b.example:443 https /x"}));
  const auto none = build({"https://10.0.0.1/a", "https://a.example/x"}, "", {"10.0.0.0/8", "a.example"});
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().text.find("nothing left"), std::string::npos);
}

TEST(UrlTargets, has_names_knows_the_names_of_urls) {
  EXPECT_FALSE(build({"https://10.0.0.1/a"})->has_names());
  EXPECT_TRUE(build({"https://10.0.0.1/a", "https://a.example/a"})->has_names());
}

TEST(UrlTargets, the_digest_knows_paths_and_schemes_and_not_the_input) {
  const auto digest = [](const Texts& texts, const char* ports = "", bool keep = true) {
    return build(texts, ports, {}, keep)->digest();
  };
  const auto want = digest({"https://a.example/", "https://a.example/b", "http://10.0.0.1/"});
  EXPECT_EQ(digest({"http://10.0.0.1:80#x", "https://A.example/b#y", "a.example:443", "https://a.example",
                    "https://a.example/b", "10.0.0.1:80"}),
            want);
  EXPECT_NE(digest({"https://a.example/", "https://a.example/c", "http://10.0.0.1/"}), want);
  EXPECT_NE(digest({"https://a.example/", "http://a.example:443/b", "http://10.0.0.1/"}), want);
  EXPECT_NE(digest({"10.0.0.1", "http://10.0.0.1/"}, "80"), digest({"10.0.0.1"}, "80")) << "a lent scheme";
  EXPECT_EQ(digest({"10.0.0.1", "a.example:7"}, "80"), digest({"10.0.0.1", "a.example:7"}, "80", false))
      << "without URLs it is what it was";
}

TEST(UrlTargets, a_permuted_shard_has_them_at_the_same_positions_whatever_the_order_of_input) {
  Texts texts;
  for (int i = 0; i < 40; ++i) texts.push_back("https://h" + std::to_string(i % 7) + ".example/" + std::to_string(i));
  texts.insert(texts.end(), {"10.0.0.0/28", "https://10.0.0.3/"});
  const auto order = [&] {
    const auto set = build(texts, "443");
    IndexedSource source(*set, {.seed = 7, .shard = 2, .shards = 3});
    std::vector<Target> out(100);
    out.resize(source.take(out));
    Texts all;
    for (const Target& target : out) all.push_back(std::to_string(target.position) + " " + text_of(target));
    return all;
  };
  const Texts want = order();
  EXPECT_EQ(want.size(), 19u);  // of 56
  std::mt19937 random(3);
  for (int i = 0; i < 5; ++i) {
    std::shuffle(texts.begin(), texts.end(), random);
    EXPECT_EQ(order(), want);
  }
}

// The truth of small random inputs: (endpoint, path) → schemes.
TEST(UrlTargets, each_is_there_once) {
  std::mt19937 random(11);
  const auto roll = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  for (int round = 0; round < 300; ++round) {
    std::map<std::string, std::set<std::string>> bare;  // endpoint → schemes; none: plain alone
    std::set<std::string> with_path;
    Texts texts;
    for (unsigned i = 1 + roll(12); i > 0; --i) {
      const std::string host = roll(2) == 0 ? "10.0.0." + std::to_string(roll(3)) : "h" + std::to_string(roll(3));
      const std::string port = std::to_string(80 + roll(3));
      const std::string scheme = roll(2) == 0 ? "http" : "https";
      const std::string endpoint = fmt::format("{}:{}", host, port);
      switch (roll(4)) {
        case 0:
          texts.push_back(host);
          for (const char* each : {":80", ":82"}) bare[host + each];
          break;
        case 1:
          texts.push_back(endpoint);
          bare[endpoint];
          break;
        case 2:
          texts.push_back(fmt::format("{}://{}{}", scheme, endpoint, roll(2) == 0 ? "" : "/"));
          bare[endpoint].insert(scheme);
          break;
        default: {
          const char* const path = roll(2) == 0 ? "/p" : "/q";
          texts.push_back(fmt::format("{}://{}{}", scheme, endpoint, path));
          with_path.insert(fmt::format("{} {} {}", endpoint, scheme, path));
        }
      }
    }
    std::set<std::string> truth = with_path;
    for (const auto& [endpoint, schemes] : bare) {
      if (schemes.empty()) truth.insert(endpoint);
      for (const std::string& scheme : schemes) truth.insert(fmt::format("{} {}", endpoint, scheme));
    }
    const Texts got = all_of(texts, "80,82");
    ASSERT_EQ(std::set<std::string>(got.begin(), got.end()), truth);
    ASSERT_EQ(got.size(), truth.size());
  }
}

TEST(UrlSet, a_url_costs_twelve_bytes_beside_its_text) {
  UrlSet urls;
  for (int i = 0; i < 1000; ++i)
    urls.add({.host = "host.example", .port = 80, .path = "/abc", .scheme = Scheme::kHttp});
  for (int i = 0; i < 1000; ++i) {
    const std::string path = "/" + std::to_string(10'000 + i);
    urls.add({.address = IpAddress::v4(0x0a000001), .port = 80, .path = path, .scheme = Scheme::kHttps});
  }
  urls.normalize();
  EXPECT_EQ(urls.size(), 1001u);
  UrlSet::Item first = urls[0];
  EXPECT_EQ(first.address, IpAddress::v4(0x0a000001));
  EXPECT_EQ(first.path, "/10000");
  EXPECT_EQ(first.scheme, Scheme::kHttps);
  EXPECT_LE(urls.memory_bytes(), 1001u * 12 + 1000 * (16 + 6) + 1000 * (12 + 4) + 64) << "the text of repeats stays";
}

}  // namespace
}  // namespace sonde::targets
