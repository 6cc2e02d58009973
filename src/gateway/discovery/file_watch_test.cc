#include "gateway/discovery/file_watch.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace sonde::gateway {
namespace {

namespace fs = std::filesystem;

// Time is a number; events are waited for on the descriptor, those of one system call are there when it returns.
class FileWatchTest : public testing::Test {
 protected:
  FileWatchTest() {
    std::string name = (fs::temp_directory_path() / "sonde_watch_XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~FileWatchTest() override { fs::remove_all(directory_); }

  static void write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }
  bool is_readable() const {
    pollfd wait{.fd = watch_.fd(), .events = POLLIN, .revents = 0};
    return ::poll(&wait, 1, 0) == 1;
  }
  // Whether what just happened is told as a change, and only once it is quiet.
  bool sees_change() {
    if (!is_readable()) return false;
    now_ += kSecond;
    watch_.on_readable(now_);
    if (watch_.due() != now_ + kWatchQuiet) return false;
    EXPECT_FALSE(watch_.take_change(now_ + kWatchQuiet - 1));
    return watch_.take_change(now_ + kWatchQuiet);
  }

  fs::path directory_;
  FileWatch watch_;
  Nanos now_ = 0;
};

TEST_F(FileWatchTest, a_file_that_is_written_replaced_removed_and_made_again) {
  const fs::path path = directory_ / "file";
  write(path, "one");
  watch_.watch({path}, 0);
  EXPECT_FALSE(sees_change());
  write(path, "other");
  EXPECT_TRUE(sees_change());
  write(directory_ / "beside", "new one");
  fs::rename(directory_ / "beside", path);
  EXPECT_TRUE(sees_change());
  fs::remove(path);
  EXPECT_TRUE(sees_change());
  write(path, "again");
  EXPECT_TRUE(sees_change());
}

TEST_F(FileWatchTest, what_happens_beside_a_file_is_no_change) {
  const fs::path path = directory_ / "file";
  write(path, "one");
  watch_.watch({path}, 0);
  write(directory_ / "beside", "x");
  EXPECT_TRUE(is_readable());
  EXPECT_FALSE(sees_change());
}

TEST_F(FileWatchTest, many_events_are_one_and_wait_a_second_at_most) {
  const fs::path path = directory_ / "file";
  write(path, "one");
  watch_.watch({path}, 0);
  Nanos now = 0;
  for (int i = 0; i < 30; ++i, now += kWatchQuiet / 2) {
    write(path, std::string(static_cast<std::size_t>(i), 'x'));
    watch_.on_readable(now);
    EXPECT_EQ(watch_.due(), std::min(now + kWatchQuiet, kWatchAtMost));
  }
  EXPECT_TRUE(watch_.take_change(now));
  EXPECT_FALSE(watch_.take_change(now + kSecond));
}

TEST_F(FileWatchTest, links_of_a_kubernetes_mount_that_are_swapped) {
  fs::create_directory(directory_ / "..1");
  fs::create_directory(directory_ / "..2");
  write(directory_ / "..1" / "file", "one");
  write(directory_ / "..2" / "file", "two");
  fs::create_symlink("..1", directory_ / "..data");
  fs::create_symlink("..data/file", directory_ / "file");
  watch_.watch({directory_ / "file"}, 0);
  fs::create_symlink("..2", directory_ / "..data_tmp");
  fs::rename(directory_ / "..data_tmp", directory_ / "..data");
  fs::remove_all(directory_ / "..1");
  EXPECT_TRUE(sees_change());
  write(directory_ / "..2" / "file", "in place");  // the new directory is watched
  EXPECT_TRUE(sees_change());
}

TEST_F(FileWatchTest, a_link_to_a_file_elsewhere) {
  fs::create_directory(directory_ / "elsewhere");
  fs::create_directory(directory_ / "here");
  write(directory_ / "elsewhere" / "file", "one");
  fs::create_symlink("../elsewhere/file", directory_ / "here" / "file");
  watch_.watch({directory_ / "here" / "file"}, 0);
  write(directory_ / "elsewhere" / "new", "two and more");
  fs::rename(directory_ / "elsewhere" / "new", directory_ / "elsewhere" / "file");
  EXPECT_TRUE(sees_change());
}

TEST_F(FileWatchTest, a_directory_that_comes_later) {
  const fs::path path = directory_ / "a" / "b" / "file";
  watch_.watch({path}, 0);
  fs::create_directory(directory_ / "a");
  EXPECT_FALSE(sees_change());  // but it is watched now
  fs::create_directory(directory_ / "a" / "b");
  EXPECT_FALSE(sees_change());
  write(path, "there");
  EXPECT_TRUE(sees_change());
}

TEST_F(FileWatchTest, without_events_a_look_each_minute) {
  const fs::path path = directory_ / "file";
  watch_.watch({path}, 0);
  EXPECT_EQ(watch_.due(), 60 * kSecond);
  write(path, "there");
  EXPECT_FALSE(watch_.take_change(60 * kSecond - 1));
  EXPECT_TRUE(watch_.take_change(60 * kSecond));
  EXPECT_FALSE(watch_.take_change(120 * kSecond));
}

}  // namespace
}  // namespace sonde::gateway
