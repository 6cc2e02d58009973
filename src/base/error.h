// What can go wrong while operating, as values. Three kinds, never mixed:
//  - a probe's outcome is data (results::Outcome), not an error;
//  - an operating error is an Error in a Result<T>: small, trivially copyable, made from errno in os/ and nowhere else;
//  - bad input from the user is an InputError: one line that says where, what, and what would be right.
// Nothing in src/ throws; exceptions of libraries are caught where the library is called.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <type_traits>
#include <utility>

namespace sonde {

enum class ErrorKind : std::uint8_t {
  kRefused,        // RST to a SYN, or ICMP port unreachable
  kReset,          // RST on an established connection
  kTimedOut,       // the kernel gave up (ETIMEDOUT)
  kUnreachable,    // no route, or ICMP unreachable
  kBrokenPipe,     // written to a connection or pipe whose reader is gone
  kNoDescriptors,  // EMFILE, ENFILE: this machine's fault
  kNoMemory,       // ENOMEM, ENOBUFS: this machine's fault
  kNoPorts,        // EADDRNOTAVAIL, EAGAIN on connect: this machine's fault
  kNotPermitted,   // EPERM, EACCES: this machine's policy
  kAddressInUse,
  kNoSpace,   // disk full, quota
  kNotFound,  // a file or directory that is not there
  kOther,     // see sys
};

// Operating error. `what` is a string literal that names the act ("socket", "open output").
struct Error {
  ErrorKind kind = ErrorKind::kOther;
  std::int32_t sys = 0;  // errno, 0 when there was none
  const char* what = "";
};
static_assert(std::is_trivially_copyable_v<Error>);

template <typename T = void>
using Result = std::expected<T, Error>;

// Bad usage or bad input: exit code 2, before anything is sent. `text` is the whole line, e.g.
// "targets.txt:17: '10.0.0.0/33' is not a prefix: the length after '/' must be 0 to 32".
struct InputError {
  std::string text;
};

template <typename T = void>
using Parsed = std::expected<T, InputError>;

inline std::unexpected<InputError> input_error(std::string text) {
  return std::unexpected<InputError>(InputError{std::move(text)});
}

}  // namespace sonde
