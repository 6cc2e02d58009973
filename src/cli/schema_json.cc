// The JSON Schema, put together as text from the schemas of the fields, then indented as a whole. (RapidJSON's own tree
// is none that Clang compiles.)
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>

#include <algorithm>

#include "base/check.h"
#include "cli/schema_text.h"
#include "results/outcome.h"
#include "results/schema.h"

namespace sonde::cli {
namespace {

using results::Common;
using results::FieldDef;
using results::FieldType;

// What holds between the common fields. A part of a record, as --fields makes it, breaks none of it but what is
// `required` of the whole.
constexpr const char* kRules = R"(
  {"if":{"properties":{"outcome":{"const":"success"}},"required":["outcome"]},
   "then":{"properties":{"phase":{"const":"done"},"error":false}}},
  {"if":{"properties":{"outcome":{"not":{"const":"success"}}},"required":["outcome"]},
   "then":{"required":["error"]}},
  {"if":{"required":["cause"]},
   "then":{"properties":{"outcome":{"const":"timeout"}}}})";

std::string quoted(std::string_view text) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  return {buffer.GetString(), buffer.GetSize()};
}

template <typename Words>
std::string one_of(const Words& words) {
  std::vector<std::string> texts;
  texts.reserve(words.size());
  for (const std::string_view word : words) texts.push_back(quoted(word));
  return fmt::format(R"({{"enum":[{}]}})", fmt::join(texts, ","));
}

std::string schema_of(const FieldDef& field) {
  if (field.json_schema != nullptr) return field.json_schema;
  switch (field.type) {
    case FieldType::kString:
      return R"({"type":"string"})";
    case FieldType::kInteger:
      return R"({"type":"integer","minimum":0})";
    case FieldType::kBoolean:
      return R"({"type":"boolean"})";
    case FieldType::kStringList:
      return R"({"type":"array","items":{"type":"string"}})";
    case FieldType::kJson:
      break;
  }
  return R"({"type":["object","array"]})";
}

// A common field's values may be the words of a table.
std::string schema_of_common(Common id, const FieldDef& field, const Modules& modules) {
  std::vector<std::string_view> names;
  switch (id) {
    case Common::kProbe:
      for (const auto& module : modules) names.push_back(module->name());
      return one_of(names);
    case Common::kOutcome:
      return one_of(results::kOutcomeNames);
    case Common::kPhase:
      return one_of(results::kPhaseNames);
    case Common::kCause:
      return one_of(std::span(results::kCauseNames).subspan(1));
    default:
      return schema_of(field);
  }
}

// A member of a record: a field, or an object of members.
struct Member {
  std::string name;
  std::string schema;  // of a field
  std::vector<Member> members;
};

void add(std::vector<Member>& level, std::string_view path, const std::string& schema) {
  const std::size_t dot = path.find('.');
  const std::string_view head = path.substr(0, dot);
  auto known = std::ranges::find(level, head, &Member::name);
  if (known == level.end()) known = level.insert(known, {.name = std::string(head), .schema = {}, .members = {}});
  if (dot != std::string_view::npos) {
    SONDE_CHECK(known->schema.empty(), "a path of a field is not that of an object");
    add(known->members, path.substr(dot + 1), schema);
    return;
  }
  SONDE_CHECK(known->members.empty() && (known->schema.empty() || known->schema == schema),
              "a path that two modules declare is the same field in both");
  known->schema = schema;
}

void add(std::vector<Member>& level, const FieldDef& field, std::string schema) {
  SONDE_CHECK(schema.starts_with('{') && schema.ends_with('}'), "the schema of a field is an object");
  schema.pop_back();
  add(level, field.path, fmt::format("{},\"description\":{}}}", schema, quoted(field.help)));
}

// An object whose members are all declared.
std::string properties_text(const std::vector<Member>& members) {
  std::string text;
  for (const Member& member : members) {
    const std::string inner = member.members.empty() ? member.schema
                                                     : fmt::format(R"({{"type":"object",{},"minProperties":1}})",
                                                                   properties_text(member.members));
    text += fmt::format("{}{}:{}", text.empty() ? "" : ",", quoted(member.name), inner);
  }
  return fmt::format(R"("properties":{{{}}},"additionalProperties":false)", text);
}

// A record has no objects of other probes.
std::string rule_of(const engine::ProbeModule& module, const std::vector<Member>& members) {
  const auto declares = [](std::span<const FieldDef> fields, std::string_view name) {
    return std::ranges::any_of(fields, [&](const FieldDef& field) {
      return std::string_view(field.path).substr(0, std::string_view(field.path).find('.')) == name;
    });
  };
  std::string others;
  for (const Member& member : members)
    if (!declares(results::common_fields(), member.name) && !declares(module.fields(), member.name))
      others += fmt::format("{}{}:false", others.empty() ? "" : ",", quoted(member.name));
  return fmt::format(
      R"({{"if":{{"properties":{{"probe":{{"const":{}}}}},"required":["probe"]}},"then":{{"properties":{{{}}}{}}}}})",
      quoted(module.name()), others, module.has_ports() ? R"(,"required":["port"])" : "");
}

std::string indented(const std::string& json) {
  rapidjson::StringBuffer buffer;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> writer(buffer);
  writer.SetIndent(' ', 2);
  writer.SetFormatOptions(rapidjson::kFormatSingleLineArray);
  rapidjson::StringStream stream(json.c_str());
  SONDE_CHECK(!rapidjson::Reader().Parse(stream, writer).IsError(), "the schema of a field is JSON");
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

}  // namespace

std::string json_schema(const Modules& modules) {
  std::vector<Member> members;
  const std::span<const FieldDef> common = results::common_fields();
  for (std::size_t i = 0; i < common.size(); ++i)
    add(members, common[i], schema_of_common(static_cast<Common>(i), common[i], modules));
  for (const auto& module : modules)
    for (const FieldDef& field : module->fields()) add(members, field, schema_of(field));
  std::string rules = kRules;
  for (const auto& module : modules) rules += "," + rule_of(*module, members);
  return indented(fmt::format(
      R"({{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"A record of sonde","type":"object",{},)"
      R"("required":["ts","probe","outcome","phase","attempts"],"allOf":[{}]}})",
      properties_text(members), rules));
}

}  // namespace sonde::cli
