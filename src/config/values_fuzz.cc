#include "config/values.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"

namespace {

// An accepted text, printed and parsed again, is the same value; an error is one line of plain text.
template <typename T, typename Print, typename Parse>
void check_one(const sonde::Parsed<T>& parsed, Print print, Parse parse) {
  if (!parsed) {
    for (const char c : parsed.error().text)
      SONDE_CHECK(static_cast<unsigned char>(c) >= ' ' && c != 0x7f, "an error is one line of plain text");
    return;
  }
  const sonde::Parsed<T> again = parse(print(*parsed));
  SONDE_CHECK(again && *again == *parsed, "what is printed parses to the same");
  SONDE_CHECK(print(*again) == print(*parsed), "printing is canonical");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sonde::config;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parse_any_count = [](std::string_view t) { return parse_count(t, 0, UINT64_MAX); };
  check_one(parse_duration(text), print_duration, parse_duration);
  check_one(parse_rate(text), print_rate, parse_rate);
  check_one(parse_any_count(text), print_count, parse_any_count);
  check_one(parse_shard(text), print_shard, parse_shard);
  check_one(parse_seed(text), print_seed, parse_seed);
  check_one(parse_bytes(text), print_bytes, parse_bytes);
  check_one(parse_boolean(text), print_boolean, parse_boolean);
  check_one(parse_text(text), [](const std::string& t) { return t; }, parse_text);
  const auto join = [](const std::vector<std::string>& items) {
    std::string joined;
    for (const std::string& item : items) joined += (joined.empty() ? "" : ",") + item;
    return joined;
  };
  check_one(parse_list(text), join, parse_list);

  if (const auto duration = parse_duration(text)) SONDE_CHECK(*duration > 0, "a duration is more than 0");
  if (const auto shard = parse_shard(text))
    SONDE_CHECK(shard->index >= 1 && shard->index <= shard->count, "a shard is one of its count");
  const std::size_t good = utf8_prefix(text);
  SONDE_CHECK(good <= size && utf8_prefix(text.substr(0, good)) == good, "a prefix that is UTF-8 is UTF-8");
  return 0;
}
