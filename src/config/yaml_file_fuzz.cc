#include "config/yaml_file.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "config/scan_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using sonde::scan::ScanOptions;
  ScanOptions options;
  const sonde::Parsed<> applied =
      sonde::config::apply_yaml({reinterpret_cast<const char*>(data), size}, "scan.yaml", options);
  if (!applied) {
    SONDE_CHECK(applied.error().text.starts_with("scan.yaml:"), "an error says where");
    for (const char c : applied.error().text)
      SONDE_CHECK(static_cast<unsigned char>(c) >= ' ' && c != 0x7f, "an error is one line of plain text");
    return 0;
  }
  const std::string printed = sonde::config::print_yaml(options);
  ScanOptions again;
  const sonde::Parsed<> reapplied = sonde::config::apply_yaml(printed, "scan.yaml", again);
  SONDE_CHECK(reapplied.has_value(), "what is printed can be read");
  SONDE_CHECK(again.targets == options.targets, "targets are the same");
  for (const sonde::config::OptionSpec& spec : sonde::config::scan_table())
    SONDE_CHECK(spec.get(again) == spec.get(options), "every option is the same");
  SONDE_CHECK(sonde::config::print_yaml(again) == printed, "printing is canonical");
  return 0;
}
