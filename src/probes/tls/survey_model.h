// For tests and fuzzers of surveys: a model of a server that answers hellos, and what runs surveys against one.
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "probes/tls/survey.h"
#include "wire/tls_bytes.h"
#include "wire/tls_client_hello_reader.h"
#include "wire/tls_names.h"

namespace sonde::probes {

using wire::operator+;  // of TlsBytes
using Numbers = std::vector<std::uint16_t>;
using Server = std::function<HelloAnswer(std::span<const std::byte>)>;

inline constexpr std::size_t kMoreThanAnySurveyAsks = 600;

// Runs one survey to its end; gives the number of hellos.
inline std::size_t run(Survey& survey, const Server& server, std::string_view server_name = "example.test") {
  std::array<std::byte, 64> nonce{};
  for (std::size_t hellos = 0;; ++hellos) {
    SONDE_CHECK(hellos < kMoreThanAnySurveyAsks, "a survey ends");
    nonce.fill(static_cast<std::byte>(hellos));
    const std::vector<std::byte> hello = survey.next(server_name, nonce);
    if (hello.empty()) return hellos;
    survey.take(server(hello));
  }
}

inline SurveyResult run_all(const std::vector<std::unique_ptr<Survey>>& surveys, const Server& server) {
  SurveyResult result;
  for (const auto& survey : surveys) run(*survey, server);
  for (const auto& survey : surveys) survey->add_to(result);
  return result;
}

// A server of the given versions, each with its suites in the server's order. Answers stay valid until the next one.
struct ModelServer {
  std::map<std::uint16_t, Numbers> suites;
  Numbers groups;  // of TLS 1.3, and the curves before
  bool server_order = true;
  std::size_t longest_list = 1000;      // of suites: longer ones are not answered
  std::size_t answers = 1'000'000;      // after so many it answers nothing
  std::size_t lost = 1'000'000;         // the number of the one connection that is lost
  bool refuses_without_a_word = false;  // instead of an alert
  bool timed_out = false;               // what it does not answer ends in silence, not in a FIN
  bool ignores_groups = false;          // before TLS 1.3
  std::uint16_t certificate_curve = 0;  // before TLS 1.3 a hello must offer it; 0: a key of another kind
  bool falls_back = false;              // answers in its highest version when asked for another
  std::uint8_t refusal = 40;            // the alert for suites that it has not
  std::uint8_t refusal_of_version = 70;
  std::size_t asked = 0;
  std::size_t longest_hello = 0;
  wire::TlsBytes body;

  HelloAnswer nothing() const { return {.kind = HelloAnswer::Kind::kNothing, .timed_out = timed_out}; }
  HelloAnswer refuse(std::uint8_t alert) const {
    if (refuses_without_a_word) return nothing();
    return {.kind = HelloAnswer::Kind::kAlert, .alert = alert};
  }
  std::uint16_t choose(const Numbers& ours, const Numbers& theirs) const {
    const Numbers& first = server_order ? ours : theirs;
    const Numbers& second = server_order ? theirs : ours;
    const auto found = std::ranges::find_if(
        first, [&](std::uint16_t number) { return std::ranges::find(second, number) != second.end(); });
    return found == first.end() ? std::uint16_t{0xffff} : *found;
  }
  HelloAnswer operator()(std::span<const std::byte> record) {
    const auto hello = wire::read_client_hello(record);
    SONDE_CHECK(hello.has_value(), "a survey sends well-formed hellos");
    longest_hello = std::max(longest_hello, record.size());
    if (++asked > answers || asked == lost || hello->ciphers.size() > longest_list) return nothing();
    const Numbers versions = hello->versions().empty() ? Numbers{hello->legacy_version} : hello->versions();
    auto spoken = suites.find(versions.front());
    if (spoken == suites.end() && !falls_back) return refuse(refusal_of_version);
    if (spoken == suites.end()) spoken = std::prev(suites.end());
    const std::uint16_t suite = choose(spoken->second, hello->ciphers);
    if (suite == 0xffff) return refuse(refusal);
    return answer(spoken->first, suite, hello->groups());
  }
  HelloAnswer answer(std::uint16_t version, std::uint16_t suite, const Numbers& offered_groups) {
    using wire::u16;
    const bool is_tls13 = version == wire::kTls13;
    const bool wants_group = is_tls13 || wire::key_exchange_of(suite) == wire::TlsKeyExchange::kEcdhe;
    const std::uint16_t group = choose(groups, offered_groups);
    if (wants_group && group == 0xffff && !(ignores_groups && !is_tls13)) return refuse(40);
    if (!is_tls13 && certificate_curve != 0 &&
        std::ranges::find(offered_groups, certificate_curve) == offered_groups.end())
      return refuse(40);
    body = u16(std::min(version, wire::kTls12)) + wire::TlsBytes(32) + wire::u8(0) + u16(suite) + wire::u8(0);
    if (is_tls13) {
      body = body + wire::vec(2, wire::extension(wire::kExtSupportedVersions, u16(version)) +
                                     wire::extension(wire::kExtKeyShare, u16(group)));
    }
    return {.kind = is_tls13 ? HelloAnswer::Kind::kHelloRetry : HelloAnswer::Kind::kServerHello,
            .hello = *wire::read_server_hello(body),
            .curve = wants_group && !is_tls13 ? std::optional(group) : std::nullopt};
  }
};

}  // namespace sonde::probes
