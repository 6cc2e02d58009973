// What all http probes of a run share, and what the probe keeps for one shard.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/probe.h"
#include "probes/http/http_options.h"
#include "tls/client_context.h"
#include "x509/desk.h"
#include "x509/inspector.h"

namespace sonde::probes {

struct HttpRun {
  HttpOptions options;
  std::unique_ptr<x509::Inspector> inspector;
  std::unique_ptr<tls::ClientContext> context;
  bool tells_tls = true;  // the record of https has the tls fields; not where the tls probe's own stands beside it
};

// A probe in the memory that it is given; the run outlives it.
std::size_t http_probe_bytes();
engine::Probe* make_http_probe(void* memory, const HttpRun& run);

class HttpWorker : public engine::ShardState {
 public:
  explicit HttpWorker(std::unique_ptr<x509::Desk> desk) : desk_(std::move(desk)) {}
  x509::Desk& desk() { return *desk_; }
  std::string request;             // scratch of a call
  std::vector<std::byte> sending;  // the same

 private:
  std::unique_ptr<x509::Desk> desk_;
};

}  // namespace sonde::probes
