// Starting the own program once more, as a child: for a successor that takes over.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "os/fd.h"

namespace sonde::os {

struct Program {
  std::string path;  // absolute; links in it are followed when it is started, so that they may point elsewhere by then
  std::vector<std::string> arguments;  // the first is its name
};

// What this process was started as. To be asked at the start: a relative path is taken from the working directory.
Result<Program> own_program();

// What a child has for its own of the environment: a value of none takes the variable away.
using EnvironmentChanges = std::vector<std::pair<std::string, std::string>>;

// A child that is killed and reaped with this object, unless it was let go.
class Child {
 public:
  static constexpr int kDescriptor = 3;  // what `descriptor` is called in the child

  // The child has the environment of this process with `changes`, standard input, output and error, and `descriptor`.
  static Result<Child> start(const Program& program, int descriptor, const EnvironmentChanges& changes);
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Child& operator=(Child&& other) noexcept {
    std::swap(pid_, other.pid_);
    return *this;
  }
  ~Child();

  pid_t pid() const { return pid_; }
  void let_go() { pid_ = -1; }

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  pid_t pid_ = -1;
};

}  // namespace sonde::os
