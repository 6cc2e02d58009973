#include "report/report_tally.h"

#include <algorithm>
#include <charconv>

namespace sonde::report {
namespace {

constexpr std::int64_t kDayUs = 86'400'000'000;

template <typename Array>
void add_all(Array& to, const Array& from) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
}

std::size_t expiry_of(const RecordFacts& facts) {
  if (facts.expired) return 0;
  if (facts.not_after_us == 0 || facts.ended_us == 0) return kExpiryNames.size() - 1;
  const std::int64_t left = facts.not_after_us - facts.ended_us;
  constexpr auto kBounds = std::to_array<std::int64_t>({0, 7, 30, 90, 365});  // days, of the first five
  const auto* const place =
      std::upper_bound(kBounds.begin(), kBounds.end(), left,
                       [](std::int64_t value, std::int64_t days) { return value < days * kDayUs; });
  return static_cast<std::size_t>(place - kBounds.begin());
}

}  // namespace

void ReportTally::add(const RecordFacts& facts) {
  const bool success = facts.outcome == kSuccess;
  ++records;
  ++outcomes[facts.outcome];
  ++ports[facts.port][facts.outcome];
  probes.add(facts.probe);
  ++attempts[std::min<std::size_t>(facts.attempts, kAttempts - 1)];
  for (std::size_t phase = 0; phase < latency_us.size(); ++phase)
    if (facts.timing_us[phase] >= 0) latency_us[phase].record(static_cast<std::uint64_t>(facts.timing_us[phase]));
  if (!success) {
    ++errors[facts.phase][facts.outcome][facts.cause];
  } else if (const std::int64_t total = facts.timing_us[static_cast<std::size_t>(results::Phase::kDone)];
             total >= 0 && slowest.wants(static_cast<std::uint64_t>(total), facts.ip)) {
    slowest.add(name_target(facts, static_cast<std::uint64_t>(total), {}));
  }
  add_time(facts, success);
  add_address(facts.ip, success);
  add_tls(facts);
  add_services(facts);
  strange.add(facts);
}

void ReportTally::add_time(const RecordFacts& facts, bool success) {
  if (facts.ended_us <= 0) {
    ++untimed;
    return;
  }
  first_us = first_us == 0 ? facts.ended_us : std::min(first_us, facts.ended_us);
  last_us = std::max(last_us, facts.ended_us);
  series.add(facts.ended_us / 1'000'000, success);
}

void ReportTally::add_address(const IpAddress& ip, bool success) {
  if (ip.is_unspecified()) {
    ++without_address;
  } else if (ip.is_v4()) {
    ++v4;
    cells.add(ip.v4_bits(), success);
  } else {
    ++v6;
    const U128 prefix = ip.bits() >> 80 << 80;
    v6_prefixes.add(to_string(IpAddress::v6(prefix)) + "/48");
  }
}

void ReportTally::add_tls(const RecordFacts& facts) {
  if (!facts.tls_version.empty()) {
    ++handshakes;
    tls_versions.add(facts.tls_version);
    if (!facts.tls_cipher.empty()) tls_ciphers.add(facts.tls_cipher);
  }
  if (facts.verified) ++verdicts[*facts.verified ? 0 : 1];
  if (!facts.has_certificate) return;
  ++certificates;
  if (!facts.issuer.empty()) issuers.add(facts.issuer);
  ++expiry[expiry_of(facts)];
  verdicts[2] += facts.self_signed ? 1 : 0;
  verdicts[3] += facts.not_yet_valid ? 1 : 0;
  verdicts[4] += facts.wrong_name ? 1 : 0;
}

void ReportTally::add_services(const RecordFacts& facts) {
  if (!facts.protocol.empty()) protocols.add(facts.protocol);
  if (!facts.product.empty()) products.add(facts.product);
  if (!facts.http_server.empty()) http_servers.add(facts.http_server);
  if (!facts.title.empty()) titles.add(facts.title);
  if (facts.http_status == 0) return;
  std::array<char, 10> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), facts.http_status).ptr;
  http_statuses.add(std::string_view(text.data(), end));
}

void ReportTally::merge(const ReportTally& other) {
  records += other.records;
  add_all(outcomes, other.outcomes);
  probes.merge(other.probes);
  for (const auto& [port, counts] : other.ports) add_all(ports[port], counts);
  for (std::size_t phase = 0; phase < kPhases; ++phase)
    for (std::size_t outcome = 0; outcome < kOutcomes; ++outcome)
      add_all(errors[phase][outcome], other.errors[phase][outcome]);
  for (std::size_t phase = 0; phase < latency_us.size(); ++phase) latency_us[phase].merge(other.latency_us[phase]);
  add_all(attempts, other.attempts);
  if (other.first_us != 0) first_us = first_us == 0 ? other.first_us : std::min(first_us, other.first_us);
  last_us = std::max(last_us, other.last_us);
  series.merge(other.series);
  untimed += other.untimed;
  handshakes += other.handshakes;
  tls_versions.merge(other.tls_versions);
  tls_ciphers.merge(other.tls_ciphers);
  issuers.merge(other.issuers);
  certificates += other.certificates;
  add_all(expiry, other.expiry);
  add_all(verdicts, other.verdicts);
  protocols.merge(other.protocols);
  products.merge(other.products);
  http_servers.merge(other.http_servers);
  http_statuses.merge(other.http_statuses);
  titles.merge(other.titles);
  slowest.merge(other.slowest);
  strange.merge(other.strange);
  cells.merge(other.cells);
  v4 += other.v4;
  v6 += other.v6;
  without_address += other.without_address;
  v6_prefixes.merge(other.v6_prefixes);
}

}  // namespace sonde::report
