// Lent buffers: fixed slots of a few size classes cut from one mmap'd region a class, in huge pages where the machine
// has some reserved (vm.nr_hugepages), mlock'd when allowed. A read lands in a lent slot, what a probe must keep it
// keeps in one; nothing is held while a connection is idle. When a class is empty its next larger one lends; when all
// are, the heap does, and that is counted. Owned by one shard, one thread; must outlive its leases.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace sonde::memory {

class RingPool;

// A lent slot; gives itself back. Movable, empty by default.
class Lease {
 public:
  Lease() = default;
  Lease(Lease&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        size_class_(other.size_class_),
        size_(std::exchange(other.size_, 0)) {}
  Lease& operator=(Lease&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(data_, other.data_);
    std::swap(size_class_, other.size_class_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Lease();
  std::span<std::byte> bytes() const { return {data_, size_}; }
  bool empty() const { return size_ == 0; }

 private:
  friend class RingPool;
  RingPool* pool_ = nullptr;
  std::byte* data_ = nullptr;
  std::uint32_t size_class_ = 0;
  std::uint32_t size_ = 0;
};

struct RingPoolStats {
  std::uint64_t lent = 0;    // leases given out in all
  std::uint64_t in_use = 0;  // slots out at this moment
  std::uint64_t in_use_peak = 0;
  std::uint64_t from_heap = 0;  // leases that the heap had to give
  bool locked = false;          // whole pool is mlock'd
  bool huge = false;            // whole pool is in huge pages
};

class RingPool {
 public:
  static constexpr std::array<std::uint32_t, 5> kSlotBytes = {128, 512, 2048, 4096, 16384};
  static constexpr std::uint32_t kHeapClass = 0xff;

  // bytes_per_class: address space of each class; pages are touched only when first lent.
  explicit RingPool(std::size_t bytes_per_class = std::size_t{4} << 20);
  ~RingPool();
  RingPool(const RingPool&) = delete;
  RingPool& operator=(const RingPool&) = delete;

  // At least `size` bytes; size over 16 KiB comes from the heap.
  Lease lend(std::size_t size);
  const RingPoolStats& stats() const { return stats_; }

 private:
  friend class Lease;
  void give_back(std::byte* data, std::uint32_t size_class);

  struct SizeClass {
    std::byte* base = nullptr;
    std::uint32_t fresh = 0;  // slots never lent so far: [fresh, slots)
    std::uint32_t slots = 0;
    std::vector<std::uint32_t> free;
  };
  std::size_t bytes_per_class_;
  std::array<SizeClass, kSlotBytes.size()> classes_;
  RingPoolStats stats_;
};

}  // namespace sonde::memory
