// A survey asks one server the same thing in many ways: a ClientHello on a connection of its own each time, answered by
// a ServerHello, an alert, or nothing. What to ask next follows from the answers so far. Pure: no bytes are moved here,
// so a survey is tested against any model of a server. One a probe; the probe's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wire/tls_message.h"

namespace sonde::probes {

// The server's first word to a hello.
struct HelloAnswer {
  enum class Kind : std::uint8_t {
    kServerHello,
    kHelloRetry,  // RFC 8446, 4.1.4: `hello` tells the group that it asks for
    kAlert,
    kNothing,  // FIN, RST, silence until the deadline, or bytes that are no TLS
  };
  Kind kind = Kind::kNothing;
  wire::TlsServerHello hello;          // of kServerHello and kHelloRetry; borrowed for the call
  std::optional<std::uint16_t> curve;  // of the ServerKeyExchange behind it, where the survey wants that
  std::uint8_t alert = 0;              // of kAlert
  bool timed_out = false;              // of kNothing: silence
};

// What surveys found out. Absent (empty) is "not asked"; a set that was asked for and is empty is told by its flag.
struct SurveyResult {
  bool has_versions = false;
  std::vector<std::uint16_t> versions;  // ascending
  bool has_ciphers = false;
  // By version, ascending; suites in the server's order where it has one, else in the order of the registry.
  struct Ciphers {
    std::uint16_t version = 0;
    std::vector<std::uint16_t> suites;
    bool server_order = false;  // the server chooses by its own preference
  };
  std::vector<Ciphers> ciphers;
  bool has_groups = false;
  std::vector<std::uint16_t> groups;  // in the server's order where it has one
  std::string jarm;                   // 62 hex digits; empty: not asked, or void because of a timeout
  bool incomplete = false;            // a survey gave up: the server stopped answering
};

class Survey {
 public:
  virtual ~Survey() = default;
  // The next hello, a whole record; empty when nothing more is to be asked. `server_name` is empty for none; `nonce`
  // fills random and session id (64 bytes from the probe's generator).
  virtual std::vector<std::byte> next(std::string_view server_name, std::span<const std::byte, 64> nonce) = 0;
  // Whether the answer to it should be read on to the curve that the server chose (before TLS 1.3).
  virtual bool wants_curve() const { return false; }
  // What came back for it.
  virtual void take(const HelloAnswer& answer) = 0;
  virtual void add_to(SurveyResult& result) const = 0;
};

}  // namespace sonde::probes
