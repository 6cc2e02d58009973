// JARM: a fingerprint of a server's TLS, made of its answers to ten fixed hellos (github.com/salesforce/jarm). What the
// hellos hold and how the answers are hashed has to match other people's fingerprints to the byte; see jarm.cc.
#pragma once

#include <array>
#include <string>

#include "probes/tls/survey.h"

namespace sonde::probes {

// The parts of one answer that count; all empty where the server gave none.
struct JarmAnswer {
  bool answered = false;
  std::uint16_t cipher = 0;
  std::uint16_t legacy_version = 0;
  std::string alpn;
  std::string extensions;  // "0017-ff01", in wire order
};

inline constexpr std::size_t kJarmHellos = 10;

// 62 hex digits: three for each answer, and 32 of a SHA-256. All zeros where there was no answer at all.
std::string jarm_hash(const std::array<JarmAnswer, kJarmHellos>& answers);
// The suites of the hello `index` (0 … 9) without GREASE.
std::vector<std::uint16_t> jarm_suites(std::size_t index);

class Jarm final : public Survey {
 public:
  // A server name that is an address is left out.
  std::vector<std::byte> next(std::string_view server_name, std::span<const std::byte, 64> nonce) override;
  // Silence voids the whole: the fingerprint would be one of the network.
  void take(const HelloAnswer& answer) override;
  void add_to(SurveyResult& result) const override;

 private:
  std::array<JarmAnswer, kJarmHellos> answers_;
  std::size_t asked_ = 0;
  bool void_ = false;
};

}  // namespace sonde::probes
