#pragma once
#include <memory>
#include <vector>
#include "probes/tls/survey.h"
namespace sonde::probes {
struct SurveyOptions {
  bool versions = false, ciphers = false, groups = false, jarm = false;
};
inline std::vector<std::unique_ptr<Survey>> make_surveys(const SurveyOptions&) { return {}; }
}  // namespace sonde::probes
