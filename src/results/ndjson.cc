// The ndjson encoder. The nesting of the chosen fields is worked out once into a tree of keys; a record then is one
// walk of it, and an object that turns out to be empty is taken back. It writes JSON by itself: a tool that puts one
// character at a time was two thirds of what a tcp probe cost in user space.
#include <array>
#include <charconv>
#include <cstring>

#include "results/encoder.h"
#include "results/field_value.h"

namespace sonde::results {
namespace {

// What stands for a byte within a JSON string (RFC 8259, 7): 0 itself, 'u' \u00XX, else a backslash and this.
constexpr std::array<char, 256> kEscapes = [] {
  std::array<char, 256> escapes{};
  for (std::size_t i = 0; i < 0x20; ++i) escapes[i] = 'u';
  escapes['\b'] = 'b';
  escapes['\t'] = 't';
  escapes['\n'] = 'n';
  escapes['\f'] = 'f';
  escapes['\r'] = 'r';
  escapes['"'] = '"';
  escapes['\\'] = '\\';
  return escapes;
}();

// Whether any of eight bytes must be escaped: is below a space, '"' or '\\'. ("Determine if a word has a byte less than
// n", S. E. Anderson's Bit Twiddling Hacks.)
bool any_escape(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  const auto has_below = [](std::uint64_t w, std::uint64_t n) { return (w - kOnes * n) & ~w & (kOnes * 0x80); };
  return (has_below(word, 0x20) | has_below(word ^ (kOnes * '"'), 1) | has_below(word ^ (kOnes * '\\'), 1)) != 0;
}

void append_string(std::string_view text, std::string& out) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  out += '"';
  std::size_t from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (std::uint64_t word = 0; i + sizeof word <= text.size(); i += sizeof word) {
      std::memcpy(&word, text.data() + i, sizeof word);
      if (any_escape(word)) break;
    }
    if (i == text.size()) break;
    const auto byte = static_cast<unsigned char>(text[i]);
    const char escape = kEscapes[byte];
    if (escape == 0) continue;
    out.append(text, from, i - from);
    from = i + 1;
    out += '\\';
    out += escape;
    if (escape == 'u') out.append({'0', '0', kHex[byte >> 4], kHex[byte & 15]});
  }
  out.append(text, from);
  out += '"';
}

struct Key {
  std::string name;
  std::string text;           // the name as it stands in a record: "name":
  std::uint32_t id = 0;       // when it is a field
  std::vector<Key> children;  // when it is an object
};

Key make_key(std::string_view name, std::uint32_t id) {
  Key key{.name = std::string(name), .text = {}, .id = id, .children = {}};
  append_string(name, key.text);
  key.text += ':';
  return key;
}

void insert(std::vector<Key>& level, std::string_view path, std::uint32_t id) {
  const std::size_t dot = path.find('.');
  const std::string_view head = path.substr(0, dot);
  if (dot == std::string_view::npos) {
    level.push_back(make_key(head, id));
    return;
  }
  for (Key& key : level)
    if (key.name == head && !key.children.empty()) return insert(key.children, path.substr(dot + 1), id);
  level.push_back(make_key(head, 0));
  insert(level.back().children, path.substr(dot + 1), id);
}

class NdjsonEncoder final : public Encoder {
 public:
  NdjsonEncoder(const Schema& schema, const std::vector<std::uint32_t>& ids) {
    std::vector<bool> seen(schema.fields().size());
    for (const std::uint32_t id : ids) {
      if (!seen[id]) insert(root_, schema.fields()[id].path, id);
      seen[id] = true;
    }
  }

  void append(const Record& record, std::string& out) const override {
    std::string scratch;
    out += '{';
    (void)append_members(root_, record, scratch, out);
    out += "}\n";
  }

 private:
  // The members of an object that are present; false when none is.
  static bool append_members(const std::vector<Key>& keys, const Record& record, std::string& scratch,
                             std::string& out) {
    bool any = false;
    for (const Key& key : keys) {
      const std::size_t before = out.size();
      if (any) out += ',';
      if (key.children.empty()) {
        const FieldValue value = field_value(record, key.id, scratch);
        if (std::holds_alternative<std::monostate>(value)) {
          out.resize(before);
          continue;
        }
        out += key.text;
        append_value(value, out);
      } else {
        out += key.text;
        out += '{';
        if (!append_members(key.children, record, scratch, out)) {
          out.resize(before);
          continue;
        }
        out += '}';
      }
      any = true;
    }
    return any;
  }

  static void append_value(const FieldValue& value, std::string& out) {
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      std::array<char, 24> digits{};
      out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), *integer).ptr);
    } else if (const auto* boolean = std::get_if<bool>(&value)) {
      out += *boolean ? "true" : "false";
    } else if (const auto* text = std::get_if<std::string_view>(&value)) {
      append_string(*text, out);
    } else if (const auto* list = std::get_if<const std::vector<std::string>*>(&value)) {
      out += '[';
      for (std::size_t i = 0; i < (*list)->size(); ++i) {
        if (i > 0) out += ',';
        append_string((**list)[i], out);
      }
      out += ']';
    } else if (const auto* json = std::get_if<const Json*>(&value)) {
      out += (*json)->text;
    }
  }

  std::vector<Key> root_;
};

}  // namespace

std::unique_ptr<Encoder> make_ndjson_encoder(const Schema& schema, const std::vector<std::uint32_t>& ids) {
  return std::make_unique<NdjsonEncoder>(schema, ids);
}

void append_timestamp(Nanos unix_time, std::string& out) {
  // Days to civil date: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
  const std::int64_t seconds = unix_time / kSecond;
  const auto days = seconds / 86400 + 719468;
  const std::int64_t era = days / 146097;
  const auto day_of_era = static_cast<unsigned>(days - era * 146097);
  const unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned month_from_march = (5 * day_of_year + 2) / 153;
  const unsigned day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
  const unsigned month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const auto year = static_cast<unsigned>(year_of_era + era * 400 + (month <= 2 ? 1 : 0));
  const auto second = static_cast<unsigned>(seconds % 86400);
  const auto micros = static_cast<unsigned>(unix_time % kSecond / kMicrosecond);

  std::array<char, 27> text = {'0', '0', '0', '0', '-', '0', '0', '-', '0', '0', 'T', '0', '0', ':',
                               '0', '0', ':', '0', '0', '.', '0', '0', '0', '0', '0', '0', 'Z'};
  const auto put = [&](std::size_t end, unsigned value) {  // digits leftwards, ending before `end`
    for (; value > 0; value /= 10) text[--end] = static_cast<char>('0' + value % 10);
  };
  put(4, year);
  put(7, month);
  put(10, day);
  put(13, second / 3600);
  put(16, second / 60 % 60);
  put(19, second % 60);
  put(26, micros);
  out.append(text.data(), text.size());
}

}  // namespace sonde::results
