// The API's JSON: documents written piece by piece (RapidJSON's Writer), texts as they are, times as RFC 3339.
#pragma once

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <string>
#include <string_view>

#include "base/time.h"
#include "results/encoder.h"

namespace sonde::gateway {

class Json {
 public:
  Json() : writer_(buffer_) {}
  Json& object() { return writer_.StartObject(), *this; }
  Json& end_object() { return writer_.EndObject(), *this; }
  Json& array() { return writer_.StartArray(), *this; }
  Json& end_array() { return writer_.EndArray(), *this; }
  Json& key(std::string_view name) {
    return writer_.Key(name.data(), static_cast<rapidjson::SizeType>(name.size())), *this;
  }
  Json& value(std::string_view text) {
    return writer_.String(text.data(), static_cast<rapidjson::SizeType>(text.size())), *this;
  }
  Json& value(const char* text) { return value(std::string_view(text)); }
  Json& value(const std::string& text) { return value(std::string_view(text)); }
  Json& value(bool truth) { return writer_.Bool(truth), *this; }
  Json& value(double number) { return writer_.Double(number), *this; }
  Json& value(std::int64_t number) { return writer_.Int64(number), *this; }
  Json& value(std::uint64_t number) { return writer_.Uint64(number), *this; }
  Json& value(std::int32_t number) { return writer_.Int(number), *this; }
  Json& value(std::uint32_t number) { return writer_.Uint(number), *this; }
  Json& null() { return writer_.Null(), *this; }
  Json& time(Nanos unix_time) {
    std::string text;
    results::append_timestamp(unix_time, text);
    return value(text);
  }
  template <typename T>
  Json& member(std::string_view name, const T& of) {
    return key(name).value(of);
  }
  std::string text() const { return {buffer_.GetString(), buffer_.GetSize()}; }

 private:
  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> writer_;
};

}  // namespace sonde::gateway
