// Drives one run of a tcp or grpc prober by hand, for its tests and its fuzzer: plan, the probe against a peer of the
// http probe's tests with bytes in any pieces, conclude, samples. Checks what the engine would rely on.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "probes/check/prober.h"
#include "probes/http/drive.h"

namespace sonde::probes::driven {

// A success of the engine's that is none of the prober's, and the like, are in `success` and `cause`.
struct Ran {
  Outcome outcome = Outcome::kSuccess;
  bool success = false;
  std::string cause, error;
  std::map<std::string, double> samples;  // by `name{label="value",…}`
  std::vector<std::string> log;           // from the level on
  std::string sent, farewell;
  bool graceful = false;
  bool handshaking = false;  // at the end
  CheckPlan plan;

  bool same_as(const Ran& other) const {
    return outcome == other.outcome && success == other.success && cause == other.cause && error == other.error &&
           samples == other.samples && log == other.log;
  }
  bool logged(std::string_view part) const {
    return std::ranges::any_of(log, [&](const std::string& line) { return line.find(part) != std::string::npos; });
  }
};

struct StreamDrive {
  explicit StreamDrive(std::shared_ptr<const Prober> of) : prober(std::move(of)), tools(prober->make_tools()) {}

  std::shared_ptr<const Prober> prober;
  std::unique_ptr<engine::ShardState> tools;
  std::string target = "localhost:80";
  std::string hostname;
  std::size_t piece = Drive::kLargestRead;
  std::size_t cut = SIZE_MAX;  // beside that, at this byte of all that comes

  Ran run(const Meeting& meeting) {
    CheckRun run;
    run.prober = prober;
    run.target = target;
    run.hostname = hostname;
    run.timeout = 5 * kSecond;
    run.keeps_log = true;
    ran_ = {};
    heard_ = 0;
    run.ending.timing_us.fill(results::kNoTiming);
    run.ending.unix_time = kUnixTime;
    const Parsed<> planned = prober->plan(run);
    ran_.plan = run.plan;
    if (!planned) {
      end(run, Outcome::kDnsError, results::Phase::kDns, planned.error().text);
    } else if (meeting.unopened) {
      run.ending.address = kAddress;
      end(run, *meeting.unopened, results::Phase::kConnect, "");
    } else {
      run.ending.address = kAddress;
      run.ending.timing_us = {1000, 2000, 4000, 8000, 16000, 32000, 63000};
      meet(run, meeting);
    }
    prober->conclude(run);
    tell(run);
    return ran_;
  }

  // The same, and checks that no cutting changes anything. `same`: compares two runs where not all can be the same.
  template <typename Scene, typename Same>
  Ran run_cut(const Scene& scene, std::size_t most_places, const Same& same) {
    const Ran whole = run(scene());
    const std::size_t length = heard_;
    for (const std::size_t size : {1, 2, 7, 31, 100, 1000}) {
      piece = size;
      SONDE_CHECK(same(run(scene()), whole), "pieces change the verdict");
    }
    piece = Drive::kLargestRead;
    for (std::size_t place = 1; place < length; place += 1 + length / most_places) {
      cut = place;
      SONDE_CHECK(same(run(scene()), whole), "a cut changes the verdict");
    }
    cut = SIZE_MAX;
    return whole;
  }
  template <typename Scene>
  Ran run_cut(const Scene& scene) {
    return run_cut(scene, 200, [](const Ran& a, const Ran& b) { return a.same_as(b); });
  }

 private:
  static constexpr Nanos kUnixTime = std::int64_t{1'800'000'000} * kSecond;
  static constexpr IpAddress kAddress = IpAddress::v4(0x7f000001);
  using Kind = engine::Step::Kind;

  void end(CheckRun& run, Outcome outcome, results::Phase phase, std::string error) {
    ran_.outcome = run.ending.outcome = outcome;
    run.ending.phase = phase;
    run.ending.error = std::move(error);
  }

  void meet(CheckRun& run, const Meeting& meeting) {
    memory::RingPool pool(std::size_t{1} << 20);
    const std::string host = run.plan.host;
    engine::ProbeContext context{.now = kSecond,
                                 .endpoint = {.address = kAddress, .port = run.plan.endpoint.port},
                                 .host = host,
                                 .pool = pool,
                                 .unix_now = kUnixTime,
                                 .started = kSecond,
                                 .state = tools.get(),
                                 .connect_us = 0};
    const std::unique_ptr<engine::Probe> probe = prober->begin(run, tools.get());
    std::string inbox = meeting.peer->greeting();
    bool done = false;
    const auto take = [&](const engine::Step& step, bool must_end) {
      SONDE_CHECK(step.kind == Kind::kMore || step.kind == Kind::kSend || step.kind == Kind::kDone, "one connection");
      SONDE_CHECK(step.kind == Kind::kDone || !must_end, "a verdict at the end");
      if (step.kind == Kind::kSend) {
        SONDE_CHECK(!step.bytes.empty(), "a message has bytes");
        const std::string said(wire::as_text(step.bytes));
        ran_.sent += said;
        inbox += meeting.peer->hear(said);
      } else if (step.kind == Kind::kDone) {
        done = true;
        SONDE_CHECK(step.outcome != Outcome::kSuccess || *step.error == '\0', "a success has no error");
        ran_.farewell = wire::as_text(step.bytes);
        ran_.graceful = step.graceful;
        ran_.handshaking = context.handshaking;
        end(run, step.outcome, context.handshaking ? results::Phase::kTls : results::Phase::kRead, step.error);
      }
    };
    take(probe->start(context), false);
    while (!done && !inbox.empty()) {
      std::size_t size = std::min({inbox.size(), piece, Drive::kLargestRead});
      if (heard_ < cut) size = std::min(size, cut - heard_);
      const std::string own = inbox.substr(0, size);  // so that a look beyond it is seen
      inbox.erase(0, size);
      heard_ += size;
      context.unanswered = false;
      take(probe->on_bytes(context, wire::as_bytes(own)), false);
    }
    if (done) return;
    SONDE_CHECK(context.wake_at == kNever, "nobody asks to be woken");
    if (meeting.end == End::kFin) take(probe->on_eof(context), true);
    if (meeting.end == End::kReset) take(probe->on_failure(context, Outcome::kReset), true);
    if (meeting.end == End::kSilence) take(probe->on_deadline(context), true);
  }

  void tell(const CheckRun& run) {
    ran_.success = run.success;
    ran_.outcome = run.ending.outcome;
    ran_.cause = run.ending.cause;
    ran_.error = run.ending.error;
    metrics::Samples samples;
    prober->sample(run, samples);
    for (const metrics::Sample& sample : samples.all()) {
      std::string key = sample.family->name;
      if (!sample.labels.empty()) {
        for (const auto& [name, value] : sample.labels)
          key.append(&name == &sample.labels.front().first ? "{" : ",").append(name).append("=\"").append(value) += '"';
        key += '}';
      }
      SONDE_CHECK(ran_.samples.emplace(key, sample.value).second, "a series is told once");
    }
    for (const std::string& line : run.log) ran_.log.push_back(line.substr(line.find("level=") + 6));
  }

  Ran ran_;
  std::size_t heard_ = 0;
};

}  // namespace sonde::probes::driven
