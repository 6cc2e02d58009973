#include "gateway/alerts/alerts.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/mix.h"
#include "os/error.h"
#include "os/fd.h"

namespace sonde::gateway {
namespace {

constexpr Nanos kFirstRetry = kSecond;
constexpr Nanos kLastRetry = 300 * kSecond;
constexpr Nanos kGiveUp = 3600 * kSecond;
constexpr Nanos kResend = 60 * kSecond;
constexpr std::size_t kMostMessages = 10'000;
constexpr std::size_t kMostAlerts = 200'000;
constexpr std::size_t kAlertsPerPost = 500;
constexpr std::size_t kMostLineBytes = 4U << 20;

constexpr metrics::Family kSent{"sonde_alerts_sent_total", "Transitions and alerts that somebody took.",
                                metrics::Type::kCounter};
constexpr metrics::Family kFailures{"sonde_alerts_failures_total", "Attempts to tell somebody that failed.",
                                    metrics::Type::kCounter};
constexpr metrics::Family kDropped{"sonde_alerts_dropped_total",
                                   "Transitions and alerts that were given up: no room, or an hour of failures.",
                                   metrics::Type::kCounter};
constexpr metrics::Family kQueued{"sonde_alerts_queued", "Transitions and alerts that wait."};

}  // namespace

// Somebody who is told by POST, one message at a time; after a failure he is left alone for a while.
class Alerts::Receiver {
 public:
  // `name` stands for the URL, which may hold a secret, wherever somebody reads it.
  Receiver(std::string url, std::string name, Poster& poster, std::uint64_t seed)
      : url_(std::move(url)), name_(std::move(name)), poster_(poster), jitter_(mix64(seed, 0)) {}
  virtual ~Receiver() = default;

  void tick(Nanos now) {
    now_ = now;
    while (!busy_ && now_ >= not_before_ && has_due(now_)) {
      busy_ = true;
      poster_.post(url_, take(now_), [this, alive = std::weak_ptr<int>(alive_)](bool ok, std::string error) {
        if (!alive.expired()) finish(ok, std::move(error));
      });
    }
  }
  Nanos next() const { return busy_ ? kNever : std::max(not_before_, due()); }
  const std::string& problem() const { return problem_; }
  void sample(metrics::Samples& out) const {
    const metrics::Labels labels = {{"receiver", name_}};
    out.add(kSent, labels, static_cast<double>(sent_));
    out.add(kFailures, labels, static_cast<double>(failures_));
    out.add(kDropped, labels, static_cast<double>(dropped_));
    out.add(kQueued, labels, static_cast<double>(waiting()));
  }

 protected:
  virtual std::string take(Nanos now) = 0;             // the next message, which is kept until it is settled
  virtual std::size_t settle(bool ok, Nanos now) = 0;  // what take gave; how many were sent by it
  virtual Nanos due() const = 0;                       // kNever: nothing waits
  virtual std::size_t waiting() const = 0;

  std::uint64_t dropped_ = 0;

 private:
  bool has_due(Nanos now) const { return due() <= now; }

  void finish(bool ok, std::string error) {
    busy_ = false;
    sent_ += settle(ok, now_);
    if (ok) {
      retry_ = 0;
      not_before_ = 0;
      problem_.clear();
      return;
    }
    ++failures_;
    problem_ = fmt::format("{}: {}", name_, error);
    retry_ = retry_ == 0 ? kFirstRetry : std::min(2 * retry_, kLastRetry);
    jitter_ = mix64(jitter_);
    not_before_ = now_ + retry_ * 3 / 4 + static_cast<Nanos>(jitter_ % static_cast<std::uint64_t>(retry_ / 4));
  }

  std::string url_, name_;
  Poster& poster_;
  std::uint64_t jitter_;
  bool busy_ = false;
  Nanos now_ = 0;  // of the last tick; an answer that comes between two is as late as that
  Nanos not_before_ = 0, retry_ = 0;
  std::uint64_t sent_ = 0, failures_ = 0;
  std::string problem_;
  std::shared_ptr<int> alive_ = std::make_shared<int>();
};

class Alerts::Webhook final : public Receiver {
 public:
  using Receiver::Receiver;

  void add(std::string body, Nanos now) {
    queue_.push_back({std::move(body), now});
    if (queue_.size() <= kMostMessages) return;
    queue_.pop_front();
    ++dropped_;
    taken_ = false;  // what is on its way is nobody's any more
  }

 private:
  struct Message {
    std::string body;
    Nanos told;
  };

  std::string take(Nanos) override {
    taken_ = true;
    return queue_.front().body;
  }
  std::size_t settle(bool ok, Nanos now) override {
    if (!std::exchange(taken_, false)) return ok ? 1 : 0;
    if (!ok && now - queue_.front().told < kGiveUp) return 0;
    queue_.pop_front();
    dropped_ += ok ? 0 : 1;
    return ok ? 1 : 0;
  }
  Nanos due() const override { return queue_.empty() ? kNever : 0; }
  std::size_t waiting() const override { return queue_.size(); }

  std::deque<Message> queue_;
  bool taken_ = false;  // the first one is on its way
};

class Alerts::Alertmanager final : public Receiver {
 public:
  using Receiver::Receiver;

  void fire(CheckId id, Alert alert, Nanos now) {
    const auto known = alerts_.find(id);
    if (known == alerts_.end() && alerts_.size() >= kMostAlerts) {
      ++dropped_;
      return;
    }
    put(id, std::move(alert), now);
  }
  // `alert`: as it would be, where nobody knows it.
  void end(CheckId id, Alert alert, Nanos unix_time, Nanos now) {
    if (const auto known = alerts_.find(id); known != alerts_.end()) alert = known->second.alert;
    alert.ends = std::max(unix_time, alert.starts);
    fire(id, std::move(alert), now);
  }
  bool knows(CheckId id) const { return alerts_.contains(id); }

 private:
  struct Entry {
    Alert alert;
    Nanos at = 0;              // when it is told next
    std::uint64_t change = 0;  // counts what it was told to be
  };

  void put(CheckId id, Alert alert, Nanos now) {
    Entry& entry = alerts_[id];
    order_.erase({entry.at, id});
    entry = {std::move(alert), now, ++changes_};
    order_.insert({now, id});
  }

  std::string take(Nanos now) override {
    std::string body = "[";
    for (const auto& [at, id] : order_) {
      if (at > now || taken_.size() == kAlertsPerPost) break;
      if (!taken_.empty()) body += ',';
      const Entry& entry = alerts_.at(id);
      append_alert(entry.alert, body);
      taken_.emplace_back(id, entry.change);
    }
    return body + "]";
  }
  std::size_t settle(bool ok, Nanos now) override {
    const auto taken = std::exchange(taken_, {});
    if (!ok) return 0;  // they stay due
    for (const auto& [id, change] : taken) {
      const auto found = alerts_.find(id);
      if (found == alerts_.end() || found->second.change != change) continue;  // changed meanwhile: due again
      order_.erase({found->second.at, id});
      if (found->second.alert.ends > 0) {
        alerts_.erase(found);
      } else {
        found->second.at = now + kResend;
        order_.insert({found->second.at, id});
      }
    }
    return taken.size();
  }
  Nanos due() const override { return order_.empty() ? kNever : order_.begin()->first; }
  std::size_t waiting() const override { return alerts_.size(); }

  std::map<CheckId, Entry> alerts_;
  std::set<std::pair<Nanos, CheckId>> order_;
  std::vector<std::pair<CheckId, std::uint64_t>> taken_;
  std::uint64_t changes_ = 0;
};

Alerts::Alerts(AlertOptions options, Poster& poster, std::uint64_t seed) : options_(std::move(options)) {
  for (const std::string& url : options_.webhooks)
    webhooks_.push_back(
        std::make_unique<Webhook>(url, fmt::format("webhook {}", webhooks_.size() + 1), poster, seed++));
  for (std::string base : options_.alertmanagers) {
    while (base.ends_with('/')) base.pop_back();
    alertmanagers_.push_back(std::make_unique<Alertmanager>(
        base + "/api/v2/alerts", fmt::format("alertmanager {}", alertmanagers_.size() + 1), poster, seed++));
  }
}

Alerts::~Alerts() = default;

void Alerts::tell(const Check& check, const Transition& transition, Nanos now) {
  const std::string event = event_text(check, transition);
  for (const auto& webhook : webhooks_) webhook->add(event, now);
  for (const auto& alertmanager : alertmanagers_) {
    const Alert alert = make_alert(check, transition.cause, transition.unix_time);
    if (transition.to == "down" && !(transition.from == "flapping" && alertmanager->knows(check.id)))
      alertmanager->fire(check.id, alert, now);
    // From unknown to up there is nothing to end, but by one that was down before a restart.
    if (transition.to == "up" && (transition.from != "unknown" || alertmanager->knows(check.id)))
      alertmanager->end(check.id, alert, transition.unix_time, now);
  }
  if (options_.events.empty()) return;
  if (lines_.size() + event.size() >= kMostLineBytes) {
    ++events_dropped_;
    return;
  }
  lines_ += event;
  lines_ += '\n';
  ++waiting_lines_;
}

void Alerts::resume(const Check& check, const std::string& cause, Nanos since, Nanos now) {
  for (const auto& alertmanager : alertmanagers_) alertmanager->fire(check.id, make_alert(check, cause, since), now);
}

void Alerts::forget(CheckId id, Nanos unix_now, Nanos now) {
  for (const auto& alertmanager : alertmanagers_)
    if (alertmanager->knows(id)) alertmanager->end(id, {}, unix_now, now);
}

void Alerts::tick(Nanos now) {
  for (const auto& webhook : webhooks_) webhook->tick(now);
  for (const auto& alertmanager : alertmanagers_) alertmanager->tick(now);
  if (!lines_.empty() && now >= write_at_) write_events(now);
}

void Alerts::write_events(Nanos now) {
  const os::Fd file(::open(options_.events.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
  const Result<> written = file ? os::write_all(file.get(), lines_) : std::unexpected(os::error_from(errno, "open"));
  if (!written) {
    // A part may be in the file; its lines come twice then, and none is lost.
    ++event_failures_;
    events_problem_ = fmt::format("{}: {}", options_.events, os::describe(written.error()));
    write_at_ = now + kFirstRetry;
    return;
  }
  events_written_ += std::exchange(waiting_lines_, 0);
  lines_.clear();
  events_problem_.clear();
}

Nanos Alerts::next() const {
  Nanos next = lines_.empty() ? kNever : write_at_;
  for (const auto& webhook : webhooks_) next = std::min(next, webhook->next());
  for (const auto& alertmanager : alertmanagers_) next = std::min(next, alertmanager->next());
  return next;
}

std::string Alerts::problem() const {
  for (const auto& webhook : webhooks_)
    if (!webhook->problem().empty()) return webhook->problem();
  for (const auto& alertmanager : alertmanagers_)
    if (!alertmanager->problem().empty()) return alertmanager->problem();
  return events_problem_;
}

void Alerts::sample(metrics::Samples& out) const {
  for (const auto& webhook : webhooks_) webhook->sample(out);
  for (const auto& alertmanager : alertmanagers_) alertmanager->sample(out);
  if (options_.events.empty()) return;
  const metrics::Labels labels = {{"receiver", "events"}};
  out.add(kSent, labels, static_cast<double>(events_written_));
  out.add(kFailures, labels, static_cast<double>(event_failures_));
  out.add(kDropped, labels, static_cast<double>(events_dropped_));
  out.add(kQueued, labels, static_cast<double>(waiting_lines_));
}

}  // namespace sonde::gateway
