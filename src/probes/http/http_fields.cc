#include "probes/http/http_fields.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "results/escape.h"
#include "wire/ascii.h"
#include "wire/http1_field.h"

namespace sonde::probes {
namespace {

using results::escaped;
using results::FieldDef;
using results::FieldType;
using Json = rapidjson::Writer<rapidjson::StringBuffer>;

constexpr auto kFields = std::to_array<FieldDef>({
    {"http.url", FieldType::kString, "what was asked for first", true},
    {"http.method", FieldType::kString, "of the request"},
    {"http.version", FieldType::kString, "of the answer: 1.0, 1.1, 2; 0.9 for one without a status line"},
    {"http.status", FieldType::kInteger, "of the last answer", true, R"({"type":"integer","minimum":1,"maximum":999})"},
    {"http.reason", FieldType::kString, "the words behind the status"},
    {"http.headers", FieldType::kJson, "names in lower case; a list where one came several times", false,
     R"({"type":"object","additionalProperties":{"type":["string","array"],"items":{"type":"string"},"minItems":2}})"},
    {"http.title", FieldType::kString, "of an HTML page, within its first 64 KiB", true},
    {"http.content_type", FieldType::kString, "the Content-Type header without its parameters"},
    {"http.content_length", FieldType::kInteger, "what the Content-Length header says"},
    {"http.content_encoding", FieldType::kString, "the Content-Encoding header"},
    {"http.body_bytes", FieldType::kInteger, "bytes of the body, decoded, up to --max-body", true},
    {"http.body_sha256", FieldType::kString, "of those bytes, lower-case hex", false,
     R"({"type":"string","pattern":"^[0-9a-f]{64}$"})"},
    {"http.truncated", FieldType::kBoolean, "the body is longer than --max-body, or ended early"},
    {"http.body_error", FieldType::kString, "why the body could not be decoded"},
    {"http.body", FieldType::kString, "the body, with --keep-body; what is no printable UTF-8 as \\xNN"},
    {"http.redirects", FieldType::kJson,
     "the answers before the last, with --follow: status, url, location, ip, timing_us", false,
     R"({"type":"array","minItems":1,"items":{"type":"object","properties":{
     "status":{"$ref":"#/properties/http/properties/status"},"url":{"type":"string"},"location":{"type":"string"},
     "ip":{"type":"string"},"timing_us":{"$ref":"#/properties/http/properties/timing_us"}},
     "required":["status","url","location","ip","timing_us"],"additionalProperties":false}})"},
    {"http.final_url", FieldType::kString, "where the redirects led"},
    {"http.final_ip", FieldType::kString, "the address that gave the last answer, behind redirects"},
    {"http.timing_us", FieldType::kJson, "of the last answer alone, behind redirects", false,
     R"({"type":"object","properties":{"dns":{"type":"integer","minimum":0},"connect":{"type":"integer","minimum":0},
     "tls":{"type":"integer","minimum":0},"first_byte":{"type":"integer","minimum":0},
     "transfer":{"type":"integer","minimum":0},"total":{"type":"integer","minimum":0}},"additionalProperties":false})"},
    {"http.responses", FieldType::kJson, "all answers, where there are several paths", false,
     R"({"type":"array","minItems":1,"items":{"type":"object","properties":{
     "url":{"type":"string"},"status":{"$ref":"#/properties/http/properties/status"},"content_type":{"type":"string"},
     "title":{"type":"string"},"body_bytes":{"$ref":"#/properties/http/properties/body_bytes"},
     "body_sha256":{"$ref":"#/properties/http/properties/body_sha256"},"truncated":{"type":"boolean"},
     "timing_us":{"$ref":"#/properties/http/properties/timing_us"}},
     "required":["url","body_bytes","truncated","timing_us"],"additionalProperties":false}})"},
    {"http.requests", FieldType::kInteger, "requests that were answered, where there were several"},
    {"http.connections", FieldType::kInteger, "connections that were needed, where it was more than one"},
    {"http.dialogue", FieldType::kStringList, "lines sent ('> ') and received ('< '), without bodies; with --dialogue"},
    {"http.speaks", FieldType::kString,
     "what the port speaks, where it is not HTTP; tls too where the answer is that one should"},
    {"http.expect.status", FieldType::kBoolean, "the status is one of --expect-status"},
    {"http.expect.body", FieldType::kBoolean, "--expect-body was found"},
});
static_assert(kFields.size() == static_cast<std::size_t>(HttpField::kCount));

void put(Json& json, std::string_view key, std::string_view text) {
  json.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
  json.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

void put_raw(Json& json, std::string_view key, const std::string& value) {
  json.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
  json.RawValue(value.data(), value.size(), rapidjson::kObjectType);
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), wire::lower);
  return out;
}

std::string headers_json(std::string_view head) {
  // In the order of their first coming; there are few.
  std::vector<std::pair<std::string, std::vector<std::string>>> headers;
  wire::for_each_header(head, [&](std::string_view name, std::string_view value) {
    const std::string key = escaped(lower_case(name));
    const auto known = std::ranges::find(headers, key, &std::pair<std::string, std::vector<std::string>>::first);
    if (known == headers.end()) {
      headers.push_back({key, {escaped(value)}});
    } else {
      known->second.push_back(escaped(value));
    }
  });
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.StartObject();
  for (const auto& [name, values] : headers) {
    if (values.size() == 1) {
      put(json, name, values.front());
      continue;
    }
    json.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
    json.StartArray();
    for (const std::string& value : values) json.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
    json.EndArray();
  }
  json.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

std::string content_type_of(std::string_view head) {
  const std::string type = wire::header_value(head, "content-type").value_or("");
  return lower_case(wire::trimmed(std::string_view(type).substr(0, type.find(';'))));
}

}  // namespace

std::span<const FieldDef> http_fields() { return kFields; }

std::string to_json(const HopTiming& timing) {
  const std::array<std::pair<const char*, std::int32_t>, 6> parts = {{{"dns", timing.dns},
                                                                      {"connect", timing.connect},
                                                                      {"tls", timing.tls},
                                                                      {"first_byte", timing.first_byte},
                                                                      {"transfer", timing.transfer},
                                                                      {"total", timing.total}}};
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.StartObject();
  for (const auto& [name, value] : parts) {
    if (value < 0) continue;
    json.Key(name);
    json.Int(value);
  }
  json.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

namespace {

std::string title_of(const HttpAnswer& answer) {
  return answer.body() == nullptr ? std::string() : escaped(answer.body()->title());
}

}  // namespace

void fill_answer(const HttpAnswer& answer, const HttpOptions& options, std::span<results::Value> values) {
  if (!answer.is_http()) return;
  field(values, HttpField::kVersion) = answer.version();
  const HttpBody* body = answer.body();
  if (answer.status() != 0) {
    field(values, HttpField::kStatus) = std::int64_t{answer.status()};
    if (!answer.reason().empty()) field(values, HttpField::kReason) = escaped(answer.reason());
    field(values, HttpField::kHeaders) = results::Json{headers_json(answer.head())};
    if (const std::string type = content_type_of(answer.head()); !type.empty())
      field(values, HttpField::kContentType) = escaped(type);
    if (const auto length = answer.content_length(); length && *length <= INT64_MAX)
      field(values, HttpField::kContentLength) = static_cast<std::int64_t>(*length);
    if (const auto coding = wire::header_value(answer.head(), "content-encoding"))
      field(values, HttpField::kContentEncoding) = escaped(*coding);
    if (!options.expect_status.empty()) field(values, HttpField::kExpectStatus) = options.expects(answer.status());
  }
  const bool whole = answer.state() == HttpAnswer::State::kEnd || answer.state() == HttpAnswer::State::kEnough;
  if (body == nullptr && !whole) return;
  field(values, HttpField::kBodyBytes) = body == nullptr ? 0 : static_cast<std::int64_t>(body->bytes());
  field(values, HttpField::kTruncated) = answer.truncated() || !whole;
  if (options.expect_body) {
    const std::string_view text = body == nullptr ? std::string_view() : body->kept();
    const bool found = RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *options.expect_body);
    if (found || whole) field(values, HttpField::kExpectBody) = found;  // what broke off may have had it
  }
  if (body == nullptr) return;
  field(values, HttpField::kBodySha256) = body->sha256();
  if (!body->error().empty()) field(values, HttpField::kBodyError) = escaped(body->error());
  if (options.keep_body) field(values, HttpField::kBody) = escaped(body->kept());
  if (const std::string title = title_of(answer); !title.empty()) field(values, HttpField::kTitle) = title;
}

std::string redirect_entry(const HttpAnswer& answer, const wire::Url& url, std::string_view location,
                           const IpAddress& address, const HopTiming& timing) {
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.StartObject();
  json.Key("status");
  json.Int(answer.status());
  put(json, "url", escaped(wire::to_string(url)));
  put(json, "location", escaped(location));
  put(json, "ip", to_string(address));
  put_raw(json, "timing_us", to_json(timing));
  json.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

std::string response_entry(const HttpAnswer& answer, const wire::Url& url, const HopTiming& timing) {
  rapidjson::StringBuffer buffer;
  Json json(buffer);
  json.StartObject();
  put(json, "url", escaped(wire::to_string(url)));
  if (answer.status() != 0) {
    json.Key("status");
    json.Int(answer.status());
  }
  if (const std::string type = content_type_of(answer.head()); !type.empty()) put(json, "content_type", escaped(type));
  if (const std::string title = title_of(answer); !title.empty()) put(json, "title", title);
  json.Key("body_bytes");
  json.Uint64(answer.body() == nullptr ? 0 : answer.body()->bytes());
  if (answer.body() != nullptr) put(json, "body_sha256", answer.body()->sha256());
  json.Key("truncated");
  json.Bool(answer.truncated());
  put_raw(json, "timing_us", to_json(timing));
  json.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace sonde::probes
