#include "probes/tls/survey_course.h"

#include "probes/tls/lean_hello.h"
#include "wire/tls_names.h"
#include "wire/tls_record.h"

namespace sonde::probes {
namespace {

constexpr std::size_t kMostMessage = 20'000;

// What the messages say, as far as they came; nothing while more is needed.
std::optional<HelloAnswer> answer_in(std::span<const std::byte> stream, bool wants_curve) {
  using Kind = wire::ParseResult<wire::TlsMessage>::Kind;
  const auto first = wire::TlsMessageProcessor(kMostMessage).parse(stream);
  if (first.kind == Kind::kNeed) return std::nullopt;
  if (first.kind != Kind::kFrame || first.frame.type != wire::TlsMessageType::kServerHello) return HelloAnswer();
  const auto hello = wire::read_server_hello(first.frame.body);
  if (!hello) return HelloAnswer();
  HelloAnswer answer = {.kind = HelloAnswer::Kind::kServerHello, .hello = *hello};
  if (hello->is_hello_retry()) answer.kind = HelloAnswer::Kind::kHelloRetry;
  if (!wants_curve || hello->is_hello_retry() || hello->version() >= wire::kTls13) return answer;
  for (;;) {
    stream = stream.subspan(wire::TlsMessageProcessor(kMostMessage).parse(stream).consumed);
    const auto next = wire::TlsMessageProcessor(kMostMessage).parse(stream);
    if (next.kind == Kind::kNeed) return std::nullopt;
    if (next.kind != Kind::kFrame || next.frame.type == wire::TlsMessageType::kServerHelloDone) return answer;
    if (next.frame.type != wire::TlsMessageType::kServerKeyExchange) continue;
    const auto exchange =
        wire::read_server_key_exchange(next.frame.body, wire::key_exchange_of(hello->cipher), hello->version());
    if (exchange) answer.curve = exchange->group;
    return answer;
  }
}

}  // namespace

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

// Looks at all that came, from the start: there is not much of it. Warnings before the answer are passed over.
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
    const std::optional<HelloAnswer> answer = answer_in(stream, surveys_[current_]->wants_curve());
    if (!answer) continue;
    take(*answer);
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
