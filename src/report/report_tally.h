// The count of a scan's records: what a report says, as sums that can be added together. Each shard of a running scan
// has its own, a reader of files has one. Its memory is bounded whatever is added: a few MB, at most about 20. Of one
// thread.
//
// merge(): where no bound was met (names, sorts of a port), the count of parts is that of the whole, to the bit.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>

#include "metrics/histogram.h"
#include "report/address_map.h"
#include "report/rate_series.h"
#include "report/record_facts.h"
#include "report/strange.h"
#include "report/target_list.h"
#include "report/top_counts.h"

namespace sonde::report {

inline constexpr std::size_t kSlowest = 50;
inline constexpr std::size_t kAttempts = 9;  // 0: not told; the last: as many and more

// Certificates by the time they have left when they are seen.
inline constexpr std::array<std::string_view, 7> kExpiryNames = {"expired", "7d",    "30d",    "90d",
                                                                 "1y",      "later", "unknown"};
inline constexpr std::array<std::string_view, 5> kVerdictNames = {"verified", "not_verified", "self_signed",
                                                                  "not_yet_valid", "wrong_name"};

struct ReportTally {
  using Outcomes = std::array<std::uint64_t, kOutcomes>;

  void add(const RecordFacts& facts);
  void merge(const ReportTally& other);

  std::uint64_t records = 0;
  Outcomes outcomes{};
  TopCounts probes;
  std::unordered_map<std::uint16_t, Outcomes> ports;                                        // 0: records without one
  std::array<std::array<std::array<std::uint64_t, kCauses>, kOutcomes>, kPhases> errors{};  // of what is no success
  std::array<metrics::Histogram, results::kPhaseNames.size()> latency_us;
  std::array<std::uint64_t, kAttempts> attempts{};

  std::int64_t first_us = 0;  // 0: no record has a time
  std::int64_t last_us = 0;
  RateSeries series;
  std::uint64_t untimed = 0;

  std::uint64_t handshakes = 0;
  TopCounts tls_versions;
  TopCounts tls_ciphers;
  TopCounts issuers;
  std::uint64_t certificates = 0;
  std::array<std::uint64_t, kExpiryNames.size()> expiry{};
  std::array<std::uint64_t, kVerdictNames.size()> verdicts{};

  TopCounts protocols;
  TopCounts products;
  TopCounts http_servers;
  TopCounts http_statuses;
  TopCounts titles;

  TargetList slowest{kSlowest};
  StrangeTargets strange;

  AddressCells cells;
  std::uint64_t v4 = 0;
  std::uint64_t v6 = 0;
  std::uint64_t without_address = 0;
  TopCounts v6_prefixes;

 private:
  void add_time(const RecordFacts& facts, bool success);
  void add_address(const IpAddress& ip, bool success);
  void add_tls(const RecordFacts& facts);
  void add_services(const RecordFacts& facts);
};

}  // namespace sonde::report
