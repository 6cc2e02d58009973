#include "targets/stream_source.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace sonde::targets {
namespace {

struct Pipe {
  Pipe() { EXPECT_EQ(::pipe(fds.data()), 0); }
  ~Pipe() {
    ::close(fds[0]);
    close_writer();
  }
  void write(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t sent = ::write(fds[1], text.data(), text.size());
      if (sent <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  void close_writer() {
    if (fds[1] >= 0) ::close(fds[1]);
    fds[1] = -1;
  }
  std::array<int, 2> fds{-1, -1};
};

// Of a URL with its scheme and path in front.
std::string text_of(const Target& target) {
  const std::string url =
      target.scheme == Scheme::kNone ? "" : std::string(name(target.scheme)) + " '" + target.path + "' ";
  return url +
         (target.host.empty() ? to_string(target.endpoint) : target.host + ":" + std::to_string(target.endpoint.port)) +
         (target.blocked ? " blocked" : "");
}

using Texts = std::vector<std::string>;

Texts drain(StreamSource& source) {
  Texts all;
  std::vector<Target> out(100);
  std::uint64_t position = 0;
  while (!source.exhausted()) {
    const std::size_t given = source.take(out);
    if (given == 0) std::this_thread::yield();
    for (std::size_t i = 0; i < given; ++i) {
      EXPECT_EQ(out[i].position, position++);
      all.push_back(text_of(out[i]));
    }
  }
  EXPECT_EQ(source.cursor(), all.size());
  return all;
}

Texts all_of(std::string_view text, StreamSourceOptions options) {
  Pipe pipe;
  StreamSource source(pipe.fds[0], std::move(options));
  std::jthread writer([&] {
    pipe.write(text);
    pipe.close_writer();
  });
  return drain(source);
}

PortSet ports(const char* text) { return *PortSet::parse(text); }

TEST(StreamSource, gives_targets_in_the_order_of_arrival_repeats_included) {
  EXPECT_EQ(all_of("10.0.0.2\r\n10.0.0.0/31 # two\nb.example\n10.0.0.2:7\n\nhttps://a.example/\n10.0.0.2",
                   {.ports = ports("80,81")}),
            (Texts{"10.0.0.2:80", "10.0.0.2:81", "10.0.0.0:80", "10.0.0.0:81", "10.0.0.1:80", "10.0.0.1:81",
                   "b.example:80", "b.example:81", "10.0.0.2:7", "a.example:443", "10.0.0.2:80", "10.0.0.2:81"}));
}

TEST(StreamSource, urls_keep_scheme_and_path_where_they_are_asked_for) {
  const char* const lines = "https://a.example/x?y\nhttp://10.0.0.1:8080/\n10.0.0.2:7\nhttp://[2001:db8::1]/z\n";
  EXPECT_EQ(all_of(lines, {.keep_urls = true}),
            (Texts{"https '/x?y' a.example:443", "http '' 10.0.0.1:8080", "10.0.0.2:7", "http '/z' [2001:db8::1]:80"}));
  EXPECT_EQ(all_of(lines, {}), (Texts{"a.example:443", "10.0.0.1:8080", "10.0.0.2:7", "[2001:db8::1]:80"}));
}

TEST(StreamSource, a_bad_line_is_reported_skipped_and_counted) {
  Pipe pipe;
  std::mutex mutex;
  Texts errors;
  StreamSource source(pipe.fds[0], {.on_invalid = [&](std::string_view error) {
                        const std::lock_guard lock(mutex);
                        errors.emplace_back(error);
                      }});
  pipe.write("10.0.0.1:80\n10.0.0.0/33\n\n10.0.0.5\n10.0.0.2:80\n");
  pipe.close_writer();
  EXPECT_EQ(drain(source), (Texts{"10.0.0.1:80", "10.0.0.2:80"}));
  EXPECT_EQ(source.lines_invalid(), 2u);
  EXPECT_FALSE(source.failed());
  const std::lock_guard lock(mutex);
  EXPECT_EQ(errors, (Texts{"stdin:2: '10.0.0.0/33' is not a prefix: the length after '/' must be 0 to 32",
                           "stdin:4: '10.0.0.5' names no port: say which with --ports, or write host:port"}));
}

TEST(StreamSource, a_port_is_a_bad_line_where_the_probe_knows_none) {
  EXPECT_EQ(all_of("10.0.0.1\n10.0.0.2:80\nh.example\n", {.ports = PortSet(std::array<std::uint16_t, 1>{0})}),
            (Texts{"10.0.0.1:0", "h.example:0"}));
}

TEST(StreamSource, exclusions_and_the_reserved_cut_apply) {
  Exclusion exclusion;
  ASSERT_TRUE(exclusion.add("10.0.0.1,b.example,128.0.0.0/31"));
  EXPECT_EQ(all_of("10.0.0.0-2\nb.example\n10.0.0.1\n126.255.255.255-128.0.0.2\n",
                   {.ports = ports("80"), .exclusion = &exclusion}),
            (Texts{"10.0.0.0:80", "10.0.0.2:80", "b.example:80 blocked", "126.255.255.255:80", "128.0.0.2:80"}));
}

TEST(StreamSource, shards_are_disjoint_and_together_complete) {
  const std::string text = "10.0.0.0/24\nb.example\na.example:9\n10.0.1.1:8\n";
  std::multiset<std::string> all;
  for (std::uint32_t shard = 1; shard <= 3; ++shard) {
    const auto part = all_of(text, {.ports = ports("80,81"), .shard = shard, .shards = 3});
    EXPECT_GT(part.size(), 100u);
    all.insert(part.begin(), part.end());
  }
  const auto whole = all_of(text, {.ports = ports("80,81")});
  EXPECT_EQ(all, std::multiset<std::string>(whole.begin(), whole.end()));
}

TEST(StreamSource, max_targets_ends_it) {
  Pipe pipe;
  StreamSource source(pipe.fds[0], {.ports = ports("80"), .max_targets = 5});
  pipe.write("10.0.0.0/8\n");
  EXPECT_EQ(drain(source).size(), 5u);  // the writer is still there
}

TEST(StreamSource, take_does_not_wait_for_a_silent_stream_and_it_ends_at_once) {
  Pipe pipe;
  StreamSource source(pipe.fds[0], {.ports = ports("80")});
  std::vector<Target> out(10);
  EXPECT_EQ(source.take(out), 0u);
  EXPECT_FALSE(source.exhausted());
  EXPECT_EQ(source.total(), std::nullopt);
}

TEST(StreamSource, ends_at_once_while_its_queue_is_full) {
  Pipe pipe;
  std::string lines;
  for (int i = 0; i < 20'000; ++i) lines += "10.0.0.1\n";
  std::jthread writer;
  {
    StreamSource source(pipe.fds[0], {.ports = ports("80")});
    writer = std::jthread([&] { pipe.write(std::string_view(lines).substr(0, 60'000)); });
    std::vector<Target> out(1);
    while (source.take(out) == 0) std::this_thread::yield();
  }
}

TEST(StreamSource, a_long_stream_passes_through_whole) {
  std::string lines;
  for (int i = 0; i < 100'000; ++i)
    lines += to_string(IpAddress::v4(0x0a000000u + static_cast<std::uint32_t>(i))) + "\n";
  const auto all = all_of(lines, {.ports = ports("80")});
  ASSERT_EQ(all.size(), 100'000u);
  EXPECT_EQ(all.back(), "10.1.134.159:80");
}

TEST(StreamSource, a_line_of_all_addresses_costs_nothing_until_it_is_taken) {
  Pipe pipe;
  StreamSource source(pipe.fds[0], {.ports = ports("-"), .max_targets = 3});
  pipe.write("::/0\n0.0.0.0/0\n");
  EXPECT_EQ(drain(source), (Texts{"[::2]:1", "[::2]:2", "[::2]:3"}));
}

TEST(StreamSource, a_stream_that_cannot_be_read_says_so) {
  std::mutex mutex;
  std::string told;
  const int directory = ::open("/", O_RDONLY | O_CLOEXEC);
  StreamSource source(directory, {.on_invalid = [&](std::string_view error) {
                        const std::lock_guard lock(mutex);
                        told = error;
                      }});
  EXPECT_TRUE(drain(source).empty());
  EXPECT_TRUE(source.failed());
  EXPECT_EQ(source.lines_invalid(), 0u);
  const std::lock_guard lock(mutex);
  EXPECT_EQ(told, "stdin: cannot be read: Is a directory");
  ::close(directory);
}

}  // namespace
}  // namespace sonde::targets
