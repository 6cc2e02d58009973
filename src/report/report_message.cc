#include "report/report_message.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <array>
#include <bit>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/version.h"
#include "report/html_json.h"
#include "sonde/v1/scan_report.pb.h"

namespace sonde::report {
namespace {

constexpr std::size_t kRows = 50;  // of a table of names
constexpr std::size_t kPorts = 200;

void put(std::string_view name, std::uint64_t count, v1::Counted& to) {
  to.set_name(std::string(name));
  to.set_count(count);
}

void put(const TopCounts& counts, v1::CountTable& to) {
  std::uint64_t listed = 0;
  for (const auto& [name, count] : counts.top(kRows)) {
    put(name, count, *to.add_rows());
    listed += count;
  }
  to.set_others(counts.total() - listed);
  to.set_distinct(counts.distinct());
  to.set_lower_bounds(counts.forgot());
}

// Those of a fixed list of names that came, in its order.
template <typename Counts, typename Name>
void put_known(const Counts& counts, Name name, google::protobuf::RepeatedPtrField<v1::Counted>& to) {
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0) put(name(i), counts[i], *to.Add());
}

void put(const NamedTarget& target, v1::TargetRow& to) {
  if (!target.ip.is_unspecified()) to.set_address(to_string(target.ip));
  to.set_port(target.port);
  to.set_host(target.host);
  to.set_probe(target.probe);
  to.set_total_us(target.total_us);
  to.set_reason(target.reason);
}

void put_ports(const ReportTally& tally, v1::ScanReport& report) {
  struct Row {
    std::uint16_t port;
    std::uint64_t records;
    const ReportTally::Outcomes* outcomes;
  };
  std::vector<Row> rows;
  std::uint64_t others = 0;
  for (const auto& [port, outcomes] : tally.ports) {
    std::uint64_t records = 0;
    for (const std::uint64_t count : outcomes) records += count;
    if (port == 0) {
      others += records;
    } else {
      rows.push_back({port, records, &outcomes});
    }
  }
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return a.records != b.records ? a.records > b.records : a.port < b.port;
  });
  report.set_ports_distinct(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i >= kPorts) {
      others += rows[i].records;
      continue;
    }
    v1::PortRow& to = *report.add_ports();
    to.set_port(rows[i].port);
    to.set_records(rows[i].records);
    put_known(*rows[i].outcomes, outcome_name, *to.mutable_outcomes());
    to.set_service(std::string(tally.strange.most_frequent(rows[i].port)));
  }
  report.set_ports_others(others);
}

void put_errors(const ReportTally& tally, v1::ScanReport& report) {
  std::vector<v1::ErrorRow> rows;
  for (std::size_t phase = 0; phase < kPhases; ++phase) {
    for (std::size_t outcome = 0; outcome < kOutcomes; ++outcome) {
      for (std::size_t cause = 0; cause < kCauses; ++cause) {
        const std::uint64_t count = tally.errors[phase][outcome][cause];
        if (count == 0) continue;
        v1::ErrorRow& row = rows.emplace_back();
        row.set_phase(std::string(phase_name(phase)));
        row.set_outcome(std::string(outcome_name(outcome)));
        row.set_cause(std::string(results::kCauseNames[cause]));
        row.set_count(count);
      }
    }
  }
  std::ranges::sort(rows, [](const v1::ErrorRow& a, const v1::ErrorRow& b) {
    if (a.count() != b.count()) return a.count() > b.count();
    return std::tie(a.phase(), a.outcome(), a.cause()) < std::tie(b.phase(), b.outcome(), b.cause());
  });
  for (v1::ErrorRow& row : rows) report.add_errors()->Swap(&row);
}

// As the .proto says: four linear steps a power of two.
std::size_t bucket_of(std::uint64_t us) {
  if (us < 4) return us;
  const auto exponent = static_cast<unsigned>(std::bit_width(us)) - 3;
  return (std::size_t{exponent} + 1) * 4 + (us >> exponent) - 4;
}

void put_latency(const ReportTally& tally, v1::ScanReport& report) {
  for (std::size_t phase = 0; phase < tally.latency_us.size(); ++phase) {
    const metrics::Histogram& histogram = tally.latency_us[phase];
    if (histogram.total() == 0) continue;
    v1::PhaseLatency& to = *report.add_latency();
    to.set_phase(std::string(phase_name(phase)));
    to.set_count(histogram.total());
    to.set_p50_us(histogram.quantile(0.5));
    to.set_p90_us(histogram.quantile(0.9));
    to.set_p99_us(histogram.quantile(0.99));
    to.set_max_us(histogram.max());
    std::vector<std::uint64_t> buckets;
    histogram.each([&buckets](std::uint64_t upper, std::uint64_t count) {
      const std::size_t bucket = bucket_of(upper);
      if (bucket >= buckets.size()) buckets.resize(bucket + 1);
      buckets[bucket] += count;
    });
    const auto first = std::find_if(buckets.begin(), buckets.end(), [](std::uint64_t count) { return count > 0; });
    to.set_first_bucket(static_cast<std::uint32_t>(first - buckets.begin()));
    to.mutable_buckets()->Add(first, buckets.end());
  }
}

void put_tls(const ReportTally& tally, v1::ScanReport& report) {
  if (tally.handshakes == 0 && tally.certificates == 0) return;
  v1::TlsReport& tls = *report.mutable_tls();
  tls.set_handshakes(tally.handshakes);
  put(tally.tls_versions, *tls.mutable_versions());
  put(tally.tls_ciphers, *tls.mutable_ciphers());
  put(tally.issuers, *tls.mutable_issuers());
  tls.set_certificates(tally.certificates);
  put_known(tally.expiry, [](std::size_t i) { return kExpiryNames[i]; }, *tls.mutable_expiry());
  put_known(tally.verdicts, [](std::size_t i) { return kVerdictNames[i]; }, *tls.mutable_verdicts());
}

void put_services(const ReportTally& tally, v1::ScanReport& report) {
  if (tally.protocols.total() + tally.products.total() + tally.http_servers.total() + tally.http_statuses.total() == 0)
    return;
  v1::ServiceReport& services = *report.mutable_services();
  put(tally.protocols, *services.mutable_protocols());
  put(tally.products, *services.mutable_products());
  put(tally.http_servers, *services.mutable_http_servers());
  put(tally.http_statuses, *services.mutable_http_statuses());
  put(tally.titles, *services.mutable_http_titles());
}

void put_strange(const ReportTally& tally, v1::ScanReport& report) {
  const auto kinds = tally.strange.kinds();
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    if (kinds[i].count == 0) continue;
    v1::StrangeKind& to = *report.add_strange();
    to.set_kind(std::string(kStrangeNames[i]));
    to.set_count(kinds[i].count);
    for (const NamedTarget& target : kinds[i].examples.targets()) put(target, *to.add_examples());
  }
}

void put_map(const ReportTally& tally, v1::ScanReport& report) {
  v1::AddressMap& map = *report.mutable_map();
  map.set_v4(tally.v4);
  map.set_v6(tally.v6);
  map.set_without_address(tally.without_address);
  if (tally.v6 > 0) put(tally.v6_prefixes, *map.mutable_v6_prefixes());
  if (tally.cells.empty()) return;
  map.set_prefix_address(tally.cells.prefix());
  map.set_prefix_length(tally.cells.prefix_length());
  map.set_cell_length(tally.cells.cell_length());
  const std::vector<AddressCells::Cell>& cells = tally.cells.cells();
  std::string records(cells.size(), '\0');
  std::string successes(cells.size(), '\0');
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (cells[i].records == 0) continue;
    records[i] = static_cast<char>(log_byte(cells[i].records));
    successes[i] = static_cast<char>(log_byte(cells[i].successes));
  }
  map.set_records(std::move(records));
  map.set_successes(std::move(successes));
}

void put_series(const ReportTally& tally, v1::ScanReport& report) {
  v1::Series& series = *report.mutable_series();
  series.set_untimed(tally.untimed);
  if (tally.series.steps().empty()) return;
  series.set_start_s(tally.series.start_s());
  series.set_step_s(tally.series.step_s());
  for (const RateSeries::Step& step : tally.series.steps()) {
    series.add_records(step.records);
    series.add_successes(step.successes);
  }
}

}  // namespace

void fill(const ReportTally& tally, v1::ScanReport& report) {
  report.set_records(tally.records);
  put_known(tally.outcomes, outcome_name, *report.mutable_outcomes());
  put(tally.probes, *report.mutable_probes());
  report.set_version(std::string(kVersion));
  report.set_first_us(tally.first_us);
  report.set_last_us(tally.last_us);
  put_series(tally, report);
  put_ports(tally, report);
  put_errors(tally, report);
  put_latency(tally, report);
  constexpr auto kTimes = std::to_array<std::string_view>({"unknown", "1", "2", "3", "4", "5", "6", "7", "8+"});
  static_assert(kTimes.size() == kAttempts);
  put_known(tally.attempts, [&](std::size_t i) { return kTimes[i]; }, *report.mutable_attempts());
  put_tls(tally, report);
  put_services(tally, report);
  for (const NamedTarget& target : tally.slowest.targets()) put(target, *report.add_slowest());
  put_strange(tally, report);
  put_map(tally, report);
}

std::string report_json(const ReportTally& tally, const Sources& sources, std::int64_t made_us) {
  v1::ScanReport report;
  fill(tally, report);
  report.set_made_us(made_us);
  for (const std::string& name : sources.names) report.add_sources(name);
  report.set_lines_invalid(sources.lines_invalid);
  for (const BrokenLine& broken : sources.first_invalid) {
    v1::LineError& to = *report.add_first_invalid();
    to.set_source(broken.source);
    to.set_line(broken.line);
    to.set_error(broken.error);
  }
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto printed = google::protobuf::util::MessageToJsonString(report, &json, options);
  SONDE_CHECK(printed.ok(), "a report is printable JSON");
  return safe_in_html(json);
}

}  // namespace sonde::report
