#include "wire/ssh.h"

#include "wire/line.h"

namespace sonde::wire {

ParseResult<SshIdentification> SshProcessor::parse(std::span<const std::byte> bytes) const {
  using Result = ParseResult<SshIdentification>;
  const LineProcessor lines(kLimit);
  const std::string_view all = as_text(bytes.first(bytes.size() < kLimit ? bytes.size() : kLimit));
  for (std::size_t offset = 0;;) {
    const auto line = lines.parse(as_bytes(all.substr(offset)));
    if (line.kind != ParseResult<std::string_view>::Kind::kFrame)
      return all.size() == kLimit ? Result::fail("no SSH identification in the first 8 KiB") : Result::more(1);
    offset += line.consumed;
    if (!line.frame.starts_with("SSH-")) continue;
    if (line.consumed > kLineLimit) return Result::fail("an SSH identification is too long");
    const std::string_view rest = line.frame.substr(4);
    const std::size_t dash = rest.find('-');
    if (dash == std::string_view::npos || dash == 0 || dash + 1 == rest.size())
      return Result::fail("not an SSH identification");
    const std::string_view versions = rest.substr(dash + 1);
    const std::size_t space = versions.find(' ');
    return Result::got({.line = line.frame,
                        .protocol = rest.substr(0, dash),
                        .software = versions.substr(0, space),
                        .comments = space == std::string_view::npos ? std::string_view() : versions.substr(space + 1)},
                       offset);
  }
}

}  // namespace sonde::wire
