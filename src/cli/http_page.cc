#include "cli/http_page.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/record_facts.h"
#include "cli/sheet.h"
#include "cli/tls_facts.h"
#include "cli/tls_verdict.h"
#include "cli/tls_warnings.h"
#include "probes/http/http_fields.h"
#include "probes/tls/tls_fields.h"
#include "wire/url.h"

namespace sonde::cli {
namespace {

using probes::HttpField;
using probes::kFieldsOfHttp;
using probes::TlsField;
using results::Outcome;
using results::Phase;
using results::Record;
using HttpFacts = RecordFacts<HttpField>;

std::span<const results::Value> tls_values(const Record& record) {
  return record.values.size() > kFieldsOfHttp ? record.values.subspan(kFieldsOfHttp)
                                              : std::span<const results::Value>();
}

// What stands on the page, in this order; the others are told by --format json and by -v.
constexpr auto kHeadersThatMatter = std::to_array<std::string_view>(
    {"server", "via", "location", "cache-control", "age", "etag", "last-modified", "vary", "alt-svc",
     "strict-transport-security", "content-security-policy", "x-frame-options", "x-content-type-options",
     "access-control-allow-origin", "set-cookie", "www-authenticate", "retry-after", "x-powered-by"});

struct Header {
  std::string name;
  std::vector<std::string> values;
};

std::vector<Header> headers_of(const HttpFacts& facts) {
  std::vector<Header> headers;
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(facts.json(HttpField::kHeaders)).get(object) != simdjson::SUCCESS) return headers;
  for (const auto& [name, value] : object) {
    Header& header = headers.emplace_back();
    header.name = name;
    simdjson::dom::array list;
    std::string_view text;
    if (value.get(text) == simdjson::SUCCESS) header.values.emplace_back(text);
    if (value.get(list) != simdjson::SUCCESS) continue;
    for (const simdjson::dom::element each : list)
      if (each.get(text) == simdjson::SUCCESS) header.values.emplace_back(text);
  }
  return headers;
}

constexpr auto kParts = std::to_array<std::string_view>({"dns", "connect", "tls", "write", "first_byte", "transfer"});

// One request of a chain: what it led to and how long its parts took, in microseconds; -1: did not happen.
struct Hop {
  std::int64_t status = 0;
  std::string url;
  std::array<std::int64_t, kParts.size()> parts{};
};

void read_parts(simdjson::dom::element timing, Hop& hop) {
  for (std::size_t i = 0; i < kParts.size(); ++i) {
    std::int64_t us = -1;
    hop.parts[i] = timing[kParts[i]].get(us) == simdjson::SUCCESS ? us : -1;
  }
}

std::vector<Hop> hops_of(const HttpFacts& facts) {
  std::vector<Hop> hops;
  simdjson::dom::parser parser;
  simdjson::dom::array list;
  if (parser.parse(facts.json(HttpField::kRedirects)).get(list) != simdjson::SUCCESS) return hops;
  for (const simdjson::dom::element each : list) {
    Hop& hop = hops.emplace_back();
    std::string_view text;
    if (each["status"].get(hop.status) != simdjson::SUCCESS) hop.status = 0;
    if (each["url"].get(text) == simdjson::SUCCESS) hop.url = text;
    simdjson::dom::element timing;
    if (each["timing_us"].get(timing) == simdjson::SUCCESS) read_parts(timing, hop);
  }
  simdjson::dom::parser of_last;
  simdjson::dom::element timing;
  if (of_last.parse(facts.json(HttpField::kTiming)).get(timing) != simdjson::SUCCESS) return hops;
  Hop& last = hops.emplace_back();
  last.status = facts.number(HttpField::kStatus);
  last.url = facts.text(HttpField::kFinalUrl);
  read_parts(timing, last);
  return hops;
}

std::string bytes_text(std::int64_t bytes) {
  if (bytes < 10'000) return fmt::format("{} byte{}", bytes, bytes == 1 ? "" : "s");
  if (bytes < 10'000'000) return fmt::format("{:.0f} kB", static_cast<double>(bytes) / 1e3);
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

bool has_word(std::string_view text, std::string_view word) {
  const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
  return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

class Page : private Sheet {
 public:
  Page(const Record& record, const HttpPageStyle& style)
      : Sheet(style.colour),
        record_(record),
        style_(style),
        facts_(record.values),
        tls_(tls_values(record)),
        headers_(headers_of(facts_)),
        hops_(hops_of(facts_)),
        asked_(asked_there()) {}

  std::string text() {
    head();
    outcome();
    way();
    answers();
    answer();
    tls();
    headers();
    time();
    notes();
    dialogue();
    return take();
  }

 private:
  // Of TLS, where the redirects led.
  TlsAsked asked_there() const {
    TlsAsked asked = style_.asked;
    const Parsed<wire::Url> url = wire::parse_url(facts_.text(HttpField::kFinalUrl));
    if (url) {
      asked.name = url->host;
      asked.port = url->port;
    }
    if (tls_.has(TlsField::kSni)) asked.name = tls_.text(TlsField::kSni);
    return asked;
  }

  void head() {
    // What was asked for in the end, which --scheme auto may have changed.
    std::string line = shown(facts_.has(HttpField::kUrl) ? facts_.text(HttpField::kUrl) : style_.url);
    if (!record_.ip.is_unspecified() && line.find(to_string(record_.ip)) == std::string::npos)
      line += "  " + to_string(record_.ip);
    title(line);
  }

  std::string status_text() const {
    std::string text = fmt::format("{}", facts_.number(HttpField::kStatus));
    if (facts_.has(HttpField::kReason)) text += fmt::format(" {}", facts_.text(HttpField::kReason));
    return text;
  }

  void outcome() {
    const std::int64_t total = record_.timing_us[static_cast<std::size_t>(Phase::kDone)];
    const std::int64_t status = facts_.number(HttpField::kStatus);
    if (record_.outcome != Outcome::kSuccess) {
      std::string said =
          record_.error.empty() ? std::string(results::name(record_.outcome)) : std::string(record_.error);
      verdict(Ink::kBad, "✗", said);
      std::string where = fmt::format("In phase {}", spaced(results::name(record_.phase)));
      if (total > 0) where += fmt::format(", after {}", ms(total));
      paragraph("  ", where + ".");
      if (record_.outcome == Outcome::kTlsError && status == 0)
        paragraph("  ", "No request was sent. --insecure asks whatever the certificate says.");
      if (status != 0) paragraph("  ", fmt::format("The last answer was {}.", status_text()));
      return;
    }
    const bool expected = is_as_expected(record_);
    const bool good = expected && (status < 400 || facts_.has(HttpField::kExpectStatus));
    const std::string body = bytes_text(facts_.number(HttpField::kBodyBytes));
    verdict(good       ? Ink::kGood
            : expected ? Ink::kDoubtful
                       : Ink::kBad,
            good       ? "✓"
            : expected ? "!"
                       : "✗",
            status == 0 ? fmt::format("An answer without a status line (HTTP/0.9), {} in {}", body, ms(total))
                        : fmt::format("{}, {} in {}", status_text(), body, ms(total)));
    if (facts_.has(HttpField::kExpectStatus) && !facts_.flag(HttpField::kExpectStatus))
      paragraph("  ", "The status is none of --expect-status.");
    if (facts_.has(HttpField::kExpectBody) && !facts_.flag(HttpField::kExpectBody))
      paragraph("  ", "The body has nothing that --expect-body matches.");
  }

  void way() {
    if (!facts_.has(HttpField::kRedirects)) return;
    heading("Way");
    for (const Hop& hop : hops_) add(labelled(fmt::format("{}", hop.status)) + cut(named(hop.url), kValue) + "\n");
    if (!facts_.has(HttpField::kTiming))
      add(labelled("–") + cut(named(facts_.text(HttpField::kFinalUrl)), kValue) + "\n");
  }

  // Of several paths.
  void answers() {
    simdjson::dom::parser parser;
    simdjson::dom::array list;
    if (parser.parse(facts_.json(HttpField::kResponses)).get(list) != simdjson::SUCCESS) return;
    constexpr std::size_t kTime = 12;
    heading("Answers");
    for (const simdjson::dom::element each : list) {
      std::int64_t status = 0;
      std::int64_t us = 0;
      std::string_view url;
      if (each["status"].get(status) != simdjson::SUCCESS || each["url"].get(url) != simdjson::SUCCESS ||
          each["timing_us"]["total"].get(us) != simdjson::SUCCESS)
        continue;
      add(labelled(status == 0 ? "–" : fmt::format("{}", status)) +
          padded(cut(named(url), kValue - kTime), kValue - kTime) + fmt::format("{:>12}\n", ms(us)));
    }
  }

  void answer() {
    if (!facts_.has(HttpField::kVersion)) return;
    heading(facts_.has(HttpField::kResponses) ? "Last answer" : "Answer");
    line("title", facts_.text(HttpField::kTitle));
    line("protocol", fmt::format("HTTP/{}", facts_.text(HttpField::kVersion)));
    line("type", facts_.text(HttpField::kContentType));
    line("encoding", facts_.text(HttpField::kContentEncoding));
    if (facts_.has(HttpField::kBodyBytes)) {
      const std::int64_t bytes = facts_.number(HttpField::kBodyBytes);
      const bool by_limit = record_.outcome == Outcome::kSuccess && !facts_.has(HttpField::kBodyError);
      const char* rest = !facts_.flag(HttpField::kTruncated) ? ""
                         : by_limit                          ? ", not all of it (--max-body)"
                                                             : ", not all of it";
      line("body", bytes_text(bytes) + rest);
    }
    line("sha256", facts_.text(HttpField::kBodySha256));
    line("undecoded", facts_.text(HttpField::kBodyError), Ink::kDoubtful);
    if (!facts_.has(HttpField::kRequests)) return;
    const std::int64_t connections = std::max<std::int64_t>(1, facts_.number(HttpField::kConnections));
    line("requests", fmt::format("{}, over {} connection{}", facts_.number(HttpField::kRequests), connections,
                                 connections == 1 ? "" : "s"));
  }

  void tls() {
    if (!tls_.has(TlsField::kVersion)) return;
    heading("TLS");
    line("version", tls_.text(TlsField::kVersion));
    line("cipher", tls_.text(TlsField::kCipher));
    if (!tls_.has(TlsField::kSha256)) return;
    line("subject", tls_.text(TlsField::kSubjectDn));
    line("issuer", tls_.flag(TlsField::kSelfSigned) ? "itself" : tls_.text(TlsField::kIssuerDn));
    if (tls_.has(TlsField::kNotAfter)) {
      const std::string_view until = tls_.text(TlsField::kNotAfter);
      line("valid", fmt::format("until {} ({})", until.substr(0, 10), days_from_now(until, style_.now_s)));
    }
    if (!tls_.has(TlsField::kVerified)) return;
    // The handshake was ended on purpose where the certificate does not verify; what is asked here is why.
    Record of_tls = record_;
    of_tls.values = tls_values(record_);
    of_tls.outcome = Outcome::kSuccess;
    const TlsVerdict found = judge(of_tls, asked_, style_.now_s);
    line("verdict", found.headline, found.kind == TlsVerdict::Kind::kAccepted ? Ink::kGood : Ink::kBad);
    if (found.kind != TlsVerdict::Kind::kAccepted) line("", found.advice);
  }

  void headers() {
    bool any = false;
    for (const std::string_view name : kHeadersThatMatter) {
      for (const Header& header : headers_) {
        if (header.name != name) continue;
        if (!any) heading("Headers");
        any = true;
        for (const std::string& value : header.values) {
          const std::string lead = std::string(kIndent, ' ') + shown(header.name) + ": ";
          if (columns(lead) > kWidth / 2) {
            add(cut(lead, kWidth) + "\n");
            paragraph("      ", value);
          } else {
            paragraph(lead, value);
          }
        }
      }
    }
  }

  static std::string_view shown_part(std::string_view part) { return part == "read" ? "transfer" : part; }

  void time() {
    const std::int64_t total = record_.timing_us[static_cast<std::size_t>(Phase::kDone)];
    if (total <= 0) return;
    heading("Time");
    std::int64_t start = 0;
    if (hops_.empty()) {
      for (std::size_t i = 0; i < static_cast<std::size_t>(Phase::kDone); ++i) {
        const std::int32_t us = record_.timing_us[i];
        if (us < 0) continue;
        bar(spaced(shown_part(results::kPhaseNames[i])), start, us, total);
        start += us;
      }
    } else {
      for (std::size_t i = 0; i < hops_.size(); ++i) {
        for (std::size_t part = 0; part < kParts.size(); ++part) {
          const std::int64_t us = hops_[i].parts[part];
          if (us < 0) continue;
          bar(fmt::format("{} {}", i + 1, part == 4 ? "1st byte" : kParts[part]), start, us, total);
          start += us;
        }
      }
      // A last request that came to nothing has no parts.
      if (!facts_.has(HttpField::kTiming) && total - start > total / 50) bar("then", start, total - start, total);
    }
    bar("in all", 0, total, total);
  }

  void notes() {
    std::vector<std::string> all;
    const bool secure = facts_.text(HttpField::kFinalUrl).starts_with("https:") ||
                        (!facts_.has(HttpField::kFinalUrl) && facts_.text(HttpField::kUrl).starts_with("https:"));
    const auto has = [&](std::string_view name) {
      return std::ranges::any_of(headers_, [&](const Header& header) { return header.name == name; });
    };
    const std::int64_t status = facts_.number(HttpField::kStatus);
    if (record_.outcome == Outcome::kSuccess && status != 0) {
      if (secure && !has("strict-transport-security") && status < 400)
        all.emplace_back("No Strict-Transport-Security: a browser may be led to this site in the clear.");
      for (const Header& header : headers_) {
        if (header.name != "set-cookie") continue;
        for (const std::string& cookie : header.values) {
          const std::string name = cookie.substr(0, cookie.find('='));
          if (secure && !has_word(cookie, "; secure") && !has_word(cookie, ";secure"))
            all.push_back(
                fmt::format("The cookie {} is not Secure: it is sent in the clear too.", cut(shown(name), 40)));
        }
      }
      const bool leads_on = status >= 300 && status < 400 && has("location") && !facts_.has(HttpField::kRedirects);
      if (leads_on) all.emplace_back("The answer leads elsewhere; --follow 10 goes there.");
      if (facts_.text(HttpField::kSpeaks) == "tls")
        all.emplace_back("The port speaks TLS, and was asked in the clear: https:// is what it waits for.");
    }
    for (const std::string& warning :
         tls_.has(TlsField::kVersion) ? tls_warnings(tls_, asked_, style_.now_s) : std::vector<std::string>())
      all.push_back(warning);
    if (all.empty()) return;
    heading("Notes");
    for (const std::string& text : all) note(text);
  }

  void dialogue() {
    if (!style_.dialogue) return;
    heading("Dialogue");
    for (const std::string& said : facts_.list(HttpField::kDialogue)) {
      // Two columns of sign, then the line whole: it is what was asked for.
      for (const std::string& part : wrap(shown(said), 1000, 1))
        add("  " + paint(said.starts_with('>') ? Ink::kBar : Ink::kNone, part) + "\n");
    }
  }

  const Record& record_;
  const HttpPageStyle& style_;
  HttpFacts facts_;
  TlsFacts tls_;
  std::vector<Header> headers_;
  std::vector<Hop> hops_;
  TlsAsked asked_;
};

}  // namespace

std::string http_page(const Record& record, const HttpPageStyle& style) { return Page(record, style).text(); }

bool is_as_expected(const Record& record) {
  const HttpFacts facts(record.values);
  return record.outcome == Outcome::kSuccess &&
         (!facts.has(HttpField::kExpectStatus) || facts.flag(HttpField::kExpectStatus)) &&
         (!facts.has(HttpField::kExpectBody) || facts.flag(HttpField::kExpectBody));
}

}  // namespace sonde::cli
