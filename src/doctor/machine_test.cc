#include "doctor/machine.h"

#include <gtest/gtest.h>

#include "doctor/fake_tree.h"

namespace sonde::doctor {
namespace {

class ReadMachine : public FakeTree {
 protected:
  Machine read() const { return read_machine(root_.string()); }
};

TEST_F(ReadMachine, reads_what_is_there) {
  put("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
  put("proc/sys/fs/nr_open", "1048576\n");
  put("proc/sys/fs/file-max", "2466177\n");
  put("proc/sys/fs/file-nr", "413\t0\t2466177\n");
  put("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n");
  put("proc/sys/net/ipv4/tcp_mem", "287901\t383868\t575802\n");
  put("proc/sys/net/core/somaxconn", "4096\n");
  put("proc/sys/kernel/io_uring_disabled", "2\n");
  put("proc/net/sockstat", "sockets: used 12\nTCP: inuse 7 orphan 2 tw 3 alloc 9 mem 4\nUDP: inuse 1 mem 5\n");
  put("proc/net/softnet_stat", "0000000a 00000002 00000000\n00000010 0000000f 00000000\n");
  put("proc/sys/net/netfilter/nf_conntrack_max", "262144\n");
  put("proc/sys/net/netfilter/nf_conntrack_count", "17\n");
  put("proc/meminfo", "MemTotal:       1000 kB\nMemFree: 1 kB\nMemAvailable:    600 kB\nHugePages_Free:        4\n");
  put("proc/self/status", "Name:\tsonde\nCapEff:\t0000000001003000\nCapBnd:\t0000000001000000\n");
  put("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n");
  put("sys/devices/system/clocksource/clocksource0/available_clocksource", "hpet tsc acpi_pm \n");
  put("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
  const Machine machine = read();
  EXPECT_EQ(machine.kernel, "6.1.0-18-amd64");
  EXPECT_EQ(machine.nr_open, 1'048'576U);
  EXPECT_EQ(machine.file_max, 2'466'177U);
  EXPECT_EQ(machine.files_in_use, 413U);
  ASSERT_TRUE(machine.ports);
  EXPECT_EQ(machine.ports->size(), 28'232U);
  EXPECT_EQ(machine.tcp_mem, (std::array<std::uint64_t, 3>{287'901, 383'868, 575'802}));
  EXPECT_EQ(machine.somaxconn, 4096U);
  EXPECT_EQ(machine.io_uring_disabled, 2U);
  EXPECT_EQ(machine.orphans, 2U);
  EXPECT_EQ(machine.time_wait, 3U);
  EXPECT_EQ(machine.sockets, 9U);
  EXPECT_EQ(machine.buffer_pages, 4U);
  EXPECT_EQ(machine.netdev_passed, 26U);
  EXPECT_EQ(machine.netdev_dropped, 17U);
  EXPECT_EQ(machine.conntrack_max, 262'144U);
  EXPECT_EQ(machine.conntrack_count, 17U);
  EXPECT_EQ(machine.memory_total, 1'024'000U);
  EXPECT_EQ(machine.memory_available, 614'400U);
  EXPECT_EQ(machine.huge_pages_free, 4U);
  EXPECT_EQ(machine.transparent_huge_pages, "madvise");
  EXPECT_EQ(machine.clocksource, "hpet");
  EXPECT_TRUE(machine.tsc_offered);
  ASSERT_TRUE(machine.capabilities);
  EXPECT_TRUE(machine.capabilities->net_raw && machine.capabilities->net_admin);
  EXPECT_TRUE(machine.capabilities->sys_resource && machine.capabilities->reachable_sys_resource);
  EXPECT_FALSE(machine.capabilities->sys_admin || machine.capabilities->ipc_lock);
}

TEST_F(ReadMachine, an_empty_tree_leaves_the_files_readings_absent) {
  const Machine machine = read();
  EXPECT_TRUE(machine.descriptors) << "asked of the kernel";
  EXPECT_GE(machine.cpus, 1U);
  EXPECT_FALSE(machine.file_max || machine.ports || machine.tcp_mem || machine.memory_total || machine.conntrack_max ||
               machine.cgroup_memory || machine.cpu_quota || machine.capabilities || machine.netdev_dropped);
  EXPECT_EQ(machine.kernel + machine.clocksource + machine.transparent_huge_pages, "");
}

TEST_F(ReadMachine, torn_and_foreign_content_is_absent) {
  put("proc/sys/net/ipv4/ip_local_port_range", "32768\n");
  put("proc/sys/net/ipv4/tcp_mem", "1 2\n");
  put("proc/sys/fs/file-max", "many\n");
  put("proc/net/sockstat", "TCP: inuse");
  put("proc/net/softnet_stat", "0000000a");
  put("proc/self/cgroup", "nonsense\n:\n::\n");
  const Machine machine = read();
  EXPECT_FALSE(machine.ports || machine.tcp_mem || machine.file_max || machine.orphans);
  EXPECT_EQ(machine.netdev_dropped, 0U);
}

TEST_F(ReadMachine, powers_over_a_user_namespace_are_not_powers_over_the_machine) {
  put("proc/self/status", "Name:\tsonde\nCapEff:\t000001ffffffffff\nCapBnd:\t000001ffffffffff\n");
  put("proc/self/uid_map", "         0       1000          1\n");
  EXPECT_FALSE(read().capabilities->sys_resource || read().capabilities->sys_admin);
  put("proc/self/uid_map", "         0          0 4294967295\n");
  EXPECT_TRUE(read().capabilities->sys_resource && read().capabilities->sys_admin);
}

TEST_F(ReadMachine, the_narrowest_cgroup_above_counts_and_droppable_cache_is_available) {
  put("proc/self/cgroup", "0::/a/b\n");
  put("sys/fs/cgroup/a/memory.max", "512000000\n");
  put("sys/fs/cgroup/a/memory.current", "300000000\n");
  put("sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 200000000\n");
  put("sys/fs/cgroup/a/b/memory.max", "max\n");
  put("sys/fs/cgroup/a/b/cpu.max", "50000 100000\n");
  put("sys/fs/cgroup/a/cpu.max", "max 100000\n");
  const Machine machine = read();
  EXPECT_EQ(machine.cgroup_memory, 512'000'000U);
  EXPECT_EQ(machine.cgroup_memory_available, 412'000'000U);
  EXPECT_EQ(machine.cpu_quota, 0.5);
}

TEST_F(ReadMachine, version_1_groups_and_their_way_of_saying_no_limit) {
  put("proc/self/cgroup", "4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n0::/\n");
  put("sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes", "9223372036854771712\n");
  put("sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us", "-1\n");
  EXPECT_FALSE(read().cgroup_memory || read().cpu_quota);
  // A container sees the host's path but its own group in the root of the mount.
  put("sys/fs/cgroup/memory/memory.limit_in_bytes", "256000000\n");
  put("sys/fs/cgroup/memory/memory.usage_in_bytes", "56000000\n");
  put("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "150000\n");
  put("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(read().cgroup_memory_available, 200'000'000U);
  EXPECT_EQ(read().cpu_quota, 1.5);
}

}  // namespace
}  // namespace sonde::doctor
