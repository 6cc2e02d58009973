#include "pacing/prefix_pace.h"

#include <gtest/gtest.h>

#include <deque>
#include <thread>
#include <vector>

#include "base/mix.h"

namespace sonde::pacing {
namespace {

// Scans a prefix in virtual time, a step a millisecond: it wants to start as much as it may, at most 1024 in flight.
// What starts while `carries` or more of what it carries are in flight is lost, and of the rest the share `silent`:
// those end after 3 s, in trouble, the others after 20 ms.
class Scan {
 public:
  // pace: null is none.
  Scan(PrefixPace* pace, std::uint64_t key, std::uint64_t seed = 0) : pace_(pace), key_(key), seed_(seed) {}
  ~Scan() {
    for (std::deque<Attempt>* queue : {&answers_, &troubles_})
      for (const Attempt& attempt : *queue)
        if (pace_ != nullptr) pace_->give(key_, attempt.round);
  }

  void run(int milliseconds, std::uint32_t carries, double silent = 0) {
    for (int i = 0; i < milliseconds; ++i) {
      ++now_;
      end(answers_, false);
      end(troubles_, true);
      std::uint8_t round = 0;
      while (answers_.size() + troubles_.size() < 1024 && (pace_ == nullptr || pace_->take(key_, round))) {
        ++started_;
        const bool dark = static_cast<double>(mix64(seed_, started_) >> 11) * 0x1.0p-53 < silent;
        const bool lost = answers_.size() >= carries;
        if (lost) ++lost_;
        if (dark || lost) {
          troubles_.push_back({.ends = now_ + 3000, .round = round});
        } else {
          answers_.push_back({.ends = now_ + 20, .round = round});
        }
      }
    }
  }
  std::uint64_t started() const { return started_; }
  double lost() const { return static_cast<double>(lost_) / static_cast<double>(started_); }

 private:
  struct Attempt {
    int ends = 0;
    std::uint8_t round = 0;
  };
  void end(std::deque<Attempt>& queue, bool trouble) {
    for (; !queue.empty() && queue.front().ends <= now_; queue.pop_front()) {
      if (pace_ == nullptr) continue;
      pace_->tell(key_, queue.front().round, trouble);
      pace_->give(key_, queue.front().round);
    }
  }

  PrefixPace* pace_;
  std::uint64_t key_, seed_;
  int now_ = 0;
  std::uint64_t started_ = 0, lost_ = 0;
  std::deque<Attempt> answers_, troubles_;
};

TEST(PrefixPace, begins_small_and_doubles_while_nothing_rises) {
  PrefixPace pace(64);
  Scan scan(&pace, 7);
  scan.run(1, 4096);
  EXPECT_EQ(scan.started(), PrefixPace::kFirstWindow);
  scan.run(30, 4096);
  EXPECT_EQ(pace.window(7), 2 * PrefixPace::kFirstWindow);
  scan.run(400, 4096);
  EXPECT_GE(pace.window(7), 1024U);
  EXPECT_EQ(pace.slowdowns(), 0U);
}

TEST(PrefixPace, loses_little_where_the_network_carries_less) {
  for (const double silent : {0.0, 0.2, 0.4}) {
    PrefixPace pace(64);
    Scan paced(&pace, 7), plain(nullptr, 7);
    paced.run(30'000, 20, silent);
    plain.run(30'000, 20, silent);
    EXPECT_LT(paced.lost(), plain.lost() / 2) << silent;
    EXPECT_GT(pace.slowdowns(), 0U) << silent;
  }
}

TEST(PrefixPace, speeds_up_again_when_the_trouble_is_over) {
  PrefixPace pace(64);
  Scan scan(&pace, 7);
  scan.run(2000, 4096);
  scan.run(30'000, 10, 0.1);
  EXPECT_LT(pace.window(7), 256U);
  EXPECT_GT(pace.slowdowns(), 0U);
  scan.run(8000, 4096);
  EXPECT_GT(pace.window(7), 512U);
}

TEST(PrefixPace, a_prefix_that_is_mostly_silent_from_the_start_is_not_slowed) {
  for (const double silent : {0.5, 0.7, 0.9, 1.0}) {
    int slowed = 0;
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      PrefixPace pace(64);
      Scan(&pace, 7, seed).run(30'000, 4096, silent);
      if (pace.window(7) < 1024) ++slowed;
    }
    EXPECT_LE(slowed, 1) << silent;  // by chance
  }
}

TEST(PrefixPace, never_more_in_flight_than_the_window) {
  PrefixPace pace(64);
  std::uint8_t round = 0;
  std::uint32_t taken = 0;
  while (pace.take(9, round)) ++taken;
  EXPECT_EQ(taken, PrefixPace::kFirstWindow);
  pace.give(9, 0);
  EXPECT_TRUE(pace.take(9, round));
  EXPECT_FALSE(pace.take(9, round));
}

TEST(PrefixPace, a_cell_goes_to_the_next_prefix_when_nothing_of_the_last_is_in_flight) {
  PrefixPace pace(1);
  Scan(&pace, 1).run(300, 4096);
  EXPECT_GT(pace.window(1), PrefixPace::kFirstWindow);
  std::uint8_t round = 0;
  EXPECT_TRUE(pace.take(2, round));
  EXPECT_EQ(pace.window(2), PrefixPace::kFirstWindow);
  EXPECT_TRUE(pace.take(3, round));  // shares it with 2
  pace.give(2, round);
  EXPECT_EQ(pace.window(3), PrefixPace::kFirstWindow);
}

TEST(PrefixPace, threads_leave_it_as_it_was) {
  PrefixPace pace(8);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&pace] {
      for (std::uint64_t n = 0; n < 20'000; ++n) {
        std::uint8_t round = 0;
        if (!pace.take(n % 16, round)) continue;
        pace.tell(n % 16, round, false);
        pace.give(n % 16, round);
      }
    });
  for (std::thread& thread : threads) thread.join();
  for (std::uint64_t key = 0; key < 16; ++key) {
    std::vector<std::uint8_t> rounds;
    for (std::uint8_t round = 0; pace.take(key, round);) rounds.push_back(round);
    EXPECT_EQ(rounds.size(), pace.window(key));
    for (const std::uint8_t round : rounds) pace.give(key, round);
  }
}

}  // namespace
}  // namespace sonde::pacing
