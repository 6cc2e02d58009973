// The surveys of one probe, in the order in which they are to be run, one after another.
#pragma once

#include <memory>
#include <vector>

#include "probes/tls/survey.h"

namespace sonde::probes {

struct SurveyOptions {
  bool versions = false;
  bool ciphers = false;
  bool groups = false;
  bool jarm = false;
};

// The cheap ones first: when a deadline or a server's limit ends it all, less is lost. Ciphers and groups need the
// versions: these are asked for even if they are not reported. The surveys borrow from each other: keep them together.
std::vector<std::unique_ptr<Survey>> make_surveys(const SurveyOptions& options);

}  // namespace sonde::probes
