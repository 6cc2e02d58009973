// The findings, one function each; report.cc puts them in order. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "doctor/report.h"

namespace sonde::doctor {

// What the functions judge by.
struct Case {
  const Machine& machine;
  Need need;
  std::uint64_t goal = 0;  // connections at once
  bool uring = false;      // io_uring carries them

  std::uint32_t workers() const { return machine.cpus; }
};

// --- that bound the number of connections (bounds.cc)
Finding descriptors(const Case& the);
Finding nr_open(const Case& the);
Finding open_files(const Case& the);
Finding epoll_watches(const Case& the);
Finding ports(const Case& the);
Finding conntrack(const Case& the);
Finding memory(const Case& the);

// Bytes of memory that one idle connection takes, kernel and user together.
std::uint64_t bytes_per_connection(bool loopback, bool uring);
// What the memory carries; absent where it is hidden.
Reading memory_carries(const Machine& machine, bool loopback, bool uring);

// --- that do not (circumstances.cc)
Finding time_wait(const Case& the);
Finding orphans(const Case& the);
Finding buffer_memory(const Case& the);
Finding socket_buffers(const Case& the);
Finding listen_backlog(const Case& the);
Finding syn_backlog(const Case& the);
Finding packet_backlog(const Case& the);
Finding memlock(const Case& the);
Finding map_count(const Case& the);
Finding huge_pages(const Case& the);
Finding io_uring(const Case& the);
Finding processors(const Case& the);
Finding clock_source(const Case& the);
Finding capabilities(const Case& the);

// --- shared by both (report.cc)
// A finding about something that could not be read; `path` is where it would stand.
Finding hidden(std::string_view name, std::string_view path);
// Sets the level by the goal, and the command and fix that lead there, when it allows less.
void judge(Finding& finding, const Case& the, Fix fix);
// `sysctl -w key=value`, with sudo for those who need it.
std::string sysctl_command(const Machine& machine, const Fix& fix);
// n and an eighth more, in whole thousands: what to raise a limit to.
std::uint64_t with_room(std::uint64_t n);
std::uint64_t add(std::uint64_t a, std::uint64_t b);       // UINT64_MAX instead of an overflow
std::uint64_t multiply(std::uint64_t a, std::uint64_t b);  // likewise
std::string grouped(std::uint64_t n);                      // "2,466,177"; "unlimited" for UINT64_MAX
std::string in_bytes(std::uint64_t bytes);                 // "24.7 GB", powers of 1000

}  // namespace sonde::doctor
