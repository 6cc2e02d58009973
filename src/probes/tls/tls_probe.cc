#include "probes/tls/tls_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <optional>
#include <string>

#include "base/check.h"
#include "os/machine.h"
#include "probes/tls/full_handshake.h"
#include "probes/tls/late_certificates.h"
#include "probes/tls/lean_handshake.h"
#include "probes/tls/open_session.h"
#include "probes/tls/survey_course.h"
#include "probes/tls/surveys.h"
#include "probes/tls/tls_fields.h"
#include "probes/tls/tls_options.h"
#include "probes/tls/tls_worker.h"
#include "results/escape.h"
#include "wire/line.h"
#include "x509/inspector.h"

namespace sonde::probes {
namespace {

using engine::ProbeContext;
using engine::Step;
using results::Outcome;

// For all surveys of a target together. Hundreds of answers take seconds; a server that hangs on each would take hours.
constexpr Nanos kSurveyTime = 120 * kSecond;

// What all probes of a run share.
struct TlsRun {
  TlsOptions options;
  std::unique_ptr<x509::Inspector> inspector;
  std::unique_ptr<tls::ClientContext> context;  // of the full engine
};

class TlsProbe final : public engine::Probe {
 public:
  explicit TlsProbe(const TlsRun& run) : run_(run) {}

  Step start(ProbeContext& context) override {
    if (context.connection == 0) {
      host_ = context.host;
      address_ = context.endpoint.address;
    }
    heard_ = false;
    if (stage_ == Stage::kSurvey && context.now > surveys_end_) return done();  // what is known by then is told
    if (options().starttls == wire::StartTls::kNone) return begin_tls(context);
    if (!clear_) clear_ = std::make_unique<Clear>(options().starttls);
    clear_->dialogue = wire::StartTlsDialogue(options().starttls);
    clear_->received.clear();
    clear_->over = false;
    return converse(context, {});
  }

  Step on_bytes(ProbeContext& context, std::span<const std::byte> bytes) override {
    heard_ = true;
    if (clear_ && !clear_->over) return converse(context, bytes);
    if (stage_ == Stage::kSurvey) return course_->on_bytes(bytes) ? go_on({}) : Step::more();
    if (full_) return on_full(context, full_->on_bytes(context.now, bytes));
    LeanWorkshop shop = lend(context);
    const LeanHandshake::Progress progress = lean_->on_bytes(shop, bytes);
    switch (progress.kind) {
      case LeanHandshake::Progress::Kind::kMore:
        return Step::more();
      case LeanHandshake::Progress::Kind::kSend:
        return Step::send(progress.bytes);
      default:
        return conclude(context, progress.outcome, lean_error(progress.error), lean_->farewell(shop));
    }
  }

  Step on_eof(ProbeContext& context) override {
    const char* error = !heard_ ? "closed without a word" : "closed during the handshake";
    if (clear_ && !clear_->over) error = "closed before TLS began";
    return on_end(context, Outcome::kClosed, error);
  }
  Step on_deadline(ProbeContext& context) override { return on_end(context, Outcome::kTimeout, ""); }
  Step on_failure(ProbeContext& context, Outcome outcome) override {
    if (outcome == Outcome::kReset)
      return on_end(context, outcome, heard_ ? "reset during the handshake" : "reset without a word");
    if (outcome != Outcome::kLocalError) return on_end(context, outcome, "");
    if (context.connection == 0) note_main(context, outcome, "");
    return done();
  }

  void fill(std::span<results::Value> values) const override {
    field(values, TlsField::kEngine) = std::string(options().full() ? "full" : "lean");
    if (const std::string_view name = server_name(); !name.empty())
      field(values, TlsField::kSni) = results::escaped(name);
    const TlsFindings found = findings();
    fill_findings(found, values);
    if (found.cipher)
      field(values, TlsField::kJa3s) = worker_->ja3s_of(found.hello_version, *found.cipher, found.hello_extensions);
    if (full_) full_->fill(values);
    if (course_) fill_survey(course_->result(), values);
  }

  std::unique_ptr<engine::LateFields> late_fields() override {
    const TlsFindings found = findings();
    if (found.chain.empty() || worker_ == nullptr) return nullptr;
    std::optional<HandshakeProof> proof;
    if (lean_ && options().verify) {
      LeanWorkshop shop = worker_->lend(*pool_, server_name());
      proof = lean_->proof(shop);
    }
    // The handshake ended before the server has shown that the certificate is its own. (An alert to the full engine
    // comes behind that: the server wants a certificate of ours.)
    const bool unproven = main_outcome_ != Outcome::kSuccess && !proof && !(full_ && found.alert);
    return std::make_unique<LateCertificates>(worker_->desk(), found, std::move(proof),
                                              CertificateView{.wanted = options().wanted_name(host_, address_),
                                                              .now_s = concluded_s_,
                                                              .verify = options().verify,
                                                              .unproven = unproven,
                                                              .pem = options().pem});
  }

  std::unique_ptr<engine::OpenLayer> leave_open() override {
    if (!leaves_open_ || main_outcome_ != Outcome::kSuccess || !full_->is_open()) return nullptr;
    return std::make_unique<OpenSession>(full_->release());
  }

 private:
  enum class Stage : std::uint8_t { kMain, kWays, kSurvey };
  // The dialogue in the clear.
  struct Clear {
    explicit Clear(wire::StartTls protocol) : dialogue(protocol) {}
    wire::StartTlsDialogue dialogue;
    std::vector<std::byte> received;  // and not consumed; the dialogue bounds it
    std::vector<std::byte> sending;
    bool over = false;
  };

  const TlsOptions& options() const { return run_.options; }
  std::string_view server_name() const { return options().server_name(host_); }
  LeanWorkshop lend(ProbeContext& context) { return worker_->lend(context.pool, server_name()); }
  TlsFindings findings() const {
    if (full_) return full_->findings();
    return lean_ ? lean_->findings() : TlsFindings();
  }

  // For the http probe behind this one, if nothing else is to be asked first.
  bool leaves_open(const ProbeContext& context) {
    return leaves_open_ = context.next == "http" && !options().resumption && !options().surveys();
  }

  Step begin_tls(ProbeContext& context) {
    context.handshaking = true;
    if (worker_ == nullptr) {
      worker_ = static_cast<TlsWorker*>(context.state);
      pool_ = &context.pool;
    }
    if (stage_ == Stage::kSurvey) return Step::send(course_->hello());
    if (options().full()) {
      if (!full_)
        full_ = std::make_unique<FullHandshake>(*run_.context, options(), std::string(server_name()),
                                                options().wanted_name(host_, address_), leaves_open(context));
      return Step::send(full_->start(context.started, context.now));
    }
    lean_.emplace(worker_->next_seed(), options().verify);
    LeanWorkshop shop = lend(context);
    return Step::send(lean_->start(shop));
  }

  // The dialogue before TLS, as far as these bytes carry it. What is to be sent is put together: some protocols go on
  // to TLS without an answer.
  Step converse(ProbeContext& context, std::span<const std::byte> bytes) {
    using Kind = wire::StartTlsStep::Kind;
    std::vector<std::byte>& received = clear_->received;
    std::vector<std::byte>& sending = clear_->sending;
    received.insert(received.end(), bytes.begin(), bytes.end());
    sending.clear();
    const std::string host = host_.empty() ? to_string(address_) : host_;
    auto* worker = static_cast<TlsWorker*>(context.state);
    const auto append = [&](std::span<const std::byte> more) {
      sending.insert(sending.end(), more.begin(), more.end());
    };
    for (;;) {
      const wire::StartTlsStep step = clear_->dialogue.next(received, host, worker->room());
      const std::string text = results::escaped(step.text);
      if (step.kind == Kind::kSend) append(wire::as_bytes(step.send));
      received.erase(received.begin(), received.begin() + static_cast<std::ptrdiff_t>(step.consumed));
      if (step.kind == Kind::kSend) continue;
      if (step.kind == Kind::kNeed) return sending.empty() ? Step::more() : Step::send(sending);
      if (step.kind == Kind::kReady) {
        clear_->over = true;
        const Step begun = begin_tls(context);
        if (sending.empty()) return begun;
        append(begun.bytes);
        return Step::send(sending);
      }
      const bool refused = step.kind == Kind::kRefused;
      if (refused) append(wire::as_bytes(clear_->dialogue.farewell()));
      return conclude(context, Outcome::kProtocolError, refused && text.empty() ? "STARTTLS was refused" : text,
                      sending);
    }
  }

  Step on_full(ProbeContext& context, const FullHandshake::Progress& progress) {
    using Kind = FullHandshake::Progress::Kind;
    if (full_->is_open()) context.handshaking = false;
    switch (progress.kind) {
      case Kind::kMore:
        return Step::more();
      case Kind::kSend:
        return Step::send(progress.bytes);
      case Kind::kDone:
        break;
    }
    return conclude(context, progress.outcome, progress.error, progress.bytes);
  }

  // The connection ended without the handshake's doing: FIN, RST, a deadline.
  Step on_end(ProbeContext& context, Outcome outcome, const char* error) {
    if (stage_ == Stage::kSurvey) {
      course_->on_nothing(outcome == Outcome::kTimeout);
      return go_on({});
    }
    if (full_ && !(clear_ && !clear_->over)) {
      const FullHandshake::Progress progress = full_->on_end(outcome);
      return conclude(context, progress.outcome, progress.outcome == outcome && *error != '\0' ? error : progress.error,
                      progress.bytes);
    }
    return conclude(context, outcome, error, {});
  }

  // This connection has told what it can. Of the first one that is the record's verdict.
  Step conclude(ProbeContext& context, Outcome outcome, std::string error, std::span<const std::byte> farewell) {
    if (stage_ == Stage::kMain) note_main(context, outcome, std::move(error));
    if (stage_ == Stage::kSurvey) course_->on_nothing(false);  // the dialogue went wrong before its hello
    return go_on(farewell);
  }

  Step done() const { return Step::done(main_outcome_, error_.c_str()); }

  void note_main(ProbeContext& context, Outcome outcome, std::string error) {
    surveys_end_ = context.now + kSurveyTime;
    main_outcome_ = outcome;
    error_ = std::move(error);
    concluded_s_ = context.unix_now / kSecond;
  }

  // To the next connection, or to the end.
  Step go_on(std::span<const std::byte> farewell) {
    const bool graceful =
        options().full() && !leaves_open_ && stage_ != Stage::kSurvey && main_outcome_ == Outcome::kSuccess;
    Step step = wants_more() && prepare_next() ? Step::reconnect() : done();
    step.bytes = farewell;
    step.graceful = graceful;
    return step;
  }

  // Whether the peer speaks TLS: surveys of one that does not would ask in vain.
  bool wants_more() const { return main_outcome_ == Outcome::kSuccess || main_outcome_ == Outcome::kTlsError; }

  bool prepare_next() {
    if (stage_ != Stage::kSurvey && full_ && full_->prepare_next_way()) {
      stage_ = Stage::kWays;
      return true;
    }
    if (!options().surveys()) return false;
    if (!course_)
      course_ = std::make_unique<SurveyCourse>(make_surveys({.versions = options().enumerate_versions,
                                                             .ciphers = options().enumerate_ciphers,
                                                             .groups = options().enumerate_groups,
                                                             .jarm = options().jarm}));
    stage_ = Stage::kSurvey;
    return course_->advance(server_name(), worker_->next_seed());
  }

  std::string lean_error(const char* error) const {
    const TlsFindings found = lean_->findings();
    if (!found.alert || *found.alert == 0) return error;
    return fmt::format("the server refused: {}", wire::tls_alert_name(*found.alert));
  }

  const TlsRun& run_;
  TlsWorker* worker_ = nullptr;
  memory::RingPool* pool_ = nullptr;
  std::string host_;  // empty for a bare address
  IpAddress address_;
  std::optional<LeanHandshake> lean_;
  std::unique_ptr<FullHandshake> full_;
  std::unique_ptr<SurveyCourse> course_;
  std::unique_ptr<Clear> clear_;
  std::string error_;
  std::int64_t concluded_s_ = 0;
  Nanos surveys_end_ = kNever;
  Outcome main_outcome_ = Outcome::kSuccess;
  Stage stage_ = Stage::kMain;
  bool heard_ = false;  // any byte on this connection
  bool leaves_open_ = false;
};
static_assert(sizeof(TlsProbe) <= 768, "a lean handshake in flight takes at most 2 KiB, all in all");

class TlsModule final : public engine::ProbeModule {
 public:
  std::string_view name() const override { return "tls"; }
  std::string_view help() const override { return "the TLS handshake: version, cipher suite, certificate, and more"; }
  std::span<const engine::OptionDef> options() const override { return tls_option_defs(); }
  std::span<const results::FieldDef> fields() const override { return tls_fields(); }
  std::span<const std::uint16_t> default_ports() const override { return tls_ports(run_.options); }
  std::size_t state_bytes() const override { return sizeof(TlsProbe); }
  engine::Probe* create(void* memory) const override { return new (memory) TlsProbe(run_); }

  Parsed<> configure(std::string_view option, std::string_view value) override {
    return set_tls_option(run_.options, option, value);
  }

  Parsed<> prepare(std::span<const std::string> pass) override {
    TlsOptions& options = run_.options;
    // Only a handshake that is completed can carry the request of the http probe behind it.
    if (options.engine == TlsOptions::Engine::kUnset && std::ranges::find(pass, "http") != pass.end())
      options.engine = TlsOptions::Engine::kFull;
    if (const Parsed<> complete = complete_tls_options(options); !complete) return complete;
    auto inspector =
        x509::Inspector::create({.verify = options.verify, .ca_file = options.ca_file, .keep_der = options.pem});
    if (!inspector) return std::unexpected(inspector.error());
    run_.inspector = std::move(*inspector);
    if (const auto keys = TlsKeys::create(); !keys) return input_error("tls: " + keys.error().text);
    if (!options.full()) return {};
    auto context = tls::ClientContext::create({.min_version = options.min_version,
                                               .max_version = options.max_version,
                                               .alpn = options.alpn,
                                               .cert_file = options.client_cert,
                                               .key_file = options.client_key});
    if (!context) return std::unexpected(context.error());
    run_.context = std::move(*context);
    return {};
  }

  std::unique_ptr<engine::ShardState> make_shard_state() const override {
    auto keys = TlsKeys::create();
    SONDE_CHECK(keys, "prepare() had them");
    const TlsOptions& options = run_.options;
    return std::make_unique<TlsWorker>(
        std::move(*keys),
        HelloOffer{.min_version = options.min_version, .max_version = options.max_version, .alpn = options.alpn},
        run_.inspector->open_desk(), os::random_seed());
  }

 private:
  TlsRun run_;
};

}  // namespace

std::unique_ptr<engine::ProbeModule> make_tls_module() { return std::make_unique<TlsModule>(); }

}  // namespace sonde::probes
