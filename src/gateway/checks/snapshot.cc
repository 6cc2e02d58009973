#include "gateway/checks/snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "gateway/checks/target_filter.h"

namespace sonde::gateway {
namespace {

// Secrets are rotated, certificates renewed: a change of what a module names is one of the configuration.
void add_files(const probes::ModuleOptions& module, std::vector<std::string>& out) {
  const probes::HttpCheck& http = module.http;
  std::vector<std::string> named = {http.body_file};
  for (const probes::TlsConfig* tls :
       {&http.tls, &module.tcp.tls_config, &module.dns.tls_config, &module.grpc.tls_config})
    named.insert(named.end(), {tls->ca_file, tls->cert_file, tls->key_file});
  if (http.basic_auth) named.push_back(http.basic_auth->password_file);
  if (http.authorization) named.push_back(http.authorization->credentials_file);
  if (http.oauth2)
    named.insert(named.end(), {http.oauth2->client_secret_file, http.oauth2->tls.ca_file, http.oauth2->tls.cert_file,
                               http.oauth2->tls.key_file});
  for (std::string& file : named)
    if (!file.empty()) out.push_back(std::move(file));
}

constexpr Nanos kDefaultTimeout = 10 * kSecond;  // as Prometheus' scrape_timeout

}  // namespace

const std::shared_ptr<const probes::Prober>* Snapshot::prober(std::string_view module) const {
  const auto found = probers.find(module);
  return found == probers.end() ? nullptr : &found->second;
}

Parsed<SnapshotPtr> make_snapshot(GatewayOptions options, Nanos unix_now) {
  auto snapshot = std::make_shared<Snapshot>();
  for (const probes::ModuleOptions& module : options.modules) {
    auto prober = probes::make_prober(module);
    if (!prober) {
      snapshot->warnings.push_back({fmt::format("modules.{}: {}", module.name, prober.error().text)});
      probes::ModuleOptions broken = module;
      broken.broken = prober.error().text;
      prober = probes::make_prober(std::move(broken));
    }
    if (!prober) return std::unexpected(prober.error());
    snapshot->probers.emplace(module.name, std::move(*prober));
    add_files(module, snapshot->files);
  }
  auto filter = TargetFilter::create(options.allow_targets, options.deny_targets);
  if (!filter) return std::unexpected(filter.error());
  if (!options.allow_targets.empty() || !options.deny_targets.empty())
    snapshot->excluded = std::make_shared<const IsExcluded>(
        [filter = std::move(*filter)](const IpAddress& address) { return !filter.allows(address); });
  snapshot->files.insert(snapshot->files.end(), options.files.begin(), options.files.end());
  snapshot->options = std::move(options);
  snapshot->loaded = unix_now;
  return snapshot;
}

Nanos timeout_of(const probes::Prober& prober, Nanos interval) {
  const Nanos own = prober.options().timeout;
  return std::min(own > 0 ? own : kDefaultTimeout, interval);
}

std::vector<CheckPtr> checks_of(const Snapshot& snapshot, const CheckEntry& entry, const std::vector<SdTarget>& found) {
  const std::shared_ptr<const probes::Prober>* prober = snapshot.prober(entry.module);
  if (prober == nullptr) return {};
  std::vector<CheckPtr> checks;
  std::unordered_set<CheckId> seen;
  checks.reserve(entry.targets.size() + found.size());
  const auto add = [&](const std::string& target, LabelSet labels) {
    const CheckId id = check_id(entry.name, entry.module, target);
    if (!seen.insert(id).second) return;
    auto check = std::make_shared<Check>();
    check->id = id;
    check->name = entry.name;
    check->module = entry.module;
    check->target = target;
    check->labels = entry.labels;
    check->labels.merge(labels);
    check->prober = *prober;
    check->interval = entry.interval;
    check->timeout = timeout_of(**prober, entry.interval);
    check->rise = entry.rise;
    check->fall = entry.fall;
    check->flap = entry.flap;
    check->priority = entry.priority;
    checks.push_back(std::move(check));
  };
  for (const std::string& target : entry.targets) add(target, {});
  for (const SdTarget& one : found) add(one.target, one.labels);
  return checks;
}

}  // namespace sonde::gateway
