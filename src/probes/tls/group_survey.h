// Which groups a server agrees on keys in.
//  - TLS 1.3: by elimination; the HelloRetryRequest names the group. No key shares are sent, so the hello stays small
//    even with the groups of ML-KEM in it.
//  - A server without TLS 1.3: each curve alone with ECDHE suites; a ServerHello says that it is supported. First a
//    group that nobody has: a server that accepts it ignores the list, and nothing can be said (incomplete). A server
//    whose certificate is on a curve that is not offered refuses too (RFC 8422, 5.1). So where one curve or none was
//    accepted, the others are offered once more all together, that one last, and the ServerKeyExchange tells which was
//    chosen: each in turn, until the one is chosen again. A server that prefers it to some keeps those to itself.
#pragma once

#include <optional>

#include "probes/tls/elimination.h"
#include "probes/tls/survey.h"
#include "probes/tls/version_survey.h"

namespace sonde::probes {

class GroupSurvey final : public Survey {
 public:
  // Of the elimination of 21 groups, and of the 31 curves with their control, repeats and chosen ones included.
  static constexpr std::size_t kMaxHellos = 80;

  // `versions` must have ended before the first next(), and outlive it.
  explicit GroupSurvey(const VersionSurvey& versions) : versions_(versions) {}

  std::vector<std::byte> next(std::string_view server_name, std::span<const std::byte, 64> nonce) override;
  bool wants_curve() const override { return together_; }
  void take(const HelloAnswer& answer) override;
  void add_to(SurveyResult& result) const override;

 private:
  void begin();
  std::uint16_t curve() const;  // the one in question
  void take_curve(const HelloAnswer& answer);
  void offer_together();
  void take_chosen(const HelloAnswer& answer);

  const VersionSurvey& versions_;
  std::uint16_t version_ = 0;  // asked in; 0: before begin(), or none
  std::vector<std::uint16_t> suites_;
  std::optional<Elimination> elimination_;  // of TLS 1.3
  std::size_t curve_ = 0;                   // before TLS 1.3: 0 is the control, i + 1 the i-th curve
  std::vector<std::uint16_t> curves_;       // that are accepted
  bool together_ = false;                   // the second round before TLS 1.3
  std::vector<std::uint16_t> offer_;        // of that round; the certificate's curve last, if one is known
  std::size_t hellos_ = 0;
  bool begun_ = false;
  bool ended_ = false;
  bool retried_ = false;
  bool incomplete_ = false;
};

}  // namespace sonde::probes
