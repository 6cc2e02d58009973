#include <gtest/gtest.h>

#include "doctor/preflight.h"
#include "doctor/report.h"
#include "os/error.h"

namespace sonde::doctor {
namespace {

io::UringFeatures every_feature() {
  return {.set_up = true,
          .direct_sockets = true,
          .buffer_rings = true,
          .single_issuer = true,
          .defer_taskrun = true,
          .fd_install = true,
          .fault = {}};
}

// A roomy server, root, io_uring there: nothing limits a million but what a test takes away.
Machine roomy() {
  Machine machine;
  machine.descriptors = ProcessLimit{.soft = 1'048'576, .hard = 1'048'576};
  machine.memlock = ProcessLimit{.soft = 8 << 20, .hard = 8 << 20};
  machine.cpus = 2;
  machine.root = true;
  machine.uring = every_feature();
  machine.kernel = "6.12.0";
  machine.capabilities = Capabilities{.net_raw = true, .net_admin = true, .sys_resource = true};
  machine.nr_open = 1'048'576;
  machine.file_max = 9'223'372'036'854'775'807;
  machine.files_in_use = 2000;
  machine.epoll_watches = 7'000'000;
  machine.map_count = 65'530;
  machine.io_uring_disabled = 0;
  machine.ports = PortRange{.first = 1024, .last = 65535};
  machine.tw_reuse = 2;
  machine.tw_buckets = 262'144;
  machine.time_wait = 3;
  machine.orphans = 0;
  machine.orphans_max = 262'144;
  machine.buffer_pages = 10;
  machine.tcp_mem = {287'901, 383'868, 575'802};
  machine.tcp_rmem = {4096, 131'072, 33'554'432};
  machine.tcp_wmem = {4096, 16'384, 4'194'304};
  machine.somaxconn = 4096;
  machine.syn_backlog = 2048;
  machine.syncookies = 1;
  machine.netdev_backlog = 1000;
  machine.netdev_dropped = 0;
  machine.netdev_passed = 1'000'000;
  machine.memory_total = 33'000'000'000;
  machine.memory_available = 32'000'000'000;
  machine.huge_pages_free = 0;
  machine.transparent_huge_pages = "madvise";
  machine.clocksource = "tsc";
  return machine;
}

// What many containers make of it.
Machine without_uring(Machine machine) {
  machine.uring = {};
  machine.uring.fault = os::error_from(1 /* EPERM */, "io_uring_setup");
  return machine;
}

const Finding& finding(const Report& report, std::string_view name) {
  const Finding* found = report.find(name);
  if (found != nullptr) return *found;
  ADD_FAILURE() << "no finding " << name;
  static const Finding kNone;
  return kNone;
}

TEST(Examine, a_roomy_server_is_bound_by_its_memory_alone_and_needs_no_command) {
  const Report report = examine(roomy(), {});
  EXPECT_EQ(report.capacity.bound_by, "memory");
  EXPECT_EQ(report.capacity.connections, 32'000'000'000ULL / 16 * 15 / (3640 + 256 + 256));
  for (const Finding& each : report.findings) {
    EXPECT_EQ(each.level, Level::kOk) << each.name << ": " << each.explanation;
    EXPECT_EQ(each.command, "") << each.name;
    EXPECT_FALSE(each.explanation.empty()) << each.name;
    EXPECT_FALSE(each.value.empty()) << each.name;
  }
}

TEST(Examine, the_capacity_is_the_least_of_what_bounds) {
  Machine machine = roomy();
  machine.conntrack_max = 262'144;
  machine.conntrack_count = 144;
  machine.file_max = 500'000;
  const Report report = examine(machine, {});
  EXPECT_EQ(report.capacity.connections, 262'000U);
  EXPECT_EQ(report.capacity.bound_by, "conntrack");
  EXPECT_EQ(finding(report, "open_files").level, Level::kLimits);
}

TEST(Descriptors, direct_descriptors_are_not_bound_by_a_hard_limit_of_20000) {
  Machine machine = roomy();
  machine.descriptors = ProcessLimit{.soft = 20'000, .hard = 20'000};
  const Finding found = finding(examine(machine, {.connections = 1'000'000}), "descriptors");
  EXPECT_EQ(found.level, Level::kOk);
  EXPECT_EQ(found.allows, (20'000ULL - 32) * 4096);
}

TEST(Descriptors, a_tiny_limit_bounds_io_uring_too) {
  Machine machine = roomy();
  machine.descriptors = ProcessLimit{.soft = 256, .hard = 256};
  const Finding found = finding(examine(machine, {.connections = 1'000'000}), "descriptors");
  EXPECT_EQ(found.allows, (256U - 32) * 256);
  EXPECT_EQ(found.level, Level::kLimits);
  EXPECT_EQ(found.command, "prlimit --pid $$ --nofile=1024:1024");
}

TEST(Descriptors, epoll_has_a_table_for_each_worker) {
  Machine machine = roomy();
  machine.descriptors = ProcessLimit{.soft = 1024, .hard = 20'000};
  const Report report = examine(machine, {.connections = 100'000, .engine = io::Engine::kEpoll});
  const Finding& found = finding(report, "descriptors");
  EXPECT_EQ(found.allows, 2U * (20'000 - 32));
  EXPECT_EQ(found.level, Level::kLimits);
  EXPECT_EQ(found.command, "prlimit --pid $$ --nofile=50032:50032");
  EXPECT_EQ(report.capacity.bound_by, "descriptors");
}

TEST(Descriptors, beyond_nr_open_it_is_raised_first) {
  const Report report = examine(roomy(), {.connections = 4'000'000, .engine = io::Engine::kEpoll});
  EXPECT_EQ(finding(report, "descriptors").command, "prlimit --pid $$ --nofile=2000032:2000032");
  EXPECT_EQ(finding(report, "nr_open").command, "sysctl -w fs.nr_open=2251000");
  EXPECT_LT(report.find("nr_open"), report.find("descriptors")) << "commands are run in the order of the findings";
}

TEST(Descriptors, a_user_is_told_to_use_sudo_and_a_container_where_it_is_started) {
  Machine machine = without_uring(roomy());
  machine.descriptors = ProcessLimit{.soft = 1024, .hard = 1024};
  machine.root = false;
  machine.capabilities = Capabilities{.reachable_sys_resource = true};
  EXPECT_EQ(finding(examine(machine, {.connections = 10'000}), "descriptors").command,
            "sudo prlimit --pid $$ --nofile=5032:5032");
  machine.root = true;
  machine.capabilities = Capabilities{};
  const Report report = examine(machine, {.connections = 10'000});
  EXPECT_EQ(finding(report, "descriptors").command, "");
  EXPECT_NE(finding(report, "descriptors").explanation.find("--ulimit nofile=5032:5032"), std::string::npos);
}

TEST(OpenFiles, do_not_bound_who_is_exempt) {
  Machine machine = roomy();
  machine.file_max = 100'000;
  EXPECT_EQ(finding(examine(machine, {.connections = 200'000}), "open_files").command, "sysctl -w fs.file-max=228000");
  machine.capabilities->sys_admin = true;
  EXPECT_EQ(finding(examine(machine, {.connections = 200'000}), "open_files").level, Level::kOk);
}

TEST(EpollWatches, bound_epoll_alone) {
  Machine machine = roomy();
  machine.epoll_watches = 50'000;
  EXPECT_EQ(finding(examine(machine, {}), "epoll_watches").allows, std::nullopt);
  const Report report = examine(machine, {.connections = 80'000, .engine = io::Engine::kEpoll});
  EXPECT_EQ(report.capacity.bound_by, "epoll_watches");
  EXPECT_EQ(finding(report, "epoll_watches").command, "sysctl -w fs.epoll.max_user_watches=90000");
}

TEST(Ports, bound_by_range_times_sources_times_destinations) {
  Machine machine = roomy();
  machine.ports = PortRange{.first = 32768, .last = 60999};
  const Report one = examine(machine, {.connections = 60'000, .destinations = 1});
  EXPECT_EQ(finding(one, "ports").allows, 28'232U);
  EXPECT_EQ(finding(one, "ports").command, "sysctl -w net.ipv4.ip_local_port_range='1024 65535'");
  EXPECT_EQ(one.capacity.bound_by, "ports");
  const Report many = examine(machine, {.connections = 60'000, .destinations = 3, .sources = 2});
  EXPECT_EQ(finding(many, "ports").allows, 6U * 28'232);
  EXPECT_EQ(finding(many, "ports").level, Level::kOk);
}

TEST(Ports, the_widest_range_is_not_widened_but_more_pairs_are_asked_for) {
  const Finding found = finding(examine(roomy(), {.connections = 100'000, .destinations = 1}), "ports");
  EXPECT_EQ(found.level, Level::kLimits);
  EXPECT_EQ(found.command, "");
  EXPECT_NE(found.explanation.find("at least 2 pairs"), std::string::npos) << found.explanation;
}

TEST(Ports, with_many_destinations_a_narrow_range_is_a_warning) {
  Machine machine = roomy();
  machine.ports = PortRange{.first = 32768, .last = 60999};
  const Report report = examine(machine, {});
  EXPECT_EQ(finding(report, "ports").level, Level::kWarn);
  EXPECT_NE(report.capacity.bound_by, "ports");
}

TEST(Conntrack, a_full_table_carries_nothing_and_is_raised_by_what_is_needed) {
  Machine machine = roomy();
  machine.conntrack_max = 65'536;
  machine.conntrack_count = 65'536;
  const Report report = examine(machine, {.connections = 100'000});
  EXPECT_EQ(report.capacity.connections, 0U);
  EXPECT_EQ(report.capacity.bound_by, "conntrack");
  EXPECT_EQ(finding(report, "conntrack").command, "sysctl -w net.netfilter.nf_conntrack_max=187000");
}

TEST(Conntrack, a_module_that_tracks_nothing_or_is_not_loaded_does_not_bound) {
  Machine machine = roomy();
  EXPECT_EQ(finding(examine(machine, {}), "conntrack").value, "not loaded");
  machine.conntrack_max = 1000;
  machine.conntrack_count = 0;
  const Finding found = finding(examine(machine, {}), "conntrack");
  EXPECT_EQ(found.allows, std::nullopt);
  EXPECT_EQ(found.level, Level::kOk);
}

TEST(Memory, a_small_server_is_judged_against_what_it_carries) {
  Machine machine = without_uring(roomy());
  machine.cpus = 1;
  machine.descriptors = ProcessLimit{.soft = 1024, .hard = 1'048'576};
  machine.memory_total = 1'000'000'000;
  machine.memory_available = 800'000'000;
  const Report report = examine(machine, {});
  EXPECT_EQ(report.capacity.bound_by, "memory");
  EXPECT_EQ(report.capacity.connections, 750'000'000U / (3640 + 192 + 256));
  EXPECT_EQ(report.goal, report.capacity.connections) << "no limit is raised beyond what the memory carries";
  EXPECT_EQ(finding(report, "memory").level, Level::kLimits);
  EXPECT_EQ(finding(report, "descriptors").level, Level::kOk);
}

TEST(Memory, the_limit_of_a_cgroup_counts_when_it_is_narrower) {
  Machine machine = roomy();
  machine.cgroup_memory = 512'000'000;
  machine.cgroup_memory_available = 480'000'000;
  const Report report = examine(machine, {.connections = 200'000});
  EXPECT_EQ(report.capacity.connections, 450'000'000U / 4152);
  EXPECT_EQ(finding(report, "memory").value, "480 MB available of the cgroup's 512 MB");
  EXPECT_NE(finding(report, "memory").explanation.find("memory.max"), std::string::npos);
}

TEST(Memory, both_ends_on_this_machine_cost_twice) {
  const std::uint64_t remote = *finding(examine(roomy(), {}), "memory").allows;
  const std::uint64_t local = *finding(examine(roomy(), {.loopback = true}), "memory").allows;
  EXPECT_EQ(local, 30'000'000'000U / (2 * 3640 + 512));
  EXPECT_LT(local, remote);
}

TEST(BufferMemory, warns_but_never_bounds) {
  Machine machine = roomy();
  machine.tcp_mem = {10'000, 15'000, 20'000};
  const Finding found = finding(examine(machine, {.connections = 1'000'000}), "buffer_memory");
  EXPECT_EQ(found.level, Level::kWarn);
  EXPECT_EQ(found.allows, std::nullopt);
  EXPECT_EQ(found.command, "sysctl -w net.ipv4.tcp_mem='70000 105000 140000'");
  EXPECT_EQ(finding(examine(machine, {.connections = 10'000}), "buffer_memory").level, Level::kOk);
}

TEST(BufferMemory, is_not_raised_beyond_half_of_the_memory) {
  Machine machine = roomy();
  machine.tcp_mem = {10'000, 15'000, 20'000};
  machine.memory_total = 1'000'000'000;
  const Finding found = finding(examine(machine, {.connections = 1'000'000}), "buffer_memory");
  EXPECT_EQ(found.level, Level::kWarn);
  EXPECT_EQ(found.command, "");
}

TEST(ListenBacklog, concerns_loopback_alone) {
  EXPECT_EQ(finding(examine(roomy(), {.connections = 100'000}), "listen_backlog").level, Level::kOk);
  const Finding found = finding(examine(roomy(), {.connections = 100'000, .loopback = true}), "listen_backlog");
  EXPECT_EQ(found.level, Level::kWarn);
  EXPECT_EQ(found.command, "sysctl -w net.core.somaxconn=113000");
  EXPECT_EQ(finding(examine(roomy(), {.connections = 5000, .loopback = true}), "listen_backlog").fix->value, "65535");
}

TEST(PacketBacklog, a_rare_loss_is_harmless_a_common_one_is_not) {
  Machine machine = roomy();
  machine.netdev_passed = 10'000'000;
  machine.netdev_dropped = 100;
  EXPECT_EQ(finding(examine(machine, {}), "packet_backlog").level, Level::kOk);
  machine.netdev_dropped = 101;
  EXPECT_EQ(finding(examine(machine, {}), "packet_backlog").command, "sysctl -w net.core.netdev_max_backlog=16384");
}

TEST(TimeWaitAndOrphans, warn_when_three_quarters_are_used) {
  Machine machine = roomy();
  machine.tw_buckets = 1000;
  machine.time_wait = 750;
  machine.orphans_max = 1000;
  machine.orphans = 750;
  EXPECT_EQ(finding(examine(machine, {}), "time_wait").level, Level::kOk);
  EXPECT_EQ(finding(examine(machine, {}), "orphans").level, Level::kOk);
  machine.time_wait = 751;
  machine.orphans = 751;
  EXPECT_EQ(finding(examine(machine, {}), "time_wait").command, "sysctl -w net.ipv4.tcp_max_tw_buckets=3000");
  EXPECT_EQ(finding(examine(machine, {}), "orphans").command, "sysctl -w net.ipv4.tcp_max_orphans=3000");
}

TEST(IoUring, its_absence_matters_when_descriptors_run_out_or_it_was_asked_for) {
  Machine machine = without_uring(roomy());
  EXPECT_EQ(finding(examine(machine, {}), "io_uring").level, Level::kOk);
  EXPECT_EQ(finding(examine(machine, {.engine = io::Engine::kUring}), "io_uring").level, Level::kWarn);
  machine.descriptors = ProcessLimit{.soft = 1024, .hard = 1024};
  const Finding found = finding(examine(machine, {}), "io_uring");
  EXPECT_EQ(found.level, Level::kWarn);
  EXPECT_NE(found.explanation.find("seccomp"), std::string::npos) << found.explanation;
}

TEST(IoUring, the_sysctl_that_forbids_it_is_named_but_not_a_fix) {
  Machine machine = without_uring(roomy());
  machine.root = false;
  machine.io_uring_disabled = 2;
  const Finding found = finding(examine(machine, {}), "io_uring");
  EXPECT_EQ(found.command, "sudo sysctl -w kernel.io_uring_disabled=0");
  EXPECT_FALSE(found.fix);
}

TEST(IoUring, each_feature_says_what_it_is_used_for_and_which_kernel_brings_it) {
  Machine machine = roomy();
  machine.uring.fd_install = false;
  const EngineAdvice advice = examine(machine, {}).engine;
  EXPECT_TRUE(advice.usable);
  ASSERT_EQ(advice.features.size(), 6U);
  for (const EngineFeature& feature : advice.features) {
    EXPECT_FALSE(feature.use.empty());
    EXPECT_FALSE(feature.since.empty());
    EXPECT_EQ(feature.present, feature.name != "fd_install");
  }
  machine.uring.buffer_rings = false;
  EXPECT_FALSE(examine(machine, {}).engine.usable);
  EXPECT_NE(examine(machine, {}).engine.why_not, "");
}

TEST(Processors, a_quota_below_the_processors_is_a_warning) {
  Machine machine = roomy();
  machine.cpu_quota = 2.0;
  EXPECT_EQ(finding(examine(machine, {}), "processors").level, Level::kOk);
  machine.cpu_quota = 0.5;
  EXPECT_EQ(finding(examine(machine, {}), "processors").level, Level::kWarn);
}

TEST(ClockSource, a_slow_one_is_replaced_by_tsc_where_that_is_offered) {
  Machine machine = roomy();
  machine.clocksource = "hpet";
  EXPECT_EQ(finding(examine(machine, {}), "clock_source").level, Level::kWarn);
  EXPECT_EQ(finding(examine(machine, {}), "clock_source").command, "");
  machine.tsc_offered = true;
  EXPECT_NE(finding(examine(machine, {}), "clock_source").command.find("echo tsc"), std::string::npos);
}

TEST(Examine, what_is_hidden_is_unknown_and_bounds_nothing) {
  const Report report = examine(Machine{}, {.connections = 1000});
  EXPECT_EQ(report.capacity.connections, std::nullopt);
  EXPECT_EQ(report.capacity.bound_by, "");
  for (const char* name : {"descriptors", "nr_open", "open_files", "epoll_watches", "ports", "memory", "time_wait",
                           "orphans", "buffer_memory", "socket_buffers", "listen_backlog", "syn_backlog",
                           "packet_backlog", "memlock", "map_count", "huge_pages", "clock_source", "capabilities"})
    EXPECT_EQ(finding(report, name).level, Level::kUnknown) << name;
}

TEST(Examine, the_largest_numbers_do_not_overflow) {
  Machine machine = roomy();
  machine.descriptors = ProcessLimit{.soft = UINT64_MAX, .hard = UINT64_MAX};
  machine.file_max = UINT64_MAX;
  machine.memory_available = UINT64_MAX;
  machine.tcp_mem = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
  const Report report =
      examine(machine, {.connections = UINT64_MAX, .loopback = true, .destinations = UINT64_MAX, .sources = 3});
  EXPECT_EQ(report.capacity.bound_by, "memory");
  EXPECT_EQ(finding(report, "ports").allows, UINT64_MAX);
}

TEST(Foresee, says_nothing_when_all_fits) {
  const Need need{.connections = 30'000, .destinations = 1};
  EXPECT_TRUE(foresee(examine(roomy(), need), need).empty());
}

TEST(Foresee, ports_that_run_out_are_told_with_their_number_and_command) {
  Machine machine = roomy();
  machine.ports = PortRange{.first = 32768, .last = 60999};
  const Need need{.connections = 100'000, .destinations = 1};
  const std::vector<std::string> lines = foresee(examine(machine, need), need);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(
      lines[0],
      "100000 connections from 1 address to 1 destination need as many source ports; there are 28232, so 71768 will "
      "wait or fail; sysctl -w net.ipv4.ip_local_port_range='1024 65535'");
}

TEST(Foresee, more_than_half_of_the_ports_is_told_for_it_opens_slowly) {
  Machine machine = roomy();
  const Need need{.connections = 50'000, .destinations = 1};
  std::vector<std::string> lines = foresee(examine(machine, need), need);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("more than half of the 64512 source ports"), std::string::npos) << lines[0];
  machine.ports = PortRange{.first = 10'000, .last = 62'000};
  lines = foresee(examine(machine, need), need);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(lines[0].ends_with("; sysctl -w net.ipv4.ip_local_port_range='1024 65535'")) << lines[0];
}

TEST(Foresee, one_line_for_each_thing_that_will_go_wrong) {
  Machine machine = without_uring(roomy());
  machine.descriptors = ProcessLimit{.soft = 1024, .hard = 1024};
  machine.memory_available = 100'000'000;
  machine.conntrack_max = 1000;
  machine.conntrack_count = 10;
  machine.epoll_watches = 1000;
  machine.file_max = 3000;
  const Need need{.connections = 100'000, .loopback = true, .engine = io::Engine::kUring};
  const std::vector<std::string> lines = foresee(examine(machine, need), need);
  ASSERT_EQ(lines.size(), 7U) << "descriptors, open files, watches, conntrack, memory, backlog, io_uring";
  for (const std::string& line : lines) EXPECT_EQ(line.find('\n'), std::string::npos);
}

TEST(Foresee, descriptors_beyond_nr_open_take_both_commands) {
  const Need need{.connections = 4'000'000, .engine = io::Engine::kEpoll};
  const std::vector<std::string> lines = foresee(examine(roomy(), need), need);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(lines[0].ends_with("; sysctl -w fs.nr_open=2251000 && prlimit --pid $$ --nofile=2000032:2000032"))
      << lines[0];
}

}  // namespace
}  // namespace sonde::doctor
