#include <fmt/format.h>
#include <zlib.h>

#include "base/check.h"
#include "scan/checkpoint.h"

// The input is a checkpoint's first line; its checksum is made to fit, so that the parser behind it is reached. What is
// read is written and read as the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using sonde::scan::decode;
  const std::string line = "{\"sonde_checkpoint\":" + std::string(reinterpret_cast<const char*>(data), size);
  (void)decode(line, "fuzz");
  if (line.find('\n') != std::string::npos) return 0;
  const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(line.data()), line.size());
  const auto checkpoint = decode(fmt::format("{}\ncrc32 {:08x}\n", line, static_cast<std::uint32_t>(crc)), "fuzz");
  if (!checkpoint) return 0;
  const std::string text = encode(*checkpoint);
  const auto again = decode(text, "fuzz");
  SONDE_CHECK(again && encode(*again) == text, "a checkpoint must survive writing and reading");
  return 0;
}
