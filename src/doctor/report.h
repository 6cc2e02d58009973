// What a machine carries in TCP connections, judged from its readings: each limit with its value, what it allows, and
// the command that lifts it. Pure: the same readings and the same need give the same report. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "doctor/machine.h"
#include "io/engine.h"

namespace sonde::doctor {

// What somebody is about to do. Without `connections` a machine is judged against what its memory carries, at most
// kBuiltFor.
struct Need {
  std::uint64_t connections = 0;   // at once; 0: none stated
  bool loopback = false;           // both ends are on this machine
  std::uint64_t destinations = 0;  // pairs of address and port; 0: so many that source ports do not bound
  std::uint64_t sources = 1;       // source addresses
  io::Engine engine = io::Engine::kAuto;
  bool descriptors_fit = false;  // the caller has seen to them: of descriptors there is nothing to foresee
};
inline constexpr std::uint64_t kBuiltFor = 1'000'000;

enum class Level : std::uint8_t {
  kOk,
  kLimits,   // allows less than is needed
  kWarn,     // does not bound the number, but something will go wrong or slowly
  kUnknown,  // could not be read
};
std::string_view to_string(Level level);  // "ok", "limits", "warn", "unknown"

// A sysctl and the value it should have at least; a port range: at most its first, at least its last.
struct Fix {
  std::string key;    // "net.core.somaxconn"
  std::string value;  // "65535", "1024 65535"
};

struct Finding {
  std::string name;   // stable, for programs: "descriptors"
  std::string value;  // as it is, for a person: "soft 1024, hard 20000"
  Reading allows;     // connections at once; absent: does not bound their number
  Level level = Level::kOk;
  std::string explanation;  // one sentence
  std::string command;      // lifts it, to be pasted into a shell; empty: nothing to do, or nothing that a command does
  std::optional<Fix> fix;   // the part of `command` that `--fix` can do
};

// Something that the kernel's io_uring has or lacks.
struct EngineFeature {
  std::string_view name;
  bool present = false;
  bool required = false;
  std::string_view since;  // the Linux that brought it
  std::string_view use;    // what sonde does with it, and without it
};

struct EngineAdvice {
  bool usable = false;
  std::string why_not;
  std::vector<EngineFeature> features;
  std::vector<std::string> used_when;
};

struct Capacity {
  Reading connections;   // at once; absent: nothing that bounds them could be read
  std::string bound_by;  // the finding's name
};

struct Report {
  std::vector<Finding> findings;
  Capacity capacity;
  EngineAdvice engine;
  std::string kernel;
  std::uint64_t goal = 0;  // what was judged against: Need's connections, or the default of it

  const Finding* find(std::string_view name) const;
};

Report examine(const Machine& machine, const Need& need);

}  // namespace sonde::doctor
