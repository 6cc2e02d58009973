// A seeded population of hosts: which role a (address, port) plays and what that role does on the wire, as a script of
// acts. Pure: the simulator (io/sim_backend) and the loopback world (world/) play the same scripts, so one scenario
// table has the same verdicts on both, and a scan can be compared with the truth. Immutable after construction, any
// thread may read.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/ip_address.h"
#include "base/time.h"

namespace sonde::population {

// What a SYN meets. Of datagrams: what the first one meets (kRefuse: an ICMP error, port unreachable).
enum class Arrival : std::uint8_t { kAccept, kRefuse, kSilent, kUnreachable /* simulator only */ };

// One act of the server's side after the handshake, in order. When the script ends the server reads and discards until
// the peer is gone. Of datagrams each kSend is one, each kAwait takes one, and a script that begins with a kAwait
// begins again when it ends.
struct Act {
  enum class Kind : std::uint8_t {
    kSend,    // send `bytes`
    kAwait,   // wait until at least `count` bytes came from the client since the last kAwait (or start)
    kPause,   // wait `pause`
    kClose,   // FIN after what was sent
    kReset,   // RST
    kDeafen,  // from here on nothing of the client's arrives, so nothing is acknowledged: as when the host has vanished
    // Simulator only: send what `reply` makes of the datagram that the last kAwait took; of a stream, of all that came.
    kReply,
  };
  Kind kind = Kind::kSend;
  std::string_view bytes;  // static storage
  std::uint32_t count = 0;
  Nanos pause = 0;
  std::string (*reply)(std::string_view request) = nullptr;
};

// What a probe must find, in the contract's words ("success", "refused", …; protocol "ssh", …). Empty: does not apply.
struct Expectation {
  std::string_view outcome;
  std::string_view phase;
  // banner: what it speaks; tls: the version, as the lean engine finds it; http: the version, or what it speaks
  // instead.
  std::string_view protocol;
  std::string_view text;   // banner: the record's banner.text, escapes included; http: the status
  std::string_view cause;  // of a timeout
};

struct Role {
  std::string_view name;  // "ssh", "refused", "silent", "reset_mid_banner", …
  std::string_view help;  // one line
  Arrival arrival = Arrival::kAccept;
  std::span<const Act> script;
  Expectation tcp;          // with --probe tcp
  Expectation banner;       // with --probe banner
  Expectation tls;          // with --probe tls
  Expectation http;         // with --probe http, in the clear
  Expectation datagrams{};  // of datagram_roles(), instead: with the probe that the role is made for
};

// Every role there is; static storage. find_role returns nullptr for an unknown name.
std::span<const Role> roles();
const Role* find_role(std::string_view name);
// The roles of those that are asked by datagrams (the simulator's alone): "echo…" for --probe icmp, "dns…" for --probe
// dns, "no_…" for both.
std::span<const Role> datagram_roles();

// Shares of roles. Text form: "ssh=2,http=3,silent=1,refused=94" (weights, any positive sum) and the named mixes that
// mix_help() lists ("default", "open", "quiet", …). Unknown role or malformed weight: InputError that suggests the
// nearest.
struct Mix {
  std::vector<std::pair<const Role*, std::uint32_t>> weights;
};
Parsed<Mix> parse_mix(std::string_view text);
std::string mix_help();  // the named mixes, a line each

class Population {
 public:
  Population(Mix mix, std::uint64_t seed);
  // The role of an endpoint: a pure function of (mix, seed, endpoint), same on every machine.
  const Role& role_of(const Endpoint& endpoint) const;
  // True when some endpoint can have that arrival.
  bool has(Arrival arrival) const;
  const Mix& mix() const { return mix_; }

 private:
  Mix mix_;
  std::uint64_t seed_;
  std::uint64_t total_ = 0;
};

}  // namespace sonde::population
