// The http prober with peers that say anything: the first byte chooses what the module wants, a zero byte ends what one
// connection says. Cut in single bytes the run comes out the same.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "metrics/exposition.h"
#include "probes/check/run_module.h"
#include "probes/http/drive.h"

namespace {

using namespace sonde;                  // NOLINT(google-build-using-namespace): a fuzzer of this one folder
using namespace sonde::probes;          // NOLINT(google-build-using-namespace)
using namespace sonde::probes::driven;  // NOLINT(google-build-using-namespace)

std::shared_ptr<const Prober> prober_of(unsigned kind) {
  HttpCheck check;
  if ((kind & 1U) != 0) check.compression = "gzip";
  if ((kind & 2U) != 0) check.fail_if_body_not_matches = {std::make_shared<const RE2>("a+b")};
  if ((kind & 4U) != 0) check.body_size_limit = 20;
  if ((kind & 8U) != 0) check.fail_if_header_matches = {{"X-A", std::make_shared<const RE2>("^b"), true}};
  if ((kind & 16U) != 0) check.follow_redirects = false;
  if ((kind & 32U) != 0) check.oauth2 = Oauth2{.token_url = "http://127.0.0.3/token"};
  auto made = make_http_prober({.http = check, .tcp = {}, .dns = {}, .icmp = {}, .grpc = {}});
  SONDE_CHECK(made, "a prober");
  return std::move(*made);
}

std::string told(const std::shared_ptr<const Prober>& prober, const std::vector<std::string>& texts, std::size_t piece,
                 End end) {
  CheckRun run;
  run.prober = prober;
  run.target = "http://127.0.0.1/";
  run.keeps_body = 100;
  run.keeps_log = true;
  run.ending.timing_us.fill(results::kNoTiming);
  SONDE_CHECK(prober->plan(run), "a plan");
  Ready ready;
  ready.state = prober->make_tools();
  ready.module = std::make_unique<RunModule>(run, ready.state.get());
  std::vector<Meeting> meetings;
  for (const std::string& text : texts) meetings.push_back(saying(text, end));
  while (meetings.size() < 20) meetings.push_back(unopened(Outcome::kRefused));
  Drive how{.host = {}, .endpoint = run.plan.endpoint};
  how.piece = piece;
  const Told drove = how.run(ready, meetings);
  run.ending.outcome = drove.outcome;
  run.ending.error = drove.error;
  run.ending.phase = results::Phase::kDone;
  prober->conclude(run);
  SONDE_CHECK(!run.success || run.ending.cause.empty(), "a success has no cause");
  metrics::Samples samples;
  prober->sample(run, samples);
  std::string text;
  metrics::write_exposition(samples, text);
  return text + run.ending.cause + run.ending.error + run.body;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const std::vector<std::shared_ptr<const Prober>> kProbers = [] {
    std::vector<std::shared_ptr<const Prober>> probers;
    for (unsigned kind = 0; kind < 64; ++kind) probers.push_back(prober_of(kind));
    return probers;
  }();
  std::vector<std::string> texts(1);
  for (const char c : std::string(reinterpret_cast<const char*>(data) + 1, std::min<std::size_t>(size - 1, 4096))) {
    if (c != '\0')
      texts.back() += c;
    else if (texts.size() < 12)
      texts.emplace_back();
  }
  const auto& prober = kProbers[data[0] % kProbers.size()];
  const End end = data[0] >= 128 ? End::kFin : End::kSilence;
  SONDE_CHECK(told(prober, texts, Drive::kLargestRead, end) == told(prober, texts, 1, end), "a cut changes the run");
  return 0;
}
