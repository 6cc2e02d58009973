// What of a scan is worth a second look: targets that do what others do not, each with the reason. Of one thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "report/record_facts.h"
#include "report/target_list.h"

namespace sonde::report {

enum class Strange : std::uint8_t {
  kRare,          // few of a port are so, most are otherwise
  kOddPort,       // a service on a port that is another's by custom
  kTlsOnOddPort,  // TLS where no TLS is by custom
  kSuspect,       // all ports of the address do the same: a tarpit, a proxy that answers SYNs
  kStalled,       // connected, and then the reply stopped or nothing more was taken
  kExpired,       // the certificate, by its time
  kNotYetValid,
  kSelfSigned,
  kWrongName,  // the certificate is not for the name that was asked for
  kOldTls,     // SSL 3, TLS 1.0, TLS 1.1
};
inline constexpr std::array<std::string_view, 10> kStrangeNames = {
    "rare",    "odd_port",      "tls_on_odd_port", "suspect",    "stalled",
    "expired", "not_yet_valid", "self_signed",     "wrong_name", "old_tls"};

class StrangeTargets {
 public:
  static constexpr std::size_t kExamples = 20;  // of a kind
  static constexpr std::size_t kMostSorts = 4096;

  void add(const RecordFacts& facts);
  void merge(const StrangeTargets& other);

  struct Kind {
    std::uint64_t count = 0;
    TargetList examples{kExamples};
  };
  // By Strange. kRare follows from all that was added, so it is made here.
  std::array<Kind, kStrangeNames.size()> kinds() const;
  // What speaks at a port most often; empty: nobody told.
  std::string_view most_frequent(std::uint16_t port) const;

 private:
  // What answers at a port may be of several sorts: the service's name, or how the dialogue failed.
  struct Sort {
    std::uint64_t count = 0;
    bool is_service = false;
    NamedTarget first;  // the first of all by its address
  };
  void note(Strange kind, std::uint64_t score, const RecordFacts& facts, std::string_view reason);
  void add_sort(const RecordFacts& facts);
  void add_certificate(const RecordFacts& facts);

  std::array<Kind, kStrangeNames.size()> kinds_;
  struct ByPort {
    using is_transparent = void;
    bool operator()(const auto& a, const auto& b) const {
      return a.first != b.first ? a.first < b.first : std::string_view(a.second) < std::string_view(b.second);
    }
  };
  // By port and the sort's name. At most kMostSorts; what comes beyond them is counted nowhere here.
  std::map<std::pair<std::uint16_t, std::string>, Sort, ByPort> sorts_;
};

}  // namespace sonde::report
