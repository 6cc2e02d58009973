#include "probes/tls/cipher_survey.h"

#include <algorithm>

#include "probes/tls/survey_hello.h"

namespace sonde::probes {

bool CipherSurvey::move_on() {
  const std::vector<std::uint16_t>& versions = versions_.found();
  while (version_ < versions.size()) {
    if (!suites_) suites_.emplace(suites_of(versions[version_]), kMaxOfferedSuites);
    if (!suites_->done()) return true;
    // A version that was spoken has a suite; where none is found, the server has changed its mind.
    const bool is_broken = suites_->incomplete() || suites_->accepted().empty();
    incomplete_ |= is_broken;
    ended_.push_back(found());
    suites_.reset();
    ++version_;
  }
  return false;
}

std::vector<std::byte> CipherSurvey::next(std::string_view server_name, std::span<const std::byte, 64> nonce) {
  if (ended_all_ || !move_on()) {
    ended_all_ = true;
    return {};
  }
  if (hellos_ == kMaxHellos) {
    suites_->stop();
    ended_.push_back(found());
    suites_.reset();
    incomplete_ = ended_all_ = true;
    return {};
  }
  ++hellos_;
  const std::uint16_t version = versions_.found()[version_];
  return survey_hello({.version = version, .suites = suites_->offer(), .groups = groups_of(version)}, server_name,
                      nonce);
}

void CipherSurvey::take(const HelloAnswer& answer) {
  if (accepts(answer, versions_.found()[version_])) {
    suites_->chosen(answer.hello.cipher);
  } else {
    suites_->refused(answer.kind == HelloAnswer::Kind::kNothing);
  }
}

SurveyResult::Ciphers CipherSurvey::found() const {
  return {
      .version = versions_.found()[version_], .suites = suites_->accepted(), .server_order = suites_->server_order()};
}

void CipherSurvey::add_to(SurveyResult& result) const {
  result.has_ciphers = true;
  result.ciphers = ended_;
  if (suites_) result.ciphers.push_back(found());
  std::ranges::sort(result.ciphers, {}, &SurveyResult::Ciphers::version);
  result.incomplete |= incomplete_ || !ended_all_;
}

}  // namespace sonde::probes
