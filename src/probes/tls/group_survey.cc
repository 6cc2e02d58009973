#include "probes/tls/group_survey.h"

#include <algorithm>
#include <array>

#include "probes/tls/survey_hello.h"
#include "wire/tls_names.h"

namespace sonde::probes {
namespace {

// Of GREASE (RFC 8701), which no server may support.
constexpr std::uint16_t kNobodysGroup = 0x0a0a;

}  // namespace

void GroupSurvey::begin() {
  begun_ = true;
  ended_ = versions_.found().empty() || versions_.found().front() < wire::kTls10;
  if (ended_) return;
  version_ = versions_.found().front();
  const std::span<const std::uint16_t> groups = groups_of(version_);
  suites_ = suites_of(version_);
  if (version_ >= wire::kTls13) {
    elimination_.emplace(std::vector(groups.begin(), groups.end()), groups.size());
    return;
  }
  std::erase_if(suites_,
                [](std::uint16_t suite) { return wire::key_exchange_of(suite) != wire::TlsKeyExchange::kEcdhe; });
  suites_.resize(std::min(suites_.size(), kMaxOfferedSuites));
}

std::uint16_t GroupSurvey::curve() const { return curve_ == 0 ? kNobodysGroup : groups_of(version_)[curve_ - 1]; }

std::vector<std::byte> GroupSurvey::next(std::string_view server_name, std::span<const std::byte, 64> nonce) {
  if (!begun_) begin();
  if (elimination_ && elimination_->done()) ended_ = true;
  if (!ended_ && hellos_ == kMaxHellos) ended_ = incomplete_ = true;
  if (ended_) return {};
  ++hellos_;
  const std::array one = {elimination_ ? std::uint16_t{0} : curve()};
  return survey_hello(
      {.version = version_, .suites = suites_, .groups = elimination_ ? elimination_->offer() : std::span(one)},
      server_name, nonce);
}

void GroupSurvey::take(const HelloAnswer& answer) {
  if (!elimination_) return take_curve(answer);
  const bool without_a_word = answer.kind == HelloAnswer::Kind::kNothing;
  if (!accepts(answer, version_)) return elimination_->refused(without_a_word);
  const std::optional<std::uint16_t> group = answer.hello.group();
  if (answer.kind == HelloAnswer::Kind::kHelloRetry && group) return elimination_->chosen(*group);
  incomplete_ = true;  // it goes on without a share, or asks to retry without saying with what
  elimination_->refused(false);
}

void GroupSurvey::take_curve(const HelloAnswer& answer) {
  if (answer.kind == HelloAnswer::Kind::kNothing && !curves_.empty() && !retried_) {
    retried_ = true;
    return;
  }
  retried_ = false;
  const bool is_accepted = accepts(answer, version_);
  if (is_accepted && curve_ == 0) {
    ended_ = incomplete_ = true;
    return;
  }
  if (is_accepted) curves_.push_back(curve());
  ++curve_;
  ended_ = curve_ > groups_of(version_).size();
}

void GroupSurvey::add_to(SurveyResult& result) const {
  result.has_groups = true;
  result.groups = elimination_ ? elimination_->accepted() : curves_;
  if (!elimination_) std::ranges::sort(result.groups);
  result.incomplete |= incomplete_ || !ended_ || (elimination_ && elimination_->incomplete());
}

}  // namespace sonde::probes
