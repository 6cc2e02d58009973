// What all runs of one http module share, made once: credentials read, contexts and headers ready. Immutable.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "probes/check/module_options.h"
#include "probes/check/oauth_token.h"
#include "probes/check/proxy_choice.h"
#include "probes/check/tls_samples.h"
#include "probes/http/http_worker.h"

namespace sonde::probes {

struct HttpSettings {
  HttpCheck check;
  HttpRun run;  // with the context of the module's tls_config
  ProxyChoice proxies;
  std::vector<wire::HttpHeader> headers;  // without Host; an empty value leaves a default out
  std::string host_header;                // the module's; empty: none
  std::string authorization;              // of basic_auth, authorization, bearer_token; empty: none
  std::string body;

  struct Oauth {
    wire::Url url;
    std::string host, secret;
    std::unique_ptr<tls::ClientContext> context;
    ProxyChoice proxies;
  };
  std::unique_ptr<Oauth> oauth;  // null: none

  bool keeps_for_regexps() const {
    return !check.fail_if_body_matches.empty() || !check.fail_if_body_not_matches.empty();
  }
};

// Reads the files. The error names the key or the file.
Parsed<std::unique_ptr<const HttpSettings>> make_http_settings(const HttpCheck& check);

// What one shard keeps for them.
class HttpTools final : public HttpWorker {
 public:
  HttpTools() : HttpWorker(nullptr) {}
  ChainViews chains;
  OauthToken token;           // empty: none yet
  Nanos token_ends = 0;       // of the wall clock; kNever: it does not
  bool posts_client = false;  // the token's server wants id and secret in the form
};

}  // namespace sonde::probes
