#include "probes/check/http_course.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "probes/check/http_findings.h"
#include "probes/check/run_log.h"
#include "probes/check/run_plan.h"
#include "probes/http/cookie_jar.h"
#include "results/escape.h"
#include "wire/ascii.h"
#include "wire/http1_field.h"

namespace sonde::probes {
namespace {

using engine::ProbeContext;
using engine::Step;
using results::Outcome;

constexpr std::uint32_t kMostRedirects = 10;  // Go's, as blackbox_exporter counts them
constexpr std::size_t kShownUrl = 200;        // bytes of it in a sentence
constexpr Nanos kAtOnce = 1;
constexpr Nanos kTokenMargin = 10 * kSecond;    // a token that ends so soon is not used any more
constexpr std::uint64_t kNoLimit = UINT64_MAX;  // of a body that is only counted

std::string first_header(std::string_view head, std::string_view wanted) {
  std::string found;
  wire::for_each_header(head, [&](std::string_view name, std::string_view value) {
    if (found.empty() && wire::equal_fold(name, wanted)) found = value;
  });
  return found;
}

bool is_redirect(std::uint16_t status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool is_of_other_scheme(std::string_view location) {
  return location.find("://") != std::string_view::npos && !location.starts_with("http://") &&
         !location.starts_with("https://");
}

// What Go's client leaves out where a redirect leads to another domain.
bool is_sensitive(std::string_view name) {
  return std::ranges::any_of(
      std::to_array<std::string_view>({"authorization", "www-authenticate", "cookie", "cookie2"}),
      [name](std::string_view other) { return wire::equal_fold(name, other); });
}

class HttpCourse final : public engine::Probe, private HttpGuide {
 public:
  HttpCourse(const HttpSettings& settings, CheckRun& run, HttpTarget target, HttpTools& tools)
      : settings_(settings),
        run_(run),
        tools_(tools),
        target_(std::move(target)),
        room_(std::make_unique<std::byte[]>(http_probe_bytes())),
        inner_(make_guided_http_probe(room_.get(), settings.run, *this)) {
    found_ = &run.begin_findings<HttpFindings>();
  }
  ~HttpCourse() override { inner_->~GuidedHttpProbe(); }
  HttpCourse(const HttpCourse&) = delete;
  HttpCourse& operator=(const HttpCourse&) = delete;

  Step start(ProbeContext& context) override {
    // As Go's clock has it, a timeout that is over at once lets nothing happen.
    if (run_.timeout <= kAtOnce) {
      found_->resolved = run_.plan.resolves;
      return Step::done(Outcome::kTimeout, "its timeout is over before it begins");
    }
    return seen(context, inner_->start(context));
  }
  Step on_bytes(ProbeContext& context, std::span<const std::byte> bytes) override {
    return seen(context, inner_->on_bytes(context, bytes));
  }
  Step on_eof(ProbeContext& context) override { return seen(context, inner_->on_eof(context)); }
  Step on_wake(ProbeContext& context) override { return seen(context, inner_->on_wake(context)); }
  Step on_deadline(ProbeContext& context) override { return seen(context, inner_->on_deadline(context)); }
  Step on_failure(ProbeContext& context, Outcome outcome) override {
    return seen(context, inner_->on_failure(context, outcome));
  }

 private:
  const HttpCheck& check() const { return settings_.check; }

  // --- the guide ---

  const HttpAsk& first(const ProbeContext& context, bool& here) override {
    first_address_ = context.endpoint.address;
    const HttpProxy* proxy = settings_.proxies.proxy_for(target_.url);
    // The address that was found stands in the place of the name, as in blackbox_exporter: cookies and relative
    // redirects are that address's.
    if (proxy == nullptr || via_name()) {
      log_resolution(run_, check().ip, first_address_, context.unix_now);
      found_->phases_us[static_cast<std::size_t>(HttpPhase::kResolve)] += std::max(context.dns_us, 0);
    }
    found_->resolved = run_.plan.resolves;
    host_ = target_.url.host;
    url_ = target_.url;
    if (proxy == nullptr) url_.host = to_string(first_address_);
    first_url_ = url_;
    host_header_ = !run_.hostname.empty()           ? run_.hostname
                   : !settings_.host_header.empty() ? settings_.host_header
                                                    : target_.host;
    const bool has_host = !run_.hostname.empty() || !settings_.host_header.empty();
    tls_name_ = !check().tls.server_name.empty() ? check().tls.server_name : has_host ? host_header_ : host_;
    if (settings_.oauth && !has_token(context)) {
      here = false;
      return ask_for_token();
    }
    here = !via_name();
    return ask_target(context);
  }

  Parsed<const HttpAsk*> next(const ProbeContext& context, const HttpView& view) override {
    if (asks_token_) return take_token(context, *view.answer);
    const HttpAnswer& answer = *view.answer;
    wire::for_each_header(answer.head(), [&](std::string_view name, std::string_view value) {
      if (wire::equal_fold(name, "set-cookie")) jar_.set(url_, value);
    });
    if (!is_redirect(answer.status())) return nullptr;
    const std::string location = first_header(answer.head(), "location");
    if (location.empty()) return nullptr;
    return redirect(context, view, location);
  }

  HttpAnswer::Wants wants() const override {
    if (asks_token_)
      return {.limit = kMostTokenBytes,
              .whole_text = true,
              .bare = kMostTokenBytes,
              .coding = std::string_view(),
              .as_go = true};
    const std::uint64_t keep =
        std::max<std::uint64_t>(run_.keeps_body, settings_.keeps_for_regexps() ? kMostBodyForRegexps : 0);
    return {.limit = check().body_size_limit > 0 ? check().body_size_limit : kNoLimit,
            .whole_text = keep > 0,
            .bare = keep,
            .coding = check().compression,
            .as_go = true};
  }

  // --- the token ---

  bool has_token(const ProbeContext& context) const {
    return !tools_.token.authorization.empty() && context.unix_now < tools_.token_ends;
  }

  const HttpAsk& ask_for_token() {
    const HttpSettings::Oauth& oauth = *settings_.oauth;
    const Oauth2& options = *check().oauth2;
    asks_token_ = true;
    body_ = oauth_form(options, oauth.secret, tools_.posts_client);
    ask_ = {.turn = {.url = oauth.url, .method = "POST", .sends_body = true},
            .host = oauth.host,
            .headers = {{"Accept", ""}, {"Accept-Encoding", ""}, {"Content-Type", "application/x-www-form-urlencoded"}},
            .body = body_,
            .context = oauth.context.get(),
            .server_name = {},
            .verify_name = !options.tls.server_name.empty() ? options.tls.server_name : oauth.url.host,
            .proxy = nullptr,
            .address = {}};
    choose_proxy(oauth.proxies.proxy_for(oauth.url));
    ask_.server_name = server_name_for(ask_.verify_name);
    if (!tools_.posts_client)
      ask_.headers.push_back({"Authorization", basic_credentials(options.client_id, oauth.secret)});
    add_proxy_headers();
    return ask_;
  }

  Parsed<const HttpAsk*> take_token(const ProbeContext& context, const HttpAnswer& answer) {
    if (answer.status() / 100 != 2) {
      // Servers that do not take them as Basic are asked with both in the form, once.
      if (std::exchange(tried_both_, true))
        return input_error(fmt::format("the token was refused with status {}", answer.status()));
      tools_.posts_client = !tools_.posts_client;
      return &ask_for_token();
    }
    Parsed<OauthToken> token = read_oauth_token(answer.body() == nullptr ? std::string_view() : answer.body()->kept());
    if (!token) return input_error("the token cannot be had: " + token.error().text);
    tools_.token = std::move(*token);
    tools_.token_ends =
        tools_.token.lifetime_s == 0
            ? kNever
            : context.unix_now + std::min<std::int64_t>(tools_.token.lifetime_s, 1 << 30) * kSecond - kTokenMargin;
    asks_token_ = false;
    return &ask_target(context);
  }

  // --- requests ---

  const HttpAsk& ask_target(const ProbeContext& context) {
    body_ = settings_.body;
    ask_ = {.turn = {.url = url_, .method = check().method, .sends_body = true},
            .host = host_header_,
            .headers = settings_.headers,
            .body = body_,
            .context = settings_.run.context.get(),
            .server_name = {},
            .verify_name = {},
            .proxy = nullptr,
            .address = via_name() ? IpAddress() : first_address_};
    complete_ask(context);
    return ask_;
  }

  // What the url decides.
  void complete_ask(const ProbeContext& context) {
    const bool at_first = is_first(ask_.turn.url);
    ask_.verify_name = at_first ? tls_name_ : ask_.turn.url.host;
    ask_.server_name = server_name_for(ask_.verify_name);
    choose_proxy(settings_.proxies.proxy_for(hops_ == 0 ? target_.url : ask_.turn.url));
    add_credentials();
    add_proxy_headers();
    ++hops_;
    log_line(run_, context.unix_now, "info", "Making HTTP request",
             {{"url", wire::to_string(ask_.turn.url)}, {"host", ask_.host}});
    if (!at_first)
      log_line(run_, context.unix_now, "info", "Address does not match first address, not sending TLS ServerName",
               {{"first", wire::host_header(first_url_)}, {"address", wire::host_header(ask_.turn.url)}});
  }

  // As Go compares them: the text of host and port.
  bool is_first(const wire::Url& url) const {
    const bool defaults =
        url.port == wire::default_port(url.scheme) && first_url_.port == wire::default_port(first_url_.scheme);
    return url.host == first_url_.host && (url.port == first_url_.port || defaults);
  }

  // Of the target itself, and of what is below its name.
  bool is_trusted(const wire::Url& url) const {
    return url.host == first_url_.host || url.host == host_ || (!parse_ip(host_) && url.host.ends_with("." + host_));
  }

  void add_credentials() {
    const auto named = [this](std::string_view name) {
      return std::ranges::find_if(
          ask_.headers, [name](const wire::HttpHeader& header) { return wire::equal_fold(header.name, name); });
    };
    if (is_trusted(ask_.turn.url)) {
      const std::string& authorization = !target_.authorization.empty() ? target_.authorization
                                         : settings_.oauth              ? tools_.token.authorization
                                                                        : settings_.authorization;
      if (!authorization.empty() && named("authorization") == ask_.headers.end())
        ask_.headers.push_back({"Authorization", authorization});
    } else {
      std::erase_if(ask_.headers, [](const wire::HttpHeader& header) { return is_sensitive(header.name); });
    }
    const std::string cookies = jar_.header_for(ask_.turn.url);
    if (cookies.empty()) return;
    if (const auto own = named("cookie"); own != ask_.headers.end())
      own->value += "; " + cookies;
    else
      ask_.headers.push_back({"Cookie", cookies});
  }

  // Only the target's address was looked for at first: the way leads to a proxy.
  bool via_name() const { return run_.plan.terms.transport == Transport::kNone; }

  void choose_proxy(const HttpProxy* proxy) {
    ask_.proxy = proxy;
    if (proxy != nullptr) set_families(run_, kOfProxies);  // not those of the target
  }

  // Of a request that the proxy itself reads.
  void add_proxy_headers() {
    if (ask_.proxy == nullptr || ask_.turn.url.scheme == "https") return;
    ask_.headers.insert(ask_.headers.end(), ask_.proxy->headers.begin(), ask_.proxy->headers.end());
  }

  Parsed<const HttpAsk*> redirect(const ProbeContext& context, const HttpView& view, const std::string& location) {
    log_line(run_, context.unix_now, "info", "Received redirect", {{"location", location}});
    Parsed<wire::Url> url = wire::resolve_url(url_, location);
    // Go counts it before it finds that it knows the scheme not, and after it finds that it is no URL.
    if (url || is_of_other_scheme(location)) found_->redirects = hops_;
    if ((url || is_of_other_scheme(location)) && (!check().follow_redirects || hops_ > kMostRedirects)) {
      log_line(run_, context.unix_now, "info", "Not following redirect");
      unread_ = true;
      return nullptr;
    }
    if (!url)
      return input_error(
          fmt::format("redirected to '{}': {}", results::escaped(location.substr(0, kShownUrl)), url.error().text));
    add_phases(view, false);
    const std::uint16_t status = view.answer->status();
    const HttpTurn before = ask_.turn;
    const std::string referer = wire::to_string(url_);
    const bool tells_referer = url_.scheme == "http" || url->scheme == "https";
    // A relative one stays where it is, with the Host that was given.
    const bool stays = wire::same_origin(*url, url_) && !location.starts_with("//") && !wire::parse_url(location);
    url_ = std::move(*url);
    const bool keeps = status == 307 || status == 308;
    const bool is_head = before.method == "HEAD" || before.method == "GET";
    ask_.turn = {
        .url = url_, .method = keeps || is_head ? before.method : "GET", .sends_body = keeps && before.sends_body};
    if (!stays) ask_.host = wire::host_header(url_);
    if (!stays) ask_.address = parse_ip(url_.host).value_or(IpAddress());
    ask_.headers = settings_.headers;
    if (tells_referer) ask_.headers.push_back({"Referer", referer});
    complete_ask(context);
    if (!stays && ask_.proxy != nullptr) ask_.address = {};
    return &ask_;
  }

  // --- what came ---

  void add(HttpPhase phase, std::int32_t us) {
    if (us > 0) found_->phases_us[static_cast<std::size_t>(phase)] += us;
  }

  // As blackbox_exporter sums them: of a request that was made, the transfer of the last answer alone.
  void add_phases(const HttpView& view, bool is_last) {
    if (hops_ > 1) {
      found_->resolved = true;
      add(HttpPhase::kResolve, view.timing.dns);
    }
    if (view.answer == nullptr) return;
    add(HttpPhase::kConnect, view.timing.connect);
    add(HttpPhase::kTls, view.timing.tls);
    add(HttpPhase::kProcessing, view.timing.first_byte);
    if (is_last && view.answer->has_head()) add(HttpPhase::kTransfer, view.timing.transfer);
  }

  Step seen(const ProbeContext& context, Step step) {
    if (step.kind != Step::Kind::kDone) return step;
    const HttpView view = inner_->view(context);
    if (asks_token_) {
      error_ = fmt::format("of the token's server: {}", *step.error != '\0' ? step.error : results::name(step.outcome));
    } else if (hops_ > 1 && step.outcome != Outcome::kSuccess && view.answer == nullptr) {
      error_ = fmt::format("redirected to {}: {}", results::escaped(wire::to_string(url_).substr(0, kShownUrl)),
                           *step.error != '\0' ? step.error : results::name(step.outcome));
    } else {
      error_ = step.error;
    }
    if (!asks_token_) finish(context, view, step.outcome);
    step.error = error_.c_str();
    return step;
  }

  void finish(const ProbeContext& context, const HttpView& view, Outcome outcome) {
    add_phases(view, true);
    if (view.session != nullptr) {
      found_->tls = see_tls(*view.session, tools_.chains);
      if (view.session->facts().certificate_rejected) {
        found_->cause = "certificate";
        found_->error = error_;
      }
    }
    // An answer whose redirect leads nowhere is none, as Go's client has it.
    const bool whole = outcome == Outcome::kSuccess;
    const bool broken = view.answer != nullptr && view.answer->state() != HttpAnswer::State::kEnd &&
                        view.answer->state() != HttpAnswer::State::kEnough;
    if (view.answer != nullptr && view.answer->has_head() && (whole || broken)) {
      judge_answer(settings_, view,
                   unread_ ? HttpBodyState::kUnread
                   : whole ? HttpBodyState::kWhole
                           : HttpBodyState::kCut,
                   context.unix_now, run_, *found_);
    } else {
      log_line(run_, context.unix_now, "error", "Error for HTTP request", {{"err", error_}});
    }
    log_timings(context, view);
  }

  void log_timings(const ProbeContext& context, const HttpView& view) {
    if (!run_.keeps_log) return;
    const auto seconds = [](std::int32_t us) { return us < 0 ? std::string("-") : fmt::format("{}", us / 1e6); };
    log_line(run_, context.unix_now, "info", "Response timings for roundtrip",
             {{"roundtrip", std::to_string(hops_ - 1)},
              {"dns_seconds", seconds(view.timing.dns)},
              {"connect_seconds", seconds(view.timing.connect)},
              {"tls_seconds", seconds(view.timing.tls)},
              {"processing_seconds", seconds(view.timing.first_byte)},
              {"transfer_seconds", seconds(view.timing.transfer)}});
  }

  const HttpSettings& settings_;
  CheckRun& run_;
  HttpTools& tools_;
  HttpTarget target_;
  HttpFindings* found_ = nullptr;  // the run's
  HttpAsk ask_;
  CookieJar jar_;
  wire::Url url_;        // of the present request
  wire::Url first_url_;  // of the first one
  IpAddress first_address_;
  std::string host_;  // the target's name
  std::string host_header_;
  std::string tls_name_;  // of the first host
  std::string body_;
  std::string error_;
  std::uint32_t hops_ = 0;  // requests to the target and where it redirected
  bool asks_token_ = false;
  bool tried_both_ = false;
  bool unread_ = false;
  std::unique_ptr<std::byte[]> room_;
  GuidedHttpProbe* inner_;
};

}  // namespace

std::unique_ptr<engine::Probe> make_http_course(const HttpSettings& settings, CheckRun& run, HttpTarget target,
                                                HttpTools& tools) {
  return std::make_unique<HttpCourse>(settings, run, std::move(target), tools);
}

}  // namespace sonde::probes
