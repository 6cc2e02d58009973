// Which suites a server accepts in each of its versions, and whether it chooses by its own order: by elimination, the
// newest version first. Weak ones are asked for as well (RC4, NULL, export, anonymous, PSK): those are what is looked
// for.
#pragma once

#include <optional>

#include "probes/tls/elimination.h"
#include "probes/tls/survey.h"
#include "probes/tls/version_survey.h"

namespace sonde::probes {

class CipherSurvey final : public Survey {
 public:
  // In all versions together. When they are used up, the result is what is known by then, and incomplete.
  static constexpr std::size_t kMaxHellos = 400;

  // `versions` must have ended before the first next(), and outlive it.
  explicit CipherSurvey(const VersionSurvey& versions) : versions_(versions) {}

  std::vector<std::byte> next(std::string_view server_name, std::span<const std::byte, 64> nonce) override;
  void take(const HelloAnswer& answer) override;
  void add_to(SurveyResult& result) const override;

 private:
  SurveyResult::Ciphers found() const;  // of the version in question
  bool move_on();                       // to a question that is not done; false: there is none

  const VersionSurvey& versions_;
  std::optional<Elimination> suites_;  // of the version in question
  std::size_t version_ = 0;            // index in versions_.found()
  std::vector<SurveyResult::Ciphers> ended_;
  std::size_t hellos_ = 0;
  bool incomplete_ = false;
  bool ended_all_ = false;
};

}  // namespace sonde::probes
