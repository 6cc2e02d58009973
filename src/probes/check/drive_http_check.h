// Drives runs of the http prober by hand, for its tests: plan, peers as those of the http probe, conclude, samples.
// Each run is repeated with the peers' bytes in pieces, and must come out the same.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "metrics/exposition.h"
#include "probes/check/prober.h"
#include "probes/check/run_module.h"
#include "probes/http/drive_tls.h"

namespace sonde::probes::driven {

struct Checked {
  bool success = false;
  Outcome outcome = Outcome::kSuccess;
  std::string cause, error, body, log;
  std::map<std::string, double> samples;  // "probe_http_duration_seconds phase=resolve"
  std::vector<std::string> sent;          // on each connection; over TLS as ciphertext
  std::vector<std::string> went;

  double operator[](const std::string& name) const {
    const auto found = samples.find(name);
    EXPECT_TRUE(found != samples.end()) << name << " is missing";
    return found == samples.end() ? -1e300 : found->second;
  }
  bool has(const std::string& name) const { return samples.contains(name); }
  bool same_as(const Checked& other) const {
    return success == other.success && outcome == other.outcome && cause == other.cause && error == other.error &&
           body == other.body && samples == other.samples && went == other.went;
  }
};

struct Checking {
  std::string target = "http://127.0.0.1/";
  std::string hostname;
  std::size_t keeps_body = 0;
  bool keeps_log = false;
  Nanos timeout = 5 * kSecond;

  std::shared_ptr<const Prober> prober;
  std::unique_ptr<engine::ShardState> tools;

  explicit Checking(const HttpCheck& check) {
    auto made = make_http_prober({.name = "test", .http = check, .tcp = {}, .dns = {}, .icmp = {}, .grpc = {}});
    SONDE_CHECK(made, made ? "" : made.error().text.c_str());
    prober = std::move(*made);
    tools = prober->make_tools();
  }

  // Without a connection: the plan failed, or no address was found.
  Checked fail(Outcome outcome, results::Phase phase) {
    CheckRun run = fresh();
    const Parsed<> planned = prober->plan(run);
    run.ending.outcome = outcome;
    run.ending.phase = phase;
    run.ending.error = planned ? "" : planned.error().text;
    return concluded(run);
  }

  Checked once(const std::vector<Meeting>& meetings, std::size_t piece = Drive::kLargestRead) {
    CheckRun run = fresh();
    const Parsed<> planned = prober->plan(run);
    SONDE_CHECK(planned, planned ? "" : planned.error().text.c_str());
    Ready ready;
    ready.state.reset();  // before the module that it is of
    ready.module = std::make_unique<RunModule>(run, tools.get());
    Drive how{.host = run.plan.host, .endpoint = run.plan.endpoint};
    if (!how.host.empty()) how.endpoint.address = IpAddress::v4(0x7f000001);
    how.piece = piece;
    Lent lent(ready, tools);
    const Told told = how.run(ready, meetings);
    run.ending.outcome = told.outcome;
    run.ending.error = told.error;
    run.ending.phase = results::Phase::kDone;
    run.ending.address = how.endpoint.address;
    Checked checked = concluded(run);
    checked.sent = told.sent;
    checked.went = told.went;
    return checked;
  }

  using Scene = std::function<std::vector<Meeting>()>;
  Checked run(const Scene& scene) {
    Checked whole = once(scene());
    for (const std::size_t piece : {1, 3, 7, 50}) {
      const Checked other = once(scene(), piece);
      EXPECT_TRUE(other.same_as(whole)) << "pieces of " << piece << ": " << other.error << " / " << whole.error;
    }
    return whole;
  }
  Checked run(const std::string& answer, End end = End::kSilence) {
    return run([&] { return std::vector{plain({answer}, end)}; });
  }

 private:
  // The tools stand in the place of the shard's state while it runs.
  struct Lent {
    Lent(Ready& to, std::unique_ptr<engine::ShardState>& from) : to_(to), from_(from) { to_.state.swap(from_); }
    ~Lent() { to_.state.swap(from_); }
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;
    Ready& to_;
    std::unique_ptr<engine::ShardState>& from_;
  };

  CheckRun fresh() const {
    CheckRun run;
    run.prober = prober;
    run.target = target;
    run.hostname = hostname;
    run.timeout = timeout;
    run.keeps_log = keeps_log;
    run.keeps_body = keeps_body;
    run.ending.timing_us.fill(results::kNoTiming);
    return run;
  }

  Checked concluded(CheckRun& run) const {
    prober->conclude(run);
    metrics::Samples samples;
    prober->sample(run, samples);
    Checked checked{.success = run.success,
                    .outcome = run.ending.outcome,
                    .cause = run.ending.cause,
                    .error = run.ending.error,
                    .body = run.body,
                    .log = {},
                    .samples = {},
                    .sent = {},
                    .went = {}};
    for (const std::string& line : run.log) checked.log += line + "\n";
    for (const metrics::Sample& sample : samples.all()) {
      std::string name = sample.family->name;
      for (const auto& [label, value] : sample.labels)
        if (label == "phase" || label == "version" || label == "subject") name.append(" ").append(label + "=" + value);
      EXPECT_TRUE(checked.samples.emplace(name, sample.value).second) << name << " is there twice";
    }
    return checked;
  }
};

// A pattern as the configuration has it.
inline Pattern pattern(const char* text) { return std::make_shared<const RE2>(text); }

}  // namespace sonde::probes::driven
