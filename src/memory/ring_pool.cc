#include "memory/ring_pool.h"

#include <sys/mman.h>

#include <algorithm>

#include "base/check.h"

namespace sonde::memory {
namespace {

// Reserved huge pages only, and all or nothing: transparent ones would be touched whole by the first small slot. `huge`
// becomes false when it is not in huge pages.
void* map_region(std::size_t bytes, bool& huge) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS;
  if (huge) {
    void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, kFlags | MAP_HUGETLB, -1, 0);
    if (base != MAP_FAILED) return base;
    huge = false;
  }
  return mmap(nullptr, bytes, PROT_READ | PROT_WRITE, kFlags | MAP_NORESERVE, -1, 0);
}

}  // namespace

Lease::~Lease() {
  if (pool_ != nullptr) pool_->give_back(data_, size_class_);
}

RingPool::RingPool(std::size_t bytes_per_class)
    : bytes_per_class_(std::max<std::size_t>(bytes_per_class, kSlotBytes.back())) {
  stats_.locked = true;
  stats_.huge = true;
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    void* base = map_region(bytes_per_class_, stats_.huge);
    if (base == MAP_FAILED) {  // no address space: this class has no slots, the heap lends instead and counts it
      stats_.locked = false;
      continue;
    }
    // MLOCK_ONFAULT: pages are pinned when first lent, so that an idle pool costs nothing.
    if (mlock2(base, bytes_per_class_, MLOCK_ONFAULT) != 0) stats_.locked = false;
    classes_[i].base = static_cast<std::byte*>(base);
    classes_[i].slots = static_cast<std::uint32_t>(bytes_per_class_ / kSlotBytes[i]);
  }
}

RingPool::~RingPool() {
  SONDE_CHECK(stats_.in_use == 0, "a lease outlives its pool");
  for (SizeClass& size_class : classes_)
    if (size_class.base != nullptr) munmap(size_class.base, bytes_per_class_);
}

Lease RingPool::lend(std::size_t size) {
  Lease lease;
  lease.pool_ = this;
  ++stats_.lent;
  stats_.in_use_peak = std::max(stats_.in_use_peak, ++stats_.in_use);
  for (std::uint32_t i = 0; i < classes_.size(); ++i) {
    if (kSlotBytes[i] < size) continue;
    SizeClass& size_class = classes_[i];
    std::uint32_t slot = 0;
    if (!size_class.free.empty()) {
      slot = size_class.free.back();
      size_class.free.pop_back();
    } else if (size_class.fresh < size_class.slots) {
      slot = size_class.fresh++;
    } else {
      continue;
    }
    lease.data_ = size_class.base + std::size_t{slot} * kSlotBytes[i];
    lease.size_class_ = i;
    lease.size_ = kSlotBytes[i];
    return lease;
  }
  ++stats_.from_heap;
  lease.data_ = new std::byte[size];
  lease.size_class_ = kHeapClass;
  lease.size_ = static_cast<std::uint32_t>(size);
  return lease;
}

void RingPool::give_back(std::byte* data, std::uint32_t size_class) {
  --stats_.in_use;
  if (size_class == kHeapClass) {
    delete[] data;
    return;
  }
  SizeClass& owner = classes_[size_class];
  owner.free.push_back(
      static_cast<std::uint32_t>(static_cast<std::size_t>(data - owner.base) / kSlotBytes[size_class]));
}

}  // namespace sonde::memory
