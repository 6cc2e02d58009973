// Records as bytes: ndjson, csv, table. An encoder is made once a run from the chosen fields and used by all shards
// (const).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "results/record.h"
#include "results/schema.h"

namespace sonde::results {

class Encoder {
 public:
  virtual ~Encoder() = default;
  // What stands before the first record ("" where nothing does).
  virtual std::string header() const { return {}; }
  // Appends the record and its line end.
  virtual void append(const Record& record, std::string& out) const = 0;
};

// One JSON object a line, nested as the dotted paths say, in the order of `ids`; fields that do not apply are absent.
std::unique_ptr<Encoder> make_ndjson_encoder(const Schema& schema, const std::vector<std::uint32_t>& ids);

// RFC 4180 with a header of dotted paths, each once; absent is empty. Cells that a spreadsheet would run as a formula
// are left as they are.
std::unique_ptr<Encoder> make_csv_encoder(const Schema& schema, std::span<const std::uint32_t> ids);

// Columns for a person's eyes: address and port, outcome, time, host, and what the probe's own fields of the csv set
// say. Control characters never reach the terminal. With `ids` empty: that default; else one column a field.
std::unique_ptr<Encoder> make_table_encoder(const Schema& schema, std::span<const std::uint32_t> ids, bool colour);

// Appends RFC 3339 UTC with microseconds: 2026-11-22T21:26:36.123456Z
void append_timestamp(Nanos unix_time, std::string& out);

}  // namespace sonde::results
