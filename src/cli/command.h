// What the commands share: the tokenizing of a command line (CLI11, in one translation unit), and how they say what is
// wrong.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace sonde::cli {

inline constexpr int kExitBadUsage = 2;

// An option as the tokenizer needs to know it.
struct Token {
  std::string name;  // long, without dashes
  char letter = 0;
  bool takes_value = true;
  std::string alias = {};  // another long name, not shown in help
};

struct Given {
  std::string name;
  std::string value;  // of a flag: "true", or what --name=… says
};

struct CommandLine {
  std::vector<Given> options;  // in the order of the table, repeated ones in the order given
  std::vector<std::string> positionals;
  bool has(std::string_view name) const;
  // The last value given, or nothing.
  const std::string* find(std::string_view name) const;
};

// --help and -h are known to every command. An unknown option: InputError with the nearest.
Parsed<CommandLine> tokenize(std::span<const Token> tokens, std::span<const std::string> arguments);

// "sonde: …" on standard error; gives kExitBadUsage.
int complain(std::string_view text);

// Writes to standard output; gives 0, or 1 when that cannot be done (quietly when its reader is gone).
int print(std::string_view text);

}  // namespace sonde::cli
