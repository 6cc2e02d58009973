#include "wire/reply.h"

#include "wire/line.h"

namespace sonde::wire {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// How a line begins: the code, and whether others follow; judged as soon as its first four bytes allow.
enum class Head : std::uint8_t { kUnknown, kWrong, kMore, kLast };

Head head_of(std::string_view line) {
  for (std::size_t i = 0; i < line.size() && i < 3; ++i)
    if (!is_digit(line[i])) return Head::kWrong;
  if (line.size() < 4) return Head::kUnknown;
  if (line[3] == '-') return Head::kMore;
  return line[3] == ' ' || line[3] == '\r' || line[3] == '\n' ? Head::kLast : Head::kWrong;
}

}  // namespace

ParseResult<Reply> ReplyProcessor::parse(std::span<const std::byte> bytes) const {
  using Result = ParseResult<Reply>;
  const LineProcessor lines(kLimit);
  const std::string_view all = as_text(bytes.first(bytes.size() < kLimit ? bytes.size() : kLimit));
  std::size_t offset = 0;
  std::string_view code;
  while (true) {
    const std::string_view rest = all.substr(offset);
    const Head head = head_of(rest);
    // FTP allows lines without a code between the first and the last.
    if (head == Head::kWrong && offset == 0) return Result::fail("not a numbered reply");
    const auto line = lines.parse(as_bytes(rest));
    if (line.kind != ParseResult<std::string_view>::Kind::kFrame)
      return all.size() == kLimit ? Result::fail("a reply is too long") : Result::more(1);
    if (offset == 0) code = rest.substr(0, 3);
    offset += line.consumed;
    if (head == Head::kLast && rest.substr(0, 3) == code) {
      const std::string_view text =
          all.substr(0, static_cast<std::size_t>(line.frame.data() + line.frame.size() - all.data()));
      const auto number = static_cast<std::uint16_t>((code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0'));
      return Result::got({.code = number, .text = text}, offset);
    }
    // A line of three digits alone ends nothing unless it could be read as a code: "22\n".
    if (head == Head::kUnknown && offset == line.consumed) return Result::fail("not a numbered reply");
  }
}

}  // namespace sonde::wire
