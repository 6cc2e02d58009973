#include "targets/list_reader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "targets/exclusion.h"
#include "targets/target_set_builder.h"

namespace sonde::targets {
namespace {

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content) {
    const int fd = ::mkstemp(path_.data());
    EXPECT_EQ(::write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
    ::close(fd);
  }
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/sonde_list_XXXXXX";
};

// "number:text", a '*' behind overlong ones.
std::vector<std::string> lines_of(const std::string& bytes, std::size_t piece) {
  std::vector<std::string> out;
  const auto sink = [&](const Line& line) {
    out.push_back(std::to_string(line.number) + ":" + std::string(line.text) + (line.overlong ? "*" : ""));
    return true;
  };
  LineSplitter splitter;
  for (std::size_t i = 0; i < bytes.size(); i += piece) splitter.feed(std::string_view(bytes).substr(i, piece), sink);
  splitter.finish(sink);
  return out;
}

TEST(LineSplitter, crlf_blank_lines_comments_and_byte_order_mark) {
  EXPECT_EQ(lines_of("\xEF\xBB\xBF"
                     "10.0.0.1\r\n\r\n  \n# comment\n 10.0.0.2 # inline\r\n\thost#x\nlast",
                     1000),
            (std::vector<std::string>{"1:10.0.0.1", "5:10.0.0.2", "6:host", "7:last"}));
}

TEST(LineSplitter, any_cutting_gives_the_same_lines) {
  const std::string bytes =
      "\xEF\xBB\xBF"
      "a\r\nb #c\n\n\nlong-line-of-text\n" +
      std::string(LineSplitter::kMaxLine + 10, 'x') + "\nend";
  const auto whole = lines_of(bytes, bytes.size());
  ASSERT_EQ(whole.size(), 5u);
  EXPECT_EQ(whole[3].back(), '*');
  for (const std::size_t piece : {1, 2, 3, 7, 4096, 65536}) EXPECT_EQ(lines_of(bytes, piece), whole) << piece;
}

TEST(LineSplitter, a_line_of_the_greatest_length_is_whole) {
  const std::string longest(LineSplitter::kMaxLine, 'x');
  EXPECT_EQ(lines_of(longest + "\n", 5000).front().back(), 'x');
  EXPECT_EQ(lines_of(longest + "x\n", 5000).front().back(), '*');
}

std::string error_of_list(const std::string& content, std::string* path = nullptr) {
  const TemporaryFile file(content);
  if (path) *path = file.path();
  TargetSetBuilder builder;
  const auto added = builder.add_list_file(file.path());
  EXPECT_FALSE(added);
  return added ? "" : added.error().text.substr(file.path().size());
}

TEST(ListFile, a_bad_line_is_named_by_file_and_number) {
  EXPECT_EQ(error_of_list("10.0.0.1\r\n# 10.0.0.0/99\r\n10.0.0.0/33\r\n"),
            ":3: '10.0.0.0/33' is not a prefix: the length after '/' must be 0 to 32");
}

TEST(ListFile, binary_garbage_is_an_error_with_its_line) {
  EXPECT_EQ(error_of_list(std::string("10.0.0.1\n\x7f"
                                      "ELF\x02\x01\0\0\n",
                                      16)),
            ":2: '\\x7fELF\\x02\\x01\\x00' is not text: binary data where a target belongs");
  EXPECT_NE(error_of_list(std::string(300'000, '\0')).find(":1: "), std::string::npos);
}

TEST(ListFile, an_overlong_line_is_an_error_with_its_line) {
  const std::string error = error_of_list("10.0.0.1\n" + std::string(3'000'000, 'a') + "\n");
  EXPECT_NE(error.find(":2: 'aaa"), std::string::npos);
  EXPECT_LT(error.size(), 300u);
}

TEST(ListFile, a_list_without_targets_is_an_error) {
  EXPECT_NE(error_of_list("# nothing\n\r\n").find("holds no targets"), std::string::npos);
  EXPECT_NE(error_of_list("").find("holds no targets"), std::string::npos);
}

TEST(ListFile, an_unreadable_file_is_an_error) {
  TargetSetBuilder builder;
  EXPECT_EQ(builder.add_list_file("/nonexistent/targets.txt").error().text,
            "/nonexistent/targets.txt: cannot be read: No such file or directory");
  EXPECT_EQ(builder.add_list_file("/").error().text, "/: cannot be read: Is a directory");
}

TEST(ListFile, all_forms_are_taken) {
  const TemporaryFile file("10.0.0.0/30\n10.0.0.2-5\nhost.example:99 # named\n[2001:db8::1]:7\nhttps://b.example/\n");
  TargetSetBuilder builder;
  ASSERT_TRUE(builder.add_list_file(file.path()));
  builder.set_ports(*PortSet::parse("1,2"));
  const auto set = builder.build();
  ASSERT_TRUE(set);
  EXPECT_EQ(set->size(), 6u * 2 + 1 + 1 + 1);
}

TEST(ExcludeFile, holds_cidrs_ranges_addresses_and_names) {
  const TemporaryFile file("10.0.0.0/30 # ours\r\n10.0.1.1-5\n\nBad.Example.\n::1\n");
  Exclusion exclusion;
  ASSERT_TRUE(exclusion.add_list_file(file.path()));
  EXPECT_TRUE(exclusion.contains(*parse_ip("10.0.0.3")));
  EXPECT_FALSE(exclusion.contains(*parse_ip("10.0.0.4")));
  EXPECT_TRUE(exclusion.contains(*parse_ip("10.0.1.5")));
  EXPECT_TRUE(exclusion.contains(*parse_ip("::1")));
  EXPECT_TRUE(exclusion.contains_name("bad.example"));
}

TEST(ExcludeFile, a_bad_line_is_named_by_file_and_number) {
  const TemporaryFile file("10.0.0.0/30\n10.0.0.1:80\n");
  Exclusion exclusion;
  const auto added = exclusion.add_list_file(file.path());
  ASSERT_FALSE(added);
  EXPECT_EQ(
      added.error().text,
      file.path() +
          ":2: '10.0.0.1:80' names a port: exclusions are CIDRs, ranges, addresses and host names, for all ports");
}

}  // namespace
}  // namespace sonde::targets
