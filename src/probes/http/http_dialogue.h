// What was said, line by line: requests ('> ') and the heads of answers ('< '), each line made harmless. At most kMost
// lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sonde::probes {

class HttpDialogue {
 public:
  static constexpr std::size_t kMost = 512;

  // A request, of HTTP/1 or as a text of lines; what is behind its head is left out.
  void note_request(std::string_view request);
  void note_answer(std::string_view head);
  // `head`: of the answer to the last request, as far as it came; it counts where it was not noted.
  std::vector<std::string> lines(std::string_view head) const;

 private:
  std::vector<std::string> lines_;
  bool waits_ = false;  // for the answer to the last request
};

}  // namespace sonde::probes
