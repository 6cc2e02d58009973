// The resolver over a DNS transport. A look-up takes a name to its addresses: /etc/hosts, then DNS for one family and,
// if that is wanted and the name has none of it, the other; for a name without dots the search list; aliases that an
// answer leaves open. All who ask for one name meanwhile share its look-up. What is learned is kept for as long as it
// holds.
//
// A question that stays unanswered is asked once more, of the next server, after a third of the time that a name may
// take; an answer to either is taken. A server that cannot tell (SERVFAIL, REFUSED, unreachable) is followed by the
// next at once. A question for which no server has room waits in a queue, first come, first served.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/dns_answer.h"
#include "engine/dns_transport.h"
#include "engine/host_table.h"
#include "engine/name_cache.h"
#include "engine/resolver.h"
#include "engine/server_pool.h"
#include "engine/timer_wheel.h"
#include "io/backend.h"
#include "memory/slab.h"

namespace sonde::engine {

struct CachingOptions {
  IpVersion ip_version = IpVersion::kPrefer4;
  // Where both families are allowed, the other one is asked for too, and what comes of it within kSecondFamilyWait
  // stands behind the first: half of kMostAddresses at least is left for it.
  bool both_families = false;
  Nanos timeout = 2 * kSecond;                       // of one name
  std::uint32_t per_server = kOutstandingPerServer;  // questions outstanding at one server
  std::size_t cached = 131'072;                      // names; some 200 bytes each
  std::vector<std::string> search;                   // domains that names without dots are looked for in
};

class CachingResolver final : public Resolver {
 public:
  // clock: whose now() is the time; it outlives the resolver.
  CachingResolver(CachingOptions options, HostTable hosts, std::unique_ptr<DnsTransport> transport,
                  const io::Backend& clock);

  using Resolver::resolve;
  void resolve(ConnectionId id, std::string_view host, std::optional<IpVersion> wanted) override;
  bool full() const override { return !waiting_.empty() || pool_.outstanding() >= pool_.limit(); }
  void on_descriptor(int fd, bool readable, bool writable) override;
  void on_time() override;
  Nanos next_time(Nanos now) const override;
  std::span<const Resolved> take_answers() override;

 private:
  static constexpr std::size_t kMostSends = 4;  // of one question
  static constexpr Nanos kSecondFamilyWait = 250 * kMillisecond;
  static constexpr Nanos kFailureKept = kSecond;           // of a server that could not tell; silence is not kept
  static constexpr std::uint32_t kMostLookups = 1U << 20;  // beyond them a name ends in local_error

  struct Waiter {
    ConnectionId id;
    Nanos until;
  };
  struct Lookup : TimerNode {  // the node of its next act: to ask once more, or to give up
    std::uint32_t index = 0;
    std::uint32_t round = 0;  // of its questions, over all uses of the slot
    bool live = false;
    bool queued = false;  // in waiting_
    std::string host;     // in lower case
    std::string key;      // the host and the families that are wanted, as look-ups and what they find are known by
    IpVersion wanted = IpVersion::kPrefer4;
    std::vector<Waiter> waiters;
    Nanos until = 0;               // for the first of those who wait
    std::size_t candidate = 0;     // of the search list; the host as it is stands behind it
    bool asked = false;            // anything at all
    bool nodata = false;           // a candidate exists, without addresses
    std::uint32_t ttl_s = 0;       // of what was learned so far
    std::vector<IpAddress> found;  // of the first family, while the second is asked for

    // the present question
    wire::DnsName name;
    bool second_family = false;
    int aliases = 0;        // that led to the name
    bool repeated = false;  // because of silence
    std::size_t sends = 0;
    std::array<std::uint32_t, kMostSends> servers{};  // that it was sent to
    std::size_t outstanding = 0;                      // answers to it
    std::optional<NameFacts> failure;                 // of a server that could not tell
  };

  Nanos now() const { return clock_.now(); }
  bool answer_at_once(ConnectionId id, const std::string& host, IpVersion wanted, const std::string& key);
  NameFacts from_hosts(const std::string& host, IpVersion wanted) const;

  void ask_candidate(Lookup& lookup);
  bool name_candidate(Lookup& lookup) const;
  void ask(Lookup& lookup);
  void send(Lookup& lookup, bool in_turn);
  void pump();

  void take_replies();
  void on_reply(const DnsReply& reply);
  void on_answer(Lookup& lookup, const DnsAnswer& answer);
  bool keep_first_family(Lookup& lookup, const DnsAnswer& answer);
  void on_nothing(Lookup& lookup, bool no_name);
  void on_failure(Lookup& lookup, const NameFacts& failure);
  void expire();
  void give_up(Lookup& lookup);
  void conclude(Lookup& lookup, const NameFacts& last, Nanos kept);
  void answer(ConnectionId id, const NameFacts& facts);

  CachingOptions options_;
  HostTable hosts_;
  std::unique_ptr<DnsTransport> transport_;
  const io::Backend& clock_;
  ServerPool pool_;
  NameCache cache_;
  TimerWheel wheel_;
  memory::Slab<Lookup> lookups_;
  std::unordered_map<std::string_view, std::uint32_t> by_key_;  // keys borrow from lookups_
  std::deque<std::uint32_t> waiting_;

  struct Answer {
    Resolved resolved;
    std::size_t first = 0;  // of its addresses
    std::size_t count = 0;
  };
  std::vector<Answer> answers_;
  std::vector<IpAddress> addresses_;
  std::vector<Resolved> taken_;
  std::vector<IpAddress> taken_addresses_;
};

}  // namespace sonde::engine
