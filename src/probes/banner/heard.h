// What a peer said on one connection: the first bytes in a lent buffer, which is there only once something came, and
// counts of the rest. One thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "memory/ring_pool.h"
#include "wire/line.h"

namespace sonde::probes {

struct Heard {
  static constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 20;  // who never stops is heard out no longer

  memory::Lease lease;
  std::uint64_t total = 0;  // bytes that came, at most kMostBytes
  std::uint32_t size = 0;   // of them kept
  std::uint32_t whole = 0;  // of them in the frame that was found; 0: none, all that came counts
  int hello = -1;           // the place in the plan of the one that they answer; -1: none
  char last = 0;            // of all that came
  bool has_line = false;    // a line end came

  std::span<const std::byte> kept() const { return lease.bytes().first(size); }
  // What of it makes the banner. What came in one piece with a frame is no part of it, so that cutting changes nothing.
  std::span<const std::byte> banner() const { return whole > 0 ? kept().first(whole) : kept(); }
  std::uint64_t bytes() const { return whole > 0 ? whole : total; }
  bool ends_with_line() const { return last == '\n'; }

  // room: how many bytes are kept at most. REQUIRES: bytes is not empty.
  void add(std::span<const std::byte> bytes, std::size_t room, memory::RingPool& pool) {
    total = std::min(total + bytes.size(), kMostBytes);
    last = static_cast<char>(bytes.back());
    has_line = has_line || wire::as_text(bytes).find('\n') != std::string_view::npos;
    bytes = bytes.first(std::min(bytes.size(), room - size));
    if (size + bytes.size() > lease.bytes().size()) {
      memory::Lease larger = pool.lend(std::max(size + bytes.size(), std::min(room, 2 * lease.bytes().size())));
      std::copy_n(lease.bytes().begin(), size, larger.bytes().begin());
      lease = std::move(larger);
    }
    std::copy(bytes.begin(), bytes.end(), lease.bytes().begin() + size);
    size += static_cast<std::uint32_t>(bytes.size());
  }
};

}  // namespace sonde::probes
