#include "gateway/history/history.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/mix.h"
#include "os/machine.h"

namespace sonde::gateway {
namespace {

namespace fs = std::filesystem;

constexpr Nanos kStart = 1'700'000'000 * kSecond - 1'700'000'000 % 21'600 * kSecond;  // a whole six hours

CheckResult result_at(CheckId id, Nanos unix_time, std::int32_t total_us = 1000, bool success = true) {
  CheckResult result{.id = id, .unix_time = unix_time, .success = success};
  result.timing_us.fill(-1);
  result.timing_us[static_cast<std::size_t>(results::Phase::kConnect)] = total_us / 2;
  result.timing_us[static_cast<std::size_t>(results::Phase::kDone)] = total_us;
  if (!success) {
    result.outcome = results::Outcome::kRefused;
    result.phase = results::Phase::kConnect;
    result.cause = "connect refused";
  }
  return result;
}

class HistoryTest : public testing::Test {
 protected:
  HistoryTest() {
    std::string name = (fs::temp_directory_path() / "sonde_history_XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~HistoryTest() override { fs::remove_all(directory_); }

  std::string path() const { return directory_ / "sonde.db"; }

  // The clock stands at now_, a day behind what the results below tell, unless a test moves it.
  HistoryOptions options(bool in_memory = false) {
    HistoryOptions options = history_options({.path = in_memory ? "" : path()});
    options.now = [this] { return now_.load(); };
    return options;
  }
  // Seals as it goes, a few series a transaction.
  HistoryOptions sealing(bool in_memory = false) {
    HistoryOptions sealing = options(in_memory);
    sealing.slice_results = 1;
    sealing.seal_piece = 3;
    return sealing;
  }

  std::atomic<Nanos> now_ = kStart + 24 * 3600 * kSecond;
  fs::path directory_;
};

// A file, or memory; with results sealed or not.
class HistoryAnyTest : public HistoryTest, public testing::WithParamInterface<std::pair<bool, bool>> {
 protected:
  HistoryOptions any() { return GetParam().second ? sealing(GetParam().first) : options(GetParam().first); }
};
INSTANTIATE_TEST_SUITE_P(All, HistoryAnyTest,
                         testing::Values(std::pair(false, false), std::pair(false, true), std::pair(true, false),
                                         std::pair(true, true)),
                         [](const auto& made) {
                           return std::string(made.param.first ? "memory" : "file") +
                                  (made.param.second ? "_sealed" : "_open");
                         });

TEST_P(HistoryAnyTest, raw_points_are_the_results_of_the_range) {
  History history(any());
  for (int i = 0; i < 10; ++i)
    for (CheckId id = 1; id <= 8; ++id)
      history.add(result_at(id, kStart + i * 60 * kSecond, 100 * i + static_cast<int>(id), i != 4));
  history.flush();
  const auto points = history.query(5, {.from = kStart + 60 * kSecond, .to = kStart + 5 * 60 * kSecond});
  ASSERT_EQ(points.size(), 5);
  EXPECT_EQ(points[0].unix_time, kStart + 60 * kSecond);
  EXPECT_EQ(points[0].count, 1);
  EXPECT_EQ(points[0].success, 1);
  EXPECT_EQ(points[0].p50_us, 105);
  EXPECT_EQ(points[0].min_us, 105);
  EXPECT_EQ(points[0].timing_us[1], 52);
  EXPECT_EQ(points[0].timing_us[2], -1);
  EXPECT_EQ(points[3].success, 0);
  EXPECT_EQ(points[3].outcome, results::Outcome::kRefused);
  EXPECT_EQ(points[3].phase, results::Phase::kConnect);
  EXPECT_EQ(points[3].cause, "connect refused");
  EXPECT_TRUE(history.query(99, {}).empty());
  EXPECT_EQ(history.problem(), "");
}

TEST_P(HistoryAnyTest, steps_sum_up_whatever_they_are_made_from) {
  History history(any());
  // Two hours, every 10 s, in two halves: a flush between, so that roll-ups merge.
  for (int i = 0; i < 720; ++i) {
    history.add(result_at(7, kStart + i * 10 * kSecond, 1000 + i, i % 4 != 0));
    if (i == 361) history.flush();
  }
  history.flush();
  for (const std::int64_t step : {30, 60, 90, 120, 3600, 7200}) {
    const auto points = history.query(7, {.from = kStart, .to = kStart + 7199 * kSecond, .step = step * kSecond});
    ASSERT_EQ(points.size(), 7200 / step) << step;
    std::uint64_t successes = 0;
    for (std::size_t i = 0; i < points.size(); ++i) {
      EXPECT_EQ(points[i].unix_time, kStart + static_cast<std::int64_t>(i) * step * kSecond);
      EXPECT_EQ(points[i].count, step / 10);
      EXPECT_EQ(points[i].min_us, 1000 + i * step / 10);
      EXPECT_EQ(points[i].max_us, 1000 + (i + 1) * step / 10 - 1);
      const double middle = 1000 + (static_cast<double>(i) + 0.5) * step / 10;
      EXPECT_NEAR(points[i].p50_us, middle, middle * 0.04);
      EXPECT_LE(points[i].p99_us, points[i].max_us);
      EXPECT_GE(points[i].p99_us, points[i].p50_us);
      EXPECT_NEAR(points[i].timing_us[6], middle, 1);
      successes += points[i].success;
    }
    EXPECT_EQ(successes, 540) << step;
  }
}

TEST_P(HistoryAnyTest, transitions_reloads_and_states_are_kept_in_order) {
  History history(any());
  for (int i = 0; i < 5; ++i) {
    history.add(Transition{.id = 1, .unix_time = kStart + i, .from = "up", .to = "down", .cause = std::to_string(i)});
    history.add(Transition{.id = 2, .unix_time = kStart + i, .from = "down", .to = "up", .cause = ""});
  }
  history.add(Reload{.unix_time = kStart, .ok = false, .hash = "ab", .error = "line 3: no"});
  history.keep_state(1, "old");
  history.flush();
  history.keep_state(1, std::string("new\0er", 6));
  history.keep_state(~0ULL, "last");
  history.flush();
  const auto transitions = history.transitions(1, 3);
  ASSERT_EQ(transitions.size(), 3);
  EXPECT_EQ(transitions[0].cause, "2");
  EXPECT_EQ(transitions[2].cause, "4");
  EXPECT_EQ(transitions[2].unix_time, kStart + 4);
  EXPECT_EQ(transitions[2].from, "up");
  EXPECT_EQ(transitions[2].to, "down");
  ASSERT_EQ(history.reloads().size(), 1);
  EXPECT_EQ(history.reloads()[0].error, "line 3: no");
  EXPECT_FALSE(history.reloads()[0].ok);
  auto states = history.states();
  std::ranges::sort(states);
  ASSERT_EQ(states.size(), 2);
  EXPECT_EQ(states[0], (std::pair<CheckId, std::string>(1, std::string("new\0er", 6))));
  EXPECT_EQ(states[1], (std::pair<CheckId, std::string>(~0ULL, "last")));
}

TEST_P(HistoryAnyTest, a_clock_that_steps_back_loses_nothing) {
  History history(any());
  for (const int at : {1000, 1010, 200, 210, 1020}) {
    history.add(result_at(3, kStart + at * kSecond));
    history.flush();
  }
  const auto points = history.query(3, {});
  ASSERT_EQ(points.size(), 5);
  EXPECT_EQ(points[0].unix_time, kStart + 200 * kSecond);
  EXPECT_EQ(points[4].unix_time, kStart + 1020 * kSecond);
  EXPECT_EQ(history.query(3, {.step = 3600 * kSecond})[0].count, 5);
}

// Whoever asks while it is written and sealed sees each result once: in the file or in memory.
TEST_P(HistoryAnyTest, answers_are_whole_while_it_is_written) {
  HistoryOptions options = any();
  options.batch = kMillisecond;
  options.seal_piece = 1;
  History history(options);
  std::atomic<bool> stops = false;
  std::atomic<int> wrong = 0;
  std::atomic<std::uint64_t> answers = 0;
  std::thread asker([&] {
    std::uint64_t before = 0;
    while (!stops) {
      const auto raw = history.query(2, {});
      for (std::size_t i = 0; i < raw.size(); ++i)
        wrong += raw[i].unix_time != kStart + static_cast<Nanos>(i) * kSecond ? 1 : 0;
      std::uint64_t summed = 0;
      for (const HistoryPoint& hour : history.query(2, {.step = 3600 * kSecond})) summed += hour.count;
      wrong += summed < raw.size() || raw.size() < before ? 1 : 0;
      before = summed;
      ++answers;
    }
  });
  for (int i = 0; i < 300 || answers < 20; ++i) {
    for (CheckId id = 1; id <= 3; ++id) history.add(result_at(id, kStart + i * kSecond));
    if (i % 3 == 0) history.flush();
  }
  stops = true;
  asker.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(HistoryTest, what_was_written_is_there_again_sealed_or_not) {
  for (int round = 0; round < 4; ++round) {
    History history(round % 2 == 0 ? options() : sealing());
    for (int i = 0; i < 20; ++i)
      history.add(result_at(static_cast<CheckId>(i % 5) << 61, kStart + (round * 20 + i) * kSecond));
    if (round == 1) history.flush();
  }
  History history(options());
  for (CheckId id = 0; id < 5; ++id) {
    EXPECT_EQ(history.query(id << 61, {}).size(), 16) << id;
    const auto hour = history.query(id << 61, {.step = 3600 * kSecond});
    ASSERT_EQ(hour.size(), 1);
    EXPECT_EQ(hour[0].count, 16);
  }
}

TEST_F(HistoryTest, retention_deletes_results_first_and_roll_ups_answer_for_them) {
  HistoryOptions options = sealing();
  options.slice_results = 60;
  options.bounds.points[kResults] = 200;
  options.bounds.points[kMinutes] = 60;
  History history(options);
  for (int i = 0; i < 6 * 360; ++i) {  // six hours, every 10 s
    history.add(result_at(1, kStart + i * 10 * kSecond));
    if (i % 60 == 59) history.flush();
  }
  history.flush();
  const auto raw = history.query(1, {});
  std::uint64_t runs = 0;
  std::size_t single = 0, minutes = 0, hours = 0;
  for (const HistoryPoint& point : raw) {
    runs += point.count;
    single += point.count == 1 ? 1 : 0;
    minutes += point.count == 6 ? 1 : 0;
    hours += point.count == 360 ? 1 : 0;
  }
  EXPECT_EQ(runs, 6 * 360);  // all of them, once each
  EXPECT_GT(single, 100);
  EXPECT_LE(single, 260);
  EXPECT_GT(minutes, 0);
  EXPECT_LE(minutes, 80);
  EXPECT_EQ(hours, 5);

  now_ = kStart + 8 * 24 * 3600 * kSecond;
  history.flush();
  EXPECT_TRUE(history.query(1, {.to = kStart + 5 * 3600 * kSecond}).empty());
}

TEST_F(HistoryTest, old_transitions_go) {
  History history(options());
  history.add(Transition{.id = 1, .unix_time = kStart, .from = "up", .to = "down", .cause = ""});
  history.add(
      Transition{.id = 1, .unix_time = kStart + 3 * 24 * 3600 * kSecond, .from = "down", .to = "up", .cause = ""});
  history.flush();
  EXPECT_EQ(history.transitions(1).size(), 2);
  now_ = kStart + 8 * 24 * 3600 * kSecond;
  history.flush();
  ASSERT_EQ(history.transitions(1).size(), 1);
  EXPECT_EQ(history.transitions(1)[0].to, "up");
}

// The process dies while it writes and seals: what was written once is there, none twice.
TEST_F(HistoryTest, results_survive_the_kill_of_the_process) {
  for (int round = 0; round < 3; ++round) {
    int told[2];
    ASSERT_EQ(::pipe(told), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(told[0]);
      HistoryOptions options = this->options();
      options.slice_results = 500;
      options.seal_piece = 7;
      options.batch = kMillisecond;
      History history(options);
      for (std::uint64_t i = 0;; ++i) {
        history.add(result_at(mix64(i % 50), kStart + static_cast<Nanos>(round * 1'000'000 + i / 50) * kSecond));
        if (i % 100 != 99) continue;
        history.flush();
        const char mark = history.problem().empty() ? '.' : '!';
        if (::write(told[1], &mark, 1) != 1) ::_exit(1);
      }
    }
    ::close(told[1]);
    std::size_t flushes = 0;
    char mark = 0;
    while (flushes < 40 && ::read(told[0], &mark, 1) == 1 && mark == '.') ++flushes;
    ::kill(child, SIGKILL);
    while (::read(told[0], &mark, 1) == 1) ++flushes;
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    ASSERT_GE(flushes, 40);
    ::close(told[0]);

    History history(options());
    EXPECT_EQ(history.problem(), "");
    const Nanos from = kStart + round * 1'000'000 * kSecond;
    for (std::uint64_t i = 0; i < 50; ++i) {
      const auto points = history.query(mix64(i), {.from = from, .to = from + 999'999 * kSecond});
      ASSERT_GE(points.size(), flushes * 2);
      for (std::size_t k = 0; k < points.size(); ++k)
        ASSERT_EQ(points[k].unix_time, from + static_cast<Nanos>(k) * kSecond);
      std::uint64_t summed = 0;
      for (const auto& point :
           history.query(mix64(i), {.from = from, .to = from + 999'999 * kSecond, .step = 3600 * kSecond}))
        summed += point.count;
      ASSERT_EQ(summed, points.size());
    }
  }
}

TEST_F(HistoryTest, a_damaged_file_is_moved_aside_and_another_begun) {
  std::ofstream(path()) << std::string(100'000, 'x');
  History history(options());
  history.add(result_at(1, kStart));
  history.flush();
  EXPECT_EQ(history.query(1, {}).size(), 1);
  const std::string aside = path() + ".corrupt-" + std::to_string(now_ / kSecond);
  EXPECT_EQ(fs::file_size(aside), 100'000);
  metrics::Samples samples;
  history.sample(samples);
  const auto damaged = std::ranges::find_if(samples.all(), [](const metrics::Sample& sample) {
    return std::string_view(sample.family->name) == "sonde_history_damaged_files_total";
  });
  ASSERT_NE(damaged, samples.all().end());
  EXPECT_EQ(damaged->value, 1);
}

TEST_F(HistoryTest, a_file_that_is_damaged_later_is_moved_aside_and_memory_is_sealed_into_the_next) {
  {
    History history(sealing());
    for (CheckId id = 0; id < 5000; ++id) history.add(result_at(mix64(id), kStart));
    history.flush();
  }
  History history(options());
  history.add(result_at(1, kStart));
  history.flush();
  {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(8192);
    const std::string rubbish(fs::file_size(path()) - 8192, '\xa5');
    file << rubbish;
  }
  for (CheckId id = 0; id < 5000 && !fs::exists(path() + ".corrupt-" + std::to_string(now_ / kSecond)); ++id) {
    (void)history.query(mix64(id), {});
    history.flush();
  }
  EXPECT_TRUE(fs::exists(path() + ".corrupt-" + std::to_string(now_ / kSecond)));
  history.add(result_at(1, kStart + kSecond));
  history.flush();
  EXPECT_EQ(history.problem(), "");
  EXPECT_EQ(history.query(1, {}).size(), 2);
}

TEST_F(HistoryTest, a_foreign_database_is_left_alone) {
  {
    Database foreign(path(), Database::Access::kWrite);
    ASSERT_TRUE(foreign.run("CREATE TABLE theirs(a); INSERT INTO theirs VALUES(1);"));
  }
  History history(options());
  history.flush();
  EXPECT_NE(history.problem().find("no history that this sonde can write"), std::string::npos) << history.problem();
  Database foreign(path(), Database::Access::kRead);
  Statement count(foreign, "SELECT count(*) FROM sqlite_master");
  ASSERT_TRUE(count.row());
  EXPECT_EQ(count.integer(0), 1);
}

// A limit of the size of files fails as a full disk does.
TEST_F(HistoryTest, a_full_disk_is_reported_and_writing_goes_on_when_there_is_room) {
  HistoryOptions options = this->options();
  options.most_queued = 3000;
  History history(options);
  history.add(result_at(1, kStart));
  history.flush();
  ASSERT_EQ(history.problem(), "");
  const auto before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit full{.rlim_cur = 8192, .rlim_max = limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  for (int i = 0; i < 5000; ++i) history.add(result_at(2, kStart + i * kSecond));
  history.add(Transition{.id = 2, .unix_time = kStart, .from = "up", .to = "down", .cause = "x"});
  history.flush();
  const std::string problem = history.problem();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  std::signal(SIGXFSZ, before);
  EXPECT_NE(problem, "");
  EXPECT_EQ(history.query(1, {}).size(), 1);  // what is there can be read
  history.flush();
  EXPECT_EQ(history.problem(), "");
  const auto points = history.query(2, {});
  EXPECT_EQ(points.size(), 3000);  // the first ones, as many as there was room for
  EXPECT_EQ(points.front().unix_time, kStart);
  EXPECT_EQ(history.transitions(2).size(), 1);
}

TEST_F(HistoryTest, a_path_that_cannot_be_opened_is_reported) {
  HistoryOptions options = this->options();
  options.storage.path = directory_ / "none" / "sonde.db";
  History history(options);
  EXPECT_NE(history.problem(), "");
  history.add(result_at(1, kStart));
  history.flush();
  EXPECT_TRUE(history.query(1, {}).empty());
  fs::create_directory(directory_ / "none");
  history.flush();
  EXPECT_EQ(history.problem(), "");
  EXPECT_EQ(history.query(1, {}).size(), 1);
}

TEST_F(HistoryTest, a_successor_reads_states_at_once_and_writes_when_the_file_is_let_go) {
  auto first = std::make_unique<History>(options());
  first->keep_state(1, "state");
  first->add(result_at(1, kStart));
  first->flush();
  History second(options());
  EXPECT_NE(second.problem().find("another process writes it"), std::string::npos);
  EXPECT_EQ(second.states().size(), 1);
  second.add(result_at(1, kStart + kSecond));
  first->add(result_at(1, kStart + 2 * kSecond));
  first.reset();
  second.flush();
  EXPECT_EQ(second.problem(), "");
  EXPECT_EQ(second.query(1, {}).size(), 3);
}

TEST_F(HistoryTest, an_answer_is_bounded_and_keeps_the_newest) {
  HistoryOptions options = this->options(true);
  History history(options);
  for (int i = 0; i < 25'000; ++i) history.add(result_at(1, kStart + i * kSecond));
  history.flush();
  const auto points = history.query(1, {});
  ASSERT_EQ(points.size(), kMostPoints);
  EXPECT_EQ(points.back().unix_time, kStart + 24'999 * kSecond);
}

}  // namespace
}  // namespace sonde::gateway
