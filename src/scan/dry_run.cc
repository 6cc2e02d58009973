#include "scan/dry_run.h"

#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "targets/target_expression.h"

namespace sonde::scan {
namespace {

constexpr std::size_t kBlock = std::size_t{128} << 10;
// A name has at most 253 characters and may be there twice; a path that is all quotation marks doubles.
constexpr std::size_t kLongestLine = 800 + 2 * targets::TargetExpression::kMaxPath;

char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

char* put_url(char* out, const targets::Target& target) {
  const auto& [address, port] = target.endpoint;
  out = put(out, targets::name(target.scheme));
  out = put(out, "://");
  if (!target.host.empty()) {
    out = put(out, target.host);
  } else if (address.is_v4()) {
    out = write_ip(address, out);
  } else {
    *out++ = '[';
    out = write_ip(address, out);
    *out++ = ']';
  }
  if (port != (target.scheme == targets::Scheme::kHttps ? 443 : 80)) {
    *out++ = ':';
    out = write_port(port, out);
  }
  if (target.path.empty()) *out++ = '/';
  for (const char c : target.path) {  // printable ASCII
    if (c == '"' || c == '\\') *out++ = '\\';
    *out++ = c;
  }
  return out;
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
  out = target.endpoint.port == 0 ? put(out, "null") : write_port(target.endpoint.port, out);
  if (target.host.empty()) {
    out = put(out, R"(,"host":null)");
  } else {
    out = put(out, R"(,"host":")");
    out = put(out, target.host);
    *out++ = '"';
  }
  if (target.scheme != targets::Scheme::kNone) {
    out = put(out, R"(,"url":")");
    out = put_url(out, target);
    *out++ = '"';
  }
  return put(out, "}\n");
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
