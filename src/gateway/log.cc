#include "gateway/log.h"

#include <unistd.h>

#include <array>

#include "os/fd.h"
#include "os/machine.h"
#include "results/encoder.h"

namespace sonde::gateway {
namespace {

constexpr std::array<std::string_view, 3> kLevelNames = {"info", "warn", "error"};

}  // namespace

std::string log_value(std::string_view text) {
  const bool plain = !text.empty() && text.find_first_of(" =\"\\") == std::string_view::npos &&
                     text.find_first_of(std::string_view("\n\r\t", 3)) == std::string_view::npos;
  if (plain) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c == '\n') {
      quoted += "\\n";
    } else {
      quoted += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return quoted + '"';
}

void log(Level level, std::string_view message, std::initializer_list<LogField> fields) {
  std::string line = "ts=";
  results::append_timestamp(os::unix_now(), line);
  line += " level=";
  line += kLevelNames[static_cast<std::size_t>(level)];
  line += " msg=" + log_value(message);
  for (const auto& [name, value] : fields) {
    line += ' ';
    line += name;
    line += '=';
    line += log_value(value);
  }
  line += '\n';
  (void)os::write_all(STDERR_FILENO, line);  // who does not hear it cannot be told
}

}  // namespace sonde::gateway
