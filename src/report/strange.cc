#include "report/strange.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/top_counts.h"

namespace sonde::report {
namespace {

using results::Cause;
using results::Outcome;

constexpr std::uint64_t kCommonPort = 20;  // answers of a port before one of them can be called rare
constexpr std::uint64_t kRarePercent = 2;
constexpr std::int64_t kDayUs = 86'400'000'000;

struct Custom {
  std::uint16_t port;
  std::string_view service;  // as banner.protocol names it; "tls" where TLS comes first
};
// The ports that IANA and long use give to one service (Service Name and Transport Protocol Port Number Registry).
constexpr auto kCustoms = std::to_array<Custom>({
    {21, "ftp"},        {22, "ssh"},     {23, "telnet"},       {25, "smtp"},       {53, "dns"},     {80, "http"},
    {110, "pop3"},      {143, "imap"},   {389, "ldap"},        {443, "tls"},       {465, "tls"},    {587, "smtp"},
    {636, "tls"},       {853, "tls"},    {989, "tls"},         {990, "tls"},       {993, "tls"},    {995, "tls"},
    {1883, "mqtt"},     {3306, "mysql"}, {3389, "rdp"},        {5060, "sip"},      {5061, "tls"},   {5222, "xmpp"},
    {5432, "postgres"}, {5671, "tls"},   {5672, "amqp"},       {5900, "vnc"},      {6379, "redis"}, {8080, "http"},
    {8443, "tls"},      {8883, "tls"},   {11211, "memcached"}, {27017, "mongodb"},
});

static_assert(std::is_sorted(kCustoms.begin(), kCustoms.end(),
                             [](const Custom& a, const Custom& b) { return a.port < b.port; }));

// Empty: no custom.
std::string_view custom_of(std::uint16_t port) {
  const auto* const found =
      std::lower_bound(kCustoms.begin(), kCustoms.end(), port,
                       [](const Custom& custom, std::uint16_t wanted) { return custom.port < wanted; });
  return found != kCustoms.end() && found->port == port ? found->service : std::string_view();
}

bool is(std::uint8_t outcome, Outcome which) { return outcome == static_cast<std::uint8_t>(which); }

// What the record says that speaks there; empty: it does not.
std::string_view service_of(const RecordFacts& facts) {
  if (!facts.protocol.empty()) return facts.protocol == "unknown" ? std::string_view() : facts.protocol;
  if (facts.http_status != 0) return "http";
  if (!facts.tls_version.empty()) return "tls";
  return {};
}

// Outcomes of a target that took the connection.
bool failed_when_connected(std::uint8_t outcome) {
  return is(outcome, Outcome::kReset) || is(outcome, Outcome::kClosed) || is(outcome, Outcome::kTlsError) ||
         is(outcome, Outcome::kProtocolError);
}

}  // namespace

void StrangeTargets::note(Strange kind, std::uint64_t score, const RecordFacts& facts, std::string_view reason) {
  Kind& of = kinds_[static_cast<std::size_t>(kind)];
  ++of.count;
  if (of.examples.wants(score, facts.ip)) of.examples.add(name_target(facts, score, reason));
}

void StrangeTargets::add(const RecordFacts& facts) {
  if (facts.port != 0) add_sort(facts);
  if (!facts.suspect.empty())
    note(Strange::kSuspect, 0, facts,
         facts.suspect == "silent" ? "many of its ports are open, and mute to every hello"
                                   : "many of its ports answer with the same bytes");
  if (facts.cause == static_cast<std::uint8_t>(Cause::kZeroWindow))
    note(Strange::kStalled, 1, facts, "connected, then took no more bytes");
  if (facts.cause == static_cast<std::uint8_t>(Cause::kPartialReply))
    note(Strange::kStalled, 0, facts, "its reply stopped before it was whole");
  if (facts.tls_version == "SSL3" || facts.tls_version == "TLS1.0" || facts.tls_version == "TLS1.1")
    note(Strange::kOldTls, 0, facts, facts.tls_version);
  if (facts.has_certificate) add_certificate(facts);
}

void StrangeTargets::add_sort(const RecordFacts& facts) {
  const std::string_view service = service_of(facts);
  const bool is_tls = service == "tls" || !facts.tls_version.empty();
  const std::string_view custom = custom_of(facts.port);
  if (!service.empty() && !custom.empty() && service != custom && !is_tls && !(custom == "tls" && service == "http"))
    note(Strange::kOddPort, 0, facts, fmt::format("{} on a port of {}", cut(service, 32), custom));
  // A port without a custom is odd for TLS too, but for 8000 and up, where people put what they like.
  if (is_tls && custom != "tls" && (!custom.empty() || facts.port < 8000))
    note(Strange::kTlsOnOddPort, 0, facts,
         custom.empty() ? std::string("TLS on a port that is not known for it")
                        : fmt::format("TLS on a port of {}", custom));
  if (service.empty() && !failed_when_connected(facts.outcome)) return;
  const std::string_view sort = cut(service.empty() ? outcome_name(facts.outcome) : service, 32);
  auto found = sorts_.find(std::pair<std::uint16_t, std::string_view>(facts.port, sort));
  if (found == sorts_.end()) {
    if (sorts_.size() >= kMostSorts) return;
    found = sorts_
                .emplace(std::pair(facts.port, std::string(sort)),
                         Sort{.is_service = !service.empty(), .first = name_target(facts, 0, {})})
                .first;
  } else if (facts.ip <= found->second.first.ip) {
    found->second.first = std::min(name_target(facts, 0, {}), found->second.first, comes_before);
  }
  ++found->second.count;
}

void StrangeTargets::add_certificate(const RecordFacts& facts) {
  if (facts.expired) {
    const std::int64_t past = facts.ended_us - facts.not_after_us;
    const bool known = facts.ended_us != 0 && facts.not_after_us != 0 && past > 0;
    const std::uint64_t days = known ? static_cast<std::uint64_t>(past / kDayUs) : 0;
    note(Strange::kExpired, days, facts, known ? fmt::format("expired {} days before", days) : std::string("expired"));
  }
  if (facts.not_yet_valid) note(Strange::kNotYetValid, 0, facts, "not valid yet");
  if (facts.self_signed) note(Strange::kSelfSigned, 0, facts, "signed by its own key");
  // A scan of bare addresses asked for no name: there it says nothing that no certificate is for the address.
  if (facts.wrong_name && !facts.host.empty())
    note(Strange::kWrongName, 0, facts, "not for the name that was asked for");
}

void StrangeTargets::merge(const StrangeTargets& other) {
  for (std::size_t i = 0; i < kinds_.size(); ++i) {
    kinds_[i].count += other.kinds_[i].count;
    kinds_[i].examples.merge(other.kinds_[i].examples);
  }
  for (const auto& [key, sort] : other.sorts_) {
    const auto found = sorts_.find(key);
    if (found == sorts_.end()) {
      if (sorts_.size() < kMostSorts) sorts_.emplace(key, sort);
      continue;
    }
    found->second.count += sort.count;
    if (comes_before(sort.first, found->second.first)) found->second.first = sort.first;
  }
}

std::array<StrangeTargets::Kind, kStrangeNames.size()> StrangeTargets::kinds() const {
  std::array<Kind, kStrangeNames.size()> kinds = kinds_;
  Kind& rare = kinds[static_cast<std::size_t>(Strange::kRare)];
  for (auto first = sorts_.begin(); first != sorts_.end();) {
    const std::uint16_t port = first->first.first;
    const auto end = std::find_if(first, sorts_.end(), [port](const auto& entry) { return entry.first.first != port; });
    std::uint64_t all = 0;
    auto most = first;
    for (auto sort = first; sort != end; ++sort) {
      all += sort->second.count;
      if (sort->second.count > most->second.count) most = sort;
    }
    for (auto sort = first; all >= kCommonPort && sort != end; ++sort) {
      if (sort == most || sort->second.count > std::max<std::uint64_t>(1, all * kRarePercent / 100)) continue;
      rare.count += sort->second.count;
      NamedTarget target = sort->second.first;
      target.score = all / sort->second.count;
      target.reason = fmt::format("{}: {} of {} on this port, most are {}", sort->first.second, sort->second.count, all,
                                  most->first.second);
      rare.examples.add(std::move(target));
    }
    first = end;
  }
  return kinds;
}

std::string_view StrangeTargets::most_frequent(std::uint16_t port) const {
  const Sort* most = nullptr;
  std::string_view name;
  for (auto at = sorts_.lower_bound(std::pair(port, std::string_view())); at != sorts_.end() && at->first.first == port;
       ++at) {
    if (!at->second.is_service || (most != nullptr && at->second.count <= most->count)) continue;
    most = &at->second;
    name = at->first.second;
  }
  return name;
}

}  // namespace sonde::report
