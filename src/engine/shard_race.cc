// Happy eyeballs (RFC 8305, simplified): a name with several addresses is tried at the next one when the one before has
// not connected within a quarter of a second, or at once when it cannot connect. The first that connects goes on as the
// probe's connection, the others are closed without a word.
//
// All that try are connections like any other: they wait for rate and limits, take slots, have deadlines. One of them
// is the leader, which has what there is once (the target's texts, a probe that goes on, the race) and is what is
// counted and recorded; the others, its rivals, know it by its id. A leader that cannot connect hands the lead to a
// rival. When nobody is left, but an address is, the attempt is queued as a new start.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "engine/shard.h"

namespace sonde::engine {

using results::Outcome;
using results::Phase;

namespace {

constexpr Nanos kStagger = 250 * kMillisecond;  // RFC 8305, 5

// How much a failure tells of the host: a port that is closed is known to be so; an address family that this machine
// has no route for is unreachable whatever the host does.
int weight(Outcome outcome) {
  switch (outcome) {
    case Outcome::kRefused:
      return 4;
    case Outcome::kReset:
      return 3;
    case Outcome::kTimeout:
      return 2;
    case Outcome::kUnreachable:
      return 1;
    default:
      return 0;
  }
}

}  // namespace

// A race to those of `addresses` that may be touched: in their order, but the families alternate (RFC 8305, 4).
Race Shard::race_to(std::span<const IpAddress> addresses) const {
  Race race;
  std::vector<IpAddress> others;  // not of the family of the first
  std::vector<IpAddress>& alike = race.addresses;
  for (const IpAddress& address : addresses) {
    if (options_.is_excluded && options_.is_excluded(address)) continue;
    (alike.empty() || alike.front().is_v4() == address.is_v4() ? alike : others).push_back(address);
  }
  for (std::size_t i = 0; i < others.size(); ++i) {
    const std::size_t place = std::min(2 * i + 1, alike.size());
    alike.insert(alike.begin() + static_cast<std::ptrdiff_t>(place), others[i]);
  }
  return race;
}

bool Shard::racing(const Connection& connection) {
  const Companion* companion = connection.companion.get();
  return companion != nullptr && connection.probe == nullptr && connection.phase == Phase::kConnect &&
         (companion->follows() || (companion->race && !companion->race->over));
}

// One that does not try alone.
bool Shard::in_company(const Connection& connection) {
  const Companion* companion = connection.companion.get();
  return companion != nullptr && (companion->follows() || (companion->race && !companion->race->rivals.empty()));
}

Connection& Shard::leader_of(Connection& connection) {
  if (!connection.companion->follows()) return connection;
  Connection* leader = find(connection.companion->leader);
  SONDE_CHECK(leader != nullptr && leader->companion->race, "a rival has a leader");
  return *leader;
}

void Shard::hand_lead(Connection& from, Connection& to) {
  std::swap(from.companion, to.companion);
  Race& race = *to.companion->race;
  std::ranges::replace(race.rivals, to.id(), from.id());
  for (const ConnectionId& rival : race.rivals) find(rival)->companion->leader = to.id();
  to.wake_at = std::exchange(from.wake_at, kNever);
  arm(to);
}

// When the next address gets its turn, if there is one.
void Shard::await_turn(Connection& leader) const {
  const Race& race = *leader.companion->race;
  leader.wake_at = race.next < race.addresses.size() ? backend_.now() + kStagger : kNever;
}

// Takes rate and limits for one more connection, should there be room.
bool Shard::take_room(const IpAddress& address, std::uint8_t& pace_round) {
  const Nanos now = backend_.now();
  if (connections_.in_use() >= options_.concurrency || now < paused_until_) return false;
  if (Nanos ignored = kNever; at_ceiling(ignored)) return false;
  if (limits_.rate.ready_at(now) > now || !take_limits(address, pace_round)) return false;
  if (limits_.rate.take(now)) return true;
  give_limits(address, pace_round);
  return false;
}

// The next address gets its turn beside the others; where there is no room, when the turn after it comes.
void Shard::race_on(Connection& leader) {
  Race& race = *leader.companion->race;
  Start start;
  if (race.next < race.addresses.size() && !stopping_ && take_room(race.addresses[race.next], start.pace_round)) {
    start.target.position = leader.position;
    start.target.endpoint = {.address = race.addresses[race.next++], .port = leader.port};
    start.dns_us = leader.phase_us[static_cast<std::size_t>(Phase::kDns)];
    start.raced_us = elapsed_us(leader) - std::max(start.dns_us, 0);
    start.module = leader.module;
    start.attempts = leader.attempts;
    start.counted = true;
    start.leader = leader.id();
    const ConnectionId id = leader.id();
    launch(start);  // which may fail at once: then the next gets its turn, or all is over
    if (find(id) == nullptr) return;
  }
  await_turn(leader);
  arm(leader);
}

// REQUIRES: racing. It cannot connect, or not in time.
void Shard::fall_out(Connection& connection, const Step& verdict) {
  Connection& leader = leader_of(connection);
  Race& race = *leader.companion->race;
  if (!race.failure || weight(verdict.outcome) > weight(race.failure->outcome))
    race.failure = {.address = connection.address, .outcome = verdict.outcome, .error = verdict.error};
  const bool in_time = backend_.now() < total_deadline_of(connection);
  if (in_time && !race.rivals.empty()) {
    const bool led = &connection == &leader;
    Connection& stays = led ? *find(race.rivals.front()) : leader;
    if (led) hand_lead(connection, stays);
    close(connection);
    race_on(stays);
    return;
  }
  if (&connection != &leader) hand_lead(leader, connection);
  close_rivals(race);
  if (in_time && race.next < race.addresses.size() && !stopping_) {
    Start next = start_of(connection);
    next.target.endpoint.address = race.addresses[race.next++];
    next.raced_us = elapsed_us(connection) - std::max(next.dns_us, 0);
    close(connection);
    again_.push_front(std::move(next));
    return;
  }
  race.over = true;
  if (connection.limited) give_limits(connection.address, connection.pace_round);
  connection.limited = false;
  connection.address = race.failure->address;
  end(connection, race.failure->outcome, race.failure->error);
}

// It is connected: whoever tries beside it may leave.
void Shard::win(Connection& connection) {
  if (!racing(connection)) return;
  if (Connection& leader = leader_of(connection); &leader != &connection) hand_lead(leader, connection);
  close_rivals(*connection.companion->race);
  connection.companion->race.reset();
  connection.wake_at = kNever;
  // The phases do not add up to now where others came before: the read budget begins here all the same.
  connection.companion->read_start_us = elapsed_us(connection);
}

void Shard::close_rivals(Race& race) {
  for (const ConnectionId& id : std::exchange(race.rivals, {})) {
    Connection& rival = *find(id);
    rival.companion->leader = {};
    close(rival);
  }
}

// Of a connection that is closed.
void Shard::leave_race(const Connection& connection) {
  if (connection.companion->race) close_rivals(*connection.companion->race);
  if (!connection.companion->follows()) return;
  Connection* leader = find(connection.companion->leader);
  std::erase(leader->companion->race->rivals, connection.id());
}

// The same race from its beginning.
void Shard::rewind(Start& start) {
  start.target.endpoint.address = start.race->addresses.front();
  start.race = std::make_unique<Race>(Race{.addresses = std::move(start.race->addresses)});
  start.raced_us = 0;
}

}  // namespace sonde::engine
