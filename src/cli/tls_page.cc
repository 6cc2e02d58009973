#include "cli/tls_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "cli/page_text.h"
#include "cli/tls_facts.h"
#include "cli/tls_verdict.h"
#include "cli/tls_warnings.h"
#include "probes/tls/tls_fields.h"
#include "targets/input_text.h"

namespace sonde::cli {
namespace {

using probes::TlsField;
using results::Phase;
using results::Record;

constexpr std::size_t kWidth = 80;
constexpr std::size_t kIndent = 2;
constexpr std::size_t kLabel = 12;
constexpr std::size_t kValue = kWidth - kIndent - kLabel;
constexpr std::size_t kMostLines = 4;    // of one text
constexpr std::size_t kMostNames = 24;   // of a certificate
constexpr std::size_t kMostLinks = 10;   // of a chain
constexpr std::size_t kMostSuites = 64;  // of a version

enum class Ink : std::uint8_t { kNone, kBold, kGood, kBad, kDoubtful, kBar };

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
    supported();
    resumption();
    timings();
    warnings();
    pem();
    return std::move(out_);
  }

 private:
  // --- how things are set; every text is made harmless here ---

  std::string paint(Ink ink, std::string_view text) const {
    static constexpr auto kCodes = std::to_array<std::string_view>({"0", "1", "32", "31", "33", "36"});
    if (!style_.colour || ink == Ink::kNone || text.empty()) return std::string(text);
    return fmt::format("\033[{}m{}\033[0m", kCodes[static_cast<std::size_t>(ink)], text);
  }
  // Made harmless, without blanks at its ends.
  static std::string shown(std::string_view text) {
    const std::string harmless_text = harmless(text);
    return std::string(targets::trimmed(harmless_text));
  }
  // The same, where an empty place would be puzzling.
  static std::string named(std::string_view text) {
    std::string name = shown(text);
    return name.empty() ? "(empty)" : name;
  }
  // Fills up to `width` columns, where fmt would count code points.
  static std::string padded(std::string_view text, std::size_t width) {
    const std::size_t used = columns(text);
    return std::string(text) + std::string(used < width ? width - used : 0, ' ');
  }
  void heading(std::string_view text) { out_ += "\n" + paint(Ink::kBold, text) + "\n"; }

  // `head`, then the text; further lines stand under the first.
  void paragraph(std::string_view head, std::string_view text, Ink ink = Ink::kNone) {
    const std::size_t indent = columns(head);
    std::string lead(head);
    for (const std::string& line : wrap(shown(text), kWidth - indent, kMostLines)) {
      out_ += lead + paint(ink, line) + "\n";
      lead.assign(indent, ' ');
    }
  }
  // A labelled value; nothing where it is empty.
  void line(std::string_view label, std::string_view value, Ink ink = Ink::kNone) {
    paragraph(std::string(kIndent, ' ') + padded(label, kLabel), value, ink);
  }
  // A labelled list, wrapped between its words; what is too long for a line is cut.
  void list(std::string_view label, const std::vector<std::string>& words, std::size_t most) {
    std::string row;
    const auto put = [&](const std::string& word) {
      if (!row.empty() && columns(row) + 1 + columns(word) > kValue) {
        out_ += std::string(kIndent, ' ') + padded(label, kLabel) + row + "\n";
        label = "";
        row.clear();
      }
      row += (row.empty() ? "" : " ") + word;
    };
    for (std::size_t i = 0; i < std::min(words.size(), most); ++i)
      put(cut(named(words[i]), kValue - 1) + (i + 1 < words.size() ? "," : ""));
    if (words.size() > most) put(fmt::format("… {} more", words.size() - most));
    if (!row.empty()) out_ += std::string(kIndent, ' ') + padded(label, kLabel) + row + "\n";
  }
  static std::string ms(std::int64_t us) {
    const double value = static_cast<double>(us) / 1000;
    return us < 10'000 ? fmt::format("{:.2f} ms", value) : fmt::format("{:.0f} ms", value);
  }

  // --- the parts of the page ---

  void title() {
    std::string title = shown(style_.asked.target);
    if (!record_.ip.is_unspecified()) {
      const std::string endpoint = to_string(Endpoint{record_.ip, record_.port});
      if (endpoint != title) title += "  " + to_string(record_.ip);
    }
    out_ += paint(Ink::kBold, cut(title, kWidth)) + "\n\n";
  }

  void verdict() {
    using Kind = TlsVerdict::Kind;
    const TlsVerdict verdict = judge(record_, style_.asked, style_.now_s);
    const bool good = verdict.kind == Kind::kAccepted;
    const bool bad = verdict.kind == Kind::kRefused;
    const std::string head = paint(good ? Ink::kGood : bad ? Ink::kBad : Ink::kDoubtful, good ? "✓" : bad ? "✗" : "?");
    std::string lead = head + " ";
    for (const std::string& text : wrap(shown(verdict.headline), kWidth - kIndent, kMostLines)) {
      out_ += lead + paint(good ? Ink::kGood : bad ? Ink::kBad : Ink::kDoubtful, text) + "\n";
      lead.assign(kIndent, ' ');
    }
    paragraph("  ", verdict.advice);
    if (facts_.has(TlsField::kAlert))
      paragraph("  ", fmt::format("The server's last word was the alert {}.", facts_.text(TlsField::kAlert)));
  }

  void certificate() {
    heading("Certificate");
    line("subject", facts_.text(TlsField::kSubjectDn));
    line("issuer", facts_.flag(TlsField::kSelfSigned) ? "itself" : facts_.text(TlsField::kIssuerDn));
    list("names", facts_.list(TlsField::kSan), kMostNames);
    if (facts_.has(TlsField::kNotAfter)) {
      const std::string_view until = facts_.text(TlsField::kNotAfter);
      line("valid", fmt::format("{} to {} ({})", facts_.text(TlsField::kNotBefore).substr(0, 10), until.substr(0, 10),
                                days_from_now(until, style_.now_s)));
    }
    if (facts_.has(TlsField::kKeyType))
      line("key", fmt::format("{}, signed with {}", facts_.text(TlsField::kKeyType),
                              facts_.text(TlsField::kSignatureAlgorithm)));
    line("serial", facts_.text(TlsField::kSerial));
    line("sha256", facts_.text(TlsField::kSha256));
    if (const std::int64_t scts = facts_.number(TlsField::kScts); scts > 0)
      line("logged", fmt::format("{} signed certificate timestamp{}", scts, scts == 1 ? "" : "s"));
    line("malformed", facts_.text(TlsField::kCertificateError), Ink::kDoubtful);
    line("error", facts_.text(TlsField::kVerifyError), Ink::kDoubtful);
  }

  // A tree: under each certificate the one that vouches for it, as they were sent.
  void chain() {
    heading("Chain");
    link(0, name_or(facts_.text(TlsField::kSubjectCn), facts_.text(TlsField::kSubjectDn)), "");
    std::string_view issuer = name_or(facts_.text(TlsField::kIssuerCn), facts_.text(TlsField::kIssuerDn));
    bool ends = facts_.flag(TlsField::kSelfSigned);
    const std::vector<TlsFacts::Sent> sent = facts_.chain();
    for (std::size_t i = 0; i < sent.size(); ++i) {
      if (i == kMostLinks) {
        link(i + 1, fmt::format("… {} more", sent.size() - i), "");
        return;
      }
      const TlsFacts::Sent& each = sent[i];
      std::string note;
      if (!each.not_after.empty()) note = "until " + each.not_after.substr(0, 10);
      if (!issuer.empty() && !each.subject_cn.empty() && each.subject_cn != issuer)
        note += note.empty() ? "not its issuer" : ", not its issuer";
      link(i + 1, name_or(each.subject_cn, "(no common name)"), note);
      issuer = each.issuer_cn;
      ends = !issuer.empty() && issuer == each.subject_cn;
    }
    if (ends || issuer.empty()) return;
    const bool looked = facts_.has(TlsField::kVerified);
    const bool lacking = facts_.text(TlsField::kVerifyError).find("issuer") != std::string_view::npos;
    link(sent.size() + 1, issuer, !looked || !lacking ? "not sent" : "neither sent nor trusted here");
  }
  void link(std::size_t depth, std::string_view name, std::string_view note) {
    const std::size_t indent = kIndent + (depth > 1 ? 3 * (depth - 1) : 0);
    const std::string twig = depth == 0 ? "" : "└─ ";
    const std::size_t room = kWidth - indent - columns(twig) - (note.empty() ? 0 : columns(note) + 2);
    out_ += std::string(indent, ' ') + twig + cut(named(name), room);
    if (!note.empty()) out_ += fmt::format("  {}", shown(note));
    out_ += '\n';
  }
  static std::string_view name_or(std::string_view name, std::string_view otherwise) {
    return name.empty() ? otherwise : name;
  }

  void handshake() {
    if (!facts_.has(TlsField::kVersion) || !facts_.has(TlsField::kCipher)) return;
    heading("Handshake");
    const std::string_view version = facts_.text(TlsField::kVersion);
    line("version", version, is_old_version(version) ? Ink::kDoubtful : Ink::kNone);
    const std::string_view suite = facts_.text(TlsField::kCipher);
    const std::string_view flaw = weakness(suite);
    line("cipher", flaw.empty() ? std::string(suite) : fmt::format("{}  ({})", suite, flaw),
         flaw.empty() ? Ink::kNone : Ink::kDoubtful);
    line("group", facts_.text(TlsField::kGroup));
    line("protocol", facts_.text(TlsField::kAlpn));
    line("sni", facts_.has(TlsField::kSni) ? facts_.text(TlsField::kSni) : "none was sent");
    if (facts_.flag(TlsField::kHelloRetry)) line("retry", "the server asked for another ClientHello");
    if (facts_.has(TlsField::kClientCertRequested))
      line("client", facts_.flag(TlsField::kClientCertRequested) ? "is asked for a certificate"
                                                                 : "is not asked for a certificate");
    if (facts_.has(TlsField::kOcspStapled))
      line("ocsp", facts_.flag(TlsField::kOcspStapled) ? "stapled" : "not stapled");
    line("ja3s", facts_.text(TlsField::kJa3s));
    line("jarm", facts_.text(TlsField::kJarm));
  }

  void supported() {
    const auto ciphers = facts_.ciphers();
    const std::vector<std::string> versions = facts_.list(TlsField::kVersions);
    const std::vector<std::string> groups = facts_.list(TlsField::kGroups);
    if (versions.empty() && groups.empty() && ciphers.empty()) return;
    heading("Supported");
    list("versions", versions, SIZE_MAX);
    list("groups", groups, SIZE_MAX);
    const bool partly_seen = !versions.empty() && std::ranges::find(versions, "TLS1.3") == versions.end() &&
                             facts_.text(TlsField::kKeyType).starts_with("ecdsa");
    if (!groups.empty() && partly_seen) line("", "and perhaps more, taken only beside the curve of its certificate");
    for (const auto& [version, suites] : ciphers) {
      std::string label = cut(shown(version), kLabel - 1);
      for (std::size_t i = 0; i < suites.size(); ++i) {
        const bool full = i == kMostSuites;
        const std::string_view flaw = full ? std::string_view() : weakness(suites[i]);
        const std::string note = flaw.empty() ? "" : fmt::format("  {}", flaw);
        const std::string name = full ? fmt::format("… {} more", suites.size() - i) : named(suites[i]);
        out_ += std::string(kIndent, ' ') + padded(label, kLabel) + cut(name, kValue - columns(note)) +
                paint(Ink::kDoubtful, note) + "\n";
        label.clear();
        if (full) break;
      }
    }
    if (facts_.flag(TlsField::kEnumerationIncomplete)) line("", "and perhaps more: the server stopped answering");
  }

  void resumption() {
    if (!facts_.has(TlsField::kPsk)) return;
    heading("Resumption");
    line("tickets", fmt::format("{}", facts_.number(TlsField::kTickets)));
    line("session", spaced(facts_.text(TlsField::kPsk)));
    line("0-RTT", spaced(facts_.text(TlsField::kEarlyData)));
    out_ += '\n' + std::string(kIndent, ' ') + padded("", kLabel) +
            fmt::format("{:>12}{:>14}{:>12}\n", "handshake", "first byte", "in all");
    timings_of("full", TlsField::kFullTls, TlsField::kFullFirstByte, TlsField::kFullTotal);
    timings_of("resumed", TlsField::kPskTls, TlsField::kPskFirstByte, TlsField::kPskTotal);
    timings_of("0-RTT", TlsField::kEarlyTls, TlsField::kEarlyFirstByte, TlsField::kEarlyTotal);
  }
  // A row; none for a way that was not gone.
  void timings_of(std::string_view way, TlsField tls, TlsField first_byte, TlsField total) {
    if (!facts_.has(tls)) return;
    out_ += std::string(kIndent, ' ') + padded(way, kLabel) +
            fmt::format("{:>12}{:>14}{:>12}\n", ms_of(tls), ms_of(first_byte), ms_of(total));
  }
  std::string ms_of(TlsField id) const { return facts_.has(id) ? ms(facts_.number(id)) : "–"; }
  static std::string spaced(std::string_view word) {
    std::string text(word);
    std::ranges::replace(text, '_', ' ');
    return text;
  }

  // A waterfall: each phase begins where the one before it ended.
  void timings() {
    const std::int64_t total = record_.timing_us[static_cast<std::size_t>(Phase::kDone)];
    if (total <= 0) return;
    heading("Time");
    constexpr std::size_t kBar = 52;
    const auto column = [&](std::int64_t at) {
      return std::min(kBar, static_cast<std::size_t>(at * static_cast<std::int64_t>(kBar) / total));
    };
    std::int64_t start = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(Phase::kDone); ++i) {
      const std::int32_t us = record_.timing_us[i];
      if (us < 0) continue;
      const std::size_t from = std::min(column(start), kBar - 1);
      const std::size_t length =
          std::clamp<std::size_t>(column(start + us) - std::min(from, column(start + us)), 1, kBar - from);
      std::string bar;
      for (std::size_t k = 0; k < length; ++k) bar += "█";
      out_ += std::string(kIndent, ' ') + padded(spaced(results::kPhaseNames[i]), kLabel) + std::string(from, ' ') +
              paint(Ink::kBar, bar) + std::string(kBar - from - length, ' ') + fmt::format("{:>12}\n", ms(us));
      start += us;
    }
    out_ += std::string(kIndent, ' ') + padded("in all", kLabel) + std::string(kBar, ' ') +
            fmt::format("{:>12}\n", ms(total));
  }

  void warnings() {
    const std::vector<std::string> all = tls_warnings(facts_, style_.asked, style_.now_s);
    if (all.empty()) return;
    heading("Warnings");
    for (const std::string& warning : all) {
      std::string lead = "  " + paint(Ink::kDoubtful, "!") + " ";
      for (const std::string& text : wrap(shown(warning), kWidth - 4, kMostLines)) {
        out_ += lead + text + "\n";
        lead = "    ";
      }
    }
  }

  // With --pem, to be copied: nothing stands before the lines.
  void pem() {
    for (const std::string& text : facts_.list(TlsField::kPem)) {
      out_ += '\n';
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        for (const std::string& part : wrap(shown(text.substr(at, end - at)), kWidth, SIZE_MAX)) out_ += part + "\n";
        at = end + 1;
      }
    }
  }

  const Record& record_;
  const PageStyle& style_;
  TlsFacts facts_;
  std::string out_;
};

}  // namespace

std::string tls_page(const Record& record, const PageStyle& style) { return Page(record, style).text(); }

}  // namespace sonde::cli
