#include "cli/report.h"

#include <fmt/format.h>

#include <array>

#include "base/check.h"
#include "base/nearest.h"
#include "base/number_text.h"
#include "cli/command.h"
#include "os/error.h"
#include "os/fd.h"
#include "os/machine.h"
#include "pages/pages.h"
#include "report/record_file.h"
#include "report/report_message.h"
#include "report/report_page.h"
#include "targets/input_text.h"

namespace sonde::cli {
namespace {

using targets::quoted;

constexpr int kExitFailed = 1;

constexpr const char* kHelp =
    "Usage: sonde report FILE… [OPTION …]\n\n"
    "Counts the records of a scan (ndjson) and makes one page of them: what was found, where, how long it took, what "
    "is\n"
    "slow, what is strange. Several files make one report; - is standard input.\n\n"
    "  -o, --output FILE       where it goes; - is standard output [report.html; of json standard output]\n"
    "      --format NAME       html: one file with all in it, which loads nothing from anywhere; json: the same counts "
    "for\n"
    "                          scripts, as proto/sonde/v1/scan_report.proto says [html]\n";

// What was passed over, on standard error.
void tell_broken(const report::Sources& sources) {
  if (sources.lines_invalid == 0) return;
  fmt::print(stderr, "sonde: {} {} no record and {} passed over\n", grouped(sources.lines_invalid),
             sources.lines_invalid == 1 ? "line is" : "lines are", sources.lines_invalid == 1 ? "was" : "were");
  for (const report::BrokenLine& broken : sources.first_invalid)
    fmt::print(stderr, "  {}:{}: {}\n", broken.source, broken.line, broken.error);
}

int write_report(const std::string& path, const std::string& text) {
  if (path == "-") return print(text);
  if (const Result<> written = os::replace_file(path, text); !written) {
    complain(fmt::format("report: --output {}: {}", path, os::describe(written.error())));
    return kExitFailed;
  }
  return 0;
}

}  // namespace

int run_report(std::span<const std::string> arguments) {
  const Parsed<CommandLine> line =
      tokenize(std::array{Token{.name = "output", .letter = 'o'}, Token{.name = "format"}}, arguments);
  if (!line) return complain("report: " + line.error().text);
  if (line->has("help")) return print(kHelp);
  static constexpr auto kFormats = std::to_array<std::string_view>({"html", "json"});
  const std::string* given = line->find("format");
  const std::string format = given == nullptr ? "html" : *given;
  if (format != "html" && format != "json")
    return complain(
        fmt::format("report: --format: {} is not one of html, json{}", quoted(format), did_you_mean(format, kFormats)));
  if (line->positionals.empty())
    return complain("report: no file of records was given; `sonde scan … -o records.ndjson` writes one");

  report::ReportTally tally;
  report::Sources sources;
  for (const std::string& path : line->positionals) {
    if (const auto counted = report::count_file(path, tally, sources); !counted) {
      complain("report: " + counted.error().text);
      return counted.error().is_input ? kExitBadUsage : kExitFailed;
    }
  }
  tell_broken(sources);
  if (tally.records == 0)
    return complain(fmt::format("report: {}: there is no record in {}", fmt::join(sources.names, ", "),
                                sources.names.size() == 1 ? "it" : "them"));
  const std::string json = report::report_json(tally, sources, os::unix_now() / kMicrosecond);
  const std::string* output = line->find("output");
  if (format == "json") return write_report(output == nullptr ? "-" : *output, json + "\n");
  const pages::Page* page = pages::find("/report.html");
  SONDE_CHECK(page != nullptr, "the program carries report.html");
  const std::optional<std::string> html = report::page_with(page->body, json);
  SONDE_CHECK(html, "report.html has a place for its data");
  const std::string path = output == nullptr ? "report.html" : *output;
  const int code = write_report(path, *html);
  if (code == 0 && path != "-")
    fmt::print(stderr, "sonde: {}: {} record{}\n", path, grouped(tally.records), tally.records == 1 ? "" : "s");
  return code;
}

}  // namespace sonde::cli
