// Arbitrary answers: every survey ends within its bound, sends well-formed hellos, and reports nothing twice.
#include <cstdint>
#include <set>

#include "probes/tls/cipher_survey.h"
#include "probes/tls/group_survey.h"
#include "probes/tls/survey_model.h"
#include "probes/tls/surveys.h"

namespace {

using namespace sonde;          // NOLINT(google-build-using-namespace): a fuzzer of this one folder
using namespace sonde::probes;  // NOLINT(google-build-using-namespace)

void check_no_doubles(const Numbers& numbers) {
  SONDE_CHECK(std::set(numbers.begin(), numbers.end()).size() == numbers.size(), "nothing is found twice");
}

// Makes answers of the input, mostly plausible ones: then surveys get far.
class Answers {
 public:
  Answers(const std::uint8_t* data, std::size_t size) : left_(data, size) {}

  HelloAnswer operator()(std::span<const std::byte> record) {
    using Kind = HelloAnswer::Kind;
    const auto hello = wire::read_client_hello(record);
    SONDE_CHECK(hello.has_value() && !hello->ciphers.empty(), "a survey sends well-formed hellos");
    SONDE_CHECK(hello->ciphers.size() <= 70, "and no long lists");
    const unsigned what = byte();
    if (what % 8 == 0) return {.kind = Kind::kNothing, .timed_out = what >= 128};
    if (what % 8 == 1) return {.kind = Kind::kAlert, .alert = static_cast<std::uint8_t>(byte())};
    if (what % 8 == 2) return raw();
    const Numbers versions = hello->versions().empty() ? Numbers{hello->legacy_version} : hello->versions();
    const Numbers groups = hello->groups();
    server_.ignores_groups = true;
    server_.groups = groups.empty() ? Numbers{29} : Numbers{groups[byte() % groups.size()]};
    return server_.answer(versions.front(), hello->ciphers[byte() % hello->ciphers.size()], server_.groups);
  }

 private:
  unsigned byte() {
    if (left_.empty()) return 9;
    const unsigned value = left_.front();
    left_ = left_.subspan(1);
    return value;
  }
  HelloAnswer raw() {
    const std::size_t size = std::min<std::size_t>(byte(), left_.size());
    const auto body = std::as_bytes(left_.first(size));
    left_ = left_.subspan(size);
    const auto hello = wire::read_server_hello(body);
    if (!hello) return {};
    return {.kind = hello->is_hello_retry() ? HelloAnswer::Kind::kHelloRetry : HelloAnswer::Kind::kServerHello,
            .hello = *hello};
  }

  std::span<const std::uint8_t> left_;
  ModelServer server_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Answers answers(data, size);
  const auto surveys = make_surveys({.versions = true, .ciphers = true, .groups = true, .jarm = true});
  const std::size_t bounds[] = {41, 10, GroupSurvey::kMaxHellos, CipherSurvey::kMaxHellos};
  SurveyResult result;
  for (std::size_t i = 0; i < surveys.size(); ++i) {
    SONDE_CHECK(run(*surveys[i], std::ref(answers)) <= bounds[i], "a survey is bounded");
    surveys[i]->add_to(result);
  }
  check_no_doubles(result.versions);
  check_no_doubles(result.groups);
  for (const auto& ciphers : result.ciphers) check_no_doubles(ciphers.suites);
  SONDE_CHECK(result.jarm.empty() || result.jarm.size() == 62, "a JARM has 62 digits");
  return 0;
}
