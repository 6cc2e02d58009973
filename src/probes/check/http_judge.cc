#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "probes/check/go_pattern.h"
#include "probes/check/http_findings.h"
#include "probes/check/run_log.h"
#include "results/escape.h"
#include "wire/ascii.h"
#include "wire/http1_field.h"
#include "wire/http_date.h"

namespace sonde::probes {
namespace {

constexpr std::size_t kShown = 120;  // bytes of a pattern or a value in a sentence

std::string shown(std::string_view text) { return results::escaped(text.substr(0, kShown)); }

std::vector<std::string> values_of(std::string_view head, std::string_view wanted) {
  std::vector<std::string> values;
  wire::for_each_header(head, [&](std::string_view name, std::string_view value) {
    if (wire::equal_fold(name, wanted)) values.emplace_back(value);
  });
  return values;
}

// As Go names them.
std::string protocol_of(const HttpAnswer& answer) {
  const std::string version = answer.version();
  return "HTTP/" + (version == "2" ? "2.0" : version);
}

class Judge {
 public:
  Judge(const HttpSettings& settings, const HttpView& view, HttpBodyState state, Nanos unix_now, CheckRun& run,
        HttpFindings& findings)
      : check_(settings.check),
        answer_(*view.answer),
        state_(state),
        unix_now_(unix_now),
        run_(run),
        found_(findings) {}

  void judge() {
    log("info", "Received HTTP response", {{"status_code", std::to_string(answer_.status())}});
    judge_status();
    if (met() && !(check_.fail_if_header_matches.empty() && check_.fail_if_header_not_matches.empty())) {
      judge_headers();
      found_.failed_due_to_regex = !met();
    }
    judge_body();
    judge_version();
    if (found_.over_tls && check_.fail_if_ssl)
      fail("ssl", "the last request was over TLS", "Final request was over SSL");
    if (!found_.over_tls && check_.fail_if_not_ssl)
      fail("no_ssl", "the last request was not over TLS", "Final request was not over SSL");
  }

 private:
  bool met() const { return found_.cause.empty(); }
  void log(std::string_view level, std::string_view message, LogPairs pairs = {}) {
    log_line(run_, unix_now_, level, message, pairs);
  }
  // The first is what the run ends in.
  void fail(const char* cause, std::string error, const char* logged, LogPairs pairs = {}) {
    log("error", logged, pairs);
    if (!met()) return;
    found_.cause = cause;
    found_.error = std::move(error);
  }

  void judge_status() {
    const int status = answer_.status();
    const std::string text = std::to_string(status);
    const std::vector<int>& valid = check_.valid_status_codes;
    if (valid.empty()) {
      if (status / 100 != 2)
        fail("status_code", "the status is " + text + ", not 2xx", "Invalid HTTP response status code, wanted 2xx",
             {{"status_code", text}});
    } else if (std::ranges::find(valid, status) == valid.end()) {
      fail("status_code", fmt::format("the status is {}, not {}", status, fmt::join(valid, " or ")),
           "Invalid HTTP response status code",
           {{"status_code", text}, {"valid_status_codes", fmt::format("[{}]", fmt::join(valid, " "))}});
    }
  }

  void judge_headers() {
    for (const HeaderMatch& match : check_.fail_if_header_matches) judge_header(match, false);
    for (const HeaderMatch& match : check_.fail_if_header_not_matches) judge_header(match, true);
  }

  void judge_header(const HeaderMatch& match, bool is_wanted) {
    if (!met()) return;
    const std::vector<std::string> values = values_of(answer_.head(), match.header);
    if (values.empty()) {
      if (!match.allow_missing)
        fail("header_regexp", "the header " + shown(match.header) + " is missing", "Missing required header",
             {{"header", match.header}});
      return;
    }
    const bool matches =
        std::ranges::any_of(values, [&](const std::string& value) { return go_match(*match.regexp, value, {}); });
    if (matches == is_wanted) return;
    const std::string& pattern = match.regexp->pattern();
    fail("header_regexp",
         fmt::format("the header {} {} {}", shown(match.header), is_wanted ? "does not match" : "matches",
                     shown(pattern)),
         is_wanted ? "Header did not match regular expression" : "Header matched regular expression",
         {{"header", match.header}, {"regexp", pattern}, {"value_count", std::to_string(values.size())}});
  }

  void judge_body() {
    const HttpBody* body = answer_.body();
    const bool decodes = !check_.compression.empty() && !wire::equal_fold(check_.compression, "identity");
    const bool unreadable = decodes && (body == nullptr || !body->error().empty());
    // Of what does not even begin as gzip the patterns are not asked.
    const bool no_gzip = unreadable && wire::equal_fold(check_.compression, "gzip") && begins_otherwise(body);
    if (no_gzip) fail_compression(body);
    const bool too_long = check_.body_size_limit > 0 && body != nullptr && body->truncated() && !unreadable;
    if (met() && !(check_.fail_if_body_matches.empty() && check_.fail_if_body_not_matches.empty())) {
      const bool read = state_ == HttpBodyState::kWhole && !unreadable && !too_long;
      if (read) judge_text(body == nullptr ? std::string_view() : body->kept());
      if (!read) log("error", "Error reading HTTP body");
      if (state_ == HttpBodyState::kUnread)
        fail("body_regexp", "the body of a redirect that is not followed is not read", "Error reading HTTP body");
      found_.failed_due_to_regex = !read || !met();
    }
    if (state_ == HttpBodyState::kUnread) return;
    found_.body_bytes = body == nullptr ? 0 : body->bytes();
    if (unreadable && !no_gzip) fail_compression(body);
    if (too_long)
      fail("body_size", fmt::format("the body is longer than {} bytes", check_.body_size_limit),
           "Failed to read HTTP response body", {{"err", "http: request body too large"}});
    if (state_ == HttpBodyState::kCut) log("info", "Failed to read HTTP response body", {{"err", "unexpected EOF"}});
  }

  static bool begins_otherwise(const HttpBody* body) {
    return body == nullptr || (body->bytes() == 0 && body->error().find("header") != std::string::npos);
  }

  void fail_compression(const HttpBody* body) {
    fail("compression",
         fmt::format("the body is not {}: {}", check_.compression,
                     body == nullptr ? "there is none" : results::escaped(body->error())),
         "Failed to get decompressor for HTTP response body");
  }

  void judge_text(std::string_view body) {
    for (const Pattern& pattern : check_.fail_if_body_matches)
      if (met() && go_match(*pattern, body, {}))
        fail("body_regexp", "the body matches " + shown(pattern->pattern()), "Body matched regular expression",
             {{"regexp", pattern->pattern()}});
    for (const Pattern& pattern : check_.fail_if_body_not_matches)
      if (met() && !go_match(*pattern, body, {}))
        fail("body_regexp", "the body does not match " + shown(pattern->pattern()),
             "Body did not match regular expression", {{"regexp", pattern->pattern()}});
  }

  void judge_version() {
    const std::vector<std::string>& valid = check_.valid_http_versions;
    const std::string protocol = protocol_of(answer_);
    if (valid.empty() || std::ranges::find(valid, protocol) != valid.end()) return;
    fail("http_version", fmt::format("the answer is {}, not {}", protocol, fmt::join(valid, " or ")),
         "Invalid HTTP version number", {{"version", protocol}});
  }

  const HttpCheck& check_;
  const HttpAnswer& answer_;
  HttpBodyState state_;
  Nanos unix_now_;
  CheckRun& run_;
  HttpFindings& found_;
};

}  // namespace

void judge_answer(const HttpSettings& settings, const HttpView& view, HttpBodyState state, Nanos unix_now,
                  CheckRun& run, HttpFindings& findings) {
  const HttpAnswer& answer = *view.answer;
  findings.status = answer.status();
  const std::string version = answer.version();
  std::from_chars(version.data(), version.data() + version.size(), findings.version);
  const std::optional<std::uint64_t> length = answer.declared_length();
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  findings.content_length = length ? static_cast<std::int64_t>(std::min(*length, kMost)) : -1;
  findings.over_tls = view.session != nullptr;
  const std::vector<std::string> modified = values_of(answer.head(), "last-modified");
  if (!modified.empty()) findings.last_modified = wire::parse_http_date(modified.front());
  run.http_status = answer.status();
  if (run.keeps_body > 0) {
    const std::vector<std::string> types = values_of(answer.head(), "content-type");
    if (!types.empty()) run.body_type = types.front();
  }
  if (run.keeps_body > 0 && answer.body() != nullptr && state != HttpBodyState::kUnread)
    run.body = answer.body()->kept().substr(0, run.keeps_body);
  Judge(settings, view, state, unix_now, run, findings).judge();
}

}  // namespace sonde::probes
