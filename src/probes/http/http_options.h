// What the http probe was asked to do, from its options; set once, then read by all workers.
#pragma once

#include <re2/re2.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/version.h"
#include "engine/probe.h"
#include "probes/tls/tls_options.h"
#include "wire/http1_request.h"

namespace sonde::probes {

struct HttpOptions {
  enum class Version : std::uint8_t { kAuto, kHttp1, kHttp2 };
  enum class Scheme : std::uint8_t {
    kByPort,  // https on 443 and 8443, else http; a target that is a URL has its own
    kHttp,
    kHttps,
    kAuto,  // as by port, and the other one where the port does not speak that
  };

  static constexpr std::size_t kMostPaths = 64;
  static constexpr std::uint32_t kMostRepeats = 1'000'000'000;
  static constexpr std::uint32_t kMostBody = 16 << 20;

  std::string method = "GET";
  std::vector<std::string> paths;         // empty: the URL's, or /
  std::vector<wire::HttpHeader> headers;  // an empty value leaves a default header out
  std::string body;
  std::string user_agent = "sonde/" + std::string(kVersion);
  Version version = Version::kAuto;
  Scheme scheme = Scheme::kByPort;
  std::uint32_t follow = 0;        // redirects
  std::uint32_t repeat = 1;        // requests of each path
  std::uint32_t max_body = 65536;  // bytes, decoded
  bool insecure = true;
  bool keep_body = false;
  bool dialogue = false;
  std::vector<std::pair<std::uint16_t, std::uint16_t>> expect_status;  // ranges; empty: not asked
  std::unique_ptr<RE2> expect_body;                                    // null: not asked
  TlsOptions tls;                                                      // of https

  bool expects(std::uint16_t status) const;
};

std::span<const engine::OptionDef> http_option_defs();
Parsed<> set_http_option(HttpOptions& options, std::string_view name, std::string_view value);
// What only shows when all are set. The error names the option.
Parsed<> complete_http_options(HttpOptions& options);

}  // namespace sonde::probes
