// The ndjson encoder. The nesting of the chosen fields is worked out once into a tree of keys; a record then is one
// walk of it, and an object is opened when its first present field comes.
#include <rapidjson/writer.h>

#include <array>

#include "results/encoder.h"
#include "results/field_value.h"

namespace sonde::results {
namespace {

// RapidJSON's output stream over the end of a std::string. RapidJSON puts one character at a time, so room is made
// ahead and trimmed when the stream ends.
class StringStream {
 public:
  using Ch = char;
  explicit StringStream(std::string& out) : out_(out), size_(out.size()) { grow(); }
  ~StringStream() { out_.resize(size_); }
  StringStream(const StringStream&) = delete;
  StringStream& operator=(const StringStream&) = delete;
  void Put(char c) {
    if (size_ == out_.size()) grow();
    out_[size_++] = c;
  }
  void Flush() {}

 private:
  void grow() { out_.resize(size_ + 512); }

  std::string& out_;
  std::size_t size_;  // of what was put
};
using Writer = rapidjson::Writer<StringStream>;

struct Key {
  std::string name;
  std::uint32_t id = 0;       // when it is a field
  std::vector<Key> children;  // when it is an object
};

void insert(std::vector<Key>& level, std::string_view path, std::uint32_t id) {
  const std::size_t dot = path.find('.');
  const std::string_view head = path.substr(0, dot);
  if (dot == std::string_view::npos) {
    level.push_back({.name = std::string(head), .id = id});
    return;
  }
  for (Key& key : level)
    if (key.name == head && !key.children.empty()) return insert(key.children, path.substr(dot + 1), id);
  level.push_back({.name = std::string(head)});
  insert(level.back().children, path.substr(dot + 1), id);
}

rapidjson::SizeType size_of(std::string_view text) { return static_cast<rapidjson::SizeType>(text.size()); }

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
    StringStream stream(out);
    Writer writer(stream, nullptr, 4);  // levels
    std::string scratch;
    writer.StartObject();
    for (const Key& key : root_) write(key, record, scratch, writer);
    writer.EndObject();
    stream.Put('\n');
  }

 private:
  static void write(const Key& key, const Record& record, std::string& scratch, Writer& writer) {
    if (key.children.empty()) {
      const FieldValue value = field_value(record, key.id, scratch);
      if (std::holds_alternative<std::monostate>(value)) return;
      writer.Key(key.name.data(), size_of(key.name));
      write_value(value, writer);
      return;
    }
    if (!any_present(key, record, scratch)) return;
    writer.Key(key.name.data(), size_of(key.name));
    writer.StartObject();
    for (const Key& child : key.children) write(child, record, scratch, writer);
    writer.EndObject();
  }

  static bool any_present(const Key& key, const Record& record, std::string& scratch) {
    if (key.children.empty()) return !std::holds_alternative<std::monostate>(field_value(record, key.id, scratch));
    for (const Key& child : key.children)
      if (any_present(child, record, scratch)) return true;
    return false;
  }

  static void write_value(const FieldValue& value, Writer& writer) {
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      writer.Int64(*integer);
    } else if (const auto* boolean = std::get_if<bool>(&value)) {
      writer.Bool(*boolean);
    } else if (const auto* text = std::get_if<std::string_view>(&value)) {
      writer.String(text->data(), size_of(*text));
    } else if (const auto* list = std::get_if<const std::vector<std::string>*>(&value)) {
      writer.StartArray();
      for (const std::string& item : **list) writer.String(item.data(), size_of(item));
      writer.EndArray();
    } else if (const auto* json = std::get_if<const Json*>(&value)) {
      writer.RawValue((*json)->text.data(), (*json)->text.size(), rapidjson::kObjectType);
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
