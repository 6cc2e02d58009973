#include <algorithm>

#include "probes/http/http_fields.h"
#include "probes/http/http_options.h"
#include "probes/http/http_probe.h"
#include "probes/http/http_worker.h"
#include "probes/tls/tls_fields.h"

namespace sonde::probes {
namespace {

class HttpModule final : public engine::ProbeModule {
 public:
  std::string_view name() const override { return "http"; }
  std::string_view help() const override {
    return "a request and its answer: status, headers, title, redirects, timings";
  }
  std::span<const engine::OptionDef> options() const override { return http_option_defs(); }
  std::span<const results::FieldDef> fields() const override {
    return std::span(fields_).first(run_.tells_tls ? fields_.size() : kFieldsOfHttp);
  }
  std::span<const std::uint16_t> default_ports() const override {
    static constexpr std::uint16_t kHttp[] = {80};
    static constexpr std::uint16_t kHttps[] = {443};
    return run_.options.scheme == HttpOptions::Scheme::kHttps ? kHttps : kHttp;
  }
  bool takes_urls() const override { return true; }
  bool wanders() const override { return run_.options.follow > 0; }
  // HTTP/2 may let us send the rest of a body while its beginning is on its way.
  std::size_t most_unsent() const override { return ProbeModule::most_unsent() + run_.options.body.size(); }
  std::size_t state_bytes() const override { return http_probe_bytes(); }
  engine::Probe* create(void* memory) const override { return make_http_probe(memory, run_); }

  Parsed<> configure(std::string_view option, std::string_view value) override {
    return set_http_option(run_.options, option, value);
  }

  Parsed<> prepare(std::span<const std::string> pass) override {
    HttpOptions& options = run_.options;
    if (const Parsed<> complete = complete_http_options(options); !complete) return complete;
    run_.tells_tls = std::ranges::find(pass, "tls") == pass.end();
    auto inspector = x509::Inspector::create(
        {.verify = options.tls.verify, .ca_file = options.tls.ca_file, .keep_der = options.tls.pem});
    if (!inspector) return std::unexpected(inspector.error());
    run_.inspector = std::move(*inspector);
    auto context = tls::ClientContext::create({.min_version = options.tls.min_version,
                                               .max_version = options.tls.max_version,
                                               .alpn = options.tls.alpn,
                                               .require_verified = !options.insecure,
                                               .ca_file = options.tls.ca_file,
                                               .cert_file = options.tls.client_cert,
                                               .key_file = options.tls.client_key});
    if (!context) return std::unexpected(context.error());
    run_.context = std::move(*context);
    return {};
  }

  std::unique_ptr<engine::ShardState> make_shard_state() const override {
    return std::make_unique<HttpWorker>(run_.inspector->open_desk());
  }

 private:
  static std::vector<results::FieldDef> all_fields() {
    std::vector<results::FieldDef> fields(http_fields().begin(), http_fields().end());
    fields.insert(fields.end(), tls_fields().begin(), tls_fields().end());
    return fields;
  }

  HttpRun run_;
  std::vector<results::FieldDef> fields_ = all_fields();
};

}  // namespace

std::unique_ptr<engine::ProbeModule> make_http_module() { return std::make_unique<HttpModule>(); }

}  // namespace sonde::probes
