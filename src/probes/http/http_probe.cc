// One state machine, in one place: what a call makes of a connection depends on what was asked on it, over which
// layers, and on what was tried before. What stands alone has a file of its own: the answer, its body, the redirects,
// the dialogue.
#include "probes/http/http_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "http2/client_session.h"
#include "probes/http/http_answer.h"
#include "probes/http/http_dialogue.h"
#include "probes/http/http_fields.h"
#include "probes/http/http_guide.h"
#include "probes/http/http_options.h"
#include "probes/http/http_worker.h"
#include "probes/http/redirect_chain.h"
#include "probes/tls/full_handshake.h"
#include "probes/tls/late_certificates.h"
#include "probes/tls/open_session.h"
#include "probes/tls/tls_fields.h"
#include "results/escape.h"
#include "tls/client_session.h"
#include "wire/ascii.h"
#include "wire/http1_field.h"
#include "wire/http1_request.h"
#include "wire/identify.h"
#include "wire/line.h"
#include "wire/url.h"

namespace sonde::probes {
namespace {

using engine::Detour;
using engine::ProbeContext;
using engine::Step;
using results::Outcome;

constexpr std::size_t kOpeningBytes = 4096;      // of an answer that is not what was asked for, to name it by
constexpr std::uint32_t kMostConnections = 512;  // the engine's bound, which it tells as a timeout
constexpr Nanos kSilence = 500 * kMillisecond;   // then it has said what it is, as for the banner probe

bool is_redirect(std::uint16_t status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Servers that got a request in the clear on a port of https say so: nginx, Go, Apache, Tomcat.
bool wants_https(const HttpAnswer& answer) {
  constexpr auto kWords = std::to_array<std::string_view>(
      {"request was sent to HTTPS port", "request to an HTTPS server", "SSL-enabled server port", "requires TLS"});
  return answer.status() == 400 && answer.body() != nullptr && std::ranges::any_of(kWords, [&](std::string_view words) {
           return answer.body()->kept().find(words) != std::string_view::npos;
         });
}

// Methods that may be sent again when it is not known whether they were acted on (RFC 9110, 9.2.2).
bool is_idempotent(std::string_view method) {
  constexpr auto kMethods = std::to_array<std::string_view>({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"});
  return std::ranges::find(kMethods, method) != kMethods.end();
}

// The tls fields of a record stand behind those of http.
class LateTls final : public engine::LateFields {
 public:
  LateTls(x509::Desk& desk, const TlsFindings& found, CertificateView view)
      : certificates_(desk, found, std::nullopt, std::move(view)) {}
  bool ready() override { return certificates_.ready(); }
  void fill(std::span<results::Value> values) override { certificates_.fill(values.subspan(kFieldsOfHttp)); }

 private:
  LateCertificates certificates_;
};

class HttpProbe final : public GuidedHttpProbe {
 public:
  HttpProbe(const HttpRun& run, HttpGuide* guide) : run_(run), guide_(guide) { turn_.method = options().method; }

  Step start(ProbeContext& context) override {
    worker_ = static_cast<HttpWorker*>(context.state);
    bool at_target = true;
    if (context.connection == 0) at_target = guide_ == nullptr ? begin_target(context) : begin_guided(context);
    begin_call(context);
    ++connections_;
    address_ = context.endpoint.address;
    session_.reset();
    http2_.reset();
    opening_.clear();
    here_ = true;
    opened_ = naming_ = any_byte_ = asked_here_ = tunnels_ = false;
    first_byte_at_ = kNever;
    on_connection_ = 0;
    tls_us_ = -1;
    if (!at_target) return leave_for(ask_->address);
    if (ask_ != nullptr && ask_->proxy != nullptr && turn_.url.scheme == "https") return ask_for_tunnel(context);
    if (context.layer != nullptr) return take_layer(context) ? go_on_over_layer(context) : same_place();
    return turn_.url.scheme == "https" ? begin_tls(context) : ask(context);
  }

  Step on_bytes(ProbeContext& context, std::span<const std::byte> bytes) override {
    begin_call(context);
    any_byte_ = true;
    const Step step = session_ ? on_sealed(context, bytes) : on_plain(context, bytes);
    context.unanswered = !context.handshaking && asked_here_ && !heard() && !step.anew;
    return step;
  }

  Step on_wake(ProbeContext& context) override {
    context.wake_at = kNever;
    return naming_ ? name_peer() : Step::more();
  }

  Step on_eof(ProbeContext& context) override {
    begin_call(context);
    if (naming_) return name_peer();
    if (tunnels_) return done(Outcome::kClosed, "the proxy closed the connection");
    if (session_ && !opened_) {
      (void)session_->end_of_input();
      if (session_->failure() == tls::ClientSession::Failure::kNotTls) return name_peer();
      if (!any_byte_ && tries_other_scheme()) return switch_scheme();
      return done(Outcome::kClosed, any_byte_ ? "closed during the handshake" : "closed without a word");
    }
    if (http2_) {
      if (was_no_http2()) return name_peer();
    } else if (answer_.on_eof() == HttpAnswer::State::kEnd) {
      return conclude(context);
    }
    if (may_ask_again()) return same_place();
    if (!any_byte_ && tries_other_scheme()) return switch_scheme();
    if (http2_) return done(Outcome::kClosed, http2_->error().empty() ? answer_.error() : http2_->error());
    if (!heard()) return done(Outcome::kClosed, any_byte_ ? "closed without an answer" : "closed without a word");
    if (!answer_.is_http()) return not_http(context, true);
    return done(Outcome::kClosed, answer_.error());
  }

  Step on_deadline(ProbeContext&) override {
    if (naming_ || was_no_http2()) return name_peer();
    if ((session_ && !opened_) || !heard()) return done(Outcome::kTimeout, "");
    return done(Outcome::kTimeout,
                answer_.in_head() ? "the head did not end in time" : "the answer did not end in time");
  }

  Step on_failure(ProbeContext& context, Outcome outcome) override {
    if (outcome != Outcome::kLocalError && (naming_ || (here_ && was_no_http2()))) return name_peer();
    if (outcome == Outcome::kReset && may_ask_again()) return same_place();
    if (outcome == Outcome::kReset && here_ && !any_byte_ && tries_other_scheme()) return switch_scheme();
    // A redirect that leads nowhere: the first connection's failures do not come here.
    if (context.connection > 0 && !asked_here_ && chain_) {
      const std::string to = results::escaped(wire::to_string(turn_.url).substr(0, kShownUrl));
      if (outcome == Outcome::kBlocked) return done(outcome, fmt::format("redirected to {}, which is excluded", to));
      if (outcome == Outcome::kDnsError) return done(outcome, fmt::format("redirected to {}: no such name", to));
      return done(outcome, fmt::format("redirected to {}: {}", to, results::name(outcome)));
    }
    if (outcome == Outcome::kTimeout && !here_ && connections_ == kMostConnections)
      return done(outcome, fmt::format("{} connections were not enough for all requests", kMostConnections));
    if (outcome != Outcome::kReset || !here_) return done(outcome, "");
    return done(outcome, !any_byte_             ? "reset without a word"
                         : session_ && !opened_ ? "reset during the handshake"
                         : heard()              ? "reset within the answer"
                                                : "reset without an answer");
  }

  void fill(std::span<results::Value> values) const override {
    if (connections_ == 0) return;  // it never began
    field(values, HttpField::kUrl) = results::escaped(wire::to_string(chain_       ? chain_->first()
                                                                      : first_url_ ? *first_url_
                                                                                   : turn_.url));
    field(values, HttpField::kMethod) = options().method;
    fill_answer(answer_, options(), values);
    if (redirects() > 0) {
      field(values, HttpField::kRedirects) = results::Json{chain_->json()};
      field(values, HttpField::kFinalUrl) = results::escaped(wire::to_string(turn_.url));
      if (asked_here_) field(values, HttpField::kFinalIp) = to_string(address_);
      if (asked_here_ && last_.total >= 0) field(values, HttpField::kTiming) = results::Json{to_json(last_)};
    }
    if (dialogue_) field(values, HttpField::kDialogue) = dialogue_->lines(answer_.head());
    if (!responses_json_.empty()) field(values, HttpField::kResponses) = results::Json{"[" + responses_json_ + "]"};
    if (requests() > 1) field(values, HttpField::kRequests) = static_cast<std::int64_t>(answered_);
    if (connections_ > 1) field(values, HttpField::kConnections) = std::int64_t{connections_};
    if (!speaks_.empty()) field(values, HttpField::kSpeaks) = speaks_;
    if (!session_ || !run_.tells_tls) return;
    const std::span<results::Value> of_tls = values.subspan(kFieldsOfHttp);
    field(of_tls, TlsField::kEngine) = std::string("full");
    if (!server_name_.empty()) field(of_tls, TlsField::kSni) = results::escaped(server_name_);
    fill_findings(findings_of(session_->facts()), of_tls);
  }

  HttpView view(const ProbeContext& context) const override {
    HttpView view{.answer = asked_here_ ? &answer_ : nullptr, .timing = {}, .session = session_.get()};
    if (asked_here_) view.timing = timing(context);
    if (!heard()) view.timing.first_byte = view.timing.transfer = -1;
    return view;
  }

  std::unique_ptr<engine::LateFields> late_fields() override {
    if (!session_ || !run_.tells_tls || worker_ == nullptr) return nullptr;
    const TlsFindings found = findings_of(session_->facts());
    if (found.chain.empty()) return nullptr;
    return std::make_unique<LateTls>(worker_->desk(), found,
                                     CertificateView{.wanted = wanted_name_,
                                                     .now_s = now_s_,
                                                     .verify = options().tls.verify,
                                                     .unproven = !opened_,
                                                     .pem = options().tls.pem});
  }

 private:
  static constexpr std::size_t kShownUrl = 200;  // bytes of it in a text

  const HttpOptions& options() const { return run_.options; }
  bool heard() const { return first_byte_at_ != kNever; }
  std::uint32_t redirects() const { return chain_ ? chain_->count() : 0; }
  std::uint64_t requests() const { return std::max<std::uint64_t>(options().paths.size(), 1) * options().repeat; }
  static std::int32_t since(Nanos from, Nanos now) {
    return static_cast<std::int32_t>(std::clamp<Nanos>((now - from) / kMicrosecond, 0, INT32_MAX));
  }

  void begin_call(const ProbeContext& context) {
    worker_->sending.clear();
    now_s_ = context.unix_now / kSecond;
  }

  // Whether what is asked goes over this connection.
  bool begin_guided(const ProbeContext& context) {
    bool here = true;
    ask_ = &guide_->first(context, here);
    turn_ = ask_->turn;
    return here;
  }

  bool begin_target(const ProbeContext& context) {
    host_ = context.host;
    using Scheme = HttpOptions::Scheme;
    const bool by_port = context.endpoint.port == 443 || context.endpoint.port == 8443;
    const std::string_view scheme = !context.scheme.empty()              ? context.scheme
                                    : options().scheme == Scheme::kHttp  ? "http"
                                    : options().scheme == Scheme::kHttps ? "https"
                                    : context.layer != nullptr           ? "https"
                                    : by_port                            ? "https"
                                                                         : "http";
    const std::string_view path = !options().paths.empty() ? std::string_view(options().paths.front()) : context.path;
    turn_.url = {.scheme = std::string(scheme),
                 .host = host_.empty() ? to_string(context.endpoint.address) : host_,
                 .port = context.endpoint.port,
                 .path = std::string(path)};
    if (!options().paths.empty()) return true;
    // The target's own is put the way that a browser would ask for it.
    wire::Url origin = turn_.url;
    origin.path = "/";
    if (Parsed<wire::Url> whole = wire::parse_url(wire::to_string(origin) + std::string(path).erase(0, 1)))
      turn_.url.path = std::move(whole->path);
    return true;
  }

  // --- the connection ---

  // Whom TLS is to be with: the target, or where a redirect leads.
  void choose_names() {
    if (ask_ != nullptr) {
      server_name_ = ask_->server_name;
      wanted_name_ = ask_->verify_name;
      return;
    }
    const bool at_target = redirects() == 0 || turn_.url.host == chain_->first().host;
    server_name_ = at_target ? std::string(options().tls.server_name(host_)) : std::string(name_of(turn_.url));
    wanted_name_ = at_target ? options().tls.wanted_name(host_, address_) : turn_.url.host;
  }

  Step begin_tls(ProbeContext& context) {
    context.handshaking = true;
    handshake_from_ = context.now;
    choose_names();
    session_ = std::make_unique<tls::ClientSession>(
        ask_ != nullptr ? *ask_->context : *run_.context,
        tls::SessionOptions{.server_name = server_name_, .verify_name = wanted_name_});
    return flush(false);
  }

  // An https request through a proxy: what follows its consent is TLS (RFC 9110, 9.3.6).
  Step ask_for_tunnel(const ProbeContext& context) {
    tunnels_ = true;
    answer_.begin(context.pool, "CONNECT", {});
    const bool is_v6 = turn_.url.host.find(':') != std::string::npos;
    const std::string to = fmt::format("{}{}{}:{}", is_v6 ? "[" : "", turn_.url.host, is_v6 ? "]" : "", turn_.url.port);
    std::vector<wire::HttpHeader> headers = {{"Accept", ""}, {"Accept-Encoding", ""}, {"Connection", ""}};
    for (const auto* list : {&ask_->proxy->headers, &ask_->proxy->connect_headers})
      headers.insert(headers.end(), list->begin(), list->end());
    worker_->request.clear();
    if (!wire::append_request(worker_->request, {.method = "CONNECT",
                                                 .target = to,
                                                 .host = to,
                                                 .user_agent = options().user_agent,
                                                 .headers = headers,
                                                 .body = {},
                                                 .keep_alive = true}))
      return done(Outcome::kProtocolError, "the request to the proxy cannot be written");
    say(wire::as_bytes(worker_->request));
    return flush(false);
  }

  Step on_proxy_s_answer(ProbeContext& context, std::span<const std::byte> bytes) {
    const HttpAnswer::State state = answer_.on_bytes(bytes);
    if (state == HttpAnswer::State::kMore) return Step::more();
    if (state == HttpAnswer::State::kError) return done(Outcome::kProtocolError, "the proxy's answer is not HTTP");
    if (answer_.status() / 100 != 2)
      return done(Outcome::kProtocolError,
                  fmt::format("the proxy refused: {} {}", answer_.status(), results::escaped(answer_.reason())));
    tunnels_ = any_byte_ = false;
    return begin_tls(context);
  }

  // The session of the tls probe before, if it is one that would have been opened here.
  bool take_layer(ProbeContext& context) {
    auto* open = dynamic_cast<OpenSession*>(context.layer->get());
    if (open == nullptr || turn_.url.scheme != "https" || !options().insecure) return false;  // nobody has verified it
    using Version = HttpOptions::Version;
    const bool is_http2 = open->session->facts().alpn == "h2";
    if (options().version != Version::kAuto && is_http2 != (options().version == Version::kHttp2)) return false;
    session_ = std::move(open->session);
    opened_ = any_byte_ = true;
    choose_names();
    return true;
  }

  Step go_on_over_layer(ProbeContext& context) {
    const Step step = ask(context);
    // With the end of the handshake more may have come.
    return step.kind == Step::Kind::kSend && !session_->received().empty() ? on_opened(context) : step;
  }

  // Puts what TLS has to say behind what is said in this call.
  void take_sealed() {
    const std::span<const std::byte> outgoing = session_->outgoing();
    worker_->sending.insert(worker_->sending.end(), outgoing.begin(), outgoing.end());
    session_->sent(outgoing.size());
  }

  // The same with `plain`, all of it: the session takes no more at once than it keeps.
  void say(std::span<const std::byte> plain) {
    if (!session_) {
      worker_->sending.insert(worker_->sending.end(), plain.begin(), plain.end());
      return;
    }
    while (!plain.empty()) {
      const std::size_t taken = session_->write(plain);
      if (taken == 0) return;  // it is over
      plain = plain.subspan(taken);
      take_sealed();
    }
  }

  // What HTTP/2 and TLS have to say, and what was said before in this call.
  Step flush(bool anew) {
    if (http2_) {
      for (auto frames = http2_->outgoing(); !frames.empty(); frames = http2_->outgoing()) {
        say(frames);
        http2_->sent(frames.size());
      }
    }
    if (session_) take_sealed();
    const std::span<const std::byte> sending = worker_->sending;
    if (sending.empty()) return Step::more();
    return anew ? Step::exchange(sending) : Step::send(sending);
  }

  void keep_opening(std::span<const std::byte> bytes) {
    opening_ += wire::as_text(bytes.first(std::min(bytes.size(), kOpeningBytes - opening_.size())));
  }

  Step on_handshake_failure(ProbeContext& context) {
    using Failure = tls::ClientSession::Failure;
    const Failure failure = session_->failure();
    if (failure == Failure::kNotTls) return tries_other_scheme() ? switch_scheme() : name_later(context);
    return done(failure == Failure::kClosed  ? Outcome::kClosed
                : failure == Failure::kLocal ? Outcome::kLocalError
                                             : Outcome::kTlsError,
                session_->error())
        .after(session_->outgoing());  // an alert
  }

  bool tries_other_scheme() const {
    return options().scheme == HttpOptions::Scheme::kAuto && !switched_ && redirects() == 0 && answered_ == 0;
  }

  Step switch_scheme() {
    switched_ = true;
    answer_ = HttpAnswer();  // what came in the other one is told no more
    turn_.url.scheme = turn_.url.scheme == "http" ? "https" : "http";
    return same_place();
  }

  // Another connection to where this one goes.
  Step same_place() { return leave_for(address_); }

  Step leave_for(const IpAddress& address) {
    here_ = asked_here_ = false;
    const wire::Url& place = ask_ != nullptr && ask_->proxy != nullptr ? ask_->proxy->url : turn_.url;
    detour_ = {.host = name_of(place), .address = address, .port = place.port};
    if (const auto literal = parse_ip(place.host); literal && address.is_unspecified()) detour_.address = *literal;
    return Step::go_on_at(detour_);
  }

  // For the engine and for SNI: empty for an address.
  static std::string_view name_of(const wire::Url& url) {
    return parse_ip(url.host) ? std::string_view() : std::string_view(url.host);
  }

  // A server may close a connection that it kept for us in the moment in which we use it (RFC 9112, 9.3.1), or refuse a
  // request unseen (RFC 9113, 8.7).
  bool may_ask_again() {
    const bool lost = asked_here_ && on_connection_ > 1 && !heard() && is_idempotent(turn_.method);
    const bool refused = asked_here_ && http2_ != nullptr && answer_.refused() && !asked_again_;
    if (!lost && !refused) return false;
    asked_again_ = true;
    return true;
  }

  Step on_sealed(ProbeContext& context, std::span<const std::byte> bytes) {
    if (naming_ && !opened_) {
      keep_opening(bytes);
      return name_later(context);
    }
    while (!bytes.empty()) {
      const std::span<const std::byte> piece = bytes.first(std::min(bytes.size(), tls::ClientSession::kFeedMax));
      bytes = bytes.subspan(piece.size());
      if (!opened_) keep_opening(piece);
      const tls::ClientSession::State state = session_->feed(piece);
      if (state == tls::ClientSession::State::kHandshaking) continue;
      if (!opened_) {
        if (state == tls::ClientSession::State::kFailed) return on_handshake_failure(context);
        opened_ = true;
        opening_.clear();
        tls_us_ = since(handshake_from_, context.now);
        context.handshaking = false;
        if (const Step step = ask(context); step.kind != Step::Kind::kSend) return step;
      }
      if (!session_->received().empty())
        if (const Step step = on_opened(context); leaves(step)) return step;
      if (state == tls::ClientSession::State::kFailed) return on_broken_session();
      if (state != tls::ClientSession::State::kOpen) return on_eof(context);
    }
    return flush(false);
  }

  static bool leaves(const Step& step) {
    return step.kind == Step::Kind::kDone || step.kind == Step::Kind::kReconnect || step.anew;
  }

  // What the open session has received.
  Step on_opened(ProbeContext& context) {
    const std::span<const std::byte> received = session_->received();
    const Step step = on_plain(context, received);
    session_->taken(received.size());
    return step;
  }

  // Of TLS 1.3, a server that wants a certificate of ours says so behind the handshake.
  Step on_broken_session() {
    if (naming_) return name_peer();
    if (may_ask_again()) return same_place();
    const bool local = session_->failure() == tls::ClientSession::Failure::kLocal;
    return done(local ? Outcome::kLocalError : Outcome::kTlsError, session_->error());
  }

  // --- one exchange ---

  Step ask(ProbeContext& context) {
    const bool anew = on_connection_ > 0;
    asked_here_ = true;
    ++on_connection_;
    asked_at_ = context.now;
    first_byte_at_ = kNever;
    hop_started_ = anew ? context.now : context.started;
    if (guide_ != nullptr) return ask_guided(context);
    answer_.begin(context.pool, turn_.method,
                  {.limit = options().max_body, .whole_text = options().keep_body || options().expect_body != nullptr});
    const std::span<const wire::HttpHeader> headers = chain_ ? chain_->headers_for(turn_.url, options().headers)
                                                             : std::span<const wire::HttpHeader>(options().headers);
    const std::string_view body = turn_.sends_body ? std::string_view(options().body) : std::string_view();
    const bool is_http2 = session_ ? session_->facts().alpn == "h2" : options().version == HttpOptions::Version::kHttp2;
    if (session_ && !is_http2 && options().version == HttpOptions::Version::kHttp2)
      return done(Outcome::kProtocolError, "the server does not choose HTTP/2");
    return is_http2 ? ask_http2(headers, body, anew) : ask_http1(headers, body, anew);
  }

  Step ask_guided(const ProbeContext& context) {
    answer_.begin(context.pool, turn_.method, guide_->wants());
    const std::string_view body = turn_.sends_body ? ask_->body : std::string_view();
    if (session_ && session_->facts().alpn == "h2") return ask_http2(ask_->headers, body, false);
    return ask_http1(ask_->headers, body, false);
  }

  Step ask_http1(std::span<const wire::HttpHeader> headers, std::string_view body, bool anew) {
    std::string& request = worker_->request;
    request.clear();
    const bool absolute = ask_ != nullptr && ask_->proxy != nullptr && !session_;
    const bool whole = wire::append_request(request, {.method = turn_.method,
                                                      .target = absolute ? wire::to_string(turn_.url) : turn_.url.path,
                                                      .host = authority(),
                                                      .user_agent = options().user_agent,
                                                      .headers = headers,
                                                      .body = body,
                                                      .keep_alive = requests() > 1 || options().follow > 0});
    if (!whole) return done(Outcome::kProtocolError, "the request cannot be written");
    if (options().dialogue) note_request(request);
    say(wire::as_bytes(request));
    return flush(anew);
  }

  Step ask_http2(std::span<const wire::HttpHeader> headers, std::string_view body, bool anew) {
    if (!http2_) http2_ = std::make_unique<http2::ClientSession>();
    const auto named = [headers](std::string_view name) {
      return std::ranges::find_if(headers, [name](const auto& header) { return wire::equal_fold(header.name, name); });
    };
    std::vector<http2::Header> list;
    const auto put_default = [&](std::string_view name, std::string_view value) {
      if (!value.empty() && named(name) == headers.end()) list.push_back({name, value});
    };
    put_default("user-agent", options().user_agent);
    put_default("accept", "*/*");
    put_default("accept-encoding", "gzip, deflate, br, zstd");
    for (const wire::HttpHeader& header : headers)
      if (!header.value.empty()) list.push_back({header.name, header.value});
    const std::string own = authority();
    const auto host = named("host");
    const std::string_view authority = host == headers.end() ? std::string_view(own) : std::string_view(host->value);
    stream_ = http2_->submit({.method = turn_.method,
                              .scheme = turn_.url.scheme,
                              .authority = authority,
                              .path = turn_.url.path,
                              .headers = list,
                              .body = wire::as_bytes(body)},
                             answer_);
    if (stream_ == http2::kNoStream) return done(Outcome::kProtocolError, "the request cannot be written in HTTP/2");
    if (options().dialogue) {
      std::string head =
          fmt::format("{} {}://{}{} HTTP/2\n", turn_.method, turn_.url.scheme, authority, turn_.url.path);
      for (const http2::Header& header : list) head += fmt::format("{}: {}\n", header.name, header.value);
      note_request(head);
    }
    return flush(anew);
  }

  std::string authority() const { return ask_ != nullptr ? ask_->host : wire::host_header(turn_.url); }

  void note_request(std::string_view head) {
    if (!dialogue_) dialogue_ = std::make_unique<HttpDialogue>();
    dialogue_->note_request(head);
  }

  Step on_plain(ProbeContext& context, std::span<const std::byte> bytes) {
    if (naming_) {
      keep_opening(bytes);
      return name_later(context);
    }
    if (tunnels_) return on_proxy_s_answer(context, bytes);
    if (http2_) {
      if (on_connection_ == 1) keep_opening(bytes);
      const Step step = on_frames(context, bytes);
      if (step.kind == Step::Kind::kDone || naming_) return step;
    } else {
      if (!heard()) first_byte_at_ = context.now;
      answer_.on_bytes(bytes);
    }
    switch (answer_.state()) {
      case HttpAnswer::State::kMore:
        return flush(false);
      case HttpAnswer::State::kEnd:
      case HttpAnswer::State::kEnough:
        return conclude(context);
      case HttpAnswer::State::kError:
        break;
    }
    if (may_ask_again()) return same_place();
    return http2_ || answer_.is_http() ? done(Outcome::kProtocolError, answer_.error()) : not_http(context, false);
  }

  // A few bytes may have been too few to be known by, until nothing followed them.
  bool was_no_http2() {
    if (!http2_) return false;
    (void)http2_->end_of_input();
    return http2_->failure() == http2::ClientSession::Failure::kNotHttp2;
  }

  // "More" unless it is HTTP/2 no longer, or never was.
  Step on_frames(ProbeContext& context, std::span<const std::byte> bytes) {
    using Failure = http2::ClientSession::Failure;
    while (!bytes.empty()) {
      const std::span<const std::byte> piece = bytes.first(std::min(bytes.size(), http2::ClientSession::kFeedMax));
      bytes = bytes.subspan(piece.size());
      if (http2_->feed(piece) != http2::ClientSession::State::kFailed) continue;
      // What was whole before it broke is an answer.
      if (answer_.state() == HttpAnswer::State::kEnd || answer_.state() == HttpAnswer::State::kEnough) break;
      if (http2_->failure() == Failure::kNotHttp2) return name_later(context);
      return done(http2_->failure() == Failure::kLocal ? Outcome::kLocalError : Outcome::kProtocolError,
                  http2_->error());
    }
    // Settings and the like are no answer yet.
    if (answer_.status() != 0 && !heard()) first_byte_at_ = context.now;
    return Step::more();
  }

  // What answers is something else. What follows a first answer has no name.
  Step not_http(ProbeContext& context, bool over) {
    if (on_connection_ > 1) return done(Outcome::kProtocolError, "the answer is not HTTP");
    opening_.clear();
    keep_opening(answer_.unread_head());
    return over ? name_peer() : name_later(context);
  }

  // Its name shows at once, or when it has nothing more to say.
  Step name_later(ProbeContext& context) {
    naming_ = true;
    context.wake_at = context.now + kSilence;
    const bool whole = wire::identify(wire::as_bytes(opening_), turn_.url.port).whole > 0;
    return whole || opening_.size() == kOpeningBytes ? name_peer() : Step::more();
  }

  Step name_peer() {
    const wire::Identified banner = wire::identify(wire::as_bytes(opening_), turn_.url.port);
    const bool over_tls = session_ && opened_;
    if (tries_other_scheme() && !over_tls && (session_ != nullptr || banner.protocol == "tls")) return switch_scheme();
    if (banner.named()) speaks_ = banner.protocol;
    const char* wanted = session_ && !opened_ ? "TLS" : http2_ ? "HTTP/2" : "HTTP";
    if (!speaks_.empty())
      return done(Outcome::kProtocolError, fmt::format("the port speaks {}, not {}", speaks_, wanted));
    return done(Outcome::kProtocolError,
                session_ && !opened_ ? session_->error() : fmt::format("the answer is not {}", wanted));
  }

  // An answer is whole, or as much of it as is wanted.
  Step conclude(ProbeContext& context) {
    if (guide_ != nullptr) return conclude_guided(context);
    if (!session_ && wants_https(answer_)) {
      if (tries_other_scheme()) return switch_scheme();
      speaks_ = "tls";
    }
    ++answered_;
    if (dialogue_) dialogue_->note_answer(answer_.head());
    if (http2_ && answer_.state() == HttpAnswer::State::kEnough) http2_->cancel(stream_);
    last_ = timing(context);
    if (options().follow > 0 && is_redirect(answer_.status()))
      if (std::optional<std::string> location = wire::header_value(answer_.head(), "location"))
        return redirect(context, *location);
    if (options().paths.size() > 1 && answered_ <= options().paths.size()) {
      if (!responses_json_.empty()) responses_json_ += ',';
      responses_json_ += response_entry(answer_, turn_.url, last_);
    }
    if (answered_ >= requests()) return Step::done(Outcome::kSuccess);
    if (!options().paths.empty()) {
      if (!first_url_) first_url_ = std::make_unique<wire::Url>(turn_.url);
      turn_.url.path = options().paths[answered_ % options().paths.size()];
    }
    return next_request(context, true);
  }

  Step conclude_guided(ProbeContext& context) {
    if (answer_.status() == 0) return not_http(context, true);  // HTTP/0.9
    Parsed<const HttpAsk*> next = guide_->next(context, view(context));
    if (!next) return done(Outcome::kProtocolError, next.error().text);
    if (*next == nullptr) return Step::done(Outcome::kSuccess);
    ask_ = *next;
    turn_ = ask_->turn;
    return leave_for(ask_->address);
  }

  HopTiming timing(const ProbeContext& context) const {
    HopTiming hop{.first_byte = since(asked_at_, heard() ? first_byte_at_ : context.now),
                  .transfer = heard() ? since(first_byte_at_, context.now) : 0,
                  .total = since(hop_started_, context.now)};
    if (on_connection_ > 1) return hop;
    hop.dns = context.dns_us;
    hop.connect = context.connect_us;
    hop.tls = tls_us_;
    return hop;
  }

  // Over this connection where it serves, else over another.
  Step next_request(ProbeContext& context, bool same_origin) {
    const bool open = session_ == nullptr || session_->state() == tls::ClientSession::State::kOpen;
    const bool reusable = http2_ ? http2_->state() == http2::ClientSession::State::kOpen : answer_.keeps_alive();
    if (same_origin && open && reusable) {
      return ask(context);
    }
    return leave_for(same_origin ? address_ : parse_ip(turn_.url.host).value_or(IpAddress()));
  }

  Step redirect(ProbeContext& context, const std::string& location) {
    if (!chain_) chain_ = std::make_unique<RedirectChain>(turn_);
    Parsed<HttpTurn> next = chain_->next(turn_, answer_, location, options().follow);
    if (!next) return done(Outcome::kProtocolError, next.error().text);
    chain_->note(redirect_entry(answer_, turn_.url, location, address_, last_));
    last_ = {};
    const bool same_origin = wire::same_origin(turn_.url, next->url);
    turn_ = std::move(*next);
    return next_request(context, same_origin);
  }

  Step done(Outcome outcome, std::string error) {
    error_ = std::move(error);
    return Step::done(outcome, error_.c_str());
  }

  const HttpRun& run_;
  HttpGuide* guide_;              // null: the options lead
  const HttpAsk* ask_ = nullptr;  // the guide's, of turn_
  HttpWorker* worker_ = nullptr;
  HttpAnswer answer_;
  std::unique_ptr<tls::ClientSession> session_;
  std::unique_ptr<http2::ClientSession> http2_;  // its streams tell answer_
  std::unique_ptr<HttpDialogue> dialogue_;       // where it is wanted, from the first request on
  std::unique_ptr<RedirectChain> chain_;         // from the first redirect on
  std::unique_ptr<wire::Url> first_url_;         // of several paths
  HttpTurn turn_;                                // the present one
  std::string host_;                             // the target's; empty for a bare address
  std::string server_name_;                      // of the session
  std::string wanted_name_;                      // the same
  std::string error_;
  std::string speaks_;
  std::string opening_;  // what came in place of TLS, HTTP or HTTP/2
  std::string responses_json_;
  Detour detour_;
  HopTiming last_;
  IpAddress address_;
  Nanos handshake_from_ = 0;
  Nanos asked_at_ = 0;
  Nanos first_byte_at_ = kNever;  // of the present answer
  Nanos hop_started_ = 0;
  std::int64_t now_s_ = 0;
  std::uint64_t answered_ = 0;
  http2::StreamId stream_ = http2::kNoStream;
  std::int32_t tls_us_ = -1;
  std::uint32_t connections_ = 0;
  std::uint32_t on_connection_ = 0;  // requests on this one
  bool here_ = false;                // connected to where turn_ goes
  bool opened_ = false;              // the TLS handshake is done
  bool any_byte_ = false;            // came on this connection
  bool naming_ = false;              // it is not what was asked for; what it is is waited for
  bool asked_here_ = false;          // on this connection
  bool tunnels_ = false;             // a proxy is asked for a tunnel
  bool asked_again_ = false;
  bool switched_ = false;
};
static_assert(sizeof(HttpProbe) <= 1024);

}  // namespace

std::size_t http_probe_bytes() { return sizeof(HttpProbe); }
engine::Probe* make_http_probe(void* memory, const HttpRun& run) { return new (memory) HttpProbe(run, nullptr); }
GuidedHttpProbe* make_guided_http_probe(void* memory, const HttpRun& run, HttpGuide& guide) {
  return new (memory) HttpProbe(run, &guide);
}

}  // namespace sonde::probes
