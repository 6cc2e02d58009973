// csv and table: records as cells.
#include <fmt/format.h>

#include <algorithm>

#include "results/encoder.h"
#include "results/field_value.h"

namespace sonde::results {
namespace {

class CsvEncoder final : public Encoder {
 public:
  CsvEncoder(const Schema& schema, std::vector<std::uint32_t> ids) : ids_(std::move(ids)) {
    for (const std::uint32_t id : ids_) header_ += (header_.empty() ? "" : ",") + std::string(schema.fields()[id].path);
    header_ += '\n';
  }
  std::string header() const override { return header_; }

  void append(const Record& record, std::string& out) const override {
    std::string scratch;
    std::string cell;
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      if (i > 0) out += ',';
      cell.clear();
      append_text(field_value(record, ids_[i], scratch), cell);
      append_quoted(cell, out);
    }
    out += '\n';
  }

 private:
  static void append_quoted(std::string_view cell, std::string& out) {
    if (cell.find_first_of(",\"\r\n") == std::string_view::npos) {
      out += cell;
      return;
    }
    out += '"';
    for (const char c : cell) {
      if (c == '"') out += '"';
      out += c;
    }
    out += '"';
  }

  std::vector<std::uint32_t> ids_;
  std::string header_;
};

// Characters as a terminal counts them, near enough: UTF-8 continuation bytes take no column.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

class TableEncoder final : public Encoder {
 public:
  TableEncoder(const Schema& schema, std::vector<std::uint32_t> ids, bool colour)
      : schema_(schema), ids_(std::move(ids)), colour_(colour) {}

  std::string header() const override {
    if (ids_.empty()) return fmt::format("{:<24} {:<14} {:>10}  {}\n", "TARGET", "OUTCOME", "TIME", "DETAIL");
    std::string line;
    for (const std::uint32_t id : ids_) line += fmt::format("{:<20} ", schema_.fields()[id].path);
    return line + '\n';
  }

  void append(const Record& record, std::string& out) const override {
    std::string scratch;
    if (!ids_.empty()) {
      for (const std::uint32_t id : ids_) {
        std::string cell;
        append_text(field_value(record, id, scratch), cell);
        pad(one_line(cell), 20, out);
        out += ' ';
      }
      end_line(out);
      return;
    }
    const std::string address = record.ip.is_unspecified() ? fmt::format("{}:{}", record.host, record.port)
                                                           : to_string(Endpoint{record.ip, record.port});
    pad(address, 24, out);
    out += ' ';
    const std::string_view outcome = name(record.outcome);
    if (colour_) out += record.outcome == Outcome::kSuccess ? "\033[32m" : "\033[33m";
    pad(outcome, 14, out);
    if (colour_) out += "\033[0m";
    out += fmt::format(" {:>10}  ", time_text(record.timing_us[static_cast<std::size_t>(Phase::kDone)]));
    append_detail(record, out);
    end_line(out);
  }

 private:
  void append_detail(const Record& record, std::string& out) const {
    if (!record.host.empty() && !record.ip.is_unspecified()) out += fmt::format("{} ", record.host);
    for (std::size_t i = 0; i < record.values.size(); ++i) {
      if (!schema_.fields()[record.first_value_id + i].csv_default) continue;
      std::string cell;
      std::string scratch;
      append_text(field_value(record, record.first_value_id + static_cast<std::uint32_t>(i), scratch), cell);
      if (!cell.empty()) out += one_line(cell) + "  ";
    }
    if (record.outcome != Outcome::kSuccess) out += fmt::format("{} ({})", record.error, name(record.phase));
  }

  static std::string time_text(std::int32_t us) {
    if (us == kNoTiming) return "-";
    return us < 10'000 ? fmt::format("{} µs", us) : fmt::format("{:.1f} ms", us / 1000.0);
  }

  // The values are escaped already, but for the white space that JSON may hold.
  static std::string one_line(std::string_view text) {
    std::string line(text);
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
    std::string out;
    for (const char c : line) {
      if (c == '\n')
        out += "\\n";
      else if (c == '\t')
        out += ' ';
      else if (c != '\r')
        out += c;
    }
    return out;
  }

  static void end_line(std::string& out) {
    while (!out.empty() && out.back() == ' ') out.pop_back();
    out += '\n';
  }

  static void pad(std::string_view text, std::size_t width, std::string& out) {
    out += text;
    const std::size_t shown = width_of(text);
    if (shown < width) out.append(width - shown, ' ');
  }

  Schema schema_;  // a copy: the plan that holds the other one moves
  std::vector<std::uint32_t> ids_;
  bool colour_;
};

}  // namespace

std::unique_ptr<Encoder> make_csv_encoder(const Schema& schema, std::vector<std::uint32_t> ids) {
  return std::make_unique<CsvEncoder>(schema, std::move(ids));
}

std::unique_ptr<Encoder> make_table_encoder(const Schema& schema, std::vector<std::uint32_t> ids, bool colour) {
  return std::make_unique<TableEncoder>(schema, std::move(ids), colour);
}

}  // namespace sonde::results
