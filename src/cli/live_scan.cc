// Shards count their records into tallies of their own and hand them over when they are asked, once a second: no lock
// is taken for a record. The coordinating thread adds them up and makes a frame of the sum; the server's thread gives
// the last frame to whoever looks.
#include "cli/live_scan.h"

#include <fmt/format.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "gateway/server/page_response.h"
#include "gateway/server/server.h"
#include "os/machine.h"
#include "report/facts_of_record.h"
#include "report/report_message.h"
#include "report/report_tally.h"
#include "scan/pipeline.h"
#include "sonde/v1/stream.pb.h"

namespace sonde::cli {
namespace {

constexpr Nanos kEvery = kSecond;
constexpr Nanos kPatience = 50 * kMillisecond;     // for the shards, from the question to the sum
constexpr Nanos kLook = 50 * kMillisecond;         // how often a viewer asks whether there is a frame
constexpr Nanos kLastFrame = 1500 * kMillisecond;  // for viewers to take it, at the end; then they are cut
constexpr Nanos kDrain = 500 * kMillisecond;

class ShardTally final : public scan::RecordObserver {
 public:
  explicit ShardTally(const results::Schema& schema)
      : facts_of_(schema), tally_(std::make_unique<report::ReportTally>()) {}

  void see(const results::Record& record) override {
    facts_of_.read(record, facts_);
    tally_->add(facts_);
  }

  void turn(bool last) override {
    if (!last && !wanted_.load(std::memory_order_relaxed)) return;
    const std::lock_guard lock(mutex_);
    if (handed_ == nullptr) {
      handed_ = std::exchange(tally_, std::make_unique<report::ReportTally>());
    } else if (last) {
      handed_->merge(*tally_);
    }
    wanted_.store(false, std::memory_order_relaxed);
  }

  // On the coordinating thread.
  void want() { wanted_.store(true, std::memory_order_relaxed); }
  std::unique_ptr<report::ReportTally> take() {  // null: nothing came
    const std::lock_guard lock(mutex_);
    return std::move(handed_);
  }

 private:
  // the shard's thread
  report::FactsOfRecord facts_of_;
  report::RecordFacts facts_;
  std::unique_ptr<report::ReportTally> tally_;

  std::atomic<bool> wanted_{false};
  std::mutex mutex_;
  std::unique_ptr<report::ReportTally> handed_;
};

// The last frame, for all viewers.
class Newest {
 public:
  struct Frame {
    std::uint64_t number = 0;
    bool last = false;
    std::string scan;  // a MetricsBatch with nothing but the scan
  };

  void publish(std::string scan, bool last) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t number = frame_ == nullptr ? 1 : frame_->number + 1;
    frame_ = std::make_shared<const Frame>(Frame{.number = number, .last = last, .scan = std::move(scan)});
  }
  std::shared_ptr<const Frame> get() const {  // null: none yet
    const std::lock_guard lock(mutex_);
    return frame_;
  }

  std::atomic<std::uint32_t> behind{0};  // viewers that were not given the last of all frames

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Frame> frame_;
};

class Viewer final : public gateway::FrameSource {
 public:
  explicit Viewer(Newest& newest) : newest_(newest) { newest_.behind.fetch_add(1); }
  ~Viewer() override {
    if (!ended_) newest_.behind.fetch_sub(1);
  }
  Viewer(const Viewer&) = delete;
  Viewer& operator=(const Viewer&) = delete;

  std::shared_ptr<const std::string> next(Nanos now) override {
    next_time_ = now + kLook;
    const std::shared_ptr<const Newest::Frame> frame = newest_.get();
    if (frame == nullptr || frame->number == seen_) return nullptr;
    v1::MetricsBatch head;
    head.set_sequence(++sequence_);
    head.set_time_us(os::unix_now() / kMicrosecond);
    head.set_first(sequence_ == 1);
    if (seen_ != 0) head.set_ticks(static_cast<std::uint32_t>(frame->number - seen_));
    seen_ = frame->number;
    if (frame->last && !std::exchange(ended_, true)) newest_.behind.fetch_sub(1);
    // Messages of protobuf one behind the other are one message with the fields of both.
    return std::make_shared<const std::string>(head.SerializeAsString() + frame->scan);
  }
  Nanos next_time() const override { return next_time_; }

 private:
  Newest& newest_;
  Nanos next_time_ = 0;
  std::uint64_t seen_ = 0;
  std::uint64_t sequence_ = 0;
  bool ended_ = false;
};

class LiveService final : public gateway::HttpService {
 public:
  explicit LiveService(Newest& newest) : newest_(newest) {}
  void serve(gateway::HttpRequest request, Reply reply) override {
    if (request.path == "/api/v1/stream")
      return reply({.status = 101, .type = {}, .body = {}, .fields = {}, .frames = std::make_shared<Viewer>(newest_)});
    if (std::optional<gateway::HttpResponse> page = gateway::page_response(request)) return reply(std::move(*page));
    reply({.status = 404, .type = "application/json", .body = "{\"error\":\"there is no such page\"}\n", .fields = {}});
  }

 private:
  Newest& newest_;
};

class LiveObserver final : public scan::Observer {
 public:
  explicit LiveObserver(Newest& newest) : newest_(newest) {}

  scan::RecordObserver& add_shard(const results::Schema& schema) override {
    return *shards_.emplace_back(std::make_unique<ShardTally>(schema));
  }

  void update(const scan::Tally& tally) override {
    if (tally.elapsed >= ask_at_) {
      for (const auto& shard : shards_) shard->want();
      ask_at_ = tally.elapsed + kEvery;
      sum_at_ = tally.elapsed + kPatience;
    }
    if (tally.elapsed < sum_at_) return;
    sum_at_ = kNever;
    publish(tally, false, false);
  }

  void finish(const scan::Tally& tally, bool interrupted) override { publish(tally, true, interrupted); }

 private:
  void publish(const scan::Tally& tally, bool finished, bool interrupted) {
    for (const auto& shard : shards_)
      if (const std::unique_ptr<report::ReportTally> part = shard->take()) whole_.merge(*part);
    const Nanos since = tally.elapsed - before_.elapsed;
    // The last moments of a scan are too short to tell a rate.
    if (since >= kEvery / 2)
      rate_now_ = static_cast<double>(tally.attempts - before_.attempts) * kSecond / static_cast<double>(since);
    before_ = tally;
    if (!finished && newest_.behind.load() == 0) return;  // nobody looks

    v1::MetricsBatch batch;
    v1::ScanReport& report = *batch.mutable_scan();
    report::fill(whole_, report);
    v1::LiveScan& live = *report.mutable_live();
    live.set_finished(finished);
    live.set_interrupted(interrupted);
    live.set_elapsed_ms(static_cast<std::uint64_t>(tally.elapsed / kMillisecond));
    live.set_done(tally.done);
    if (tally.total) live.set_total(*tally.total);
    live.set_in_flight(tally.in_flight);
    live.set_rate_now(finished ? 0 : rate_now_);
    live.set_rate_mean(static_cast<double>(tally.attempts) * kSecond /
                       static_cast<double>(std::max<Nanos>(1, tally.elapsed)));
    live.set_attempts(tally.attempts);
    live.set_local_faults(tally.local_faults);
    newest_.publish(batch.SerializeAsString(), finished);
  }

  Newest& newest_;
  std::vector<std::unique_ptr<ShardTally>> shards_;
  report::ReportTally whole_;
  scan::Tally before_;
  double rate_now_ = 0;
  Nanos ask_at_ = 0;
  Nanos sum_at_ = kNever;
};

// What stands before the port, with the address that is there in brackets taken out of them.
std::string_view host_of(std::string_view listen) {
  std::string_view host = listen.substr(0, listen.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return host;
}

bool is_loopback(std::string_view host) {
  const std::optional<IpAddress> address = parse_ip(host);
  if (!address) return host == "localhost";
  return address->is_v4() ? address->v4_bits() >> 24 == 127 : address->bits() == 1;
}

}  // namespace

int run_live(const scan::ScanOptions& options) {
  Newest newest;
  LiveService service(newest);
  auto server = gateway::Server::create({.listen = options.live, .sockets = {}, .tls = {}, .auth = {}}, service);
  if (!server) {
    std::string_view text = server.error().text;
    constexpr std::string_view kOption = "listen: ";
    if (text.starts_with(kOption)) text.remove_prefix(kOption.size());
    return complain(fmt::format("--live: {}", text));
  }
  const std::string_view host = host_of(options.live);
  if (!is_loopback(host))
    complain(fmt::format("--live: {} is not an address of this machine alone: whoever reaches it sees the scan",
                         host.empty() ? "every address" : host));
  (*server)->start();
  complain(fmt::format("the scan is shown at http://{}:{}/",
                       host.empty() ? "127.0.0.1" : options.live.substr(0, options.live.rfind(':')),
                       (*server)->port()));
  LiveObserver observer(newest);
  const int code = scan::run(options, {}, &observer);
  // Every viewer is to see the end.
  const std::shared_ptr<const Newest::Frame> frame = newest.get();
  const Nanos until = os::monotonic_now() + kLastFrame;
  while (frame != nullptr && frame->last && newest.behind.load() > 0 && os::monotonic_now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  (void)(*server)->drain(kDrain);
  return code;
}

}  // namespace sonde::cli
