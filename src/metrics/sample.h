// Readings of metrics, as an exposition shows them (Prometheus text format 0.0.4). A family is static: its name and
// help are written once, where it is declared.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sonde::metrics {

enum class Type : std::uint8_t { kGauge, kCounter, kHistogram };

struct Family {
  const char* name;
  const char* help;
  Type type = Type::kGauge;
};

using Labels = std::vector<std::pair<std::string, std::string>>;  // in the order in which they are shown

struct Sample {
  const Family* family;
  Labels labels;
  double value = 0;
  const char* suffix = "";  // of a histogram's: _bucket, _sum, _count
};

class Samples {
 public:
  void add(const Family& family, double value) { all_.push_back({&family, {}, value}); }
  void add(const Family& family, Labels labels, double value) { all_.push_back({&family, std::move(labels), value}); }
  void add(const Family& family, const char* suffix, Labels labels, double value) {
    all_.push_back({&family, std::move(labels), value, suffix});
  }
  std::vector<Sample>& all() { return all_; }
  const std::vector<Sample>& all() const { return all_; }

 private:
  std::vector<Sample> all_;
};

}  // namespace sonde::metrics
