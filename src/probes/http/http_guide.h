// Leads an http probe where its options do not: what is asked first, over which way, and what follows an answer. It is
// told each answer. One probe's; the probe's thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/ip_address.h"
#include "engine/probe.h"
#include "probes/http/http_answer.h"
#include "probes/http/http_fields.h"
#include "probes/http/http_worker.h"
#include "probes/http/redirect_chain.h"
#include "tls/client_session.h"
#include "wire/http1_request.h"
#include "wire/url.h"

namespace sonde::probes {

// A proxy that is spoken to in the clear: http through it in the absolute form, https through a tunnel (RFC 9112, 3.2.2
// and RFC 9110, 9.3.6).
struct HttpProxy {
  wire::Url url;
  std::vector<wire::HttpHeader> headers;          // of each request to it
  std::vector<wire::HttpHeader> connect_headers;  // of CONNECT, beside those
};

// One request, over a connection of its own.
struct HttpAsk {
  HttpTurn turn;
  std::string host;                             // the Host header, or :authority
  std::vector<wire::HttpHeader> headers;        // as wire::HttpRequest takes them
  std::string_view body;                        // where the turn sends it
  const tls::ClientContext* context = nullptr;  // of https
  std::string server_name, verify_name;         // the same
  const HttpProxy* proxy = nullptr;             // null: straight
  IpAddress address;                            // of the url's host, or the proxy's; unspecified: by its name
};

// Of the present request, as far as it came.
struct HttpView {
  const HttpAnswer* answer = nullptr;           // null: not asked yet
  HopTiming timing;                             // -1: did not happen, or not to its end
  const tls::ClientSession* session = nullptr;  // null: in the clear
};

class HttpGuide {
 public:
  virtual ~HttpGuide() = default;
  // Connected. What is valid is so until the next call of next(). `here`: over this connection; else to ask.address.
  virtual const HttpAsk& first(const engine::ProbeContext& context, bool& here) = 0;
  // An answer is whole, or as much of it as is wanted. The request that follows; null: none, it was a success. An error
  // is the probe's: protocol_error.
  virtual Parsed<const HttpAsk*> next(const engine::ProbeContext& context, const HttpView& view) = 0;
  // How the present answer's body is to be read.
  virtual HttpAnswer::Wants wants() const = 0;
};

// An http probe with a guide. Of the run's options only `user_agent` counts.
class GuidedHttpProbe : public engine::Probe {
 public:
  virtual HttpView view(const engine::ProbeContext& context) const = 0;
};
// In the memory that it is given (http_probe_bytes); run and guide outlive it.
GuidedHttpProbe* make_guided_http_probe(void* memory, const HttpRun& run, HttpGuide& guide);

}  // namespace sonde::probes
