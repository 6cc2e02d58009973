#include "engine/caching_resolver.h"

#include <algorithm>
#include <array>
#include <utility>

namespace sonde::engine {
namespace {

using results::Outcome;
using Kind = DnsAnswer::Kind;

NameFacts dns_error(const char* text) { return {.outcome = Outcome::kDnsError, .error = text}; }

NameFacts facts_of(Kind kind) {
  switch (kind) {
    case Kind::kNoName:
      return dns_error("no such name");
    case Kind::kNoData:
      return dns_error("the name has no address");
    case Kind::kServFail:
      return dns_error("the resolver failed (SERVFAIL)");
    case Kind::kRefused:
      return dns_error("the resolver refused");
    default:
      return dns_error("the resolver's answer could not be used");
  }
}

NameFacts silence() { return {.outcome = Outcome::kTimeout, .error = "no answer from the resolver"}; }

bool ends_with_domain(std::string_view host, std::string_view domain) {
  return host == domain ||
         (host.size() > domain.size() && host.ends_with(domain) && host[host.size() - domain.size() - 1] == '.');
}

// In lower case; without its last dot, unless that alone keeps it from the search list.
std::string canonical(std::string_view host) {
  std::string name(host);
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (name.ends_with('.') && !name.ends_with("..") && name.find('.') + 1 < name.size()) name.pop_back();
  return name;
}

bool wants(IpVersion version, bool v4) { return version != (v4 ? IpVersion::k6 : IpVersion::k4); }

bool prefers_v4(IpVersion version) { return version == IpVersion::k4 || version == IpVersion::kPrefer4; }

std::uint16_t type_of(IpVersion version, bool second_family) {
  return prefers_v4(version) != second_family ? wire::dns_type::kA : wire::dns_type::kAaaa;
}

}  // namespace

CachingResolver::CachingResolver(CachingOptions options, HostTable hosts, std::unique_ptr<DnsTransport> transport,
                                 const io::Backend& clock)
    : options_(std::move(options)),
      hosts_(std::move(hosts)),
      transport_(std::move(transport)),
      clock_(clock),
      pool_(transport_->servers(), options_.per_server),
      cache_(options_.cached),
      wheel_(clock.now()),
      lookups_(kMostLookups) {}

// --- questions in ---

void CachingResolver::resolve(ConnectionId id, std::string_view host, std::optional<IpVersion> wanted) {
  const IpVersion version = wanted.value_or(options_.ip_version);
  std::string lower = canonical(host);
  std::string key = lower + static_cast<char>('0' + static_cast<int>(version));
  if (answer_at_once(id, lower, version, key)) return;
  const Waiter waiter{.id = id, .until = now() + options_.timeout};
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    lookups_[found->second].waiters.push_back(waiter);
    return;
  }
  const std::uint32_t index = lookups_.acquire();
  if (index == memory::Slab<Lookup>::kNone) {
    answer(id, {.outcome = Outcome::kLocalError, .error = "too many names wait for the resolver"});
    return;
  }
  Lookup& lookup = lookups_[index];
  lookup.index = index;
  lookup.live = true;
  lookup.host = std::move(lower);
  lookup.key = std::move(key);
  lookup.wanted = version;
  lookup.waiters.push_back(waiter);
  lookup.until = waiter.until;
  lookup.candidate = lookup.host.find('.') == std::string::npos ? 0 : options_.search.size();
  lookup.asked = false;
  lookup.nodata = false;
  lookup.found.clear();
  lookup.ttl_s = kLongestTtl;
  by_key_.emplace(lookup.key, index);
  ask_candidate(lookup);
}

// What needs no question: an address for a name, /etc/hosts, the names that are never asked for, what is known.
bool CachingResolver::answer_at_once(ConnectionId id, const std::string& host, IpVersion wanted,
                                     const std::string& key) {
  if (const std::optional<IpAddress> literal = parse_ip(host)) {
    answer(id, {.addresses = {*literal}});
    return true;
  }
  if (const NameFacts facts = from_hosts(host, wanted); !facts.addresses.empty()) {
    answer(id, facts);
    return true;
  }
  if (ends_with_domain(host, "onion")) {  // RFC 7686, 2
    answer(id, facts_of(Kind::kNoName));
    return true;
  }
  if (const NameFacts* known = cache_.find(key, now())) {
    answer(id, *known);
    return true;
  }
  return false;
}

NameFacts CachingResolver::from_hosts(const std::string& host, IpVersion wanted) const {
  static constexpr std::array<IpAddress, 2> kLoopback = {IpAddress::v4(0x7f000001), IpAddress::v6(1)};
  std::span<const IpAddress> all = hosts_.find(host);
  if (all.empty() && ends_with_domain(host, "localhost")) all = kLoopback;  // RFC 6761, 6.3
  NameFacts facts;
  const bool v4_first = prefers_v4(wanted);
  for (const bool v4 : {v4_first, !v4_first})
    for (const IpAddress& address : all)
      if (address.is_v4() == v4 && wants(wanted, v4) && facts.addresses.size() < kMostAddresses)
        facts.addresses.push_back(address);
  return facts;
}

// --- questions out ---

// Asks for the present candidate, or the first behind it that is a name at all.
void CachingResolver::ask_candidate(Lookup& lookup) {
  for (; lookup.candidate <= options_.search.size(); ++lookup.candidate) {
    if (!name_candidate(lookup)) continue;
    lookup.asked = true;
    lookup.second_family = false;
    ask(lookup);
    return;
  }
  if (!lookup.asked) {
    conclude(lookup, dns_error("not a name that DNS can hold"), 0);
  } else {
    conclude(lookup, facts_of(lookup.nodata ? Kind::kNoData : Kind::kNoName), Nanos{lookup.ttl_s} * kSecond);
  }
}

bool CachingResolver::name_candidate(Lookup& lookup) const {
  const std::size_t count = options_.search.size();
  const std::optional<wire::DnsName> name = wire::DnsName::from_text(
      lookup.candidate < count ? lookup.host + "." + options_.search[lookup.candidate] : lookup.host);
  if (!name || name->is_root()) return false;
  lookup.name = *name;
  lookup.aliases = 0;
  return true;
}

void CachingResolver::ask(Lookup& lookup) {
  ++lookup.round;
  lookup.repeated = false;
  lookup.sends = 0;
  lookup.outstanding = 0;
  lookup.failure.reset();
  send(lookup, false);
}

// Sends the question to the next server, or lets it wait for one; in_turn: it has waited. The timer wakes the look-up,
// to send once more or to give up.
void CachingResolver::send(Lookup& lookup, bool in_turn) {
  std::optional<std::uint32_t> server;
  if (in_turn || waiting_.empty()) server = pool_.take(now(), std::span(lookup.servers).first(lookup.sends));
  if (server) {
    lookup.servers[lookup.sends++] = *server;
    ++lookup.outstanding;
    transport_->ask({.lookup = lookup.index, .round = lookup.round}, *server, lookup.name,
                    type_of(lookup.wanted, lookup.second_family));
  } else if (lookup.outstanding == 0 && !lookup.queued) {
    lookup.queued = true;
    waiting_.push_back(lookup.index);
  }
  const bool once_more = !lookup.queued && !lookup.repeated && lookup.sends < kMostSends;
  wheel_.arm(lookup, once_more ? std::min(now() + options_.timeout / 3, lookup.until) : lookup.until);
}

// Sends what waits, as far as servers have room. An entry may be of a look-up that has ended, or was sent meanwhile.
void CachingResolver::pump() {
  while (!waiting_.empty() && pool_.outstanding() < pool_.limit()) {
    Lookup& lookup = lookups_[waiting_.front()];
    waiting_.pop_front();
    if (std::exchange(lookup.queued, false)) send(lookup, true);
  }
}

// --- answers in ---

void CachingResolver::take_replies() {
  // A reply may make another question, which may fail at once: as often as one look-up may ask.
  for (std::span<const DnsReply> replies = transport_->take_replies(); !replies.empty();
       replies = transport_->take_replies())
    for (const DnsReply& reply : replies) on_reply(reply);
}

void CachingResolver::on_reply(const DnsReply& reply) {
  pool_.give(reply.server);
  if (reply.delivery == DnsDelivery::kAnswered) pool_.answered(reply.server);
  if (reply.delivery == DnsDelivery::kUnreachable) pool_.overdue(reply.server, now());
  Lookup& lookup = lookups_[reply.ticket.lookup];
  if (!lookup.live || lookup.round != reply.ticket.round) return;
  --lookup.outstanding;
  switch (reply.delivery) {
    case DnsDelivery::kAnswered:
      on_answer(lookup, read_dns_answer(reply.message, lookup.name, type_of(lookup.wanted, lookup.second_family)));
      return;
    case DnsDelivery::kUnreachable:
      on_failure(lookup, {.outcome = Outcome::kLocalError, .error = "no resolver can be reached"});
      return;
    case DnsDelivery::kSilent:
      return;  // the look-up's own timer has acted, or will
  }
}

void CachingResolver::on_answer(Lookup& lookup, const DnsAnswer& answer) {
  switch (answer.kind) {
    case Kind::kAddresses: {
      if (keep_first_family(lookup, answer)) return;
      const auto first = answer.addresses.begin();
      conclude(lookup, {.addresses = {first, first + static_cast<std::ptrdiff_t>(answer.count)}},
               Nanos{std::min(lookup.ttl_s, answer.ttl_s)} * kSecond);
      return;
    }
    case Kind::kAlias:
      lookup.aliases += answer.aliases;
      lookup.ttl_s = std::min(lookup.ttl_s, answer.ttl_s);
      if (lookup.aliases > kMostAliases) {
        conclude(lookup, facts_of(Kind::kUnusable), kFailureKept);
        return;
      }
      lookup.name = answer.alias;
      ask(lookup);
      return;
    case Kind::kNoData:
    case Kind::kNoName:
      lookup.ttl_s = std::min(lookup.ttl_s, answer.ttl_s);
      on_nothing(lookup, answer.kind == Kind::kNoName);
      return;
    default:
      on_failure(lookup, facts_of(answer.kind));
  }
}

// True: the second family is asked for now.
bool CachingResolver::keep_first_family(Lookup& lookup, const DnsAnswer& answer) {
  if (!options_.both_families || lookup.second_family || !wants(lookup.wanted, true) || !wants(lookup.wanted, false) ||
      !name_candidate(lookup))
    return false;
  const std::size_t count = std::min(answer.count, kMostAddresses / 2);
  lookup.found.assign(answer.addresses.begin(), answer.addresses.begin() + static_cast<std::ptrdiff_t>(count));
  lookup.ttl_s = std::min(lookup.ttl_s, answer.ttl_s);
  lookup.until = std::min(lookup.until, now() + kSecondFamilyWait);
  lookup.second_family = true;
  ask(lookup);
  return true;
}

// There is no address of this family; and none of the other where there is no such name.
void CachingResolver::on_nothing(Lookup& lookup, bool no_name) {
  if (!lookup.found.empty()) {
    conclude(lookup, {}, Nanos{lookup.ttl_s} * kSecond);
    return;
  }
  if (!no_name) lookup.nodata = true;
  if (!no_name && !lookup.second_family && wants(lookup.wanted, true) && wants(lookup.wanted, false) &&
      name_candidate(lookup)) {
    lookup.second_family = true;
    ask(lookup);
    return;
  }
  ++lookup.candidate;
  ask_candidate(lookup);
}

// A server could not tell: the next is asked at once. When there is none and no answer is awaited, that is the end.
void CachingResolver::on_failure(Lookup& lookup, const NameFacts& failure) {
  // What a server said tells more than that another was not reached.
  if (!lookup.failure || failure.outcome == Outcome::kDnsError) lookup.failure = failure;
  const auto tried = std::span(lookup.servers).first(lookup.sends);
  std::size_t distinct = 0;
  for (std::size_t i = 0; i < tried.size(); ++i)
    distinct += std::ranges::count(tried.first(i), tried[i]) == 0 ? 1U : 0U;
  if (distinct < pool_.size() && lookup.sends < kMostSends) {
    send(lookup, false);
  } else if (lookup.outstanding == 0 || pool_.size() == 1) {
    const NameFacts facts = *lookup.failure;
    conclude(lookup, facts, facts.outcome == Outcome::kDnsError ? kFailureKept : 0);
  }
}

void CachingResolver::expire() {
  while (TimerNode* node = wheel_.pop_expired(now())) {
    auto& lookup = static_cast<Lookup&>(*node);
    const bool silent = !lookup.queued && lookup.outstanding > 0;
    if (silent) pool_.overdue(lookup.servers[lookup.sends - 1], now());
    if (now() < lookup.until && !lookup.repeated) {
      lookup.repeated = true;
      send(lookup, false);
    } else {
      give_up(lookup);
    }
  }
}

// Those whose time is over are told; for those who came later it is asked anew.
void CachingResolver::give_up(Lookup& lookup) {
  const NameFacts facts = lookup.failure.value_or(silence());
  if (!lookup.found.empty()) {
    conclude(lookup, facts, kFailureKept);
    return;
  }
  std::vector<Waiter> later;
  for (const Waiter& waiter : lookup.waiters) {
    if (waiter.until <= now()) {
      answer(waiter.id, facts);
    } else {
      later.push_back(waiter);
    }
  }
  lookup.waiters.swap(later);
  if (lookup.waiters.empty()) {
    conclude(lookup, facts, 0);
    return;
  }
  lookup.until = std::ranges::max(lookup.waiters, {}, &Waiter::until).until;
  lookup.queued = false;
  ask(lookup);
}

// Everyone who waits is told, and it is kept for `kept`. Where the first family was found, `last` is of the second.
void CachingResolver::conclude(Lookup& lookup, const NameFacts& last, Nanos kept) {
  NameFacts facts = last;
  if (!lookup.found.empty()) {
    facts = {.addresses = std::exchange(lookup.found, {})};
    const std::size_t room = std::min(kMostAddresses - facts.addresses.size(), last.addresses.size());
    facts.addresses.insert(facts.addresses.end(), last.addresses.begin(),
                           last.addresses.begin() + static_cast<std::ptrdiff_t>(room));
  }
  for (const Waiter& waiter : lookup.waiters) answer(waiter.id, facts);
  cache_.put(lookup.key, facts, now(), now() + kept);
  by_key_.erase(lookup.key);
  wheel_.cancel(lookup);
  lookup.waiters.clear();
  lookup.live = false;
  lookup.queued = false;
  ++lookup.round;  // what is on its way still is of no more use
  lookups_.release(lookup.index);
}

void CachingResolver::answer(ConnectionId id, const NameFacts& facts) {
  answers_.push_back({.resolved = {.id = id, .outcome = facts.outcome, .error = facts.error},
                      .first = addresses_.size(),
                      .count = facts.addresses.size()});
  addresses_.insert(addresses_.end(), facts.addresses.begin(), facts.addresses.end());
}

// --- as a resolver ---

void CachingResolver::on_descriptor(int fd, bool readable, bool writable) {
  transport_->on_descriptor(fd, readable, writable);
  take_replies();
  pump();
}

void CachingResolver::on_time() {
  transport_->on_time(now());
  take_replies();
  expire();
  pump();
}

Nanos CachingResolver::next_time(Nanos now) const {
  if (!answers_.empty()) return now;
  return std::min(wheel_.next_due(), transport_->next_time(now));
}

std::span<const Resolved> CachingResolver::take_answers() {
  taken_.clear();
  taken_addresses_.swap(addresses_);
  addresses_.clear();
  for (Answer& answer : answers_) {
    answer.resolved.addresses = std::span(taken_addresses_).subspan(answer.first, answer.count);
    if (answer.count > 0) answer.resolved.address = answer.resolved.addresses.front();
    taken_.push_back(answer.resolved);
  }
  answers_.clear();
  return taken_;
}

}  // namespace sonde::engine
