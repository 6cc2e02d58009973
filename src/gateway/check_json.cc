#include "gateway/check_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "wire/tls_names.h"
#include "x509/certificate.h"

namespace sonde::gateway {
namespace {

using results::Phase;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool contains(std::string_view text, std::string_view lowered) {
  return std::ranges::search(text, lowered, {}, lower).begin() != text.end() || lowered.empty();
}

void write_last(const CheckView& view, Json& json) {
  const CheckResult& last = *view.state.last();
  json.object();
  json.key("ts").time(last.unix_time);
  json.member("success", last.success);
  json.key("duration_us").value(last.timing_us[static_cast<std::size_t>(Phase::kDone)]);
  json.key("timing_us").object();
  for (std::size_t phase = 0; phase < last.timing_us.size(); ++phase)
    if (last.timing_us[phase] >= 0 && phase != static_cast<std::size_t>(Phase::kDone))
      json.member(results::kPhaseNames[phase], last.timing_us[phase]);
  json.end_object();
  json.member("phase", results::name(last.phase));
  json.member("outcome", results::name(last.outcome));
  if (!last.cause.empty()) json.member("cause", last.cause);
  if (!last.error.empty()) json.member("error", last.error);
  json.key("lateness_us").value(static_cast<std::int64_t>(last.lateness / kMicrosecond));
  if (view.http_status != 0) json.member("http_status", std::uint32_t{view.http_status});
  if (!view.state.last_counted()) json.member("counted", false);
  json.end_object();
}

std::int64_t to_us(Nanos time) { return time / kMicrosecond; }

// What a result of the last ones says.
struct ShownResult {
  Nanos unix_time;
  bool success;
  std::optional<std::uint32_t> duration_us;
  results::Outcome outcome;
  Phase phase;
  std::string_view cause;
};

// last: it is this one, of which more is known; null: it is another.
void write_result(const ShownResult& shown, const LastResult* last, Json& json) {
  json.object().key("ts").time(shown.unix_time);
  json.member("success", shown.success);
  if (shown.duration_us) json.member("duration_us", *shown.duration_us);
  json.member("phase", results::name(shown.phase)).member("outcome", results::name(shown.outcome));
  if (!shown.cause.empty()) json.member("cause", shown.cause);
  if (last != nullptr && !last->result.error.empty()) json.member("error", last->result.error);
  if (last != nullptr && last->http_status != 0) json.member("http_status", std::uint32_t{last->http_status});
  json.end_object();
}

void write_date(const char* key, std::optional<std::int64_t> unix_s, Json& json) {
  if (unix_s) json.member(key, x509::rfc3339(*unix_s));
}

void write_tls(const probes::TlsSeen& tls, std::int64_t now_s, Json& json) {
  json.key("tls").object();
  json.member("version", wire::tls_version_name(tls.version));
  json.member("cipher", wire::tls_cipher_name(tls.cipher));
  const std::vector<probes::ChainView::Certificate>& chain = tls.chain->certificates;
  std::optional<std::int64_t> first_to_end;
  for (const auto& certificate : chain)
    if (certificate.not_after) first_to_end = std::min(first_to_end.value_or(INT64_MAX), *certificate.not_after);
  write_date("not_after", first_to_end, json);
  if (first_to_end) json.member("days_left", static_cast<std::int64_t>(std::floor((*first_to_end - now_s) / 86'400.0)));
  json.key("chain").array();
  for (const auto& certificate : chain) {
    json.object().member("subject", certificate.subject).member("issuer", certificate.issuer);
    write_date("not_before", certificate.not_before, json);
    write_date("not_after", certificate.not_after, json);
    json.member("sha256", certificate.sha256).end_object();
  }
  json.end_array().end_object();
}

const std::string* label_of(const Check& check, std::string_view name) {
  if (name == "check") return &check.name;
  if (name == "module") return &check.module;
  if (name == "target") return &check.target;
  const auto found = check.labels.find(std::string(name));
  return found == check.labels.end() ? nullptr : &found->second;
}

Parsed<std::size_t> parse_number(const std::string& name, const std::string& text, std::size_t most) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > most)
    return input_error(fmt::format("{}: a whole number up to {} is wanted", name, most));
  return number;
}

}  // namespace

void write_check(const CheckView& view, Json& json) {
  const Check& check = view.check;
  json.member("id", to_text(check.id));
  json.member("name", check.name);
  json.member("module", check.module);
  json.member("target", check.target);
  json.key("labels").object();
  for (const auto& [name, value] : check.labels) json.member(name, value);
  json.end_object();
  json.member("state", name(view.state.shown()));
  json.key("since").time(view.state.since());
  json.key("interval_s").value(static_cast<double>(check.interval) / kSecond);
  json.member("priority", name(check.priority));
  json.key("last");
  if (view.state.last() != nullptr) {
    write_last(view, json);
  } else {
    json.null();
  }
  json.key("next");
  if (view.next == kNever) {
    json.null();
  } else {
    json.time(view.next);
  }
}

void write_details(const CheckView& view, Nanos unix_now, Json& json) {
  if (view.tls != nullptr) write_tls(*view.tls, unix_now / kSecond, json);
  json.key("transitions").array();
  for (const Transition& transition : view.state.transitions(view.check.id)) {
    json.object();
    json.key("ts").time(transition.unix_time);
    json.member("from", transition.from);
    json.member("to", transition.to);
    json.member("cause", transition.cause);
    json.end_object();
  }
  json.end_array();
}

void write_recent(std::span<const HistoryPoint> points, const LastResult* last, Json& json) {
  const bool adds =
      last != nullptr && (points.empty() || to_us(points.back().unix_time) < to_us(last->result.unix_time));
  const std::size_t most = kMostRecent - (adds ? 1 : 0);
  json.key("recent").array();
  for (const HistoryPoint& point : points.last(std::min(points.size(), most))) {
    const bool success = point.success > 0,
               is_last = last != nullptr && to_us(point.unix_time) == to_us(last->result.unix_time);
    write_result({.unix_time = point.unix_time,
                  .success = success,
                  .duration_us = point.timed > 0 ? std::optional<std::uint32_t>(point.p50_us) : std::nullopt,
                  .outcome = success ? results::Outcome::kSuccess : point.outcome,
                  .phase = success ? Phase::kDone : point.phase,
                  .cause = point.cause},
                 is_last ? last : nullptr, json);
  }
  if (adds) {
    const CheckResult& result = last->result;
    const std::int32_t total_us = result.timing_us[static_cast<std::size_t>(Phase::kDone)];
    write_result({.unix_time = result.unix_time,
                  .success = result.success,
                  .duration_us = total_us >= 0 ? std::optional(static_cast<std::uint32_t>(total_us)) : std::nullopt,
                  .outcome = result.outcome,
                  .phase = result.phase,
                  .cause = result.cause},
                 last, json);
  }
  json.end_array();
}

bool CheckQuery::fits(const CheckView& view) const {
  if (state && view.state.shown() != *state) return false;
  const Check& check = view.check;
  for (const auto& [name, value] : labels) {
    const std::string* own = label_of(check, name);
    if (own == nullptr || *own != value) return false;
  }
  return contains(check.name, text) || contains(check.target, text) || contains(check.module, text) ||
         std::ranges::any_of(check.labels, [this](const auto& label) { return contains(label.second, text); });
}

Parsed<CheckQuery> parse_check_query(const HttpRequest& request) {
  CheckQuery query;
  for (const auto& [name, value] : request.query) {
    if (name == "state") {
      const auto found = std::ranges::find(kShownNames, value);
      if (found == kShownNames.end()) return input_error("state: up, down, unknown or flapping is wanted");
      query.state = static_cast<ShownState>(found - kShownNames.begin());
    } else if (name == "label") {
      const std::size_t equals = value.find_first_of("=:");
      if (equals == std::string::npos || equals == 0) return input_error("label: NAME=VALUE is wanted");
      query.labels.emplace_back(value.substr(0, equals), value.substr(equals + 1));
    } else if (name == "q") {
      query.text = value;
      std::ranges::transform(query.text, query.text.begin(), lower);
    } else if (name == "offset" || name == "limit") {
      const Parsed<std::size_t> number =
          parse_number(name, value, name == "limit" ? CheckQuery::kMostLimit : std::size_t{1'000'000'000});
      if (!number) return std::unexpected(number.error());
      (name == "limit" ? query.limit : query.offset) = *number;
    } else {
      return input_error(fmt::format("{}: no such parameter; state, label, q, offset and limit are", name));
    }
  }
  return query;
}

}  // namespace sonde::gateway
