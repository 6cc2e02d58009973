// SONDE_CHECK: a condition whose failure is a bug in sonde, not a fact about the network or the user's input.
// On in every build type; prints where and what, then aborts.
#pragma once

namespace sonde {

[[noreturn]] void check_failed(const char* file, int line, const char* condition, const char* message);

}  // namespace sonde

#define SONDE_CHECK(condition, message)                               \
  do {                                                                \
    if (!(condition)) [[unlikely]]                                    \
      ::sonde::check_failed(__FILE__, __LINE__, #condition, message); \
  } while (false)
