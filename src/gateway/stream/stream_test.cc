#include "gateway/stream/stream.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <thread>

#include "gateway/stream/stream_eye.h"

namespace sonde::gateway {
namespace {

class StreamTest : public testing::Test {
 protected:
  void make(std::size_t books, StreamOptions options = {}) {
    books_ = std::make_unique<Books>(books);
    stream_ = std::make_unique<Stream>(
        books_->all(),
        [this](Nanos now) {
          StreamFacts facts;
          facts.unix_now = now + kOffset;
          facts.started = kOffset;
          facts.config_error = error_;
          return facts;
        },
        options);
  }
  Nanos tick() { return at_ += kSecond; }
  // Whether the eye sees what a new one would.
  void expect_right(Eye& eye) {
    Eye fresh(*stream_);
    fresh.take_all(at_);
    ASSERT_EQ(eye.checks.size(), fresh.checks.size());
    for (auto& [id, seen] : fresh.checks) {
      ASSERT_TRUE(eye.checks.contains(id));
      Eye::Seen& other = eye.checks.at(id);
      EXPECT_EQ(eye.groups.at(other.last.group()).SerializeAsString(),
                fresh.groups.at(seen.last.group()).SerializeAsString());
      EXPECT_EQ(other.last.DebugString(), seen.last.DebugString());
      EXPECT_EQ(other.recent, seen.recent) << id;
    }
  }
  std::uint64_t encoded() const {
    metrics::Samples samples;
    stream_->sample(samples);
    return static_cast<std::uint64_t>(samples.all().at(1).value);
  }

  std::string error_;
  std::unique_ptr<Books> books_;
  std::unique_ptr<Stream> stream_;
  Nanos at_ = 100 * kSecond;
};

TEST_F(StreamTest, no_checks_are_a_picture_of_none) {
  make(1);
  Eye eye(*stream_);
  ASSERT_TRUE(eye.take(at_));
  EXPECT_TRUE(eye.frame.first());
  EXPECT_EQ(eye.frame.following(), 0U);
  EXPECT_EQ(eye.frame.gateway().viewers(), 1U);
  EXPECT_FALSE(eye.take(at_));
  EXPECT_EQ(eye.source()->next_time(), at_ + kSecond);
  ASSERT_TRUE(eye.take(tick()));
  EXPECT_FALSE(eye.frame.first());
  EXPECT_EQ(eye.frame.ticks(), 1U);
}

TEST_F(StreamTest, the_first_picture_has_each_check_once) {
  make(3);
  books_->put_many(1, 100'000);
  Eye eye(*stream_);
  std::uint32_t following = UINT32_MAX;
  std::size_t frames = 0;
  do {
    ASSERT_TRUE(eye.take(at_));
    EXPECT_EQ(eye.frame.first(), frames == 0);
    EXPECT_LE(eye.frame.checks_size(), 2000);
    EXPECT_LT(eye.frame.following(), following);
    following = eye.frame.following();
    ++frames;
  } while (following > 0 && frames < 1'000);
  EXPECT_EQ(frames, 50U);
  EXPECT_EQ(eye.checks.size(), 100'000U);
  EXPECT_EQ(eye.groups.size(), 1U);
  eye.take_all(at_);
  eye.take_all(tick());
  for (CheckId id = 1; id <= 100'000; ++id) ASSERT_EQ(eye.times_told(id), 1U);
  Eye second(*stream_);
  EXPECT_EQ(second.take_all(at_), 50U);
  EXPECT_EQ(second.checks.size(), 100'000U);
}

TEST_F(StreamTest, a_result_is_told_at_the_next_tick_without_what_is_known) {
  make(1);
  books_->put(Books::check(7));
  Eye eye(*stream_);
  eye.take_all(at_);
  books_->end(7, false, 1'000);
  EXPECT_FALSE(eye.take(at_));
  ASSERT_TRUE(eye.take(tick()));
  ASSERT_EQ(eye.frame.checks_size(), 1);
  const v1::CheckUpdate& update = eye.frame.checks(0);
  EXPECT_EQ(update.status(), v1::CHECK_STATUS_DOWN);
  EXPECT_EQ(update.target(), "");
  EXPECT_EQ(update.group(), 0U);
  EXPECT_EQ(update.recent(), "");
  EXPECT_EQ(update.duration_us(), 1'000U);
  EXPECT_EQ(update.phase(), "connect");
  EXPECT_EQ(update.outcome(), "refused");
  EXPECT_EQ(update.error(), "it is broken");
  EXPECT_EQ(eye.frame.groups_size(), 0);
  EXPECT_EQ(eye.frame.gateway().down(), 1U);
  EXPECT_GT(eye.frame.gateway().runs_per_second(), 0);
  ASSERT_EQ(eye.frame.transitions_size(), 1);
  EXPECT_EQ(eye.frame.transitions(0).from(), v1::CHECK_STATUS_UNKNOWN);
  EXPECT_EQ(eye.frame.transitions(0).to(), v1::CHECK_STATUS_DOWN);
  EXPECT_EQ(eye.frame.transitions(0).cause(), "connect refused");
  ASSERT_TRUE(eye.take(tick()));
  EXPECT_EQ(eye.frame.checks_size(), 0);
  EXPECT_EQ(eye.frame.transitions_size(), 0);
  expect_right(eye);
}

TEST_F(StreamTest, what_a_slow_viewer_missed_comes_as_one_change) {
  make(2);
  books_->put_many(1, 10);
  Eye quick(*stream_), slow(*stream_);
  quick.take_all(at_);
  slow.take_all(at_);
  for (int i = 0; i < 10; ++i) {
    for (CheckId id = 1; id <= 5; ++id) books_->end(id, i % 3 == 0, 100 * (i + 1));
    if (i == 4) books_->remove(9);
    if (i == 6) books_->put(Books::check(10, "web", "two"));
    EXPECT_EQ(quick.take_all(tick()), 1U);
  }
  EXPECT_EQ(slow.take_all(at_), 1U);
  EXPECT_EQ(slow.frame.ticks(), 10U);
  EXPECT_EQ(slow.frame.checks_size(), 6);
  expect_right(quick);
  expect_right(slow);
  EXPECT_EQ(slow.checks.at(1).recent.size(), 10U) << "results that it did not see one by one";
}

TEST_F(StreamTest, results_of_one_tick_are_all_told) {
  make(1);
  books_->put(Books::check(7));
  Eye eye(*stream_);
  eye.take_all(at_);
  for (int i = 0; i < 3; ++i) books_->end(7, true, 500 << i);
  eye.take_all(tick());
  EXPECT_EQ(eye.checks.at(7).recent.size(), 3U);
  expect_right(eye);
}

TEST_F(StreamTest, those_in_step_share_a_frame) {
  make(1);
  books_->put_many(1, 100);
  std::vector<std::unique_ptr<Eye>> eyes;
  for (int i = 0; i < 10; ++i) {
    eyes.push_back(std::make_unique<Eye>(*stream_));
    eyes.back()->take_all(at_);
  }
  for (int i = 0; i < 5; ++i) {
    books_->end(3, i % 2 == 0, 500);
    books_->put(Books::check(200 + static_cast<CheckId>(i), "new" + std::to_string(i)));
    const std::uint64_t before = encoded();
    tick();
    for (const auto& eye : eyes) EXPECT_EQ(eye->take_all(at_), 1U);
    EXPECT_EQ(encoded(), before + 1);
  }
  for (const auto& eye : eyes) expect_right(*eye);
  EXPECT_EQ(eyes[0]->frame.gateway().viewers(), 10U);
}

TEST_F(StreamTest, what_changes_during_the_picture_comes_behind_it) {
  make(2, {.picture_piece = 10, .most_owed = 7, .mirror = {}});
  books_->put_many(1, 100);
  Eye other(*stream_);
  other.take_all(at_);
  for (const bool filled : {false, true}) {
    if (!filled) {
      other = Eye(*stream_);  // the mirror is empty again, but for this one's
    }
    Eye eye(*stream_);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(eye.take(at_));
    const CheckId some = filled ? 1'000 : 2'000;
    for (CheckId id = 40; id < 60; ++id) books_->end(id, id % 2 == 0, 300);
    for (CheckId id : {2, 3, 50, 51, 98, 99}) books_->remove(id);
    books_->put_many(some, 15, filled ? "three" : "four");
    books_->put(Books::check(1, "web", filled ? "five" : "six"));
    tick();
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(eye.take(at_));
    for (CheckId id : {2, 3, 50, 51, 98, 99}) books_->put(Books::check(id));
    books_->remove(97);
    tick();
    eye.take_all(at_);
    eye.take_all(tick());
    expect_right(eye);
    books_->put(Books::check(97));
  }
}

TEST_F(StreamTest, a_viewer_that_missed_more_removals_than_are_known_begins_afresh) {
  make(1, {.mirror = {.most_removed = 5}});
  books_->put_many(1, 20);
  Eye quick(*stream_), slow(*stream_);
  quick.take_all(at_);
  slow.take_all(at_);
  for (CheckId id = 1; id <= 5; ++id) books_->remove(id);
  quick.take_all(tick());
  EXPECT_EQ(slow.take_all(at_), 1U);
  EXPECT_FALSE(slow.frame.first());
  for (CheckId id = 6; id <= 9; ++id) {
    books_->remove(id);
    quick.take_all(tick());
  }
  for (CheckId id = 10; id <= 13; ++id) {
    books_->remove(id);
    quick.take_all(tick());
    EXPECT_FALSE(quick.frame.first());
  }
  ASSERT_TRUE(slow.take(at_));
  EXPECT_TRUE(slow.frame.first());
  slow.take_all(at_);
  expect_right(slow);
  expect_right(quick);
  EXPECT_EQ(slow.checks.size(), 7U);
}

TEST_F(StreamTest, a_book_that_nobody_asks_notes_no_more_than_a_bound) {
  make(1);
  books_->put_many(1, 10);
  Eye eye(*stream_);
  eye.take_all(at_);
  for (CheckId id = 1'000; id < 3'000; ++id) {
    books_->put(Books::check(id));
    books_->remove(id);
  }
  books_->end(3, true, 700);
  ASSERT_TRUE(eye.take(tick()));
  EXPECT_TRUE(eye.frame.first());
  expect_right(eye);
}

TEST_F(StreamTest, a_group_that_comes_again_is_told_again) {
  make(1);
  books_->put(Books::check(1, "a"));
  books_->put(Books::check(2, "b"));
  Eye old(*stream_);
  old.take_all(at_);
  books_->remove(2);
  old.take_all(tick());
  Eye late(*stream_);  // has never heard of b
  late.take_all(at_);
  EXPECT_EQ(late.groups.size(), 1U);
  books_->put(Books::check(3, "b"));
  tick();
  for (Eye* eye : {&old, &late}) {
    eye->take_all(at_);
    EXPECT_EQ(eye->frame.groups_size(), 1);
    expect_right(*eye);
  }
}

TEST_F(StreamTest, texts_that_are_no_utf8_are_shown_as_such) {
  make(1);
  error_ =
      "a\xff"
      "b\xc3\xa4";
  auto check = std::make_shared<Check>(*Books::check(1, "na\x80me", "la\xe2\x82"));
  check->target = "t1";
  books_->put(check);
  books_->end(1, false, 5, "\xc0\xaf!");
  Eye eye(*stream_);
  ASSERT_TRUE(eye.take(at_));
  EXPECT_EQ(eye.frame.gateway().config_error(),
            "a\xef\xbf\xbd"
            "b\xc3\xa4");
  EXPECT_EQ(eye.frame.groups(0).name(), "na\xef\xbf\xbdme");
  EXPECT_EQ(eye.frame.groups(0).labels().at("team"), "la\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(eye.frame.checks(0).error(), "\xef\xbf\xbd\xef\xbf\xbd!");
}

TEST_F(StreamTest, the_first_picture_tells_the_newest_transitions_of_the_last_hour) {
  make(2);
  books_->put_many(1, 600);
  for (CheckId id = 1; id <= 600; ++id) books_->end(id, id % 2 == 0, 5);
  at_ = books_->now();
  Eye eye(*stream_);
  eye.take_all(at_);
  EXPECT_EQ(eye.transitions.size(), 300U) << "that a check is up at its first look is no news";
  for (CheckId id = 1; id <= 600; ++id) books_->end(id, id % 2 != 0, 5);
  eye.transitions.clear();
  eye.take_all(tick());
  EXPECT_EQ(eye.transitions.size(), 500U) << "the newest";
  Eye late(*stream_);
  late.take_all(at_);
  EXPECT_EQ(late.transitions.size(), 500U);
  at_ = books_->now() + 3'700 * kSecond;
  Eye later(*stream_);
  later.take_all(at_);
  EXPECT_EQ(later.transitions.size(), 0U);
}

// Whatever happens, in whatever rhythm they look.
TEST_F(StreamTest, all_viewers_come_to_see_the_same) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    make(1 + seed % 3, {.picture_piece = 7, .most_owed = 5, .mirror = {.most_removed = 20}});
    books_->put_many(1, 40);
    std::vector<std::unique_ptr<Eye>> eyes;
    std::set<CheckId> there;
    for (CheckId id = 1; id <= 40; ++id) there.insert(id);
    for (int round = 0; round < 60; ++round) {
      if (random() % 8 == 0 && eyes.size() < 6) eyes.push_back(std::make_unique<Eye>(*stream_));
      for (std::uint32_t i = random() % 12; i > 0; --i) {
        const CheckId id = 1 + random() % 60;
        if (random() % 5 == 0 && there.erase(id) > 0) {
          books_->remove(id);
        } else if (there.insert(id).second || random() % 4 == 0) {
          books_->put(Books::check(id, "n" + std::to_string(random() % 3), "l" + std::to_string(random() % 3)));
        } else {
          books_->end(id, random() % 3 != 0, static_cast<std::int32_t>(random() % 100'000));
        }
      }
      if (random() % 2 == 0) tick();
      for (std::size_t i = 0; i < eyes.size(); ++i)
        if (random() % (i + 1) == 0) eyes[i]->take(at_);
    }
    tick();
    for (const auto& eye : eyes) eye->take_all(at_);
    for (const auto& eye : eyes) expect_right(*eye);
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
    eyes.clear();
    stream_.reset();
  }
}

TEST_F(StreamTest, nobody_looks_on_and_nothing_is_made_or_noted) {
  make(1);
  books_->put_many(1, 10);
  {
    Eye(*stream_).take_all(at_);
  }
  const std::uint64_t before = encoded();
  books_->end(1, true, 5);
  EXPECT_TRUE(books_->book_of(1).take_changes().ids.empty());
  EXPECT_EQ(encoded(), before);
}

TEST_F(StreamTest, any_thread) {
  make(2);
  books_->put_many(1, 500);
  std::atomic<bool> stopping{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&, i] {
      for (Nanos now = at_; !stopping; now += kSecond / (i + 2)) {
        Eye eye(*stream_);
        for (int frames = 0; frames < 5 * (i + 1); ++frames) eye.take(now);
      }
    });
  for (int round = 0; round < 20; ++round) {
    books_->put_many(1, 50, "l" + std::to_string(round % 3));
    for (CheckId id = 1; id < 40; ++id) books_->end(id, round % 2 == 0, 5);
    books_->remove(static_cast<CheckId>(400 + round));
    metrics::Samples samples;
    stream_->sample(samples);
  }
  stopping = true;
  for (std::thread& thread : threads) thread.join();
  at_ += 1'000'000 * kSecond;
  Eye eye(*stream_);
  eye.take_all(at_);
  EXPECT_EQ(eye.checks.size(), 480U);
}

}  // namespace
}  // namespace sonde::gateway
