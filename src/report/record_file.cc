#include "report/record_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "os/error.h"
#include "os/fd.h"
#include "report/line_splitter.h"
#include "report/record_reader.h"
#include "results/escape.h"

namespace sonde::report {
namespace {

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

// What a file is that is no ndjson; null: nothing that is known.
const char* other_kind(std::string_view first_line) {
  if (first_line.starts_with("\x1f\x8b")) return "is compressed with gzip; `zcat FILE | sonde report -` reads it";
  if (first_line.starts_with("\x28\xb5\x2f\xfd"))
    return "is compressed with zstd; `zstdcat FILE | sonde report -` reads it";
  // The header of csv: names of fields between commas.
  if (!first_line.starts_with('{') && first_line.find(',') != std::string_view::npos) {
    for (const std::string_view name : {"ts", "ip", "outcome", "probe", "host"}) {
      const std::size_t at = first_line.find(name);
      if (at != std::string_view::npos && (at == 0 || first_line[at - 1] == ','))
        return "is csv; a report is made of ndjson (`sonde scan --format ndjson`)";
    }
  }
  return nullptr;
}

class FileCounter {
 public:
  FileCounter(std::string name, ReportTally& tally, Sources& sources)
      : name_(std::move(name)), tally_(tally), sources_(sources) {}

  // Null, or what kind of file it is instead.
  const char* take_lines() {
    while (const std::optional<LineSplitter::Line> line = splitter_.next()) {
      if (line->too_long) {
        broken(*line, "longer than 4 MiB");
        continue;
      }
      if (is_blank(line->text)) continue;
      if (!seen_) {
        seen_ = true;
        if (const char* kind = other_kind(line->text)) return kind;
      }
      if (const char* wrong = reader_.read(line->text, facts_)) {
        broken(*line, wrong);
      } else {
        tally_.add(facts_);
      }
    }
    return nullptr;
  }
  LineSplitter& splitter() { return splitter_; }

 private:
  void broken(const LineSplitter::Line& line, const char* why) {
    seen_ = true;
    ++sources_.lines_invalid;
    if (sources_.first_invalid.size() < Sources::kMostBroken)
      sources_.first_invalid.push_back({.source = name_, .line = line.number, .error = why});
  }

  std::string name_;
  ReportTally& tally_;
  Sources& sources_;
  LineSplitter splitter_{RecordReader::kPadding};
  RecordReader reader_;
  RecordFacts facts_;
  bool seen_ = false;
};

}  // namespace

std::expected<void, ReadFailure> count_file(const std::string& path, ReportTally& tally, Sources& sources) {
  const bool standard_input = path == "-";
  const std::string name = standard_input ? "standard input" : results::escaped(path);
  const auto fail = [&](bool is_input, std::string_view why) {
    return std::unexpected(ReadFailure{.is_input = is_input, .text = fmt::format("{}: {}", name, why)});
  };
  os::Fd file;
  if (!standard_input) {
    file = os::Fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return fail(true, os::describe(os::error_from(errno, "open")));
  }
  if (sources.names.size() < Sources::kMostNames) sources.names.push_back(name);
  FileCounter counter(name, tally, sources);
  for (bool more = true; more;) {
    const std::span<char> room = counter.splitter().room();
    const ssize_t bytes = read(standard_input ? STDIN_FILENO : file.get(), room.data(), room.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) {
      const Error error = os::error_from(errno, "read");
      return fail(error.sys == EISDIR, os::describe(error));
    }
    counter.splitter().filled(static_cast<std::size_t>(bytes));
    if (bytes == 0) counter.splitter().finish();
    more = bytes > 0;
    if (const char* kind = counter.take_lines()) return fail(true, kind);
  }
  return {};
}

}  // namespace sonde::report
