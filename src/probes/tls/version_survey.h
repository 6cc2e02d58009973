// Which versions a server speaks: each of TLS 1.3 … SSL 3.0 asked alone, the newest first. Where it refuses with
// another alert than protocol_version, the suites may be what it lacks, and it is asked with the next 64. At most 5 × 8
// + 1 hellos.
#pragma once

#include "probes/tls/survey.h"

namespace sonde::probes {

class VersionSurvey final : public Survey {
 public:
  // kForOthers: the other surveys need the versions, and the record does not name them.
  enum class Use : std::uint8_t { kReport, kForOthers };
  explicit VersionSurvey(Use use) : use_(use) {}

  std::vector<std::byte> next(std::string_view server_name, std::span<const std::byte, 64> nonce) override;
  void take(const HelloAnswer& answer) override;
  void add_to(SurveyResult& result) const override;

  const std::vector<std::uint16_t>& found() const { return found_; }  // the newest first

 private:
  std::span<const std::uint16_t> offered() const;
  void next_version();

  Use use_;
  std::vector<std::uint16_t> found_;
  std::vector<std::uint16_t> suites_;  // that fit the version in question
  std::size_t version_ = 0;            // index of the one in question
  std::size_t suites_at_ = 0;          // where in suites_ the offer begins
  std::vector<std::uint16_t> good_;    // the offer that was accepted in found_.front()
  bool retried_ = false;
  bool last_without_a_word_ = false;
  bool confirmed_ = false;  // asked at the end whether the server still answers, or no need to
  bool incomplete_ = false;
  bool silent_ = false;  // a question was met with silence
};

}  // namespace sonde::probes
