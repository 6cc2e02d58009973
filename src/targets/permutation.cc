// How an order over billions of targets costs no memory.
//
// A Feistel network turns any function into a bijection: cut a number into two halves and, round by round, xor one half
// with a keyed function of the other. Each round can be undone by repeating it, so the whole is a permutation of all
// numbers of that many bits, however poor or good the function is; the function only decides how shuffled it looks.
// (Luby and Rackoff 1988: four rounds of a good one cannot be told from chance. There are eight here, since the
// function is a fast one.) The halves may differ by one bit, so the domain is the next power of two, at most twice the
// size.
//
// The size is rarely a power of two. Cycle walking closes the gap: apply the network again while the result is outside.
// Following a permutation from a point inside must come back inside at the latest when its cycle closes, and two points
// never walk to the same place, so what remains is a bijection on [0, size) (Black and Rogaway 2002). On average it
// takes domain / size < 2 steps.
//
// The round function multiplies (half xor key) with a second key into 128 bits and folds the product: one
// multiplication whose every result bit depends on every input bit. Integers only, so that the order is the same on any
// machine: shards on different machines, and a resume after an upgrade, depend on it. Changing anything here is
// changing the order.
#include "targets/permutation.h"

#include <bit>

#include "base/check.h"
#include "base/ip_address.h"
#include "base/mix.h"

namespace sonde::targets {

Permutation::Permutation(std::uint64_t size, std::uint64_t seed) : size_(size) {
  SONDE_CHECK(size >= 1 && size <= kMaxSize, "a permutation of nothing, or of too much");
  const auto bits = static_cast<unsigned>(std::bit_width(size - 1));
  low_bits_ = bits - bits / 2;
  low_mask_ = (std::uint64_t{1} << low_bits_) - 1;
  high_mask_ = (std::uint64_t{1} << (bits / 2)) - 1;
  std::uint64_t label = 0;
  for (Key& key : keys_) {
    key.add = mix64(seed, ++label);
    key.multiply = mix64(seed, ++label) | 1;
  }
}

std::uint64_t Permutation::at(std::uint64_t position) const {
  SONDE_CHECK(position < size_, "position outside of the permutation");
  const auto fold = [](std::uint64_t half, const Key& key) {
    const U128 product = U128{half ^ key.add} * key.multiply;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  do {
    std::uint64_t low = position & low_mask_;
    std::uint64_t high = position >> low_bits_;
    for (int round = 0; round < kRounds; round += 2) {
      high ^= fold(low, keys_[round]) & high_mask_;
      low ^= fold(high, keys_[round + 1]) & low_mask_;
    }
    position = high << low_bits_ | low;
  } while (position >= size_);
  return position;
}

}  // namespace sonde::targets
