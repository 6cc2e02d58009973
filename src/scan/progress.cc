#include "scan/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace sonde::scan {
namespace {

double seconds(Nanos duration) { return static_cast<double>(duration) / kSecond; }

double rate_mean(const Tally& tally) {
  return tally.elapsed <= 0 ? 0 : static_cast<double>(tally.attempts) / seconds(tally.elapsed);
}

std::optional<double> share(const Tally& tally) {
  if (!tally.total) return std::nullopt;
  return *tally.total == 0 ? 1.0 : std::min(1.0, static_cast<double>(tally.done) / static_cast<double>(*tally.total));
}

// From the mean speed at which pairs were finished; unknown before the first second.
std::optional<double> eta(const Tally& tally, double rate_now) {
  if (!tally.total || tally.elapsed < kSecond || rate_now <= 0) return std::nullopt;
  return static_cast<double>(*tally.total - std::min(*tally.total, tally.done)) / rate_now;
}

std::size_t terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string Progress::json_line(const Tally& tally, double rate_now) {
  const std::optional<double> left = eta(tally, rate_now);
  const std::optional<double> part = share(tally);
  return fmt::format(
      R"({{"elapsed_s":{:.3f},"done":{},"total":{},"percent":{},"rate_now":{:.1f},"rate_mean":{:.1f},"in_flight":{},"successes":{},"timeouts":{},"eta_s":{}}})",
      seconds(tally.elapsed), tally.done, tally.total ? std::to_string(*tally.total) : "null",
      part ? fmt::format("{:.2f}", *part * 100) : "null", rate_now, rate_mean(tally), tally.in_flight, tally.successes,
      tally.timeouts, left ? fmt::format("{:.1f}", *left) : "null");
}

std::string Progress::text_line(const Tally& tally, double rate_now) {
  const std::optional<double> left = eta(tally, rate_now);
  const std::optional<double> part = share(tally);
  std::string line = fmt::format("{} {} of {}", clock_text(seconds(tally.elapsed)), tally.done,
                                 tally.total ? std::to_string(*tally.total) : "a stream");
  if (part) line += fmt::format(" ({:.1f} %)", *part * 100);
  line += fmt::format(", {}/s now, {}/s mean, {} in flight, {} found, {} timeouts", short_count(rate_now),
                      short_count(rate_mean(tally)), tally.in_flight, tally.successes, tally.timeouts);
  if (tally.local_faults > 0) line += fmt::format(", {} local faults (slowed down)", tally.local_faults);
  if (left) line += fmt::format(", {} left", clock_text(*left));
  return line;
}

std::string Progress::bar_line(const Tally& tally, double rate_now, std::size_t columns) {
  const std::optional<double> left = eta(tally, rate_now);
  const std::optional<double> part = share(tally);
  std::string tail =
      fmt::format(" {:>5}/s (mean {:>5})  {:>5} in flight  {:>5} found  {:>5} timeouts", short_count(rate_now),
                  short_count(rate_mean(tally)), short_count(static_cast<double>(tally.in_flight)),
                  short_count(static_cast<double>(tally.successes)), short_count(static_cast<double>(tally.timeouts)));
  if (tally.local_faults > 0) tail += "  slowed by this machine";
  tail += left ? fmt::format("  {} left", clock_text(*left)) : fmt::format("  {}", clock_text(seconds(tally.elapsed)));
  if (!part)
    return fmt::format("{} done {}", short_count(static_cast<double>(tally.done)), tail).substr(0, columns - 1);

  const std::string head = fmt::format("{:5.1f} % ", *part * 100);
  const std::size_t used = head.size() + tail.size() + 3;
  std::string bar;
  if (used + 8 <= columns) {
    // Eighths of a cell, so that a long scan still moves.
    static constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const std::size_t width = std::min<std::size_t>(columns - used, 40);
    const auto eighths = static_cast<std::size_t>(std::floor(*part * static_cast<double>(width * 8)));
    for (std::size_t i = 0; i < eighths / 8; ++i) bar += "█";
    bar += kEighths[eighths % 8];
    bar.append(width - eighths / 8 - (eighths % 8 != 0 ? 1 : 0), ' ');
    bar = "│" + bar + "│";
    return head + bar + tail;
  }
  return (head + tail).substr(0, columns - 1);
}

Progress::Progress(ProgressStyle style, bool terminal) : form_(Form::kNone) {
  switch (style) {
    case ProgressStyle::kAuto:
      form_ = terminal ? Form::kBar : Form::kLine;
      break;
    case ProgressStyle::kBar:
      form_ = Form::kBar;
      break;
    case ProgressStyle::kJson:
      form_ = Form::kJson;
      break;
    case ProgressStyle::kNone:
      form_ = Form::kNone;
      break;
  }
  if (form_ == Form::kLine) next_ = 10 * kSecond;
  if (form_ == Form::kJson) next_ = kSecond;
}

void Progress::update(const Tally& tally) {
  if (tally.elapsed >= next_sample_) {
    const double span = seconds(tally.elapsed - sample_.elapsed);
    rate_now_ = static_cast<double>(tally.attempts - sample_.attempts) / span;
    rate_peak_ = std::max(rate_peak_, rate_now_);
    sample_ = tally;
    next_sample_ = tally.elapsed + kSecond;
  }
  if (tally.elapsed < next_) return;
  next_ = tally.elapsed + (form_ == Form::kBar ? kSecond / 4 : form_ == Form::kLine ? 10 * kSecond : kSecond);
  show(tally);
}

void Progress::finish(const Tally& tally) {
  if (rate_peak_ == 0) rate_peak_ = rate_mean(tally);  // it ended within the first second
  show(tally);
  if (form_ == Form::kBar) std::fputc('\n', stderr);
}

void Progress::show(const Tally& tally) {
  const double rate = rate_now_ > 0 ? rate_now_ : rate_mean(tally);
  std::string text;
  switch (form_) {
    case Form::kNone:
      return;
    case Form::kBar:
      text = "\r" + bar_line(tally, rate, terminal_columns()) + "\033[K";
      break;
    case Form::kLine:
      text = text_line(tally, rate) + "\n";
      break;
    case Form::kJson:
      text = json_line(tally, rate) + "\n";
      break;
  }
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace sonde::scan
