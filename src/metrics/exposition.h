// Samples as Prometheus' text format 0.0.4, as Go's client writes it: families by name, each with its help and type;
// samples of a family by the values of their labels; numbers as strconv has them ('g', shortest). Bytes of values that
// are not UTF-8 become U+FFFD. Labels stay in their order: Go's client has them by name, a bucket's `le` last. The
// samples of one histogram (buckets, sum, count) stay in the order in which they were added.
#pragma once

#include <string>
#include <string_view>

#include "metrics/sample.h"

namespace sonde::metrics {

inline constexpr std::string_view kExpositionType = "text/plain; version=0.0.4; charset=utf-8";

// Appends to `out`.
void write_exposition(const Samples& samples, std::string& out);

// Its parts, for what is too much to be kept as samples: the head of a family, then all of its samples.
void write_head(const Family& family, std::string& out);
void write_sample(const Sample& sample, std::string& out);

// "1", "0.25", "1.7e+09", "+Inf", "NaN".
std::string number_text(double value);

}  // namespace sonde::metrics
