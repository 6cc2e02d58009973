#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

#include "os/error.h"
#include "os/fd.h"
#include "os/machine.h"
#include "os/sockaddr.h"

namespace sonde::os {
namespace {

TEST(Error, local_faults_are_told_from_the_targets_state) {
  for (const int fault : {EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL, EAGAIN})
    EXPECT_TRUE(is_local(error_from(fault, "x").kind)) << fault;
  for (const int state : {ECONNREFUSED, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, EPIPE})
    EXPECT_FALSE(is_local(error_from(state, "x").kind)) << state;
  EXPECT_EQ(describe(error_from(ENOSPC, "write output")), "write output: No space left on device");
}

TEST(Fd, write_all_gathers_pieces_in_order_through_a_pipe_smaller_than_they_are) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const Fd reader(ends[0]);
  Fd writer(ends[1]);
  std::vector<std::string> pieces;
  std::string whole;
  for (int i = 0; i < 200; ++i) {
    pieces.emplace_back(static_cast<std::size_t>(i * 7 % 300), static_cast<char>('a' + i % 26));
    whole += pieces.back();
  }
  ASSERT_TRUE(write_all(writer.get(), pieces));
  writer.reset();
  std::string got(whole.size() + 10, '\0');
  std::size_t size = 0;
  while (const ssize_t n = read(reader.get(), got.data() + size, got.size() - size))
    size += static_cast<std::size_t>(n);
  EXPECT_EQ(got.substr(0, size), whole);
}

TEST(Fd, a_full_disk_is_reported) {
  const Fd full(open("/dev/full", O_WRONLY));
  const Result<> written = write_all(full.get(), "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::kNoSpace);
}

TEST(Fd, replace_file_leaves_old_or_new_and_nothing_beside) {
  const std::filesystem::path directory =
      std::filesystem::temp_directory_path() / ("sonde_os_test" + std::to_string(getpid()));
  std::filesystem::create_directory(directory);
  const std::string path = directory / "file";
  ASSERT_TRUE(replace_file(path, "one"));
  ASSERT_TRUE(replace_file(path, "two"));
  EXPECT_EQ(*read_file(path, 100), "two");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory), {}), 1);
  EXPECT_FALSE(read_file(path, 2));
  std::filesystem::remove_all(directory);
  EXPECT_EQ(replace_file(path, "three").error().kind, ErrorKind::kNotFound);
}

TEST(Fd, replace_file_writes_into_what_is_no_regular_file_and_leaves_it_there) {
  const std::string path = std::filesystem::temp_directory_path() / ("sonde_os_test_pipe" + std::to_string(getpid()));
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const Fd both_ends(open(path.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(replace_file(path, "one"));
  EXPECT_TRUE(std::filesystem::is_fifo(path));
  std::array<char, 8> text{};
  EXPECT_EQ(read(both_ends.get(), text.data(), text.size()), 3);
  std::filesystem::remove(path);
}

TEST(SockAddr, endpoints_come_back_as_they_went) {
  for (const char* text : {"127.0.0.1", "255.1.2.3", "::1", "2001:db8::8:800:200c:417a"}) {
    const Endpoint endpoint{*parse_ip(text), 4711};
    SockAddr address;
    fill(address, endpoint);
    EXPECT_EQ(endpoint_of(address), endpoint) << text;
  }
}

TEST(Machine, limits_are_plausible) {
  EXPECT_GE(usable_cpus(), 1U);
  EXPECT_GE(raise_descriptor_limit(), 64U);
  const std::uint64_t before = open_descriptors();
  const Fd one(open("/dev/null", O_RDONLY));
  EXPECT_EQ(open_descriptors(), before + 1);
  EXPECT_GT(rss_peak_kb(), 100U);
  EXPECT_NE(random_seed(), random_seed());
}

}  // namespace
}  // namespace sonde::os
