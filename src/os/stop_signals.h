// SIGINT and SIGTERM as a request to stop: the first is counted, for the run's own thread to see; the next exits at
// once. SIGPIPE is ignored: a closed pipe is an error of write, not a death. Once a process.
#pragma once

namespace sonde::os {

// exit_code: what the second signal exits with.
void catch_stop_signals(int exit_code);
// How many came so far.
int stop_signals();

}  // namespace sonde::os
