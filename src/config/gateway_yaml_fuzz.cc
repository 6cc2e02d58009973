#include "config/gateway_yaml.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "config/hidden_yaml.h"
#include "gateway/discovery/yaml_tree.h"

// Whatever the file: errors are clean lines that name it, what was read keeps its bounds, and what is shown of it is
// YAML that shows the same again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sonde;
  const config::ReadGateway read =
      config::read_gateway_text({reinterpret_cast<const char*>(data), size}, "gateway.yaml");
  for (const InputError& error : read.errors) {
    SONDE_CHECK(error.text.starts_with("gateway.yaml:"), "an error says where");
    for (const char c : error.text)
      SONDE_CHECK(static_cast<unsigned char>(c) >= ' ' && c != 0x7f, "an error is one line of plain text");
  }
  const gateway::GatewayOptions& options = read.options;
  if (!options.shown.empty()) {
    const auto again = gateway::parse_yaml(options.shown, "shown");
    SONDE_CHECK(again.has_value(), "what is shown is YAML");
    SONDE_CHECK(config::hidden_yaml(**again) == options.shown, "and shows the same again");
  }
  if (!read.errors.empty()) return 0;
  for (const probes::ModuleOptions& module : options.modules)
    SONDE_CHECK(module.timeout >= 0 && !module.shown.empty(), "a module");
  for (const gateway::CheckEntry& check : options.checks) {
    SONDE_CHECK(!check.name.empty() && !check.module.empty(), "a check has its names");
    SONDE_CHECK(check.interval > 0 && check.rise > 0 && check.fall > 0, "and goes round");
    for (const std::string& path : check.file_sd) SONDE_CHECK(path.starts_with('/'), "paths are absolute");
  }
  if (options.limits)
    SONDE_CHECK(options.limits->rate > 0 && options.limits->burst >= 1, "limits let something through");
  return 0;
}
