// Requests: never a crash, limits hold, and where a client's bytes are cut changes nothing of a request that is read.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "gateway/server/request_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sonde::gateway;
  constexpr RequestLimits kLimits{.header = 4096, .body = 4096};
  if (size < 2) return 0;
  const std::size_t step = 1 + data[0] % 64;
  const std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);

  RequestReader whole(kLimits);
  const std::size_t consumed = whole.take(bytes);
  SONDE_CHECK(consumed <= bytes.size(), "it takes what is there");

  RequestReader cut(kLimits);
  std::size_t taken = 0;
  for (std::size_t end = 0; end < bytes.size() && cut.state() == RequestReader::State::kMore;) {
    end = std::min(end + step, bytes.size());
    taken += cut.take(std::string_view(bytes).substr(taken, end - taken));
    SONDE_CHECK(taken <= end, "it takes what is there");
  }
  if (whole.state() == RequestReader::State::kWhole) {
    SONDE_CHECK(whole.request().body.size() <= kLimits.body, "a body has its limit");
    SONDE_CHECK(cut.state() == RequestReader::State::kWhole && taken == consumed, "a cut changes nothing");
    SONDE_CHECK(cut.request().path == whole.request().path && cut.request().query == whole.request().query &&
                    cut.request().fields == whole.request().fields && cut.request().body == whole.request().body,
                "nor what was read");
  } else {
    SONDE_CHECK(cut.state() != RequestReader::State::kWhole, "a cut makes no request");
  }
  return 0;
}
