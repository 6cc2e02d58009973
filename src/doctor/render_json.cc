#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "doctor/render.h"
#include "os/error.h"

namespace sonde::doctor {
namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void text(Writer& writer, std::string_view value) {
  writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

void text(Writer& writer, const char* key, std::string_view value) {
  writer.Key(key);
  text(writer, value);
}

void reading(Writer& writer, const char* key, const Reading& value) {
  writer.Key(key);
  if (value)
    writer.Uint64(*value);
  else
    writer.Null();
}

void limits(Writer& writer, const std::vector<Finding>& findings) {
  writer.Key("limits");
  writer.StartArray();
  for (const Finding& finding : findings) {
    writer.StartObject();
    text(writer, "name", finding.name);
    text(writer, "value", finding.value);
    reading(writer, "allows", finding.allows);
    text(writer, "level", to_string(finding.level));
    text(writer, "explanation", finding.explanation);
    text(writer, "command", finding.command);
    writer.EndObject();
  }
  writer.EndArray();
}

void engine(Writer& writer, const EngineAdvice& advice) {
  writer.Key("engine");
  writer.StartObject();
  writer.Key("uring");
  writer.StartObject();
  writer.Key("usable");
  writer.Bool(advice.usable);
  text(writer, "why_not", advice.why_not);
  writer.Key("features");
  writer.StartObject();
  for (const EngineFeature& feature : advice.features) {
    text(writer, feature.name);
    writer.StartObject();
    writer.Key("present");
    writer.Bool(feature.present);
    writer.Key("required");
    writer.Bool(feature.required);
    text(writer, "since", feature.since);
    text(writer, "use", feature.use);
    writer.EndObject();
  }
  writer.EndObject();
  writer.EndObject();
  writer.Key("used_when");
  writer.StartArray();
  for (const std::string& when : advice.used_when) text(writer, when);
  writer.EndArray();
  writer.EndObject();
}

void fixes(Writer& writer, const Fixed& fixed) {
  writer.Key("fixes");
  writer.StartObject();
  writer.Key("changes");
  writer.StartArray();
  for (const Change& change : fixed.changes) {
    writer.StartObject();
    text(writer, "key", change.key);
    text(writer, "before", change.before);
    text(writer, "after", change.after);
    if (change.refused) text(writer, "refused", os::describe(*change.refused));
    writer.EndObject();
  }
  writer.EndArray();
  if (!fixed.persisted.empty()) text(writer, "persisted", fixed.persisted);
  if (fixed.unwritten) text(writer, "unwritten", os::describe(*fixed.unwritten));
  writer.EndObject();
}

}  // namespace

std::string render_json(const Report& report, const Fixed* fixed) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  writer.Key("capacity");
  writer.StartObject();
  reading(writer, "connections", report.capacity.connections);
  writer.Key("bound_by");
  if (report.capacity.connections)
    text(writer, report.capacity.bound_by);
  else
    writer.Null();
  writer.EndObject();
  limits(writer, report.findings);
  engine(writer, report.engine);
  text(writer, "kernel", report.kernel);
  if (fixed != nullptr) fixes(writer, *fixed);
  writer.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

}  // namespace sonde::doctor
