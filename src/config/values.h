// The texts that options take, as values and back: durations, rates, counts, shards, seeds, byte sizes, booleans, plain
// text. Every error quotes the text and says what would be right, without the option's name (the caller adds it).
// print_x() is canonical: parse_x(print_x(v)) == v. Stateless, exact (no floating point on the way), any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace sonde::config {

// "250ms", "3s", "1.5m", "1h", "500us", "1m30s"; a bare number is seconds. More than 0, at most a year, whole
// microseconds.
Parsed<Nanos> parse_duration(std::string_view text);
std::string print_duration(Nanos duration);  // in the largest unit that divides it: "90s", "2m"

// Connections a second: "10k", "1.5M", "0.5"; "0" is unlimited. At most 1000M, whole thousandths.
Parsed<double> parse_rate(std::string_view text);
std::string print_rate(double rate);

// A whole number with the suffixes k and M, within [least, most].
Parsed<std::uint64_t> parse_count(std::string_view text, std::uint64_t least, std::uint64_t most);
std::string print_count(std::uint64_t count);

// "2/5": the second of five parts.
struct Shard {
  std::uint32_t index = 1;
  std::uint32_t count = 1;
  friend bool operator==(const Shard&, const Shard&) = default;
};
Parsed<Shard> parse_shard(std::string_view text);
std::string print_shard(Shard shard);

// Any 64-bit number, decimal or 0x….
Parsed<std::uint64_t> parse_seed(std::string_view text);
std::string print_seed(std::uint64_t seed);

// "65536", "64k", "1.5M", "1G": powers of 1024.
Parsed<std::uint64_t> parse_bytes(std::string_view text);
std::string print_bytes(std::uint64_t bytes);

// true, yes, on, 1; false, no, off, 0.
Parsed<bool> parse_boolean(std::string_view text);
std::string print_boolean(bool value);

// A file name or another free text: not empty, UTF-8, without control characters.
Parsed<std::string> parse_text(std::string_view text);

// "a, b" as {"a", "b"}, each as parse_text() has it; an empty item is an error.
Parsed<std::vector<std::string>> parse_list(std::string_view text);

// The length of the longest prefix of `bytes` that is UTF-8 (RFC 3629).
std::size_t utf8_prefix(std::string_view bytes);

}  // namespace sonde::config
