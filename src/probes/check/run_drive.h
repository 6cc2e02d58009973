// Drives a run of a prober by hand, for the tests and fuzzers of dns and icmp: plan, begin, the engine's calls,
// conclude, sample. What the engine would tell of the end is filled in as far as these probers look at it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "engine/probe.h"
#include "metrics/exposition.h"
#include "probes/check/check_run.h"
#include "probes/check/prober.h"

namespace sonde::probes {

class RunDrive {
 public:
  using Kind = engine::Step::Kind;
  using Bytes = std::vector<std::byte>;

  // address: what a name resolves to.
  RunDrive(std::shared_ptr<const Prober> prober, std::string target,
           const IpAddress& address = IpAddress::v4(0x7f000001))
      : prober_(std::move(prober)),
        tools_(prober_->make_tools()),
        context{.now = kSecond, .endpoint = {}, .host = {}, .pool = pool_, .unix_now = Nanos{1'767'268'800} * kSecond} {
    run.prober = prober_;
    run.target = std::move(target);
    run.timeout = 3 * kSecond;
    run.keeps_log = true;
    run.ending.timing_us.fill(results::kNoTiming);
    planned = prober_->plan(run);
    if (!planned) {
      end(results::Outcome::kProtocolError, planned.error().text);
      return;
    }
    context.endpoint = run.plan.endpoint;
    if (context.endpoint.address.is_unspecified()) context.endpoint.address = address;
    run.ending.address = context.endpoint.address;
    context.state = tools_.get();
  }
  ~RunDrive() {
    probe_.reset();
    SONDE_CHECK(pool_.stats().in_use == 0, "what was lent is given back");
  }
  RunDrive(const RunDrive&) = delete;
  RunDrive& operator=(const RunDrive&) = delete;

  void start() {
    probe_ = prober_->begin(run, tools_.get());
    take(probe_->start(context));
  }
  void bytes(std::span<const std::byte> bytes) { take(probe_->on_bytes(context, bytes)); }
  void eof() { take(probe_->on_eof(context)); }
  void deadline() { take(probe_->on_deadline(context)); }
  void fail(results::Outcome outcome, const IcmpError* icmp = nullptr) {
    context.icmp = icmp;
    take(probe_->on_failure(context, outcome));
  }
  // It ends before a probe is made: no address, no connection.
  void never_begins(results::Outcome outcome, const std::string& error) {
    if (outcome == results::Outcome::kDnsError) run.ending.address = {};
    end(outcome, error);
  }

  bool done() const { return ended_; }
  std::string samples() const {
    metrics::Samples samples;
    prober_->sample(run, samples);
    std::string out;
    write_exposition(samples, out);
    return out;
  }
  // The value of one series as it is written; empty: there is none.
  std::string sample(const std::string& series) const {
    const std::string text = '\n' + samples();
    const std::size_t at = text.find('\n' + series + ' ');
    if (at == std::string::npos) return "";
    const std::size_t from = at + series.size() + 2;
    return text.substr(from, text.find('\n', from) - from);
  }
  bool logged(std::string_view text) const {
    for (const std::string& line : run.log)
      if (line.find(text) != std::string::npos) return true;
    return false;
  }

 private:
  void take(const engine::Step& next) {
    SONDE_CHECK(!done(), "called after its verdict");
    step = next;
    if (step.kind == Kind::kSend) sent.emplace_back(step.bytes.begin(), step.bytes.end());
    if (step.kind == Kind::kDone) {
      farewell.assign(step.bytes.begin(), step.bytes.end());
      end(step.outcome, step.error);
    }
  }
  void end(results::Outcome outcome, const std::string& error) {
    ended_ = true;
    run.ending.outcome = outcome;
    run.ending.phase = outcome == results::Outcome::kSuccess ? results::Phase::kDone : results::Phase::kFirstByte;
    run.ending.error = error;
    run.ending.unix_time = context.unix_now;
    prober_->conclude(run);
  }

  std::shared_ptr<const Prober> prober_;
  memory::RingPool pool_{std::size_t{256} << 10};
  std::unique_ptr<engine::ShardState> tools_;
  std::unique_ptr<engine::Probe> probe_;
  bool ended_ = false;

 public:
  CheckRun run;
  Parsed<> planned;
  engine::ProbeContext context;
  engine::Step step;
  std::vector<Bytes> sent;
  Bytes farewell;
};

}  // namespace sonde::probes
