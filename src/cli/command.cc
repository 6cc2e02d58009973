#include "cli/command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/nearest.h"

namespace sonde::cli {

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
    if (!literal && text.size() > 1 && text.front() == '-') {
      std::vector<std::string_view> names;
      for (const Token& token : all) names.emplace_back(token.name);
      const std::string_view bare = std::string_view(text).substr(text.starts_with("--") ? 2 : 1);
      const std::string_view near = nearest(bare.substr(0, bare.find('=')), names);
      return input_error(
          fmt::format("unknown option '{}'{}", text,
                      near.empty() ? "; --help lists them" : fmt::format("; did you mean '--{}'?", near)));
    }
    line.positionals.push_back(text);
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!all[i].takes_value && known[i]->count() > 0) line.options.push_back({.name = all[i].name, .value = {}});
    for (std::string& value : values[i]) line.options.push_back({.name = all[i].name, .value = std::move(value)});
  }
  return line;
}

int complain(std::string_view text) {
  fmt::print(stderr, "sonde: {}\n", text);
  return kExitBadUsage;
}

}  // namespace sonde::cli
