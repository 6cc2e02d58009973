#include "gateway/alerts/alerts.h"

#include <gtest/gtest.h>
#include <simdjson.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace sonde::gateway {
namespace {

constexpr Nanos kUnix = 1'700'000'000 * kSecond;

struct Post {
  std::string url, body;
  Poster::Done done;
};

class FakePoster final : public Poster {
 public:
  void post(const std::string& url, std::string body, Done done) override {
    posts.push_back({url, std::move(body), std::move(done)});
  }
  // Answers the oldest one.
  void answer(bool ok) {
    const Post post = std::move(posts.front());
    posts.erase(posts.begin());
    post.done(ok, ok ? "" : "status 500");
  }
  std::vector<Post> posts;
};

Check make_check(CheckId id = 7) {
  Check check;
  check.id = id;
  check.name = "shop";
  check.module = "http_2xx";
  check.target = "http://127.0.0.1/\"" + std::to_string(id);
  check.labels = {{"team", "web"}, {"target", "never"}};
  return check;
}

Transition turn(std::string from, std::string to, Nanos after = 0) {
  return {
      .id = 7, .unix_time = kUnix + after, .from = std::move(from), .to = std::move(to), .cause = "connect refused"};
}

double reading(const Alerts& alerts, std::string_view family, std::string_view receiver) {
  metrics::Samples samples;
  alerts.sample(samples);
  for (const metrics::Sample& sample : samples.all())
    if (family == sample.family->name && sample.labels.front().second == receiver) return sample.value;
  return -1;
}

std::string member(simdjson::dom::element element, const char* key) {
  std::string_view text;
  return element[key].get(text) == simdjson::SUCCESS ? std::string(text) : "(none)";
}

class AlertsTest : public testing::Test {
 protected:
  simdjson::dom::element parse(const std::string& text) {
    simdjson::dom::element element;
    EXPECT_EQ(parser_.parse(text).get(element), simdjson::SUCCESS) << text;
    return element;
  }
  simdjson::dom::parser parser_;
  FakePoster poster_;
};

TEST_F(AlertsTest, a_webhook_hears_each_transition_in_order_one_at_a_time) {
  Alerts alerts({.webhooks = {"http://127.0.0.1/a"}}, poster_, 1);
  EXPECT_EQ(alerts.next(), kNever);
  alerts.tell(make_check(), turn("up", "down"), 0);
  alerts.tell(make_check(), turn("down", "up", kSecond), 0);
  EXPECT_EQ(alerts.next(), 0);
  alerts.tick(0);
  ASSERT_EQ(poster_.posts.size(), 1);
  EXPECT_EQ(alerts.next(), kNever);
  EXPECT_EQ(poster_.posts[0].url, "http://127.0.0.1/a");
  const auto body = parse(poster_.posts[0].body);
  EXPECT_EQ(member(body, "id"), "0000000000000007");
  EXPECT_EQ(member(body, "check"), "shop");
  EXPECT_EQ(member(body, "target"), "http://127.0.0.1/\"7");
  EXPECT_EQ(member(body, "module"), "http_2xx");
  EXPECT_EQ(member(body["labels"].value(), "team"), "web");
  EXPECT_EQ(member(body, "from"), "up");
  EXPECT_EQ(member(body, "to"), "down");
  EXPECT_EQ(member(body, "cause"), "connect refused");
  EXPECT_EQ(member(body, "ts"), "2023-11-14T22:13:20.000000Z");
  poster_.answer(true);
  alerts.tick(0);
  ASSERT_EQ(poster_.posts.size(), 1);
  EXPECT_EQ(member(parse(poster_.posts[0].body), "to"), "up");
  poster_.answer(true);
  EXPECT_EQ(alerts.next(), kNever);
  EXPECT_EQ(reading(alerts, "sonde_alerts_sent_total", "webhook 1"), 2);
}

TEST_F(AlertsTest, a_failure_is_tried_again_later_and_later_and_given_up_after_an_hour) {
  Alerts alerts({.webhooks = {"http://user:secret@127.0.0.1/a"}}, poster_, 1);
  alerts.tell(make_check(), turn("up", "down"), 0);
  Nanos now = 0;
  std::vector<Nanos> waits;
  while (alerts.next() != kNever) {
    alerts.tick(now);
    ASSERT_EQ(poster_.posts.size(), 1);
    poster_.answer(false);
    if (alerts.next() == kNever) break;
    alerts.tick(alerts.next() - 1);
    ASSERT_TRUE(poster_.posts.empty());
    waits.push_back(alerts.next() - now);
    now = alerts.next();
  }
  EXPECT_EQ(alerts.problem(), "webhook 1: status 500");
  ASSERT_GT(waits.size(), 15);
  for (std::size_t i = 0; i < waits.size(); ++i) {
    const Nanos full = std::min(300 * kSecond, kSecond << std::min<std::size_t>(i, 20));
    EXPECT_LE(waits[i], full);
    EXPECT_GE(waits[i], full * 3 / 4);
  }
  EXPECT_GE(now, 3600 * kSecond);
  EXPECT_LE(now, 3900 * kSecond);
  EXPECT_EQ(reading(alerts, "sonde_alerts_dropped_total", "webhook 1"), 1);
}

TEST_F(AlertsTest, a_full_queue_drops_the_oldest_even_one_on_its_way) {
  Alerts alerts({.webhooks = {"http://127.0.0.1/a"}}, poster_, 1);
  for (int i = 0; i < 10'000; ++i) alerts.tell(make_check(), turn("up", std::to_string(i)), 0);
  alerts.tick(0);
  alerts.tell(make_check(), turn("up", "10000"), 0);
  EXPECT_EQ(reading(alerts, "sonde_alerts_dropped_total", "webhook 1"), 1);
  poster_.answer(true);
  alerts.tick(0);
  EXPECT_EQ(member(parse(poster_.posts[0].body), "to"), "1");
  EXPECT_EQ(reading(alerts, "sonde_alerts_queued", "webhook 1"), 10'000);
}

TEST_F(AlertsTest, an_alertmanager_hears_of_what_is_down_each_minute_and_of_its_end_once) {
  Alerts alerts({.alertmanagers = {"http://127.0.0.1:9093/"}}, poster_, 1);
  alerts.tell(make_check(), turn("unknown", "up"), 0);
  alerts.tell(make_check(), turn("up", "flapping"), 0);
  alerts.tick(0);
  EXPECT_TRUE(poster_.posts.empty());
  alerts.tell(make_check(), turn("flapping", "down"), 0);
  std::string labels;
  for (int minute = 0; minute < 3; ++minute) {
    const Nanos now = minute * 60 * kSecond;
    EXPECT_EQ(alerts.next(), now);
    alerts.tick(now);
    ASSERT_EQ(poster_.posts.size(), 1);
    EXPECT_EQ(poster_.posts[0].url, "http://127.0.0.1:9093/api/v2/alerts");
    const auto alert = parse(poster_.posts[0].body).at(0).value();
    EXPECT_EQ(member(alert, "startsAt"), "2023-11-14T22:13:20.000000Z");
    EXPECT_EQ(member(alert, "endsAt"), "(none)");
    EXPECT_EQ(member(alert["labels"].value(), "alertname"), "SondeCheckDown");
    EXPECT_EQ(member(alert["labels"].value(), "team"), "web");
    EXPECT_EQ(member(alert["labels"].value(), "target"), "http://127.0.0.1/\"7");
    EXPECT_EQ(member(alert["annotations"].value(), "cause"), "connect refused");
    labels = simdjson::to_string(alert["labels"].value());
    poster_.answer(true);
  }
  alerts.tell(make_check(), turn("down", "up", 150 * kSecond), 150 * kSecond);
  alerts.tick(150 * kSecond);
  ASSERT_EQ(poster_.posts.size(), 1);
  const auto ended = parse(poster_.posts[0].body).at(0).value();
  EXPECT_EQ(simdjson::to_string(ended["labels"].value()), labels);
  EXPECT_EQ(member(ended, "startsAt"), "2023-11-14T22:13:20.000000Z");
  EXPECT_EQ(member(ended, "endsAt"), "2023-11-14T22:15:50.000000Z");
  poster_.answer(true);
  EXPECT_EQ(alerts.next(), kNever);
}

TEST_F(AlertsTest, what_changes_while_it_is_told_is_told_again) {
  Alerts alerts({.alertmanagers = {"http://127.0.0.1:9093"}}, poster_, 1);
  alerts.tell(make_check(), turn("up", "down"), 0);
  alerts.tick(0);
  alerts.tell(make_check(), turn("down", "up", kSecond), kSecond);
  poster_.answer(true);
  alerts.tick(kSecond);
  ASSERT_EQ(poster_.posts.size(), 1);
  EXPECT_NE(poster_.posts[0].body.find("endsAt"), std::string::npos);
  poster_.answer(false);
  EXPECT_LE(alerts.next(), 2 * kSecond);  // the end is due until it is taken
  alerts.tick(alerts.next());
  EXPECT_NE(poster_.posts.at(0).body.find("endsAt"), std::string::npos);
}

TEST_F(AlertsTest, many_alerts_go_in_pieces) {
  Alerts alerts({.alertmanagers = {"http://127.0.0.1:9093"}}, poster_, 1);
  for (CheckId id = 0; id < 1200; ++id) alerts.tell(make_check(id), turn("up", "down"), 0);
  std::vector<std::size_t> sizes;
  for (alerts.tick(0); !poster_.posts.empty(); alerts.tick(0)) {
    sizes.push_back(parse(poster_.posts[0].body).get_array().value().size());
    poster_.answer(true);
  }
  EXPECT_EQ(sizes, (std::vector<std::size_t>{500, 500, 200}));
}

TEST_F(AlertsTest, after_a_restart_alerts_go_on_and_those_of_removed_checks_end) {
  Alerts alerts({.webhooks = {"http://127.0.0.1/a"}, .alertmanagers = {"http://127.0.0.1:9093"}}, poster_, 1);
  alerts.resume(make_check(), "connect refused", kUnix, 0);
  alerts.tick(0);
  ASSERT_EQ(poster_.posts.size(), 1);
  EXPECT_EQ(member(parse(poster_.posts[0].body).at(0).value(), "startsAt"), "2023-11-14T22:13:20.000000Z");
  poster_.answer(true);
  alerts.forget(7, kUnix + kSecond, kSecond);
  alerts.forget(8, kUnix + kSecond, kSecond);
  alerts.tick(kSecond);
  ASSERT_EQ(poster_.posts.size(), 1);
  EXPECT_EQ(member(parse(poster_.posts[0].body).at(0).value(), "endsAt"), "2023-11-14T22:13:21.000000Z");
}

TEST_F(AlertsTest, an_answer_after_the_end_is_nobodys) {
  {
    Alerts alerts({.webhooks = {"http://127.0.0.1/a"}}, poster_, 1);
    alerts.tell(make_check(), turn("up", "down"), 0);
    alerts.tick(0);
  }
  poster_.answer(true);
}

TEST_F(AlertsTest, events_are_lines_of_a_file_that_may_be_rotated_or_missing) {
  namespace fs = std::filesystem;
  std::string name = (fs::temp_directory_path() / "sonde_alerts_XXXXXX").string();
  const fs::path directory = ::mkdtemp(name.data());
  const fs::path path = directory / "sub" / "events.json";
  Alerts alerts({.events = path}, poster_, 1);
  alerts.tell(make_check(), turn("up", "down"), 0);
  alerts.tick(0);
  EXPECT_NE(alerts.problem(), "");
  EXPECT_EQ(alerts.next(), kSecond);
  fs::create_directory(directory / "sub");
  alerts.tick(kSecond);
  EXPECT_EQ(alerts.problem(), "");
  fs::rename(path, directory / "old");
  alerts.tell(make_check(), turn("down", "up"), 0);
  alerts.tell(make_check(), turn("up", "down"), 0);
  alerts.tick(2 * kSecond);
  const auto lines = [](const fs::path& file) {
    std::ifstream in(file);
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  };
  ASSERT_EQ(lines(directory / "old").size(), 1);
  ASSERT_EQ(lines(path).size(), 2);
  EXPECT_EQ(member(parse(lines(path)[0]), "to"), "up");
  fs::remove_all(directory);
}

}  // namespace
}  // namespace sonde::gateway
