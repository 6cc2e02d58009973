// Texts as blackbox_exporter and Prometheus read them: Go's durations, integers and truth values in YAML, sizes in
// powers of 1024. Errors quote the text and say what would be right, without the key. Stateless.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/time.h"

namespace sonde::config {

// Go's time.ParseDuration: "5s", "1m30s", "1.5h", "-3s", "0"; units ns, us, ms, s, m, h. Below 2^63 ns.
Parsed<Nanos> parse_go_duration(std::string_view text);

// That, and Prometheus' units of days on: d, w, y (365 d): "7d", "1w2d". More than 0, at most ten years.
Parsed<Nanos> parse_span(std::string_view text);

// What yaml.v3 takes for an int64: decimal, 0x…, 0o… and 0…, 0b…, '_' anywhere between; floats lose their fraction.
std::optional<std::int64_t> parse_go_integer(std::string_view text);
std::optional<double> parse_go_float(std::string_view text);  // finite

// "10MB" and "10MiB" are 10 × 2^20, "1.5KB", "0"; B to E. A negative one is 0, which is no limit.
Parsed<std::uint64_t> parse_go_size(std::string_view text);

}  // namespace sonde::config
