// The ClientHellos that surveys ask with, and what their answers say. They are of one version, offer what they are told
// to and are otherwise as broad as a server may wish; without key shares, so that TLS 1.3 is answered by a
// HelloRetryRequest (RFC 8446, 4.2.8: an empty list asks for one), which tells suite and group without any crypto.
// Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "probes/tls/survey.h"

namespace sonde::probes {

// A hello offers no more suites: some servers refuse long lists, and F5 boxes drop long hellos.
inline constexpr std::size_t kMaxOfferedSuites = 64;

struct SurveyOffer {
  std::uint16_t version = 0;  // the only one
  std::span<const std::uint16_t> suites;
  std::span<const std::uint16_t> groups;  // in supported_groups
};

// A whole record. SSL 3.0 has no extensions, hence no server name and no groups.
std::vector<std::byte> survey_hello(const SurveyOffer& offer, std::string_view server_name,
                                    std::span<const std::byte, 64> nonce);

// The server accepted the offer in the version that was asked: a ServerHello or HelloRetryRequest of it.
bool accepts(const HelloAnswer& answer, std::uint16_t version);

// All suites of the registry that fit the version, without signalling values; what most servers have comes first.
std::vector<std::uint16_t> suites_of(std::uint16_t version);
// All groups that fit the version, what most servers have first. Before TLS 1.3 curves alone: the ffdhe groups of a
// hello make servers without them refuse DHE (RFC 7919, 4).
std::span<const std::uint16_t> groups_of(std::uint16_t version);

}  // namespace sonde::probes
