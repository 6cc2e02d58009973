#include "scan/summary.h"

#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cmath>
#include <string_view>

#include "base/version.h"
#include "results/encoder.h"
#include "scan/progress.h"

namespace sonde::scan {
namespace {

std::string timestamp(Nanos unix_time) {
  std::string text;
  results::append_timestamp(unix_time, text);
  return text;
}

double rounded(double value, double step) { return std::round(value / step) * step; }

class Json {
 public:
  Json() { writer_.StartObject(); }
  void put(std::string_view key, std::uint64_t value) { put_key(key), writer_.Uint64(value); }
  void put(std::string_view key, const std::string& value) { put_key(key), writer_.String(value.c_str()); }
  void put(std::string_view key, bool value) { put_key(key), writer_.Bool(value); }
  void put_seconds(std::string_view key, double value) { put_key(key), writer_.Double(value); }
  void put_null(std::string_view key) { put_key(key), writer_.Null(); }
  void open(std::string_view key) { put_key(key), writer_.StartObject(); }
  void close() { writer_.EndObject(); }
  std::string text() {
    writer_.EndObject();
    return std::string(buffer_.GetString(), buffer_.GetSize()) + "\n";
  }

 private:
  void put_key(std::string_view key) { writer_.Key(key.data(), static_cast<rapidjson::SizeType>(key.size())); }

  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_{buffer_};
};

}  // namespace

std::string to_json(const Summary& summary) {
  Json json;
  json.put("version", std::string(kVersion));
  json.put("command", summary.command);
  json.put("seed", summary.seed);
  json.put("shard", summary.shard);
  if (summary.targets_total) {
    json.put("targets_total", *summary.targets_total);
  } else {
    json.put_null("targets_total");
  }
  json.put("probes_started", summary.probes_started);
  json.put("probes_finished", summary.probes_finished);
  json.put("abandoned", summary.abandoned);
  json.open("outcomes");
  for (std::size_t i = 0; i < summary.outcomes.size(); ++i) json.put(results::kOutcomeNames[i], summary.outcomes[i]);
  json.close();
  json.put("retries", summary.retries);
  json.put("records_written", summary.records_written);
  json.put("local_faults", summary.local_faults);
  json.put("tcp_info_reads", summary.tcp_info_reads);
  json.put("slowdowns", summary.slowdowns);
  json.put("lines_invalid", summary.lines_invalid);
  json.put_seconds("rate_mean", rounded(summary.rate_mean, 0.1));
  json.put_seconds("rate_peak", rounded(summary.rate_peak, 0.1));
  json.put("in_flight_peak", summary.in_flight_peak);
  json.put("started", timestamp(summary.started));
  json.put("ended", timestamp(summary.ended));
  json.put_seconds("elapsed_s", static_cast<double>(summary.ended - summary.started) / kSecond);
  json.put("interrupted", summary.interrupted);
  json.put("engine", summary.engine);
  json.put("workers", std::uint64_t{summary.workers});
  json.put("rss_peak_kb", summary.rss_peak_kb);
  json.open("deadline_lateness_us");
  json.put("count", summary.deadlines);
  json.put("p50", summary.lateness_p50);
  json.put("p99", summary.lateness_p99);
  json.put("p999", summary.lateness_p999);
  json.put("max", summary.lateness_max);
  json.close();
  json.open("timers");
  json.put("armed_peak", summary.timers_peak);
  json.close();
  json.open("buffers");
  json.put("lent", summary.buffers_lent);
  json.put("in_use_peak", summary.buffers_peak);
  json.put("from_heap", summary.buffers_from_heap);
  json.put("locked", summary.buffers_locked);
  json.put("huge_pages", summary.buffers_huge);
  json.close();
  return json.text();
}

std::string to_text(const Summary& summary) {
  const double elapsed = static_cast<double>(summary.ended - summary.started) / kSecond;
  std::string text =
      fmt::format("{} probes in {:.1f} s ({}/s), seed {}{}\n", summary.probes_finished, elapsed,
                  short_count(summary.rate_mean), summary.seed, summary.interrupted ? ", stopped early" : "");
  std::string outcomes;
  for (std::size_t i = 0; i < summary.outcomes.size(); ++i)
    if (summary.outcomes[i] > 0)
      outcomes +=
          fmt::format("{}{} {}", outcomes.empty() ? "  " : ", ", results::kOutcomeNames[i], summary.outcomes[i]);
  text += outcomes.empty() ? "" : outcomes + "\n";
  if (summary.abandoned > 0)
    text += fmt::format("  {} probes were cut; a resume takes them up again\n", summary.abandoned);
  if (summary.local_faults > 0)
    text += fmt::format("  {} times this machine could not open a connection; those targets were tried again\n",
                        summary.local_faults);
  if (summary.slowdowns > 0)
    text += fmt::format("  {} times a /24 or /48 was slowed down, because timeouts rose there\n", summary.slowdowns);
  if (summary.lines_invalid > 0)
    text += fmt::format("  {} lines of the list were not targets and were skipped\n", summary.lines_invalid);
  return text;
}

}  // namespace sonde::scan
