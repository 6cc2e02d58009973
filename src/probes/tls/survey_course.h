// Leads one probe through its surveys: a connection a hello. Reads the server's first word on each. The probe's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "probes/tls/survey.h"

namespace sonde::probes {

class SurveyCourse {
 public:
  explicit SurveyCourse(std::vector<std::unique_ptr<Survey>> surveys) : surveys_(std::move(surveys)) {}

  // Makes the hello of the next connection; false when all is asked.
  bool advance(std::string_view server_name, std::uint64_t seed);
  std::span<const std::byte> hello() const { return hello_; }

  // The bytes of the server, in any cutting; true when its word is whole and was taken.
  bool on_bytes(std::span<const std::byte> bytes);
  // No (more) word will come.
  void on_nothing(bool timed_out);

  SurveyResult result() const;

 private:
  static constexpr std::size_t kMostHeard =
      20'000;  // a ServerHello is far shorter, and most chains with a key exchange are

  bool hear();
  void take(const HelloAnswer& answer);

  std::vector<std::unique_ptr<Survey>> surveys_;
  std::size_t current_ = 0;
  std::vector<std::byte> hello_;
  std::vector<std::byte> heard_;  // of the present connection
};

}  // namespace sonde::probes
