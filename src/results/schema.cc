#include "results/schema.h"

#include <array>

#include "base/nearest.h"

namespace sonde::results {
namespace {

constexpr auto kCommonFields = std::to_array<FieldDef>({
    {"ts", FieldType::kString, "when the probe ended, RFC 3339 UTC with microseconds", true,
     R"({"type":"string","format":"date-time","pattern":"^[0-9]{4}(-[0-9]{2}){2}T([0-9]{2}:){2}[0-9]{2}\\.[0-9]{6}Z$"})"},
    {"ip", FieldType::kString, "the address that was probed; absent when a name was never resolved", true},
    {"port", FieldType::kInteger, "the TCP port", true, R"({"type":"integer","minimum":0,"maximum":65535})"},
    {"host", FieldType::kString, "the name, where the target was one", true},
    {"probe", FieldType::kString, "the probe that made the record", true},
    {"outcome", FieldType::kString,
     "how it ended: success, refused, timeout, reset, closed, unreachable, dns_error, tls_error, protocol_error, "
     "local_error, blocked, cancelled",
     true},
    {"phase", FieldType::kString, "where it ended: dns, connect, tls, write, first_byte, read, done", true},
    {"attempts", FieldType::kInteger, "attempts made, the last one included", true,
     R"({"type":"integer","minimum":1})"},
    {"error", FieldType::kString, "a short text, when the outcome is not success", true},
    {"cause", FieldType::kString,
     "why a timeout came: syn_unanswered, request_unacked, acked_no_reply, partial_reply, zero_window"},
    {"timing_us.dns", FieldType::kInteger, "microseconds to resolve the name"},
    {"timing_us.connect", FieldType::kInteger, "microseconds from SYN to its answer", true},
    {"timing_us.tls", FieldType::kInteger, "microseconds of the TLS handshake"},
    {"timing_us.write", FieldType::kInteger, "microseconds to hand the request to the kernel"},
    {"timing_us.first_byte", FieldType::kInteger, "microseconds until the peer's first byte"},
    {"timing_us.read", FieldType::kInteger, "microseconds from the first byte to the verdict"},
    {"timing_us.total", FieldType::kInteger, "microseconds of the attempt that gave the outcome", true},
    {"tcp.rtt_us", FieldType::kInteger, "the kernel's smoothed round-trip time, microseconds; see --tcp-info"},
    {"tcp.retransmits", FieldType::kInteger, "segments that were sent again, SYNs too; see --tcp-info"},
});
static_assert(kCommonFields.size() == static_cast<std::size_t>(Common::kCount));

bool is_below(std::string_view path, std::string_view group) {
  return path.size() > group.size() && path.starts_with(group) && path[group.size()] == '.';
}

}  // namespace

std::span<const FieldDef> common_fields() { return kCommonFields; }

Schema::Schema() : fields_(kCommonFields.begin(), kCommonFields.end()) {}

std::uint32_t Schema::add(std::span<const FieldDef> fields) {
  const auto first = static_cast<std::uint32_t>(fields_.size());
  fields_.insert(fields_.end(), fields.begin(), fields.end());
  return first;
}

Parsed<std::vector<std::uint32_t>> Schema::select(std::span<const std::string> paths) const {
  std::vector<std::uint32_t> ids;
  for (const std::string& path : paths) {
    const std::size_t before = ids.size();
    for (std::uint32_t id = 0; id < fields_.size(); ++id)
      if (fields_[id].path == path || is_below(fields_[id].path, path)) ids.push_back(id);
    if (ids.size() > before) continue;
    std::vector<std::string_view> names;
    names.reserve(fields_.size());
    for (const FieldDef& field : fields_) names.emplace_back(field.path);
    return input_error("--fields: unknown field '" + path + "'" + did_you_mean(path, names));
  }
  if (paths.empty())
    for (std::uint32_t id = 0; id < fields_.size(); ++id) ids.push_back(id);
  return ids;
}

std::vector<std::uint32_t> Schema::csv_default() const {
  std::vector<std::uint32_t> ids;
  for (std::uint32_t id = 0; id < fields_.size(); ++id)
    if (fields_[id].csv_default) ids.push_back(id);
  return ids;
}

}  // namespace sonde::results
