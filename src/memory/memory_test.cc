#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "memory/ring_pool.h"
#include "memory/slab.h"
#include "memory/spsc_queue.h"
#include "memory/state_slab.h"

namespace sonde::memory {
namespace {

TEST(RingPool, a_lease_fits_and_comes_back) {
  RingPool pool;
  {
    Lease lease = pool.lend(100);
    EXPECT_EQ(lease.bytes().size(), 128U);
    EXPECT_EQ(pool.stats().in_use, 1U);
    std::byte* first = lease.bytes().data();
    lease = Lease();
    EXPECT_EQ(pool.stats().in_use, 0U);
    EXPECT_EQ(pool.lend(1).bytes().data(), first) << "the hot slot is lent again";
  }
  EXPECT_EQ(pool.stats().from_heap, 0U);
}

TEST(RingPool, an_empty_class_borrows_from_the_next_and_then_from_the_heap) {
  RingPool pool(RingPool::kSlotBytes.back());  // one 16 KiB slot, 128 of 128 B
  std::vector<Lease> leases;
  for (int i = 0; i < 128; ++i) leases.push_back(pool.lend(128));
  leases.push_back(pool.lend(128));
  EXPECT_EQ(leases.back().bytes().size(), 512U);
  leases.push_back(pool.lend(16384));
  EXPECT_EQ(pool.stats().from_heap, 0U);
  leases.push_back(pool.lend(16384));
  EXPECT_EQ(pool.stats().from_heap, 1U);
  std::memset(leases.back().bytes().data(), 1, leases.back().bytes().size());
  leases.clear();
  EXPECT_EQ(pool.stats().in_use, 0U);
}

TEST(RingPool, more_than_the_largest_slot_comes_from_the_heap) {
  RingPool pool;
  const Lease lease = pool.lend(100'000);
  EXPECT_EQ(lease.bytes().size(), 100'000U);
  EXPECT_EQ(pool.stats().from_heap, 1U);
}

TEST(Slab, indices_are_unique_bounded_and_reused) {
  Slab<int> slab(300);
  std::vector<bool> seen(300, false);
  for (int i = 0; i < 300; ++i) {
    const std::uint32_t index = slab.acquire();
    ASSERT_LT(index, 300U);
    ASSERT_FALSE(seen[index]);
    seen[index] = true;
  }
  EXPECT_EQ(slab.acquire(), Slab<int>::kNone);
  int* address = &slab[77];
  slab.release(77);
  EXPECT_EQ(slab.acquire(), 77U);
  EXPECT_EQ(&slab[77], address) << "addresses are stable";
}

TEST(StateSlab, slots_do_not_overlap) {
  StateSlab slab(40);
  std::vector<void*> slots;
  for (int i = 0; i < 200; ++i) {
    slots.push_back(slab.acquire());
    std::memset(slots.back(), i, 40);
  }
  for (int i = 0; i < 200; ++i) EXPECT_EQ(static_cast<unsigned char*>(slots[i])[39], i);
}

TEST(SpscQueue, keeps_order_across_threads_and_refuses_when_full) {
  SpscQueue<int> queue(4);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(queue.push(i));
  int extra = 9;
  EXPECT_FALSE(queue.push(extra));
  EXPECT_EQ(extra, 9);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(queue.pop(), i);
  EXPECT_TRUE(queue.empty());

  std::thread producer([&] {
    for (int i = 0; i < 100'000; ++i)
      while (!queue.push(i)) std::this_thread::yield();
  });
  for (int i = 0; i < 100'000; ++i) {
    std::optional<int> value;
    while (!(value = queue.pop())) std::this_thread::yield();
    ASSERT_EQ(*value, i);
  }
  producer.join();
}

}  // namespace
}  // namespace sonde::memory
