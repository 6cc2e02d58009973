// The roles of those that are asked by datagrams, as tables.
#include <algorithm>
#include <array>

#include "population/population.h"

namespace sonde::population {
namespace {

using enum Act::Kind;

constexpr Act kTake{.kind = kAwait, .count = 1};
constexpr Act pause(Nanos time) { return {.kind = kPause, .pause = time}; }
constexpr Act reply(std::string (*make)(std::string_view)) { return {.kind = kReply, .reply = make}; }

constexpr Expectation kFound{.outcome = "success", .phase = "done"};
constexpr Expectation kSilence{.outcome = "timeout", .phase = "first_byte"};
constexpr Expectation kNothingTrue{.outcome = "timeout", .phase = "read"};

// --- ICMP echo ---

// A request becomes its reply (RFC 792): another type, and the checksum anew (RFC 1071).
std::string echoed(std::string_view request) {
  std::string message(request);
  if (message.size() < 8) return message;
  message[0] = 0;
  message[2] = message[3] = 0;
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < message.size(); ++i)
    sum += static_cast<std::uint32_t>(static_cast<unsigned char>(message[i])) << (i % 2 == 0 ? 8 : 0);
  while (sum > 0xffff) sum = (sum >> 16) + (sum & 0xffff);
  message[2] = static_cast<char>(~sum >> 8);
  message[3] = static_cast<char>(~sum);
  return message;
}
std::string echoed_cut(std::string_view request) { return echoed(request.substr(0, 12)); }
std::string echoed_changed(std::string_view request) {
  std::string changed(request);
  changed[8] = static_cast<char>(changed[8] ^ 1);
  return echoed(changed);
}
std::string not_echoed(std::string_view) { return "pong"; }

constexpr std::array kEcho = {kTake, reply(echoed)};
constexpr std::array kEchoSlow = {kTake, pause(300 * kMillisecond), reply(echoed)};
constexpr std::array kEchoTwice = {kTake, reply(echoed), reply(echoed)};
constexpr std::array kEchoEverySecond = {kTake, kTake, reply(echoed)};
constexpr std::array kEchoCut = {kTake, reply(echoed_cut)};
constexpr std::array kEchoChanged = {kTake, reply(echoed_changed)};
constexpr std::array kEchoGarbage = {kTake, reply(not_echoed)};
constexpr std::array kEchoLate = {kTake, reply(not_echoed), pause(200 * kMillisecond), reply(echoed)};

// --- DNS (RFC 1035) ---

// Where the question of a query ends: behind its name, type and class.
std::size_t end_of_question(std::string_view query) {
  std::size_t at = 12;
  while (at < query.size() && query[at] != 0) at += 1 + static_cast<unsigned char>(query[at]);
  return at + 5;
}

// Over TCP a query comes behind its length: then its one question is counted there, where else the answers are, none.
bool is_framed(std::string_view query) { return query.size() > 7 && query[7] == 1; }

// An answer to a query: its header with these flags and this many records, its question, and `records`; behind its
// length, where the query was.
std::string answered(std::string_view query, std::uint16_t flags, char count, std::string_view records) {
  const bool framed = is_framed(query);
  if (framed) query.remove_prefix(2);
  if (query.size() < 17 || end_of_question(query) > query.size()) return "?";
  std::string message(query.substr(0, end_of_question(query)));
  message[2] = static_cast<char>(flags >> 8);
  message[3] = static_cast<char>(flags);
  message.replace(6, 6, std::string{0, count, 0, 0, 0, 0});
  message += records;
  if (!framed) return message;
  return std::string{static_cast<char>(message.size() >> 8), static_cast<char>(message.size())} + message;
}

constexpr std::string_view kAddress("\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1", 16);
constexpr std::uint16_t kNoError = 0x8180;
constexpr std::uint16_t kNxDomain = 0x8183;
constexpr std::uint16_t kCutFlags = 0x8380;

std::string found(std::string_view query) { return answered(query, kNoError, 1, kAddress); }
std::string not_found(std::string_view query) { return answered(query, kNxDomain, 0, {}); }
std::string not_understood(std::string_view query) {  // FORMERR, and not even the question
  std::string message = answered(query, 0x8181, 0, {}).substr(0, 12);
  message[5] = 0;
  return message;
}
std::string of_another(std::string_view query) {
  std::string message = found(query);
  message[1] = static_cast<char>(message[1] ^ 1);
  return message;
}
std::string about_another(std::string_view query) {
  std::string message = found(query);
  message[end_of_question(query) - 3] = 99;  // the type
  return message;
}
std::string looped(std::string_view query) {  // its first record is named by a pointer to itself
  std::string message = found(query);
  message[end_of_question(query) + 1] = static_cast<char>(end_of_question(query));
  return message;
}
std::string ended_early(std::string_view query) { return answered(query, kNoError, 1, kAddress.substr(0, 14)); }
std::string no_dns(std::string_view) { return "SSDP? pong"; }
// Cut over UDP, whole over TCP.
std::string cut_to_fit(std::string_view query) {
  return is_framed(query) ? found(query) : answered(query, kCutFlags, 0, {});
}
std::string cut_always(std::string_view query) { return is_framed(query) ? "" : answered(query, kCutFlags, 0, {}); }

constexpr std::array kDns = {kTake, reply(found)};
constexpr std::array kDnsNxDomain = {kTake, reply(not_found)};
constexpr std::array kDnsFormErr = {kTake, reply(not_understood)};
constexpr std::array kDnsThird = {kTake, kTake, kTake, reply(found)};
constexpr std::array kDnsWrongId = {kTake, reply(of_another)};
constexpr std::array kDnsWrongQuestion = {kTake, reply(about_another)};
constexpr std::array kDnsForged = {kTake, reply(of_another), pause(50 * kMillisecond), reply(found)};
constexpr std::array kDnsLoop = {kTake, reply(looped)};
constexpr std::array kDnsShort = {kTake, reply(ended_early)};
constexpr std::array kDnsGarbage = {kTake, reply(no_dns)};
constexpr std::array kDnsCut = {kTake, reply(cut_to_fit)};
constexpr std::array kDnsCutAlone = {kTake, reply(cut_always), Act{.kind = kClose}};

constexpr Expectation kBroken{.outcome = "protocol_error", .phase = "read"};

constexpr Role role(std::string_view name, std::string_view help, std::span<const Act> script, Expectation expected,
                    Arrival arrival = Arrival::kAccept) {
  return {.name = name,
          .help = help,
          .arrival = arrival,
          .script = script,
          .tcp = {},
          .banner = {},
          .tls = {},
          .datagrams = expected};
}

constexpr auto kRoles = std::to_array<Role>({
    role("no_answer", "drops what comes", {}, kSilence, Arrival::kSilent),
    role("no_host", "a router says that the host is not there", {}, {.outcome = "unreachable", .phase = "first_byte"},
         Arrival::kUnreachable),
    role("no_port", "a closed port", {}, {.outcome = "refused", .phase = "first_byte"}, Arrival::kRefuse),
    role("dns", "a name server", kDns, kFound),
    role("dns_nxdomain", "a name server that knows nothing", kDnsNxDomain, kFound),
    role("dns_formerr", "a name server that does not understand, and forgets the question", kDnsFormErr, kFound),
    role("dns_third", "a name server whose first two answers get lost", kDnsThird, kFound),
    role("dns_wrong_id", "answers under another id", kDnsWrongId, kBroken),
    role("dns_wrong_question", "answers another question", kDnsWrongQuestion, kBroken),
    role("dns_forged", "answers under another id first", kDnsForged, kFound),
    role("dns_loop", "a compression pointer to itself", kDnsLoop, kBroken),
    role("dns_short", "ends within its record", kDnsShort, kBroken),
    role("dns_garbage", "what is no DNS", kDnsGarbage, kBroken),
    role("dns_cut", "an answer that fits TCP alone", kDnsCut, kFound),
    role("dns_cut_alone", "the same, without TCP", kDnsCutAlone, kFound),
    role("echo", "answers a ping", kEcho, kFound),
    role("echo_slow", "the same, after a while", kEchoSlow, kFound),
    role("echo_twice", "answers each ping twice", kEchoTwice, kFound),
    role("echo_every_second", "answers every second ping", kEchoEverySecond, kSilence),
    role("echo_cut", "answers with a part of the ping", kEchoCut, kNothingTrue),
    role("echo_changed", "answers with another nonce", kEchoChanged, kNothingTrue),
    role("echo_garbage", "answers with what is no ICMP", kEchoGarbage, kNothingTrue),
    role("echo_late", "answers with garbage first", kEchoLate, kFound),
});

}  // namespace

std::span<const Role> datagram_roles() { return kRoles; }

}  // namespace sonde::population
