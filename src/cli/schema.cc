#include "cli/schema.h"

#include <fmt/format.h>

#include <array>

#include "base/nearest.h"
#include "cli/command.h"
#include "cli/schema_text.h"
#include "scan/registry.h"
#include "targets/input_text.h"

namespace sonde::cli {
namespace {

constexpr const char* kHelp =
    "Usage: sonde schema [OPTION …]\n\n"
    "Prints what a record may hold: the fields of every record, then those of each probe.\n\n"
    "      --format NAME       markdown: a page to read; json: a JSON Schema (draft 2020-12) that every whole record, "
    "one\n"
    "                          made without --fields, is valid against [markdown]\n";

}  // namespace

int run_schema(std::span<const std::string> arguments) {
  const Parsed<CommandLine> line = tokenize(std::array{Token{.name = "format"}}, arguments);
  if (!line) return complain("schema: " + line.error().text);
  if (line->has("help")) return print(kHelp);
  if (!line->positionals.empty())
    return complain(
        fmt::format("schema: {} is too much: it takes options only", targets::quoted(line->positionals.front())));
  static constexpr auto kFormats = std::to_array<std::string_view>({"markdown", "json"});
  const std::string* given = line->find("format");
  const std::string format = given == nullptr ? "markdown" : *given;
  Modules modules;
  for (const scan::ProbeEntry& entry : scan::probe_table()) modules.push_back(entry.make());
  if (format == "markdown") return print(schema_page(modules));
  if (format == "json") return print(json_schema(modules));
  return complain(fmt::format("schema: --format: {} is not one of markdown, json{}", targets::quoted(format),
                              did_you_mean(format, kFormats)));
}

}  // namespace sonde::cli
