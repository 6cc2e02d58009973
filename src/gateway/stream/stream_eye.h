// What tests of the stream are made of: books whose runs end as a test says, and a viewer that takes frames by the
// contract's words alone.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/checks/check_book.h"
#include "gateway/stream/stream.h"
#include "sonde/v1/stream.pb.h"

namespace sonde::gateway {

inline constexpr Nanos kOffset = 1'700'000'000 * kSecond;

class Nobody final : public ResultListener {
 public:
  void on_result(const Check&, const CheckResult&, const Transition*) override {}
};

// Books with checks of one second's interval, whose runs end as the test says.
class Books {
 public:
  explicit Books(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      books_.push_back(std::make_unique<CheckBook>(nobody_, network_down_, kOffset));
  }

  static CheckPtr check(CheckId id, const std::string& name = "web", const std::string& label = "one") {
    auto made = std::make_shared<Check>();
    made->id = id;
    made->name = name;
    made->module = "http";
    made->target = "t" + std::to_string(id);
    made->labels = {{"team", label}};
    made->interval = kSecond;
    return made;
  }
  CheckBook& book_of(CheckId id) { return *books_[id % books_.size()]; }
  void put(const CheckPtr& check) { book_of(check->id).change({check}, {}, now_, nullptr); }
  void put_many(CheckId first, CheckId count, const std::string& label = "one") {
    std::vector<std::vector<CheckPtr>> put(books_.size());
    for (CheckId id = first; id < first + count; ++id) put[id % books_.size()].push_back(check(id, "web", label));
    for (std::size_t i = 0; i < books_.size(); ++i) books_[i]->change(std::move(put[i]), {}, now_, nullptr);
  }
  void remove(CheckId id) { book_of(id).change({}, {id}, now_, nullptr); }

  // Its next run ends so.
  void end(CheckId id, bool success, std::int32_t us, const std::string& error = "it is broken") {
    CheckBook& book = book_of(id);
    auto& runs = runs_[&book];
    for (int i = 0; i < 3 && !runs.contains("t" + std::to_string(id)); ++i) {
      now_ += kSecond;
      book.begin(now_, now_ + kOffset, 1'000'000, [&](std::unique_ptr<probes::CheckRun> run, RunDone done) {
        std::string target = run->target;
        runs[std::move(target)] = {std::move(run), std::move(done)};
      });
    }
    auto node = runs.extract("t" + std::to_string(id));
    ASSERT_FALSE(node.empty()) << id << " does not run";
    auto& [run, done] = node.mapped();
    run->success = success;
    run->ending.outcome = success ? results::Outcome::kSuccess : results::Outcome::kRefused;
    run->ending.phase = success ? results::Phase::kDone : results::Phase::kConnect;
    run->ending.error = success ? "" : error;
    run->ending.timing_us.fill(-1);
    run->ending.timing_us[static_cast<std::size_t>(results::Phase::kDone)] = us;
    run->ending.unix_time = now_ + kOffset;
    done(std::move(run));
  }

  std::span<const std::unique_ptr<CheckBook>> all() const { return books_; }
  Nanos now() const { return now_; }

 private:
  struct Running {
    std::unique_ptr<probes::CheckRun> run;
    RunDone done;
  };
  Nobody nobody_;
  std::atomic<bool> network_down_{false};
  std::vector<std::unique_ptr<CheckBook>> books_;
  std::map<CheckBook*, std::map<std::string, Running>> runs_;
  Nanos now_ = 0;
};

// What a viewer makes of its frames, by the contract's words.
class Eye {
 public:
  struct Seen {
    v1::CheckUpdate last;  // with its target and group
    std::string recent;
    bool operator==(const Seen& other) const {
      return last.SerializeAsString() == other.last.SerializeAsString() && recent == other.recent;
    }
  };

  explicit Eye(Stream& stream) : frames_(stream.open()) {}

  // One frame, if there is one.
  bool take(Nanos now) {
    const auto bytes = frames_->next(now);
    if (!bytes) return false;
    EXPECT_TRUE(frame.ParseFromString(*bytes));
    EXPECT_EQ(frame.sequence(), ++sequence_);
    if (frame.first()) {
      checks.clear();
      groups.clear();
      told_.clear();
    }
    for (const v1::CheckGroup& group : frame.groups()) {
      EXPECT_TRUE(groups.emplace(group.index(), group).second) << "told before";
    }
    for (const CheckId id : frame.removed()) checks.erase(id);
    for (const v1::CheckUpdate& check : frame.checks()) apply(check);
    for (const v1::Transition& transition : frame.transitions()) transitions.push_back(transition);
    return true;
  }
  // All that there is at this time.
  std::size_t take_all(Nanos now) {
    std::size_t frames = 0;
    while (frames < 1'000 && take(now)) {
      ++frames;
      if (frames_->next_time() > now) break;
    }
    return frames;
  }

  v1::MetricsBatch frame;  // the last
  std::map<CheckId, Seen> checks;
  std::map<std::uint32_t, v1::CheckGroup> groups;
  std::vector<v1::Transition> transitions;
  const std::shared_ptr<FrameSource>& source() const { return frames_; }
  std::size_t times_told(CheckId id) { return told_[id]; }

 private:
  void apply(const v1::CheckUpdate& update) {
    ++told_[update.id()];
    if (!update.target().empty()) {
      EXPECT_TRUE(groups.contains(update.group())) << "a group that nobody told of";
      Seen& seen = checks[update.id()];
      seen.last = update;
      seen.recent = update.recent();
      seen.last.clear_recent();
      return;
    }
    const auto found = checks.find(update.id());
    ASSERT_NE(found, checks.end()) << update.id() << " without its target";
    auto& [last, recent] = found->second;
    EXPECT_NE(update.last_ms(), last.last_ms()) << update.id() << " is told again what it was told";
    recent += static_cast<char>(recent_code(update.success(), static_cast<std::int32_t>(update.duration_us())));
    if (recent.size() > RecentResults::kMost) recent.erase(0, 1);
    v1::CheckUpdate next = update;
    next.set_target(last.target());
    next.set_group(last.group());
    last = next;
  }

  std::shared_ptr<FrameSource> frames_;
  std::uint64_t sequence_ = 0;
  std::map<CheckId, std::size_t> told_;
};

}  // namespace sonde::gateway
