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
  const std::array one = {elimination_ || together_ ? std::uint16_t{0} : curve()};
  std::span<const std::uint16_t> offer = elimination_ ? elimination_->offer() : std::span(one);
  if (together_) offer = offer_;
  return survey_hello({.version = version_, .suites = suites_, .groups = offer}, server_name, nonce);
}

void GroupSurvey::take(const HelloAnswer& answer) {
  if (together_) return take_chosen(answer);
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
  if (curve_ <= groups_of(version_).size()) return;
  if (curves_.size() <= 1)
    offer_together();
  else
    ended_ = true;
}

void GroupSurvey::offer_together() {
  together_ = true;
  for (const std::uint16_t group : groups_of(version_))
    if (curves_.empty() || group != curves_.front()) offer_.push_back(group);
  offer_.insert(offer_.end(), curves_.begin(), curves_.end());
}

void GroupSurvey::take_chosen(const HelloAnswer& answer) {
  if (answer.kind == HelloAnswer::Kind::kNothing && !retried_) {
    retried_ = true;
    return;
  }
  retried_ = false;
  const bool is_news = accepts(answer, version_) && answer.curve &&
                       std::ranges::find(offer_, *answer.curve) != offer_.end() &&
                       std::ranges::find(curves_, *answer.curve) == curves_.end();
  if (!is_news) {
    ended_ = true;
    return;
  }
  curves_.push_back(*answer.curve);
  std::erase(offer_, *answer.curve);
  ended_ = offer_.empty();
}

void GroupSurvey::add_to(SurveyResult& result) const {
  result.has_groups = true;
  result.groups = elimination_ ? elimination_->accepted() : curves_;
  if (!elimination_) std::ranges::sort(result.groups);
  result.incomplete |= incomplete_ || !ended_ || (elimination_ && elimination_->incomplete());
}

}  // namespace sonde::probes
