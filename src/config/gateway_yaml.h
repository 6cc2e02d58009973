// The gateway's configuration file: `sonde watch --config`. The contract's keys, or a plain blackbox.yml, which has
// `modules` alone. Pure but for reading the file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "gateway/options.h"

namespace sonde::config {

inline constexpr std::size_t kGatewayFileBytes = std::size_t{1} << 24;

struct ReadGateway {
  gateway::GatewayOptions options;   // to be used where there are no errors
  std::vector<InputError> warnings;  // modules that blackbox_exporter takes and that no probe can come of
  std::vector<InputError>
      errors;  // all of the file's, each with file and line: "gateway.yaml:17: modules.a.timeout: …"
};

// Relative paths in it are relative to its folder.
ReadGateway read_gateway(const std::string& path);
// `name` is a path too, and what errors begin with.
ReadGateway read_gateway_text(std::string_view text, const std::string& name);

}  // namespace sonde::config
