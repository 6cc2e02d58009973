#include "base/check.h"
#include "gateway/checks/check_state.h"

// Any bytes are read or refused; what was read is written as the same bytes, and can go on.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using sonde::gateway::CheckState;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto state = CheckState::restore(bytes);
  if (!state) return 0;
  SONDE_CHECK(state->save() == bytes, "a state must survive reading and writing");
  sonde::gateway::Check check;
  check.flap = sonde::gateway::FlapOptions{};
  (void)state->apply(check, {.success = (size & 1) != 0}, false);
  const auto again = CheckState::restore(state->save());
  SONDE_CHECK(again && again->shown() == state->shown(), "a state must survive writing and reading");
  return 0;
}
