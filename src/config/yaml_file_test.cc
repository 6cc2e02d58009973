#include "config/yaml_file.h"

#include <gtest/gtest.h>

#include "config/scan_table.h"

namespace sonde::config {
namespace {

using scan::ScanOptions;

ScanOptions options_of(std::string_view text) {
  ScanOptions options;
  const Parsed<> applied = apply_yaml(text, "scan.yaml", options);
  EXPECT_TRUE(applied) << applied.error().text;
  return options;
}

std::string error_of(std::string_view text) {
  ScanOptions options;
  const Parsed<> applied = apply_yaml(text, "scan.yaml", options);
  return applied ? "no error" : applied.error().text;
}

TEST(YamlFile, keys_are_long_option_names) {
  const ScanOptions options = options_of(
      "# a comment\n"
      "targets: [127.0.0.0/16, host.example, \"[::1]:80\"]\n"
      "ports: 80,443\n"
      "rate: 1.5k\n"
      "connect-timeout: 250ms\n"
      "timeout: 4\n"
      "shard: 2/5\n"
      "seed: 0xff\n"
      "format: csv\n"
      "all: yes\n"
      "max-targets: 10\n");
  EXPECT_EQ(options.targets, (std::vector<std::string>{"127.0.0.0/16", "host.example", "[::1]:80"}));
  EXPECT_EQ(options.ports, "80,443");
  EXPECT_EQ(options.rate, 1500);
  EXPECT_EQ(options.connect_timeout, 250 * kMillisecond);
  EXPECT_EQ(options.timeout, 4 * kSecond);
  EXPECT_EQ(options.shard, 2U);
  EXPECT_EQ(options.shards, 5U);
  EXPECT_EQ(options.seed, 255U);
  EXPECT_EQ(options.format, scan::Format::kCsv);
  EXPECT_TRUE(options.all);
  EXPECT_EQ(options.max_targets, 10U);
}

TEST(YamlFile, a_list_is_a_sequence_or_comma_text) {
  for (const char* text :
       {"exclude: [10.0.0.0/8, 192.168.0.1]\nports: [80, 443]\n", "exclude: 10.0.0.0/8,192.168.0.1\nports: 80,443\n",
        "exclude:\n  - 10.0.0.0/8\n  - 192.168.0.1\nports:\n  - 80,443\n"}) {
    const ScanOptions options = options_of(text);
    EXPECT_EQ(options.exclude, (std::vector<std::string>{"10.0.0.0/8", "192.168.0.1"})) << text;
    EXPECT_EQ(options.ports, "80,443") << text;
  }
  EXPECT_EQ(options_of("targets: 10.0.0.1\n").targets, std::vector<std::string>{"10.0.0.1"});
}

TEST(YamlFile, a_list_replaces_the_default) {
  EXPECT_EQ(options_of("probe: banner\n").probe, std::vector<std::string>{"banner"});
}

TEST(YamlFile, options_of_probes_are_options) {
  const ScanOptions options = options_of("max-banner: 8k\n");
  ASSERT_EQ(options.module_options.size(), 1U);
  EXPECT_EQ(options.module_options[0], std::make_pair(std::string("max-banner"), std::string("8k")));
}

TEST(YamlFile, scalars_are_text_whatever_yaml_makes_of_them) {
  EXPECT_EQ(options_of("output: \"null\"\n").output, "null");
  EXPECT_EQ(options_of("output: 0x10\n").output, "0x10");
  EXPECT_EQ(options_of("summary: true\n").summary, "true");
}

TEST(YamlFile, nothing_in_it_is_no_error) {
  for (const char* text : {"", "\n", "# only a comment\n", "---\n", "{}\n"})
    EXPECT_EQ(print_yaml(options_of(text)), print_yaml(ScanOptions())) << text;
}

TEST(YamlFile, errors_name_the_line_and_what_would_be_right) {
  EXPECT_EQ(error_of("\n\nraet: 5\n"), "scan.yaml:3: unknown key 'raet'; did you mean 'rate'?");
  EXPECT_EQ(error_of("xyzzy: 5\n"), "scan.yaml:1: unknown key 'xyzzy'");
  EXPECT_EQ(error_of("target: 10.0.0.1\n"), "scan.yaml:1: unknown key 'target'; did you mean 'targets'?");
  EXPECT_EQ(error_of("rate: 5\nall: true\nrate: 6\n"), "scan.yaml:3: 'rate' stands here twice");
  EXPECT_EQ(
      error_of("all: true\nrate: fast\n"),
      "scan.yaml:2: rate: 'fast' is not a rate: give connections a second, like 500, 10k or 1.5M; 0 is unlimited");
  EXPECT_EQ(error_of("rate: [5, 6]\n"), "scan.yaml:1: rate: must be a single value");
  EXPECT_EQ(error_of("all: true\nrate: {per: s}\n"), "scan.yaml:2: rate: must be a single value");
  EXPECT_EQ(error_of("rate:\nall: true\n"), "scan.yaml:1: rate: has no value");
  EXPECT_EQ(error_of("exclude:\n  - 10.0.0.1\n  - [10.0.0.2]\n"), "scan.yaml:3: exclude: each must be a single value");
  EXPECT_EQ(error_of("exclude: {a: b}\n"), "scan.yaml:1: exclude: must be a value or a list of them");
  EXPECT_EQ(error_of("targets:\n"), "scan.yaml:1: targets: must be a target or a list of them");
  EXPECT_EQ(error_of("targets:\n  - 10.0.0.1\n  - {a: b}\n"),
            "scan.yaml:3: targets: each must be the text of a target");
  EXPECT_EQ(error_of("probe: [tcp, tpc]\n"),
            "scan.yaml:1: probe: 'tpc' is not one of tcp, tls, http, banner, icmp, dns; did you mean 'tcp'?");
  EXPECT_EQ(error_of("engine: urnig\n"),
            "scan.yaml:1: engine: 'urnig' is not one of auto, epoll, uring; did you mean 'uring'?");
  EXPECT_EQ(error_of("ports:\n  - 80\n  - 99999\n"), "scan.yaml:3: ports: '99999' is not a port: ports are 1 to 65535");
  EXPECT_EQ(error_of("- a\n- b\n"), "scan.yaml:1: a configuration is a map of options, such as 'rate: 10k'");
  EXPECT_EQ(error_of("just words\n"), "scan.yaml:1: a configuration is a map of options, such as 'rate: 10k'");
  EXPECT_EQ(error_of("[a]: b\n"), "scan.yaml:1: a key must be the name of an option");
  EXPECT_EQ(error_of("rate: 5\n---\nrate: 6\n"),
            "scan.yaml: goes on behind its options; '---' may stand at the top alone");
  // No document can begin with a comma, and the library does not notice.
  EXPECT_EQ(error_of(",rate: 5\n"), "scan.yaml: goes on behind its options; '---' may stand at the top alone");
}

TEST(YamlFile, what_is_not_yaml_or_not_text_is_one_clean_line) {
  EXPECT_EQ(error_of("rate: 5\nall: [true\n").substr(0, 28), "scan.yaml:3: is not YAML: 'e");
  // The library's words hold a byte of the file.
  EXPECT_EQ(error_of("output: \"a\\\rb\"\n"), "scan.yaml:1: is not YAML: 'unknown escape character: \\x0d'");
  EXPECT_EQ(error_of("rate: 5\n\xff\xfe"), "scan.yaml:2: byte 0xff is not text; a configuration is YAML in UTF-8");
  EXPECT_EQ(error_of(std::string_view("rate\0", 5)),
            "scan.yaml:1: byte 0x00 is not text; a configuration is YAML in UTF-8");
  EXPECT_EQ(error_of("rate\x04: 5\n"), "scan.yaml:1: byte 0x04 is not text; a configuration is YAML in UTF-8");
  EXPECT_EQ(error_of("\"ra\\x1b[31mte\": 5\n"), "scan.yaml:1: unknown key 'ra\\x1b[31mte'");
}

TEST(YamlFile, nesting_and_aliases_are_bounded) {
  EXPECT_NE(error_of("rate: " + std::string(100'000, '[')).find("is nested too deeply"), std::string::npos);
  // Ten to the tenth leaves, were it ever unfolded.
  std::string bomb = "a: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 10; ++i) {
    bomb += "k" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j == 0 ? "*a" : ",*a") + std::to_string(i - 1);
    bomb += "]\n";
  }
  EXPECT_EQ(error_of(bomb), "scan.yaml:1: unknown key 'a'; did you mean 'ca'?");
  EXPECT_EQ(error_of("exclude: &e [[x,x], [x,x]]\nresolvers: [*e, *e]\n"),
            "scan.yaml:1: exclude: each must be a single value");
}

TEST(YamlFile, a_file_that_cannot_be_read_is_named) {
  ScanOptions options;
  const Parsed<> applied = apply_yaml_file("/nonexistent/scan.yaml", options);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().text, "--config /nonexistent/scan.yaml: open: No such file or directory");
}

TEST(YamlFile, its_size_is_bounded) {
  ScanOptions options;
  const Parsed<> applied = apply_yaml_file("/dev/zero", options);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().text,
            "/dev/zero: is larger than 1M; long lists of targets belong into a file of their own, list: FILE");
}

TEST(PrintYaml, golden) {
  ScanOptions options;
  options.targets = {"127.0.0.0/16", "[::1]:80"};
  options.ports = "80,8000-8100";
  options.exclude = {"127.0.9.0/24"};
  options.seed = 7;
  options.max_runtime = 90 * kSecond;
  options.output = "found it.ndjson";
  EXPECT_EQ(print_yaml(options),
            "targets:\n"
            "  - 127.0.0.0/16\n"
            "  - \"[::1]:80\"\n"
            "ports:\n"
            "  - 80\n"
            "  - 8000-8100\n"
            "exclude:\n"
            "  - 127.0.9.0/24\n"
            "probe:\n"
            "  - tcp\n"
            "resolver-limit: 256\n"
            "ip-version: prefer4\n"
            "rate: 10k\n"
            "per-host: 64\n"
            "per-prefix: 4096\n"
            "adaptive: false\n"
            "retries: 0\n"
            "engine: auto\n"
            "connect-timeout: 3s\n"
            "tls-timeout: 5s\n"
            "read-timeout: 5s\n"
            "dns-timeout: 2s\n"
            "timeout: 15s\n"
            "seed: 7\n"
            "order: random\n"
            "shard: 1/1\n"
            "max-runtime: 90s\n"
            "output: found it.ndjson\n"
            "all: false\n"
            "tcp-info: timeouts\n"
            "progress: auto\n"
            "dry-run: false\n");
}

TEST(PrintYaml, gives_back_what_yaml_would_take_for_something_else) {
  for (const char* text : {"null", "~",  "true", "a: b", "a #b", "- a", "---",  "...",        "!x",    "&a",
                           "*a",   "%a", "{a}",  "[a]",  "'",    "\"",  "\\",   "a\\n",       "größe", " a",
                           "a ",   "|",  ">",    "?",    ":",    "a:",  "0x10", "\U0001F600", "@a",    "`a"}) {
    ScanOptions options;
    options.targets = {text};
    options.output = text;
    options.fields = {text};
    options.module_options = {{"max-banner", text}};
    const ScanOptions again = options_of(print_yaml(options));
    EXPECT_EQ(again.targets, options.targets) << print_yaml(options);
    EXPECT_EQ(again.output, options.output) << print_yaml(options);
    EXPECT_EQ(again.module_options, options.module_options) << print_yaml(options);
  }
}

TEST(ScanTable, what_get_gives_is_what_set_takes) {
  for (const OptionSpec& spec : scan_table()) {
    ScanOptions options;
    for (const std::string& value : spec.get(ScanOptions())) {
      if (spec.clear) spec.clear(options);
      const Parsed<> done = spec.set(options, value);
      EXPECT_TRUE(done) << spec.name << ": " << done.error().text;
    }
    EXPECT_EQ(spec.get(options), spec.get(ScanOptions())) << spec.name;
  }
}

TEST(ScanTable, help_has_every_option_and_fits_a_terminal) {
  const std::string help = scan_help();
  for (const OptionSpec& spec : scan_table()) EXPECT_NE(help.find("--" + spec.name), std::string::npos) << spec.name;
  std::size_t columns = 0;
  for (const char c : help) {
    columns = c == '\n' ? 0 : columns + ((static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0);
    ASSERT_LE(columns, 104U);
  }
}

TEST(ScanTable, resolvers_are_addresses) {
  for (const char* text : {"127.0.0.1", "127.0.0.1:5353", "::1", "[::1]", "[::1]:53", "127.0.0.1,[::1]:53"})
    EXPECT_EQ(error_of("resolvers: '" + std::string(text) + "'"), "no error") << text;
  for (const char* text :
       {"dns.example", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:99999", "[::1", "[::1]x", "[]", "[", "1.2.3"})
    EXPECT_NE(error_of("resolvers: '" + std::string(text) + "'").find("is not the address of a name server"),
              std::string::npos)
        << text;
}

TEST(Check, says_what_does_not_go_together) {
  const auto error = [](const ScanOptions& options) {
    const Parsed<> checked = check(options);
    return checked ? "no error" : checked.error().text;
  };
  EXPECT_EQ(error({}), "nothing to scan: name a TARGET (192.0.2.0/24) or a list of them (--list FILE)");
  EXPECT_EQ(error({.targets = {"127.0.0.1"}}), "no error");
  EXPECT_EQ(error({.targets = {"127.0.0.1"}, .list = "targets.txt"}), "no error");
  EXPECT_EQ(error({.list = "-", .resume = "scan.ckpt"}).substr(0, 32), "--resume: a stream cannot be res");
  EXPECT_EQ(error({.list = "-", .checkpoint = "scan.ckpt"}).substr(0, 36), "--checkpoint: a stream cannot be res");
  EXPECT_EQ(error({.list = "a", .checkpoint = "scan.ckpt", .resume = "scan.ckpt"}), "no error");
  EXPECT_EQ(error({.list = "a", .output = "a"}), "--output: 'a' is --list too; give each a file of its own");
  EXPECT_EQ(error({.list = "a", .checkpoint = "b", .output = "b"}),
            "--output: 'b' is --checkpoint too; give each a file of its own");
  EXPECT_EQ(error({.list = "-", .output = "-", .summary = "-"}), "no error");
}

}  // namespace
}  // namespace sonde::config
