#include "probes/http/http_dialogue.h"

#include <algorithm>

#include "results/escape.h"

namespace sonde::probes {
namespace {

void append(std::string_view sign, std::string_view head, std::vector<std::string>& lines) {
  while (!head.empty() && lines.size() < HttpDialogue::kMost) {
    std::string_view line = head.substr(0, head.find('\n'));
    head.remove_prefix(std::min(line.size() + 1, head.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) lines.push_back(std::string(sign) + results::escaped(line));
  }
}

}  // namespace

void HttpDialogue::note_request(std::string_view request) {
  append("> ", request.substr(0, request.find("\r\n\r\n")), lines_);
  waits_ = true;
}

void HttpDialogue::note_answer(std::string_view head) {
  append("< ", head, lines_);
  waits_ = false;
}

std::vector<std::string> HttpDialogue::lines(std::string_view head) const {
  std::vector<std::string> all = lines_;
  if (waits_) append("< ", head, all);
  return all;
}

}  // namespace sonde::probes
