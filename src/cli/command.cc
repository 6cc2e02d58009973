#include "cli/command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/nearest.h"
#include "os/error.h"
#include "os/fd.h"
#include "targets/input_text.h"

namespace sonde::cli {
namespace {

// --name, --name=value, -name: the name.
std::string_view bare_name(std::string_view argument) {
  argument.remove_prefix(std::min(argument.size(), argument.find_first_not_of('-')));
  return argument.substr(0, argument.find('='));
}

bool is_long_name(std::span<const Token> tokens, std::string_view name) {
  return !name.empty() && std::any_of(tokens.begin(), tokens.end(),
                                      [&](const Token& token) { return token.name == name || token.alias == name; });
}

std::unexpected<InputError> unknown_option(std::span<const Token> tokens, std::string_view argument) {
  std::vector<std::string_view> names;
  for (const Token& token : tokens) names.emplace_back(token.name);
  const std::string_view near = nearest(bare_name(argument), names);
  return input_error(fmt::format("unknown option {}{}", targets::quoted(argument),
                                 near.empty() ? "; --help lists them" : fmt::format("; did you mean '--{}'?", near)));
}

// What the library would take for something that nobody meant.
Parsed<> check_arguments(std::span<const Token> tokens, std::span<const std::string> arguments) {
  for (const std::string& argument : arguments) {
    if (argument == "--") break;
    if (argument.size() < 3 || argument[0] != '-' || !is_long_name(tokens, bare_name(argument))) continue;
    // -list is not -l with the value "ist": other scanners have one dash there.
    if (argument[1] != '-') return unknown_option(tokens, argument);
    // It would take the next argument for its value.
    if (argument.ends_with('=')) return input_error(fmt::format("--{}: needs a value", bare_name(argument)));
  }
  return {};
}

}  // namespace

bool CommandLine::has(std::string_view name) const { return find(name) != nullptr; }

const std::string* CommandLine::find(std::string_view name) const {
  const auto found =
      std::find_if(options.rbegin(), options.rend(), [&](const Given& given) { return given.name == name; });
  return found == options.rend() ? nullptr : &found->value;
}

Parsed<CommandLine> tokenize(std::span<const Token> tokens, std::span<const std::string> arguments) {
  CLI::App app;
  app.set_help_flag("");
  app.allow_extras();
  std::vector<Token> all(tokens.begin(), tokens.end());
  all.push_back({.name = "help", .letter = 'h', .takes_value = false});
  std::vector<std::vector<std::string>> values(all.size());
  std::vector<CLI::Option*> known;
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::string names = "--" + all[i].name;
    if (all[i].letter != 0) names += fmt::format(",-{}", all[i].letter);
    if (!all[i].alias.empty()) names += ",--" + all[i].alias;
    known.push_back(all[i].takes_value ? app.add_option(names, values[i])->allow_extra_args(false)
                                       : app.add_flag(names));
  }
  if (const Parsed<> meant = check_arguments(all, arguments); !meant) return std::unexpected(meant.error());
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ArgumentMismatch& error) {
    std::string text = error.what();
    for (const Token& token : all)
      if (text.find("--" + token.name + ":") != std::string::npos ||
          text.find("--" + token.name + " ") != std::string::npos)
        text = "--" + token.name + ": needs a value";
    return input_error(text);
  } catch (const CLI::ParseError& error) {
    return input_error(error.what());
  }
  CommandLine line;
  bool literal = false;  // behind "--"
  for (const std::string& text : app.remaining()) {
    if (text == "--" && !literal) {
      literal = true;
      continue;
    }
    if (!literal && text.size() > 1 && text.front() == '-') return unknown_option(all, text);
    line.positionals.push_back(text);
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const std::string& value : known[i]->results()) {
      // -o --all: a forgotten value, rather than a file of that name.
      if (value.starts_with("--") && is_long_name(all, bare_name(value)))
        return input_error(fmt::format("--{}: needs a value, but {} follows", all[i].name, targets::quoted(value)));
      line.options.push_back({.name = all[i].name, .value = value});
    }
  }
  return line;
}

int complain(std::string_view text) {
  fmt::print(stderr, "sonde: {}\n", text);
  return kExitBadUsage;
}

int print(std::string_view text) {
  const Result<> written = os::write_all(STDOUT_FILENO, text);
  if (written) return 0;
  if (written.error().kind != ErrorKind::kBrokenPipe)
    fmt::print(stderr, "sonde: standard output: {}\n", os::describe(written.error()));
  return 1;
}

}  // namespace sonde::cli
