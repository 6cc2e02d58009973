#include <cstdint>

#include "probes/banner/banner_probe.h"
#include "probes/banner/timed_drive.h"

// The first bytes say how it ends and where to cut; whatever the cuts, the record is that of the bytes in one piece.
// Each run has a module of its own, as what one heard makes the next suspect.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sonde::probes;
  if (size < 4) return 0;
  const auto end = static_cast<End>(data[0] % 3);
  const std::string_view text(reinterpret_cast<const char*>(data) + 4, size - 4);
  std::vector<std::size_t> cuts;
  for (std::size_t i = 1, at = 0; i < 4; ++i) {
    at += data[i];
    if (at < text.size()) cuts.push_back(at);
  }
  const Spoken whole = drive(*make_banner_module(), text, end, {}, 25);
  SONDE_CHECK(drive(*make_banner_module(), text, end, cuts, 25) == whole, "a cut changes the record");
  return 0;
}
