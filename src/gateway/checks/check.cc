#include "gateway/checks/check.h"

#include <fmt/format.h>

namespace sonde::gateway {

// FNV-1a over the three texts, each closed by a byte that no text has.
CheckId check_id(std::string_view name, std::string_view module, std::string_view target) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::string_view text : {name, module, target}) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    hash = (hash ^ 0xff) * 0x100000001b3;
  }
  return hash;
}

std::string to_text(CheckId id) { return fmt::format("{:016x}", id); }

std::optional<CheckId> parse_check_id(std::string_view text) {
  if (text.size() != 16) return std::nullopt;
  CheckId id = 0;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9', letter = c >= 'a' && c <= 'f';
    if (!digit && !letter) return std::nullopt;
    id = id << 4 | static_cast<CheckId>(digit ? c - '0' : c - 'a' + 10);
  }
  return id;
}

bool same_terms(const Check& a, const Check& b) {
  return a.id == b.id && a.labels == b.labels && a.interval == b.interval && a.timeout == b.timeout &&
         a.rise == b.rise && a.fall == b.fall && a.flap == b.flap && a.priority == b.priority;
}

}  // namespace sonde::gateway
