#include "sinks/file_sink.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

namespace sonde::sinks {
namespace {

class FileSinkTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(directory_); }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::filesystem::path directory_ =
      std::filesystem::temp_directory_path() / ("sonde_sink_test" + std::to_string(getpid()));
  std::string path_ = directory_ / "out.ndjson";
  std::string content() const { return *os::read_file(path_, 1 << 20); }
};

TEST_F(FileSinkTest, appending_takes_off_a_torn_last_line_and_no_more) {
  for (const auto& [before, after] : std::vector<std::pair<std::string, std::string>>{
           {"", ""}, {"a\nb\n", "a\nb\n"}, {"a\nb", "a\n"}, {"torn", ""}, {"a\n" + std::string(200'000, 'x'), "a\n"}}) {
    ASSERT_TRUE(os::replace_file(path_, before));
    auto sink = FileSink::open(path_, FileSink::Mode::kAppend);
    ASSERT_TRUE(sink);
    EXPECT_EQ((*sink)->was_empty(), after.empty());
    ASSERT_TRUE((*sink)->write(std::vector<std::string>{"new\n"}));
    ASSERT_TRUE((*sink)->sync());
    EXPECT_EQ(content(), after + "new\n");
  }
}

TEST_F(FileSinkTest, replacing_starts_empty) {
  ASSERT_TRUE(os::replace_file(path_, "old\n"));
  auto sink = FileSink::open(path_, FileSink::Mode::kReplace);
  ASSERT_TRUE((*sink)->write(std::vector<std::string>{"x\n", "y\n"}));
  EXPECT_EQ(content(), "x\ny\n");
}

TEST_F(FileSinkTest, a_full_disk_and_a_missing_directory_are_errors) {
  auto full = FileSink::open("/dev/full", FileSink::Mode::kReplace);
  ASSERT_TRUE(full);
  EXPECT_EQ((*full)->write(std::vector<std::string>{"x\n"}).error().kind, ErrorKind::kNoSpace);
  EXPECT_EQ(FileSink::open(directory_ / "no" / "file", FileSink::Mode::kReplace).error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace sonde::sinks
