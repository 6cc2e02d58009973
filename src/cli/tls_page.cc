#include "cli/tls_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "cli/page_text.h"
#include "cli/sheet.h"
#include "cli/tls_facts.h"
#include "cli/tls_verdict.h"
#include "cli/tls_warnings.h"
#include "probes/tls/tls_fields.h"
#include "targets/input_text.h"

namespace sonde::cli {
namespace {

using probes::TlsField;
using results::Record;

constexpr std::size_t kMostNames = 24;   // of a certificate
constexpr std::size_t kMostLinks = 10;   // of a chain
constexpr std::size_t kMostSuites = 64;  // of a version

class Page : private Sheet {
 public:
  Page(const Record& record, const PageStyle& style)
      : Sheet(style.colour), record_(record), style_(style), facts_(record.values) {}

  std::string text() {
    head();
    judgement();
    if (facts_.has(TlsField::kSha256)) {
      certificate();
      chain();
    }
    handshake();
    supported();
    resumption();
    waterfall(record_);
    warnings();
    pem();
    return take();
  }

 private:
  void head() {
    std::string target = shown(style_.asked.target);
    if (!record_.ip.is_unspecified()) {
      const std::string endpoint = to_string(Endpoint{record_.ip, record_.port});
      if (endpoint != target) target += "  " + to_string(record_.ip);
    }
    title(target);
  }

  void judgement() {
    using Kind = TlsVerdict::Kind;
    const TlsVerdict found = judge(record_, style_.asked, style_.now_s);
    const bool good = found.kind == Kind::kAccepted;
    const bool bad = found.kind == Kind::kRefused;
    verdict(good ? Ink::kGood : bad ? Ink::kBad : Ink::kDoubtful, good ? "✓" : bad ? "✗" : "?", found.headline);
    paragraph("  ", found.advice);
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
    add(std::string(indent, ' ') + twig + cut(named(name), room));
    if (!note.empty()) add(fmt::format("  {}", shown(note)));
    add("\n");
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
        add(labelled(label) + cut(name, kValue - columns(note)) + paint(Ink::kDoubtful, note) + "\n");
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
    add("\n" + labelled("") + fmt::format("{:>12}{:>14}{:>12}\n", "handshake", "first byte", "in all"));
    timings_of("full", TlsField::kFullTls, TlsField::kFullFirstByte, TlsField::kFullTotal);
    timings_of("resumed", TlsField::kPskTls, TlsField::kPskFirstByte, TlsField::kPskTotal);
    timings_of("0-RTT", TlsField::kEarlyTls, TlsField::kEarlyFirstByte, TlsField::kEarlyTotal);
  }
  // A row; none for a way that was not gone.
  void timings_of(std::string_view way, TlsField tls, TlsField first_byte, TlsField total) {
    if (!facts_.has(tls)) return;
    add(labelled(way) + fmt::format("{:>12}{:>14}{:>12}\n", ms_of(tls), ms_of(first_byte), ms_of(total)));
  }
  std::string ms_of(TlsField id) const { return facts_.has(id) ? ms(facts_.number(id)) : "–"; }
  void warnings() {
    const std::vector<std::string> all = tls_warnings(facts_, style_.asked, style_.now_s);
    if (all.empty()) return;
    heading("Warnings");
    for (const std::string& warning : all) note(warning);
  }

  // With --pem, to be copied: nothing stands before the lines.
  void pem() {
    for (const std::string& text : facts_.list(TlsField::kPem)) {
      add("\n");
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        for (const std::string& part : wrap(shown(text.substr(at, end - at)), kWidth, SIZE_MAX)) add(part + "\n");
        at = end + 1;
      }
    }
  }

  const Record& record_;
  const PageStyle& style_;
  TlsFacts facts_;
};

}  // namespace

std::string tls_page(const Record& record, const PageStyle& style) { return Page(record, style).text(); }

}  // namespace sonde::cli
