#include "cli/tls_verdict.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <vector>

namespace sonde::cli {
namespace {

using probes::TlsField;
using results::Outcome;
using results::Phase;
using results::Record;
using Kind = TlsVerdict::Kind;

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// --- no handshake ---

// Services that begin in the clear on their usual ports.
std::string_view starttls_of(std::uint16_t port) {
  struct Service {
    std::uint16_t port;
    std::string_view protocol;
  };
  static constexpr auto kServices = std::to_array<Service>({{25, "smtp"},
                                                            {587, "smtp"},
                                                            {143, "imap"},
                                                            {110, "pop3"},
                                                            {21, "ftp"},
                                                            {389, "ldap"},
                                                            {5222, "xmpp"},
                                                            {5432, "postgres"},
                                                            {3306, "mysql"}});
  const auto* const found = std::ranges::find(kServices, port, &Service::port);
  return found == kServices.end() ? std::string_view() : found->protocol;
}

// What an alert means to the one who asked (RFC 8446, 6.2; RFC 5246, 7.2.2).
std::string alert_advice(std::string_view alert) {
  if (alert == "handshake_failure" || alert == "insufficient_security")
    return "It accepts none of the versions, suites or groups that were offered, or it wants something more.";
  if (alert == "protocol_version") return "It speaks none of the versions that were offered (--min-tls, --max-tls).";
  if (alert == "unrecognized_name") return "It does not know the name that was asked for; --sni NAME asks for another.";
  if (alert == "no_application_protocol")
    return "It speaks none of the application protocols that were offered; --alpn names others.";
  if (alert == "certificate_required" || alert == "bad_certificate")
    return "It was not content with the client's certificate; --client-cert FILE shows one.";
  if (alert == "internal_error") return "It says that something is wrong on its side.";
  return {};
}

TlsVerdict no_answer(const Record& record, const TlsAsked& asked) {
  TlsVerdict verdict{.kind = Kind::kRefused};
  const std::string_view protocol = starttls_of(asked.port);
  if (!asked.starttls && !protocol.empty() && record.phase != Phase::kConnect)
    verdict.advice = fmt::format("Services on port {} begin in the clear; try --starttls {}.", asked.port, protocol);
  switch (record.outcome) {
    case Outcome::kRefused:
      verdict.headline = fmt::format("Nothing listens on port {}: the connection was refused", asked.port);
      break;
    case Outcome::kTimeout:
      verdict.headline = record.phase == Phase::kConnect
                             ? "No answer: the host is silent, or something on the way drops the packets"
                             : "Connected, but no TLS handshake came about in time";
      if (record.phase == Phase::kConnect) verdict.advice = "--connect-timeout T waits longer.";
      if (verdict.advice.empty())
        verdict.advice = "What listens there may speak something else; --tls-timeout T waits longer.";
      break;
    case Outcome::kReset:
      verdict.headline = "The connection was reset before the handshake was done";
      break;
    case Outcome::kClosed:
      verdict.headline = fmt::format("No TLS handshake: {}", record.error.empty() ? "the server closed" : record.error);
      break;
    case Outcome::kUnreachable:
      verdict.headline = "The host cannot be reached from here";
      if (!record.error.empty()) verdict.advice = record.error;
      break;
    case Outcome::kDnsError:
      verdict.headline = fmt::format("The name has no address: {}", record.error);
      break;
    case Outcome::kProtocolError:
      verdict.headline = fmt::format("{}: {}", asked.starttls ? "TLS did not begin" : "No TLS here", record.error);
      break;
    case Outcome::kLocalError:
      verdict.headline = fmt::format("This machine could not do it: {}", record.error);
      verdict.advice = "That says nothing of the server.";
      break;
    case Outcome::kCancelled:
      verdict = {.headline = "Interrupted before there was an answer", .advice = {}};
      break;
    default:
      verdict.headline = fmt::format("No TLS handshake: {}", record.error);
  }
  if (record.outcome == Outcome::kLocalError) verdict.kind = Kind::kUnknown;
  return verdict;
}

// --- what browsers refuse although the chain is sound ---

// Whether some browser of these days offers a suite up to TLS 1.2: ECDHE or RSA, with AES (no CCM), ChaCha20, or, the
// last of the old ones, 3DES.
bool some_browser_offers(std::string_view suite) {
  const bool exchange = suite.starts_with("TLS_ECDHE_ECDSA_WITH_") || suite.starts_with("TLS_ECDHE_RSA_WITH_") ||
                        suite.starts_with("TLS_RSA_WITH_");
  const bool cipher = contains(suite, "_AES_") || contains(suite, "_CHACHA20_") || contains(suite, "_3DES_");
  return exchange && cipher && !contains(suite, "_CCM");
}

// Why no browser would go on with this version; "" for no reason.
std::string version_refused(const TlsFacts& facts, const TlsAsked& asked) {
  const std::vector<std::string> versions = facts.list(TlsField::kVersions);
  const std::string_view chosen = facts.text(TlsField::kVersion);
  if (!versions.empty()) {
    if (!is_old_version(chosen) && !chosen.empty()) return {};
    if (!std::ranges::all_of(versions, [](const std::string& version) { return is_old_version(version); })) return {};
    return fmt::format("it speaks nothing newer than {}", versions.back());
  }
  return is_old_version(chosen) && asked.offers_tls12 ? fmt::format("it speaks nothing newer than {}", chosen) : "";
}

std::string suites_refused(const TlsFacts& facts) {
  if (some_browser_offers(facts.text(TlsField::kCipher))) return {};
  bool any = false;
  for (const auto& [version, suites] : facts.ciphers()) {
    if (version == "TLS1.3" && !suites.empty()) return {};
    if (version != "TLS1.2") continue;
    any = !suites.empty();
    if (std::ranges::any_of(suites, [](const std::string& suite) { return some_browser_offers(suite); })) return {};
  }
  return any && facts.text(TlsField::kVersion) != "TLS1.3" ? "it accepts no cipher suite that browsers offer" : "";
}

std::string certificate_refused(const TlsFacts& facts) {
  const std::string_view key = facts.text(TlsField::kKeyType);
  const int bits = rsa_bits(key);
  if (bits > 0 && bits < 1024) return fmt::format("its RSA key of {} bits is too short", bits);
  if (key.starts_with("dsa")) return "its key is a DSA key";
  const std::string_view signature = facts.text(TlsField::kSignatureAlgorithm);
  const bool forgeable = contains(signature, "sha1") || contains(signature, "SHA1") || contains(signature, "md5");
  // Nobody reads the signature of a certificate that is trusted itself.
  if (forgeable && !facts.flag(TlsField::kSelfSigned)) return fmt::format("it is signed with {}", signature);
  return {};
}

// --- the chain ---

// A verify error (OpenSSL's words) as a reason, and what to do about it.
TlsVerdict chain_refused(std::string_view error, const TlsFacts& facts, const TlsAsked& asked, std::int64_t now_s) {
  const auto because = [](std::string why, std::string advice) {
    return TlsVerdict{.kind = Kind::kRefused, .headline = std::move(why), .advice = std::move(advice)};
  };
  const std::string_view until = facts.text(TlsField::kNotAfter);
  if (contains(error, "self-signed certificate in certificate chain"))
    return because("its root is not trusted here",
                   asked.own_roots ? "The file of --ca does not have it." : "--ca FILE names roots of your own.");
  if (contains(error, "self-signed"))
    return because("it is self-signed", asked.own_roots
                                            ? "It vouches for itself, and the file of --ca does not have it."
                                            : "It vouches for itself; with --ca FILE it can be trusted all the same.");
  const bool cut_off = contains(error, "local issuer") || contains(error, "unable to verify the first");
  if (cut_off && !facts.chain().empty())
    return because("its chain leads to no root that is trusted here",
                   asked.own_roots ? "The file of --ca does not have it." : "--ca FILE names roots of your own.");
  if (cut_off)
    return because("its issuer is neither sent nor trusted here",
                   "Often the server does not send the certificates between its own and the root.");
  if (contains(error, "expired")) {
    if (!facts.flag(TlsField::kExpired)) return because("a certificate of its chain has expired", "");
    return because(fmt::format("it expired on {} ({})", until.substr(0, 10), days_from_now(until, now_s)), "");
  }
  if (contains(error, "hostname mismatch")) {
    const bool no_names = facts.list(TlsField::kSan).empty();
    return because(fmt::format("it is not for {}", asked.name),
                   no_names ? "It has no alternative names at all, and browsers do not look at the common name."
                            : "The names that it is for stand below; --sni NAME asks for another.");
  }
  if (contains(error, "not yet valid"))
    return because(fmt::format("it is not valid before {}", facts.text(TlsField::kNotBefore).substr(0, 10)),
                   "Or the clock of this machine is wrong.");
  if (contains(error, "certificate purpose")) return because("it is not meant for servers", "");
  return because(std::string(error), "");
}

// The reason why a browser would refuse what the server showed; an empty headline for none.
TlsVerdict refusal(const TlsFacts& facts, const TlsAsked& asked, std::int64_t now_s) {
  if (std::string why = version_refused(facts, asked); !why.empty())
    return {.kind = Kind::kRefused, .headline = std::move(why), .advice = "Browsers want TLS 1.2 at least."};
  if (std::string why = suites_refused(facts); !why.empty())
    return {.kind = Kind::kRefused, .headline = std::move(why), .advice = {}};
  if (!facts.has(TlsField::kSha256))
    return {.kind = Kind::kRefused, .headline = "it shows no certificate", .advice = {}};
  if (facts.has(TlsField::kVerified) && !facts.flag(TlsField::kVerified))
    return chain_refused(facts.text(TlsField::kVerifyError), facts, asked, now_s);
  if (std::string why = certificate_refused(facts); !why.empty())
    return {.kind = Kind::kRefused, .headline = std::move(why), .advice = {}};
  return {};
}

// The server asked for a client's certificate, got none, and ended the handshake.
bool wants_client(const Record& record, const TlsFacts& facts, const TlsAsked& asked) {
  const bool ended =
      record.outcome == Outcome::kTlsError || record.outcome == Outcome::kReset || record.outcome == Outcome::kClosed;
  return ended && !asked.client_certificate && facts.flag(TlsField::kClientCertRequested);
}

TlsVerdict judge_failure(const Record& record, const TlsFacts& facts, const TlsAsked& asked, std::int64_t now_s) {
  if (wants_client(record, facts, asked)) {
    const TlsVerdict own = refusal(facts, asked, now_s);
    std::string advice = "--client-cert FILE shows one.";
    if (!own.headline.empty()) {
      advice += fmt::format(" And a browser would not accept its own: {}.", own.headline);
    } else if (facts.flag(TlsField::kVerified)) {
      advice += " Its own certificate is one that a browser accepts.";
    }
    return {.kind = Kind::kRefused,
            .headline = "It demands a client certificate: without one there is no handshake",
            .advice = std::move(advice)};
  }
  if (const std::string why = version_refused(facts, asked); !why.empty())
    return {.kind = Kind::kRefused,
            .headline = fmt::format("A browser would not accept it: {}", why),
            .advice = std::string(record.error)};
  TlsVerdict verdict = no_answer(record, asked);
  if (const std::string_view alert = facts.text(TlsField::kAlert); !alert.empty()) verdict.advice = alert_advice(alert);
  return verdict;
}

}  // namespace

TlsVerdict judge(const Record& record, const TlsAsked& asked, std::int64_t now_s) {
  const TlsFacts facts(record.values);
  if (record.outcome != Outcome::kSuccess) return judge_failure(record, facts, asked, now_s);
  if (TlsVerdict refused = refusal(facts, asked, now_s); !refused.headline.empty()) {
    refused.headline = "A browser would not accept it: " + refused.headline;
    return refused;
  }
  if (!facts.has(TlsField::kVerified))
    return {.headline = "The handshake works; whether a browser would accept it was not asked",
            .advice = "--verify was switched off."};
  const std::string_view until = facts.text(TlsField::kNotAfter);
  TlsVerdict verdict{.kind = Kind::kAccepted,
                     .headline = fmt::format("{} would accept it, until {} ({})",
                                             asked.own_roots ? "A browser with your roots" : "A browser",
                                             until.substr(0, 10), days_from_now(until, now_s)),
                     .advice = {}};
  if (facts.flag(TlsField::kClientCertRequested) && !asked.client_certificate)
    verdict.advice = "It asks for a client certificate; whether it serves anyone without one, only a request shows.";
  return verdict;
}

}  // namespace sonde::cli
