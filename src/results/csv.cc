// csv and table: records as cells.
#include <fmt/format.h>

#include <algorithm>

#include "results/encoder.h"
#include "results/field_value.h"

namespace sonde::results {
namespace {

// The fields of one path: several modules of a pass may declare it, and a record has the one of its own module.
using Column = std::vector<std::uint32_t>;

std::vector<Column> columns_of(const Schema& schema, std::span<const std::uint32_t> ids) {
  std::vector<Column> columns;
  for (const std::uint32_t id : ids) {
    const std::string_view path = schema.fields()[id].path;
    const auto same =
        std::ranges::find_if(columns, [&](const Column& column) { return schema.fields()[column[0]].path == path; });
    if (same == columns.end()) {
      columns.push_back({id});
    } else if (std::ranges::find(*same, id) == same->end()) {
      same->push_back(id);
    }
  }
  return columns;
}

void append_cell(const Record& record, const Column& column, std::string& scratch, std::string& out) {
  for (const std::uint32_t id : column) append_text(field_value(record, id, scratch), out);
}

class CsvEncoder final : public Encoder {
 public:
  CsvEncoder(const Schema& schema, std::span<const std::uint32_t> ids) : columns_(columns_of(schema, ids)) {
    for (const Column& column : columns_)
      header_ += (header_.empty() ? "" : ",") + std::string(schema.fields()[column[0]].path);
    header_ += '\n';
  }
  std::string header() const override { return header_; }

  void append(const Record& record, std::string& out) const override {
    std::string scratch;
    std::string cell;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) out += ',';
      cell.clear();
      append_cell(record, columns_[i], scratch, cell);
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

  std::vector<Column> columns_;
  std::string header_;
};

// Characters as a terminal counts them, near enough: UTF-8 continuation bytes take no column.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

class TableEncoder final : public Encoder {
 public:
  TableEncoder(const Schema& schema, std::span<const std::uint32_t> ids, bool colour)
      : schema_(schema), columns_(columns_of(schema, ids)), colour_(colour) {}

  std::string header() const override {
    if (columns_.empty()) return fmt::format("{:<24} {:<14} {:>10}  {}\n", "TARGET", "OUTCOME", "TIME", "DETAIL");
    std::string line;
    for (const Column& column : columns_) line += fmt::format("{:<20} ", schema_.fields()[column[0]].path);
    return line + '\n';
  }

  void append(const Record& record, std::string& out) const override {
    std::string scratch;
    if (!columns_.empty()) {
      for (const Column& column : columns_) {
        std::string cell;
        append_cell(record, column, scratch, cell);
        pad(one_line(cell), 20, out);
        out += ' ';
      }
      end_line(out);
      return;
    }
    pad(address_of(record), 24, out);
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
  static std::string address_of(const Record& record) {
    if (record.port == 0) return record.ip.is_unspecified() ? std::string(record.host) : to_string(record.ip);
    return record.ip.is_unspecified() ? fmt::format("{}:{}", record.host, record.port)
                                      : to_string(Endpoint{record.ip, record.port});
  }

  void append_detail(const Record& record, std::string& out) const {
    if (!record.host.empty() && !record.ip.is_unspecified()) out += fmt::format("{} ", record.host);
    std::string bytes;  // shown where no cell behind them says in words what they are
    for (std::size_t i = 0; i < record.values.size(); ++i) {
      if (!schema_.fields()[record.first_value_id + i].csv_default) continue;
      std::string cell;
      std::string scratch;
      append_text(field_value(record, record.first_value_id + static_cast<std::uint32_t>(i), scratch), cell);
      if (cell.empty()) continue;
      bytes = is_binary(cell) ? one_line(cell) : "";
      if (const std::string shown = first_line(cell); bytes.empty() && !shown.empty()) out += shown + "  ";
    }
    if (!bytes.empty()) out += bytes + "  ";
    if (record.outcome != Outcome::kSuccess) out += fmt::format("{} ({})", record.error, name(record.phase));
  }

  static std::string time_text(std::int32_t us) {
    if (us == kNoTiming) return "-";
    return us < 10'000 ? fmt::format("{} µs", us) : fmt::format("{:.1f} ms", us / 1000.0);
  }

  static std::string first_line(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));
    return one_line(text.substr(0, text.find_first_of("\r\n")));
  }

  // Escaped bytes that no text has, from NUL to BEL.
  static bool is_binary(std::string_view text) {
    for (std::size_t at = text.find("\\x0"); at != std::string_view::npos; at = text.find("\\x0", at + 1))
      if (at + 3 < text.size() && text[at + 3] >= '0' && text[at + 3] <= '7') return true;
    return false;
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
  std::vector<Column> columns_;
  bool colour_;
};

}  // namespace

std::unique_ptr<Encoder> make_csv_encoder(const Schema& schema, std::span<const std::uint32_t> ids) {
  return std::make_unique<CsvEncoder>(schema, ids);
}

std::unique_ptr<Encoder> make_table_encoder(const Schema& schema, std::span<const std::uint32_t> ids, bool colour) {
  return std::make_unique<TableEncoder>(schema, ids, colour);
}

}  // namespace sonde::results
