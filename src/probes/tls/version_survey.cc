#include "probes/tls/version_survey.h"

#include <algorithm>
#include <array>

#include "probes/tls/survey_hello.h"
#include "wire/tls_names.h"

namespace sonde::probes {
namespace {

constexpr auto kNewestFirst =
    std::to_array<std::uint16_t>({wire::kTls13, wire::kTls12, wire::kTls11, wire::kTls10, wire::kSsl3});
constexpr std::uint8_t kProtocolVersion = 70;  // the alert

}  // namespace

std::vector<std::byte> VersionSurvey::next(std::string_view server_name, std::span<const std::byte, 64> nonce) {
  if (version_ < kNewestFirst.size()) {
    const std::uint16_t version = kNewestFirst[version_];
    if (suites_.empty()) suites_ = suites_of(version);
    return survey_hello({.version = version, .suites = offered(), .groups = groups_of(version)}, server_name, nonce);
  }
  if (confirmed_ || found_.empty() || !last_without_a_word_) return {};
  // The last questions had no answer: is the server still there?
  return survey_hello({.version = found_.front(), .suites = good_, .groups = groups_of(found_.front())}, server_name,
                      nonce);
}

void VersionSurvey::take(const HelloAnswer& answer) {
  if (version_ == kNewestFirst.size()) {
    confirmed_ = true;
    incomplete_ = !accepts(answer, found_.front());
    return;
  }
  last_without_a_word_ = answer.kind == HelloAnswer::Kind::kNothing;
  if (accepts(answer, kNewestFirst[version_])) {
    if (found_.empty()) good_.assign(offered().begin(), offered().end());
    found_.push_back(kNewestFirst[version_]);
    return next_version();
  }
  if (last_without_a_word_) {
    // Once more where the server has spoken before: a connection may be lost.
    if (retried_ || found_.empty()) {
      silent_ |= answer.timed_out;  // servers refuse by an alert or by closing
      return next_version();
    }
    retried_ = true;
    return;
  }
  retried_ = false;
  suites_at_ += kMaxOfferedSuites;
  const bool may_be_the_suites = answer.kind == HelloAnswer::Kind::kAlert && answer.alert != kProtocolVersion;
  if (!may_be_the_suites || suites_at_ >= suites_.size()) next_version();
}

std::span<const std::uint16_t> VersionSurvey::offered() const {
  return std::span(suites_).subspan(suites_at_, std::min(kMaxOfferedSuites, suites_.size() - suites_at_));
}

void VersionSurvey::next_version() {
  ++version_;
  suites_.clear();
  suites_at_ = 0;
  retried_ = false;
  if (version_ == kNewestFirst.size() && found_.empty()) incomplete_ = last_without_a_word_;
}

void VersionSurvey::add_to(SurveyResult& result) const {
  result.incomplete |= incomplete_ || (silent_ && found_.empty()) || version_ < kNewestFirst.size();
  if (use_ == Use::kForOthers) return;
  result.has_versions = true;
  result.versions.assign(found_.rbegin(), found_.rend());
}

}  // namespace sonde::probes
