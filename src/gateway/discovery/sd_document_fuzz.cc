#include "gateway/discovery/sd_document.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"

// The first byte says which form. Whatever is read is within its bounds; whatever is not is one clean line.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sonde::gateway;
  if (size == 0) return 0;
  const std::string name = data[0] % 2 == 0 ? "a.json" : "a.yml";
  const auto parsed = parse_sd_file({reinterpret_cast<const char*>(data + 1), size - 1}, name);
  if (!parsed) {
    SONDE_CHECK(parsed.error().text.starts_with(name + ":"), "an error says where");
    for (const char c : parsed.error().text)
      SONDE_CHECK(static_cast<unsigned char>(c) >= ' ' && c != 0x7f, "an error is one line of plain text");
    return 0;
  }
  SONDE_CHECK(parsed->size() <= kSdTargets, "as many as there may be");
  for (const SdTarget& target : *parsed) {
    SONDE_CHECK(!target.target.empty() && target.target.size() <= kSdTargetLength, "a target's length");
    SONDE_CHECK(target.labels.size() <= kSdLabels, "as many labels as there may be");
    for (const auto& [label, text] : target.labels)
      SONDE_CHECK(is_label_name(label) && !label.starts_with("__"), "labels have names");
  }
  return 0;
}
