#include "os/stop_signals.h"

#include <unistd.h>

#include <atomic>
#include <csignal>

namespace sonde::os {
namespace {

std::atomic<int> g_signals{0};
std::atomic<int> g_exit_code{0};

void on_signal(int) {
  if (g_signals.fetch_add(1) > 0) _exit(g_exit_code);
}

}  // namespace

void catch_stop_signals(int exit_code) {
  g_signals = 0;
  g_exit_code = exit_code;
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
}

int stop_signals() { return g_signals; }

}  // namespace sonde::os
