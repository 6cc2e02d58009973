#include "wire/dns_name.h"

#include <algorithm>
#include <array>

namespace sonde::wire {
namespace {

constexpr std::uint8_t lower(std::uint8_t c) { return c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c + 32) : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// What a backslash stands for at the front of `text`, which is taken off; nothing where it stands for nothing.
std::optional<std::uint8_t> take_escaped(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  if (!is_digit(text[0])) {
    const auto byte = static_cast<std::uint8_t>(text[0]);
    text.remove_prefix(1);
    return byte;
  }
  if (text.size() < 3 || !is_digit(text[1]) || !is_digit(text[2])) return std::nullopt;
  const int value = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
  if (value > 255) return std::nullopt;
  text.remove_prefix(3);
  return static_cast<std::uint8_t>(value);
}

void append_byte(std::string& out, std::byte byte) {
  const auto c = std::to_integer<std::uint8_t>(byte);
  if (c <= ' ' || c >= 0x7f) {
    out +=
        {'\\', static_cast<char>('0' + c / 100), static_cast<char>('0' + c / 10 % 10), static_cast<char>('0' + c % 10)};
    return;
  }
  if (std::string_view(".\\\"();@$").find(static_cast<char>(c)) != std::string_view::npos) out += '\\';
  out += static_cast<char>(c);
}

}  // namespace

bool DnsName::append(std::span<const std::byte> label) {
  if (label.empty() || label.size() > kLongestLabel || size_ + label.size() + 1 > kLongest) return false;
  bytes_[size_ - 1U] = static_cast<std::byte>(label.size());
  std::copy(label.begin(), label.end(), bytes_.begin() + size_);
  size_ = static_cast<std::uint8_t>(size_ + label.size() + 1);
  bytes_[size_ - 1U] = std::byte{0};
  return true;
}

std::optional<DnsName> DnsName::from_text(std::string_view text) {
  DnsName name;
  if (text == ".") return name;
  if (text.empty()) return std::nullopt;
  std::array<std::byte, kLongestLabel> label;
  std::size_t size = 0;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '.') {
      if (!name.append(std::span(label).first(size))) return std::nullopt;
      size = 0;
      continue;
    }
    std::optional<std::uint8_t> byte = static_cast<std::uint8_t>(c);
    if (c == '\\') byte = take_escaped(text);
    if (!byte || size == kLongestLabel) return std::nullopt;
    label[size++] = std::byte{*byte};
  }
  if (size > 0 && !name.append(std::span(label).first(size))) return std::nullopt;
  return name;
}

DnsName DnsName::reverse(const IpAddress& address) {
  std::string text;
  if (address.is_v4()) {
    for (int shift = 0; shift < 32; shift += 8) text += std::to_string(address.v4_bits() >> shift & 0xff) + '.';
    text += "in-addr.arpa";
  } else {
    for (int shift = 0; shift < 128; shift += 4) {
      text += "0123456789abcdef"[static_cast<unsigned>(address.bits() >> shift) & 0xf];
      text += '.';
    }
    text += "ip6.arpa";
  }
  return *from_text(text);
}

void DnsName::append_text(std::string& out) const {
  if (is_root()) out += '.';
  for (std::size_t at = 0; at + 1 < size_;) {
    const std::size_t end = at + 1 + std::to_integer<std::size_t>(bytes_[at]);
    for (++at; at < end; ++at) append_byte(out, bytes_[at]);
    out += '.';
  }
}

std::string DnsName::text() const {
  std::string out;
  append_text(out);
  return out;
}

bool operator==(const DnsName& a, const DnsName& b) {
  // Lengths are below 64 and so are no letters: they may be compared as if they were.
  return std::ranges::equal(a.wire(), b.wire(), [](std::byte x, std::byte y) {
    return lower(std::to_integer<std::uint8_t>(x)) == lower(std::to_integer<std::uint8_t>(y));
  });
}

std::size_t read_dns_name(std::span<const std::byte> message, std::size_t at, std::size_t end, DnsName& out) {
  out.size_ = 1;
  out.bytes_[0] = std::byte{0};
  std::size_t limit = std::min(end, message.size());
  std::size_t resume = 0;  // behind the first pointer: where the name ends in place
  std::size_t run = at;    // where the present run of labels began; a pointer must lead before it
  for (int jumps = 0;;) {
    if (at >= limit) return 0;
    const auto length = std::to_integer<std::size_t>(message[at]);
    if (length == 0) return resume != 0 ? resume : at + 1;
    if (length <= DnsName::kLongestLabel) {
      if (limit - at - 1 < length || !out.append(message.subspan(at + 1, length))) return 0;
      at += 1 + length;
      continue;
    }
    if ((length & 0xc0) != 0xc0 || limit - at < 2) return 0;  // 0x40 and 0x80 were given up (RFC 6891, 5)
    const std::size_t target = (length & 0x3f) << 8 | std::to_integer<std::size_t>(message[at + 1]);
    if (target >= run || ++jumps > kMostDnsJumps) return 0;
    if (resume == 0) resume = at + 2;
    at = run = target;
    limit = message.size();
  }
}

}  // namespace sonde::wire
