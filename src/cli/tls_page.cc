#include "cli/tls_page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "cli/tls_warnings.h"
#include "probes/tls/tls_fields.h"

namespace sonde::cli {
namespace {

using probes::TlsField;
using results::Outcome;
using results::Phase;
using results::Record;

constexpr std::size_t kWidth = 80;
constexpr std::size_t kLabel = 12;

class Page {
 public:
  Page(const Record& record, const PageStyle& style) : record_(record), style_(style), facts_(record.values) {}

  std::string text() {
    title();
    verdict();
    if (facts_.has(TlsField::kSha256)) {
      certificate();
      chain();
    }
    handshake();
    offers();
    resumption();
    timings();
    warnings();
    return std::move(out_);
  }

 private:
  // --- how things are set ---

  std::string paint(std::string_view code, std::string_view text) const {
    return style_.colour ? fmt::format("\033[{}m{}\033[0m", code, text) : std::string(text);
  }
  void heading(std::string_view text) { out_ += "\n" + paint("1", text) + "\n"; }
  void line(std::string_view label, std::string_view value) {
    if (!value.empty()) out_ += fmt::format("  {:<{}}{}\n", label, kLabel, value);
  }
  // A list of words, wrapped under its label.
  void wrapped(std::string_view label, const std::vector<std::string>& words, std::size_t most = SIZE_MAX) {
    std::string row;
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (i == most) {
        row += fmt::format("{}… {} more", row.empty() ? "" : " ", words.size() - most);
        break;
      }
      const std::string word = words[i] + (i + 1 < words.size() ? "," : "");
      if (!row.empty() && 2 + kLabel + row.size() + 1 + word.size() > kWidth) {
        line(label, row);
        label = "";
        row.clear();
      }
      row += (row.empty() ? "" : " ") + word;
    }
    line(label, row);
  }
  static std::string ms(std::int64_t us) {
    return us < 10'000 ? fmt::format("{:.2f} ms", static_cast<double>(us) / 1000)
                       : fmt::format("{:.0f} ms", static_cast<double>(us) / 1000);
  }
  std::string days_from_now(std::string_view date) const {
    const std::optional<std::int64_t> days = days_until(date, style_.now_s);
    if (!days) return {};
    if (*days < 0) return fmt::format("{} days ago", -*days);
    return *days == 0 ? "today" : fmt::format("in {} days", *days);
  }

  // --- parts of the page ---

  void title() {
    std::string title = style_.target;
    if (!record_.ip.is_unspecified()) {
      const std::string endpoint = to_string(Endpoint{record_.ip, record_.port});
      if (endpoint != title) title += fmt::format("  ({})", endpoint);
    }
    out_ += paint("1", title) + "\n\n";
  }

  void verdict() {
    if (record_.outcome != Outcome::kSuccess) {
      out_ += paint("31", "✗ " + no_handshake()) + "\n";
      if (facts_.has(TlsField::kAlert))
        out_ += fmt::format("  The server ended it with the alert {}.\n", facts_.text(TlsField::kAlert));
      return;
    }
    const std::string_view until = facts_.text(TlsField::kNotAfter);
    if (!facts_.has(TlsField::kVerified)) {
      out_ += paint("33", "? The handshake works; the server showed no certificate") + "\n";
    } else if (facts_.flag(TlsField::kVerified)) {
      out_ += paint("32", fmt::format("✓ A browser would accept it, until {} ({})", until.substr(0, 10),
                                      days_from_now(until))) +
              "\n";
    } else {
      const std::string_view error = facts_.text(TlsField::kVerifyError);
      out_ += paint("31", fmt::format("✗ A browser would not accept it: {}", error)) + "\n";
      if (const std::string why = explain_verify_error(error); !why.empty()) out_ += "  " + why + "\n";
    }
  }

  std::string no_handshake() const {
    switch (record_.outcome) {
      case Outcome::kRefused:
        return "Nothing listens there: the connection was refused";
      case Outcome::kTimeout:
        return record_.phase == Phase::kConnect ? "No answer: the host is silent, or something drops the packets"
                                                : fmt::format("No TLS handshake: {}", record_.error);
      case Outcome::kDnsError:
        return fmt::format("The name could not be resolved: {}", record_.error);
      case Outcome::kProtocolError:
        return fmt::format("No TLS here: {}", record_.error);
      case Outcome::kLocalError:
        return fmt::format("This machine could not do it: {}", record_.error);
      default:
        return fmt::format("No TLS handshake: {}", record_.error);
    }
  }

  void certificate() {
    heading("Certificate");
    line("subject", facts_.text(TlsField::kSubjectDn));
    line("issuer", facts_.flag(TlsField::kSelfSigned) ? "itself (self-signed)" : facts_.text(TlsField::kIssuerDn));
    wrapped("names", facts_.list(TlsField::kSan), 24);
    if (facts_.has(TlsField::kNotAfter))
      line("valid", fmt::format("{} to {} ({})", facts_.text(TlsField::kNotBefore).substr(0, 10),
                                facts_.text(TlsField::kNotAfter).substr(0, 10),
                                days_from_now(facts_.text(TlsField::kNotAfter))));
    line("key", fmt::format("{}, signed with {}", facts_.text(TlsField::kKeyType),
                            facts_.text(TlsField::kSignatureAlgorithm)));
    line("serial", facts_.text(TlsField::kSerial));
    line("sha256", facts_.text(TlsField::kSha256));
    line("scts", fmt::format("{}", facts_.number(TlsField::kScts)));
    line("malformed", facts_.text(TlsField::kCertificateError));
  }

  // Each certificate under the one that it vouches for, as they were sent.
  void chain() {
    heading("Chain");
    out_ += fmt::format("  {}\n", name_or(facts_.text(TlsField::kSubjectCn), facts_.text(TlsField::kSubjectDn)));
    simdjson::dom::parser parser;
    simdjson::dom::array rest;
    std::size_t depth = 0;
    if (parser.parse(facts_.json(TlsField::kChain)).get(rest) == simdjson::SUCCESS) {
      for (const simdjson::dom::element entry : rest) {
        std::string_view name;
        std::string_view until;
        if (entry["subject_cn"].get(name) != simdjson::SUCCESS) name = {};
        if (entry["not_after"].get(until) != simdjson::SUCCESS) until = {};
        out_ += fmt::format("  {:{}}└─ {}  until {}\n", "", 3 * depth++, name_or(name, "(no common name)"),
                            until.substr(0, 10));
      }
    }
    const bool ends = facts_.flag(TlsField::kVerified) || facts_.flag(TlsField::kSelfSigned);
    if (!ends && facts_.has(TlsField::kVerified) && depth == 0)
      out_ += fmt::format("  {:{}}└─ {}  (not sent)\n", "", 3 * depth,
                          name_or(facts_.text(TlsField::kIssuerCn), facts_.text(TlsField::kIssuerDn)));
  }

  static std::string_view name_or(std::string_view name, std::string_view otherwise) {
    return name.empty() ? otherwise : name;
  }

  void handshake() {
    if (!facts_.has(TlsField::kVersion)) return;
    heading("Handshake");
    line("version", facts_.text(TlsField::kVersion));
    line("cipher", facts_.text(TlsField::kCipher));
    line("group", facts_.text(TlsField::kGroup));
    line("alpn", facts_.text(TlsField::kAlpn));
    line("sni", facts_.text(TlsField::kSni));
    if (facts_.flag(TlsField::kHelloRetry)) line("retry", "the server asked for another ClientHello");
    if (facts_.has(TlsField::kClientCertRequested))
      line("client", facts_.flag(TlsField::kClientCertRequested) ? "the server asks for a client certificate"
                                                                 : "no client certificate is asked for");
    if (facts_.has(TlsField::kOcspStapled))
      line("ocsp", facts_.flag(TlsField::kOcspStapled) ? "stapled" : "not stapled");
    line("ja3s", facts_.text(TlsField::kJa3s));
    line("jarm", facts_.text(TlsField::kJarm));
  }

  void offers() {
    if (!facts_.has(TlsField::kVersions) && !facts_.has(TlsField::kCiphers) && !facts_.has(TlsField::kGroups)) return;
    heading("Supported");
    if (facts_.has(TlsField::kVersions)) wrapped("versions", facts_.list(TlsField::kVersions));
    if (facts_.has(TlsField::kGroups)) wrapped("groups", facts_.list(TlsField::kGroups));
    for (const auto& [version, suites] : facts_.ciphers()) {
      std::string_view label = version;
      for (const std::string& suite : suites) {
        const std::string_view flaw = weakness(suite);
        out_ += fmt::format("  {:<{}}{}{}\n", label, kLabel, suite,
                            flaw.empty() ? "" : paint("33", fmt::format("  ({})", flaw)));
        label = "";
      }
    }
  }

  void resumption() {
    if (!facts_.has(TlsField::kPsk)) return;
    heading("Resumption");
    line("tickets", fmt::format("{}", facts_.number(TlsField::kTickets)));
    line("psk", facts_.text(TlsField::kPsk));
    line("0-rtt", facts_.text(TlsField::kEarlyData));
    out_ += fmt::format("  {:<{}}{:>10}{:>14}{:>12}\n", "", kLabel, "tls", "first byte", "total");
    constexpr auto kWays = std::to_array<std::pair<std::string_view, TlsField>>(
        {{"full", TlsField::kFullTls}, {"resumed", TlsField::kPskTls}, {"0-RTT", TlsField::kEarlyTls}});
    for (const auto& [way, first] : kWays) {
      if (!facts_.has(first)) continue;
      const auto at = [&](int i) {
        const auto id = static_cast<TlsField>(static_cast<int>(first) + i);
        return facts_.has(id) ? ms(facts_.number(id)) : std::string("–");
      };
      out_ += fmt::format("  {:<{}}{:>10}{:>14}{:>12}\n", way, kLabel, at(0), at(1), at(2));
    }
  }

  // Each phase begins where the one before it ended.
  void timings() {
    const std::int32_t total = record_.timing_us[static_cast<std::size_t>(Phase::kDone)];
    if (total <= 0) return;
    heading("Time");
    constexpr std::size_t kBar = 48;
    std::int64_t start = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(Phase::kDone); ++i) {
      const std::int32_t us = record_.timing_us[i];
      if (us < 0) continue;
      const auto column = [&](std::int64_t at) {
        return static_cast<std::size_t>(at * static_cast<std::int64_t>(kBar) / total);
      };
      const std::size_t from = std::min(column(start), kBar - 1);
      const std::size_t length = std::clamp<std::size_t>(column(start + us) - from, 1, kBar - from);
      std::string bar;
      for (std::size_t k = 0; k < length; ++k) bar += "█";
      out_ += fmt::format("  {:<{}}{:{}}{}{:{}}{:>10}\n", results::kPhaseNames[i], kLabel, "", from, paint("36", bar),
                          "", kBar - from - length, ms(us));
      start += us;
    }
    out_ += fmt::format("  {:<{}}{:{}}{:>10}\n", "total", kLabel, "", kBar, ms(total));
  }

  void warnings() {
    const std::vector<std::string> all = tls_warnings(facts_, style_.now_s);
    if (all.empty()) return;
    heading("Warnings");
    for (const std::string& warning : all) out_ += fmt::format("  {} {}\n", paint("33", "!"), warning);
  }

  const Record& record_;
  const PageStyle& style_;
  TlsFacts facts_;
  std::string out_;
};

}  // namespace

std::string tls_page(const Record& record, const PageStyle& style) { return Page(record, style).text(); }

}  // namespace sonde::cli
