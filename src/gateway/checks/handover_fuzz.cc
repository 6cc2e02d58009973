#include "base/check.h"
#include "gateway/checks/handover_message.h"

// Any bytes are read or refused; what was read is written as the same bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto message = sonde::gateway::parse_handover(bytes);
  if (message) SONDE_CHECK(write_handover(*message) == bytes, "a message must survive reading and writing");
  return 0;
}
