#include "os/respawn.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "os/error.h"

namespace sonde::os {
namespace {

constexpr std::size_t kMostArguments = 1 << 20;  // bytes of all of them

// As a shell finds it.
std::string found_in_path(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string_view left = path == nullptr ? "" : path;
  while (!left.empty()) {
    const std::size_t end = left.find(':');
    std::string candidate = std::string(left.substr(0, end)) + "/" + name;
    if (candidate.front() == '/' && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
  }
  return "";
}

std::vector<std::string> environment_with(const EnvironmentChanges& changes) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    if (!std::ranges::any_of(changes, [&](const auto& change) { return change.first == name; })) all.emplace_back(text);
  }
  for (const auto& [name, value] : changes)
    if (!value.empty()) all.emplace_back(name).append("=").append(value);
  return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Result<Program> own_program() {
  auto bytes = read_file("/proc/self/cmdline", kMostArguments);
  if (!bytes) return std::unexpected(bytes.error());
  Program program;
  for (std::string_view left = *bytes; !left.empty();) {
    const std::size_t end = left.find('\0');
    program.arguments.emplace_back(left.substr(0, end));
    left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
  }
  if (program.arguments.empty()) return std::unexpected(error_from(ENOENT, "own name"));
  const std::string& name = program.arguments.front();
  std::error_code error;
  if (name.find('/') != std::string::npos) {
    program.path = std::filesystem::absolute(name, error).lexically_normal();
  } else {
    program.path = found_in_path(name);
  }
  // Started by a name that says nothing.
  if (program.path.empty() || ::access(program.path.c_str(), X_OK) != 0)
    program.path = std::filesystem::read_symlink("/proc/self/exe", error);
  if (program.path.empty()) return std::unexpected(error_from(ENOENT, "own program"));
  return program;
}

Result<Child> Child::start(const Program& program, int descriptor, const EnvironmentChanges& changes) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  // Also where both are the same it is left open in the child.
  posix_spawn_file_actions_adddup2(&actions, descriptor, kDescriptor);
  sigset_t none, pipe;
  sigemptyset(&none);
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &pipe);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<std::string> arguments = program.arguments, environment = environment_with(changes);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, program.path.c_str(), &actions, &attributes, pointers_to(arguments).data(),
                                  pointers_to(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return std::unexpected(error_from(error, "start"));
  return Child(pid);
}

Child::~Child() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace sonde::os
