#include "scan/dry_run.h"

#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

namespace sonde::scan {
namespace {

constexpr std::size_t kBlock = std::size_t{128} << 10;
constexpr std::size_t kLongestLine = 400;  // a name has at most 253 characters

char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

// Addresses, ports and names hold nothing that JSON would escape.
char* put_line(char* out, const targets::Target& target) {
  if (target.endpoint.address.is_unspecified()) {
    out = put(out, R"({"ip":null,"port":)");
  } else {
    out = put(out, R"({"ip":")");
    out = write_ip(target.endpoint.address, out);
    out = put(out, R"(","port":)");
  }
  out = write_port(target.endpoint.port, out);
  if (target.host.empty()) return put(out, ",\"host\":null}\n");
  out = put(out, R"(,"host":")");
  out = put(out, target.host);
  return put(out, "\"}\n");
}

}  // namespace

Result<> dry_run(targets::TargetSource& source, sinks::Sink& sink) {
  std::vector<targets::Target> batch(256);
  std::array<std::string, 1> block;
  block[0].resize(kBlock);
  char* const begin = block[0].data();
  char* const end = begin + kBlock - kLongestLine;
  char* out = begin;
  const auto write = [&]() -> Result<> {
    block[0].resize(static_cast<std::size_t>(out - begin));
    const Result<> written = sink.write(block);
    block[0].resize(kBlock);
    out = begin;
    return written;
  };
  for (;;) {
    const std::size_t count = source.take(batch);
    if (count == 0) {
      if (source.exhausted()) break;
      if (out != begin)  // a slow stream: show what is known
        if (const Result<> written = write(); !written) return written;
      usleep(2000);
      continue;
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (batch[i].blocked) continue;
      out = put_line(out, batch[i]);
      if (out > end)
        if (const Result<> written = write(); !written) return written;
    }
  }
  return write();
}

}  // namespace sonde::scan
