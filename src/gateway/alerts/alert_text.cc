#include "gateway/alerts/alert_text.h"

#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "results/encoder.h"

namespace sonde::gateway {
namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void put(Writer& writer, std::string_view key, std::string_view value) {
  writer.Key(key.data(), static_cast<rapidjson::SizeType>(key.size()));
  writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

std::string time_text(Nanos unix_time) {
  std::string text;
  results::append_timestamp(unix_time, text);
  return text;
}

std::string text_of(const rapidjson::StringBuffer& buffer) { return {buffer.GetString(), buffer.GetSize()}; }

}  // namespace

std::string event_text(const Check& check, const Transition& transition) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  put(writer, "id", fmt::format("{:016x}", check.id));
  put(writer, "check", check.name);
  put(writer, "target", check.target);
  put(writer, "module", check.module);
  writer.Key("labels");
  writer.StartObject();
  for (const auto& [name, value] : check.labels) put(writer, name, value);
  writer.EndObject();
  put(writer, "from", transition.from);
  put(writer, "to", transition.to);
  put(writer, "cause", transition.cause);
  put(writer, "ts", time_text(transition.unix_time));
  writer.EndObject();
  return text_of(buffer);
}

Alert make_alert(const Check& check, const std::string& cause, Nanos since) {
  Alert alert{.starts = since};
  LabelSet labels = {
      {"alertname", "SondeCheckDown"}, {"check", check.name}, {"module", check.module}, {"target", check.target}};
  labels.insert(check.labels.begin(), check.labels.end());
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  for (const auto& [name, value] : labels)
    if (!value.empty()) put(writer, name, value);
  writer.EndObject();
  alert.labels = text_of(buffer);

  buffer.Clear();
  writer.Reset(buffer);
  writer.StartObject();
  put(writer, "summary", fmt::format("{}: {} is down", check.name, check.target));
  put(writer, "cause", cause);
  writer.EndObject();
  alert.annotations = text_of(buffer);
  return alert;
}

void append_alert(const Alert& alert, std::string& out) {
  out += fmt::format(R"({{"labels":{},"annotations":{},"startsAt":"{}")", alert.labels, alert.annotations,
                     time_text(alert.starts));
  if (alert.ends > 0) out += fmt::format(R"(,"endsAt":"{}")", time_text(alert.ends));
  out += '}';
}

}  // namespace sonde::gateway
