#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/schema_text.h"
#include "results/schema.h"

namespace sonde::cli {
namespace {

using results::FieldDef;
using results::FieldType;

constexpr const char* kIntroduction =
    "# Records\n\n"
    "What a record may hold. `sonde schema` prints this page, `sonde schema --format json` the same as a JSON Schema\n"
    "([schema.json](schema.json)), where the shape of the fields of type JSON is too.\n\n"
    "A record is one JSON object on one line. A dot is a step into an object: `timing_us.total` is `total` in the "
    "object\n"
    "`timing_us`. What does not apply, or was not looked at, is absent: absent is not false. Text of a peer is "
    "escaped:\n"
    "control characters, what is no UTF-8 and the backslash stand as `\\xNN`.\n\n"
    "Fields with a ● are the columns of csv; `--fields` chooses others, by their paths or by what stands before a "
    "dot.\n";

std::string_view type_name(FieldType type) {
  switch (type) {
    case FieldType::kString:
      return "string";
    case FieldType::kInteger:
      return "integer";
    case FieldType::kBoolean:
      return "boolean";
    case FieldType::kStringList:
      return "strings";
    case FieldType::kJson:
      return "JSON";
  }
  return "";
}

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

void append_table(std::span<const FieldDef> fields, std::string& out) {
  out += "\n| field | type | csv | what it is |\n|---|---|---|---|\n";
  for (const FieldDef& field : fields)
    out += fmt::format("| `{}` | {} | {} | {} |\n", field.path, type_name(field.type), field.csv_default ? "●" : "",
                       cell(field.help));
}

}  // namespace

std::string schema_page(const Modules& modules) {
  std::string page = kIntroduction;
  page += "\n## Every record\n";
  append_table(results::common_fields(), page);
  std::vector<const engine::ProbeModule*> told;
  for (const auto& module : modules) {
    page += fmt::format("\n## {}\n\n`--probe {}`: {}.\n", module->name(), module->name(), module->help());
    std::vector<FieldDef> own(module->fields().begin(), module->fields().end());
    // What it shares with a module above is not told again.
    for (const engine::ProbeModule* other : told) {
      std::set<std::string_view> theirs;
      for (const FieldDef& field : other->fields()) theirs.insert(field.path);
      if (std::erase_if(own, [&](const FieldDef& field) { return theirs.contains(field.path); }) > 0)
        page += fmt::format("\nIts records may have the fields of [{}](#{}) too, and these:\n", other->name(),
                            other->name());
    }
    told.push_back(module.get());
    if (own.empty()) {
      page += "\nNo fields beyond those of every record.\n";
    } else {
      append_table(own, page);
    }
  }
  return page;
}

}  // namespace sonde::cli
