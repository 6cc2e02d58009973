#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace sonde {

void check_failed(const char* file, int line, const char* condition, const char* message) {
  std::fprintf(stderr, "sonde: bug at %s:%d: %s (%s)\n", file, line, message, condition);
  std::abort();
}

}  // namespace sonde
