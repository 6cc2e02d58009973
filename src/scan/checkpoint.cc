#include "scan/checkpoint.h"

#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <simdjson.h>
#include <zlib.h>

namespace sonde::scan {
namespace {

std::uint32_t crc_of(std::string_view text) {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size()));
}

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void put(Writer& writer, const char* key, std::uint64_t value) {
  writer.Key(key);
  writer.Uint64(value);
}

void put(Writer& writer, const char* key, const std::vector<std::string>& values) {
  writer.Key(key);
  writer.StartArray();
  for (const std::string& value : values) writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  writer.EndArray();
}

bool get(const simdjson::dom::element& from, const char* key, std::uint64_t& out) {
  return from[key].get(out) == simdjson::SUCCESS;
}

bool get(const simdjson::dom::element& from, const char* key, std::uint32_t& out) {
  std::uint64_t wide = 0;
  if (!get(from, key, wide) || wide > UINT32_MAX) return false;
  out = static_cast<std::uint32_t>(wide);
  return true;
}

bool get(const simdjson::dom::element& from, const char* key, std::vector<std::string>& out) {
  simdjson::dom::array array;
  if (from[key].get(array) != simdjson::SUCCESS) return false;
  for (const simdjson::dom::element item : array) {
    std::string_view text;
    if (item.get(text) != simdjson::SUCCESS) return false;
    out.emplace_back(text);
  }
  return true;
}

// Pending positions are written as differences: ascending numbers get short.
bool get_pending(const simdjson::dom::element& from, std::uint64_t cursor, std::vector<std::uint64_t>& out) {
  simdjson::dom::array array;
  if (from["pending"].get(array) != simdjson::SUCCESS) return false;
  std::uint64_t position = 0;
  for (const simdjson::dom::element item : array) {
    std::uint64_t step = 0;
    if (item.get(step) != simdjson::SUCCESS || step >= cursor - position || (step == 0 && !out.empty())) return false;
    position += step;
    out.push_back(position);
  }
  return true;
}

}  // namespace

std::string encode(const Checkpoint& checkpoint) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  writer.Key("sonde_checkpoint");
  writer.Int(Checkpoint::kVersion);
  put(writer, "digest", checkpoint.digest);
  put(writer, "seed", checkpoint.seed);
  writer.Key("order");
  writer.String(checkpoint.order.c_str());
  put(writer, "shard", checkpoint.shard);
  put(writer, "shards", checkpoint.shards);
  put(writer, "probe", checkpoint.probe);
  put(writer, "exclude", checkpoint.exclude);
  put(writer, "excluded", checkpoint.excluded);
  put(writer, "cursor", checkpoint.cursor);
  writer.Key("pending");
  writer.StartArray();
  std::uint64_t before = 0;
  for (const std::uint64_t position : checkpoint.pending) {
    writer.Uint64(position - before);
    before = position;
  }
  writer.EndArray();
  writer.EndObject();
  const std::string_view line(buffer.GetString(), buffer.GetSize());
  return fmt::format("{}\ncrc32 {:08x}\n", line, crc_of(line));
}

Parsed<Checkpoint> decode(std::string_view text, const std::string& where) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos || !text.starts_with("{\"sonde_checkpoint\":"))
    return input_error(where + ": not a checkpoint of sonde; --resume takes a file that --checkpoint wrote");
  const std::string_view line = text.substr(0, end);
  if (text.substr(end + 1) != fmt::format("crc32 {:08x}\n", crc_of(line)))
    return input_error(where + ": the checkpoint is damaged (its checksum does not fit); start the scan anew");
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  Checkpoint checkpoint;
  std::uint64_t version = 0;
  std::string_view order;
  if (parser.parse(line.data(), line.size()).get(root) != simdjson::SUCCESS || !get(root, "sonde_checkpoint", version))
    return input_error(where + ": the checkpoint cannot be read; start the scan anew");
  if (version != Checkpoint::kVersion)
    return input_error(fmt::format("{}: a checkpoint of version {}; this sonde reads version {}", where, version,
                                   Checkpoint::kVersion));
  if (!get(root, "digest", checkpoint.digest) || !get(root, "seed", checkpoint.seed) ||
      !get(root, "shard", checkpoint.shard) || !get(root, "shards", checkpoint.shards) ||
      !get(root, "probe", checkpoint.probe) || !get(root, "exclude", checkpoint.exclude) ||
      !get(root, "excluded", checkpoint.excluded) || !get(root, "cursor", checkpoint.cursor) ||
      root["order"].get(order) != simdjson::SUCCESS || !get_pending(root, checkpoint.cursor, checkpoint.pending))
    return input_error(where + ": the checkpoint lacks a part; start the scan anew");
  checkpoint.order = order;
  return checkpoint;
}

}  // namespace sonde::scan
