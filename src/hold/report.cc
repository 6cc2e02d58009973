#include "hold/report.h"

#include <fmt/format.h>

#include <numeric>

#include "base/number_text.h"

namespace sonde::hold {
namespace {

std::string number_or_null(const std::optional<std::uint64_t>& value) {
  return value ? std::to_string(*value) : "null";
}

std::string failed_text(const Report& report) {
  std::string text;
  for (std::size_t i = 0; i < report.failed.size(); ++i)
    if (report.failed[i] > 0)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", grouped(report.failed[i]), results::kOutcomeNames[i]);
  return text;
}

double connect_rate(const Report& report) {
  return report.seconds_to_establish > 0 ? static_cast<double>(report.established) / report.seconds_to_establish : 0;
}

}  // namespace

std::uint64_t Report::failures() const { return std::accumulate(failed.begin(), failed.end(), std::uint64_t{0}); }

std::string to_json(const Report& report) {
  std::string failed;
  for (std::size_t i = 0; i < report.failed.size(); ++i)
    if (report.failed[i] > 0)
      failed += fmt::format("{}\"{}\":{}", failed.empty() ? "" : ",", results::kOutcomeNames[i], report.failed[i]);
  std::string text = fmt::format(
      R"({{"requested":{},"established":{},"failed":{{{}}},"dropped":{},"closed_idle":{},"held":{},"local_faults":{},)",
      report.requested, report.established, failed, report.dropped, report.closed_idle, report.held,
      report.local_faults);
  text += fmt::format(R"("connect_rate":{:.1f},"seconds_to_establish":{:.3f},"elapsed_s":{:.3f},"rss_kb":{},)",
                      connect_rate(report), report.seconds_to_establish, static_cast<double>(report.elapsed) / kSecond,
                      report.rss_kb);
  text += fmt::format(R"("bytes_per_connection_user":{},"bytes_per_connection_kernel":{},"kernel_bytes_of":"{}",)",
                      number_or_null(report.bytes_user), number_or_null(report.bytes_kernel),
                      report.both_ends_here ? "both ends" : "this end");
  text +=
      fmt::format(R"("timers_armed":{},"deadline_lateness_us":{{"count":{},"p50":{},"p99":{},"p999":{},"max":{}}},)",
                  report.timers_armed, report.lateness_count, report.lateness_p50, report.lateness_p99,
                  report.lateness_p999, report.lateness_max);
  text += fmt::format(R"("buffers":{{"lent":{},"in_use_peak":{},"from_heap":{},"locked":{}}},)", report.buffers_lent,
                      report.buffers_peak, report.buffers_from_heap, report.buffers_locked);
  text += fmt::format(R"("cpu_percent_holding":{:.2f},"engine":"{}","workers":{},"interrupted":{}}})",
                      report.cpu_percent_holding, report.engine, report.workers, report.interrupted);
  return text + "\n";
}

std::string to_text(const Report& report) {
  std::string text =
      fmt::format("{} of {} connections established in {:.1f} s ({}/s), {} held{}\n", grouped(report.established),
                  grouped(report.requested), report.seconds_to_establish, short_count(connect_rate(report)),
                  grouped(report.held), report.interrupted ? ", stopped early" : "");
  if (report.failures() > 0) text += fmt::format("  failed      {}\n", failed_text(report));
  text += fmt::format(
      "  dropped     {}{}\n", grouped(report.dropped),
      report.closed_idle > 0 ? fmt::format(", and {} closed after their idle time", grouped(report.closed_idle)) : "");
  if (report.local_faults > 0)
    text +=
        fmt::format("  retried     {} times this machine could not open one at once\n", grouped(report.local_faults));
  if (report.bytes_user)
    text += fmt::format("  memory      {} bytes each here ({} in all){}\n", *report.bytes_user,
                        short_bytes(static_cast<double>(report.rss_kb) * 1024),
                        report.bytes_kernel ? fmt::format(", {} bytes each in the kernel, {}", *report.bytes_kernel,
                                                          report.both_ends_here ? "both ends" : "this end")
                                            : "");
  if (report.lateness_count > 0)
    text += fmt::format("  deadlines   {} armed; late by {} µs at most for 99 %, {} for 99.9 %, {} at worst\n",
                        grouped(report.timers_armed), report.lateness_p99, report.lateness_p999, report.lateness_max);
  text += fmt::format("  processor   {:.1f} % of a core while holding\n  engine      {}, {} worker{}\n",
                      report.cpu_percent_holding, report.engine, report.workers, report.workers == 1 ? "" : "s");
  return text;
}

std::string live_line(const Report& report, double rate_now) {
  std::string text =
      fmt::format("{} of {} held  {:>5}/s", grouped(report.held), grouped(report.requested), short_count(rate_now));
  if (report.failures() > 0) text += fmt::format("  {} failed", grouped(report.failures()));
  if (report.dropped > 0) text += fmt::format("  {} dropped", grouped(report.dropped));
  text += fmt::format("  {} here", short_bytes(static_cast<double>(report.rss_kb) * 1024));
  if (report.bytes_kernel)
    text += fmt::format(", {} in the kernel", short_bytes(static_cast<double>(*report.bytes_kernel * report.held)));
  return text + "  " + clock_text(static_cast<double>(report.elapsed) / kSecond);
}

}  // namespace sonde::hold
