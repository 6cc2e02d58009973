#include "probes/tls/survey_course.h"

#include "probes/tls/lean_hello.h"
#include "wire/tls_record.h"

namespace sonde::probes {

bool SurveyCourse::advance(std::string_view server_name, std::uint64_t seed) {
  heard_.clear();
  for (; current_ < surveys_.size(); ++current_) {
    hello_ = surveys_[current_]->next(server_name, nonces_of(seed));
    if (!hello_.empty()) return true;
  }
  return false;
}

void SurveyCourse::take(const HelloAnswer& answer) { surveys_[current_]->take(answer); }

void SurveyCourse::on_nothing(bool timed_out) { take({.kind = HelloAnswer::Kind::kNothing, .timed_out = timed_out}); }

bool SurveyCourse::on_bytes(std::span<const std::byte> bytes) {
  heard_.insert(heard_.end(), bytes.begin(), bytes.end());
  return hear();
}

// Looks at all that came, from the start: the answers are short. Warnings before the answer are passed over.
bool SurveyCourse::hear() {
  constexpr std::uint8_t kWarning = 1;
  std::span<const std::byte> left = heard_;
  std::vector<std::byte> stream;
  for (;;) {
    const auto record = wire::TlsRecordProcessor().parse(left);
    if (record.kind == decltype(record)::Kind::kNeed && heard_.size() < kMostHeard) return false;
    if (record.kind != decltype(record)::Kind::kFrame) break;
    left = left.subspan(record.consumed);
    const std::span<const std::byte> fragment = record.frame.fragment;
    if (record.frame.type == wire::TlsContent::kAlert) {
      if (fragment.size() != 2) break;
      const auto alert = std::to_integer<std::uint8_t>(fragment[1]);
      if (std::to_integer<std::uint8_t>(fragment[0]) == kWarning && alert != 0) continue;
      take({.kind = HelloAnswer::Kind::kAlert, .alert = alert});
      return true;
    }
    if (record.frame.type != wire::TlsContent::kHandshake) break;
    stream.insert(stream.end(), fragment.begin(), fragment.end());
    const auto message = wire::TlsMessageProcessor(kMostHeard).parse(stream);
    if (message.kind == decltype(message)::Kind::kNeed) continue;
    if (message.kind != decltype(message)::Kind::kFrame || message.frame.type != wire::TlsMessageType::kServerHello)
      break;
    const auto hello = wire::read_server_hello(message.frame.body);
    if (!hello) break;
    take({.kind = hello->is_hello_retry() ? HelloAnswer::Kind::kHelloRetry : HelloAnswer::Kind::kServerHello,
          .hello = *hello});
    return true;
  }
  on_nothing(false);
  return true;
}

SurveyResult SurveyCourse::result() const {
  SurveyResult result;
  for (const auto& survey : surveys_) survey->add_to(result);
  return result;
}

}  // namespace sonde::probes
