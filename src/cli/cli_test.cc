#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "cli/command.h"
#include "cli/scan.h"

namespace sonde::cli {
namespace {

using Texts = std::vector<std::string>;

const std::vector<Token> kTokens = {
    {.name = "rate", .letter = 'r', .alias = "max-rate"},
    {.name = "exclude"},
    {.name = "output", .letter = 'o'},
    {.name = "all", .takes_value = false},
};

Texts values(const Texts& arguments, std::string_view name) {
  const Parsed<CommandLine> line = tokenize(kTokens, arguments);
  Texts found;
  if (!line) return {"error: " + line.error().text};
  for (const Given& given : line->options)
    if (given.name == name) found.push_back(given.value);
  return found;
}

Texts positionals(const Texts& arguments) {
  const Parsed<CommandLine> line = tokenize(kTokens, arguments);
  return line ? line->positionals : Texts{"error: " + line.error().text};
}

std::string error_of(const Texts& arguments) {
  const Parsed<CommandLine> line = tokenize(kTokens, arguments);
  return line ? "no error" : line.error().text;
}

TEST(Tokenize, every_way_to_give_a_value) {
  EXPECT_EQ(values({"--rate", "5"}, "rate"), Texts{"5"});
  EXPECT_EQ(values({"--rate=5"}, "rate"), Texts{"5"});
  EXPECT_EQ(values({"-r", "5"}, "rate"), Texts{"5"});
  EXPECT_EQ(values({"-r5"}, "rate"), Texts{"5"});
  EXPECT_EQ(values({"--max-rate", "5"}, "rate"), Texts{"5"});
  EXPECT_EQ(values({"--exclude=a=b"}, "exclude"), Texts{"a=b"});
}

TEST(Tokenize, repeated_values_keep_their_order) {
  EXPECT_EQ(values({"--exclude", "a", "x", "--exclude", "b", "--exclude=c"}, "exclude"), (Texts{"a", "b", "c"}));
}

TEST(Tokenize, an_option_takes_one_value_and_leaves_the_targets) {
  EXPECT_EQ(positionals({"--exclude", "a", "b", "c", "--rate", "5", "d"}), (Texts{"b", "c", "d"}));
}

TEST(Tokenize, a_dash_alone_is_a_value_or_a_positional) {
  EXPECT_EQ(values({"-o", "-", "x"}, "output"), Texts{"-"});
  EXPECT_EQ(values({"--output=-"}, "output"), Texts{"-"});
  EXPECT_EQ(positionals({"-o", "-", "-"}), Texts{"-"});
}

TEST(Tokenize, brackets_and_braces_are_text) {
  EXPECT_EQ(positionals({"[::1]", "[::1]:80", "{}", "[a,b]"}), (Texts{"[::1]", "[::1]:80", "{}", "[a,b]"}));
  EXPECT_EQ(values({"--exclude", "[::1]", "--exclude=[a,b]", "--exclude", "{}"}, "exclude"),
            (Texts{"[::1]", "[a,b]", "{}"}));
}

TEST(Tokenize, two_dashes_end_the_options) {
  EXPECT_EQ(positionals({"a", "--", "--all", "-x", "--rate="}), (Texts{"a", "--all", "-x", "--rate="}));
  EXPECT_EQ(positionals({"--", "--"}), Texts{"--"});
}

TEST(Tokenize, a_flag_may_be_taken_back) {
  EXPECT_EQ(values({"--all"}, "all"), Texts{"true"});
  EXPECT_EQ(values({"--all=false"}, "all"), Texts{"false"});
  EXPECT_EQ(positionals({"--all", "x"}), Texts{"x"});
}

TEST(Tokenize, errors_name_the_option_and_the_nearest) {
  EXPECT_EQ(error_of({"--raet", "5"}), "unknown option '--raet'; did you mean '--rate'?");
  EXPECT_EQ(error_of({"--raet=5"}), "unknown option '--raet=5'; did you mean '--rate'?");
  EXPECT_EQ(error_of({"-x"}), "unknown option '-x'; --help lists them");
  EXPECT_EQ(error_of({"--\x1b[31m"}), "unknown option '--\\x1b[31m'; --help lists them");
}

TEST(Tokenize, a_forgotten_value_is_an_error_and_not_the_next_argument) {
  EXPECT_EQ(error_of({"--rate"}), "--rate: needs a value");
  EXPECT_EQ(error_of({"-r"}), "--rate: needs a value");
  EXPECT_EQ(error_of({"--rate=", "x"}), "--rate: needs a value");
  EXPECT_EQ(error_of({"-o", "--all"}), "--output: needs a value, but '--all' follows");
}

TEST(Tokenize, a_long_name_with_one_dash_is_not_a_short_name_with_a_value) {
  EXPECT_EQ(error_of({"-rate", "5"}), "unknown option '-rate'; did you mean '--rate'?");
  EXPECT_EQ(error_of({"-output", "x"}), "unknown option '-output'; did you mean '--output'?");
}

// --- sonde scan, as far as it goes without sending anything ---

struct Ran {
  int code;
  std::string out;
  std::string err;
};

Ran scan(const Texts& arguments) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int code = run_scan(arguments);
  std::fflush(stdout);
  return {.code = code, .out = testing::internal::GetCapturedStdout(), .err = testing::internal::GetCapturedStderr()};
}

class ScanCommand : public testing::Test {
 protected:
  ScanCommand() {
    std::string name = (std::filesystem::temp_directory_path() / "sonde_cli_XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~ScanCommand() override { std::filesystem::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  static std::string line(const std::string& text, const std::string& key) {
    const std::size_t at = ("\n" + text).find("\n" + key + ":");
    return at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at);
  }
  std::string folder_;
};

TEST_F(ScanCommand, help_goes_to_standard_output) {
  for (const Texts& arguments : {Texts{"--help"}, Texts{"-h"}, Texts{"--rate", "5", "--help"}}) {
    const Ran ran = scan(arguments);
    EXPECT_EQ(ran.code, 0);
    EXPECT_NE(ran.out.find("--connect-timeout T"), std::string::npos);
    EXPECT_EQ(ran.err, "");
  }
}

TEST_F(ScanCommand, the_command_line_wins_over_the_file_and_the_file_over_the_defaults) {
  const std::string config = file("scan.yaml", "targets: [10.0.0.1]\nrate: 5k\nretries: 2\nall: true\nprobe: banner\n");
  const Ran ran = scan({"--config", config, "--rate", "7k", "--all=false", "--probe", "tcp", "--print-config"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(line(ran.out, "rate"), "rate: 7k");
  EXPECT_EQ(line(ran.out, "retries"), "retries: 2");
  EXPECT_EQ(line(ran.out, "all"), "all: false");
  EXPECT_EQ(line(ran.out, "per-host"), "per-host: 64");
  EXPECT_NE(ran.out.find("targets:\n  - 10.0.0.1\n"), std::string::npos);
  EXPECT_NE(ran.out.find("probe:\n  - tcp\n"), std::string::npos);
  EXPECT_EQ(ran.out.find("banner"), std::string::npos);
}

TEST_F(ScanCommand, where_the_file_is_named_on_the_line_does_not_matter) {
  const std::string config = file("scan.yaml", "rate: 5k\n");
  EXPECT_EQ(scan({"--seed", "1", "--rate", "7k", "--config", config, "--print-config", "10.0.0.1"}).out,
            scan({"10.0.0.1", "--config", config, "--print-config", "--rate", "7k", "--seed", "1"}).out);
}

TEST_F(ScanCommand, running_with_what_was_printed_prints_the_same) {
  const Ran first =
      scan({"10.0.0.0/24", "-p", "80", "-p", "443", "--exclude", "10.0.0.1,10.0.0.2", "--exclude", "h.example",
            "--probe", "tcp,banner", "--max-banner", "8k", "--timeout", "1.5", "--print-config"});
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_NE(line(first.out, "seed"), "");
  const Ran second = scan({"--config", file("printed.yaml", first.out), "--print-config"});
  EXPECT_EQ(second.code, 0) << second.err;
  EXPECT_EQ(second.out, first.out);
}

TEST_F(ScanCommand, a_seed_is_drawn_unless_a_checkpoint_has_it) {
  EXPECT_NE(line(scan({"10.0.0.1", "--print-config"}).out, "seed"),
            line(scan({"10.0.0.1", "--print-config"}).out, "seed"));
  EXPECT_EQ(line(scan({"10.0.0.1", "--resume", "x", "--print-config"}).out, "seed"), "");
}

TEST_F(ScanCommand, bad_input_is_one_line_and_exit_2) {
  const std::string config = file("scan.yaml", "rate: 5k\nraet: 6\n");
  const std::vector<std::pair<Texts, std::string>> cases = {
      {{}, "sonde: nothing to scan: name a TARGET (192.0.2.0/24) or a list of them (--list FILE)\n"},
      {{"10.0.0.1", "--rate", "fast"},
       "sonde: --rate: 'fast' is not a rate: give connections a second, like 500, 10k or 1.5M; 0 is unlimited\n"},
      {{"10.0.0.1", "--probe", "tpc"},
       "sonde: --probe: 'tpc' is not one of tcp, tls, http, banner, icmp, dns; did you mean 'tcp'?\n"},
      {{"10.0.0.1", "--order", "randm"},
       "sonde: --order: 'randm' is not one of random, sequential; did you mean 'random'?\n"},
      {{"10.0.0.1", "--concurrency", "0"}, "sonde: --concurrency: '0' is too little: the least is 1\n"},
      {{"10.0.0.1", "--timeout", "0"}, "sonde: --timeout: '0' is no time at all: it must be more than 0, like 250ms\n"},
      {{"10.0.0.1", "--shard", "3/2"}, "sonde: --shard: '3/2' is not one of them: K must be 1 to 2\n"},
      {{"10.0.0.1", "--raet", "5"}, "sonde: unknown option '--raet'; did you mean '--rate'?\n"},
      {{"10.0.0.1", "--config", config}, "sonde: " + config + ":2: unknown key 'raet'; did you mean 'rate'?\n"},
  };
  for (const auto& [arguments, text] : cases) {
    const Ran ran = scan(arguments);
    EXPECT_EQ(ran.code, 2);
    EXPECT_EQ(ran.err, text);
    EXPECT_EQ(ran.out, "");
  }
}

TEST_F(ScanCommand, names_that_other_scanners_have) {
  const Ran ran = scan({"10.0.0.1", "--max-rate", "5", "--excludefile", "no.txt", "--print-config"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(line(ran.out, "rate"), "rate: 5");
  EXPECT_NE(ran.out.find("exclude-file:\n  - no.txt\n"), std::string::npos);
}

}  // namespace
}  // namespace sonde::cli
