// Why a probe timed out: read from what the engine saw and what the kernel knew of the connection. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "io/backend.h"
#include "results/outcome.h"

namespace sonde::engine {

// Whose connections the kernel is asked about (--tcp-info). It costs system calls, so by default only where a cause is
// missing.
enum class TcpInfoUse : std::uint8_t {
  kAll,       // of every probe that had a connection, and of every timeout
  kTimeouts,  // of timeouts
  kNone,      // of none: the cause is told only where it follows without
};

// The cause of a timeout in `phase`. received: any byte came; sent: anything was written before that. info is nothing
// where the kernel was not asked or could not say; the cause is kNone then, unless it follows from the rest.
results::Cause cause_of(results::Phase phase, bool received, bool sent, const std::optional<io::TcpInfo>& info);

// A short text for the record; "" for kNone.
const char* describe(results::Cause cause);

// True where the kernel knows better than any probe can, so that its text replaces the probe's own.
bool outweighs_probe(results::Cause cause);

}  // namespace sonde::engine
