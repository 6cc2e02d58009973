#include "probes/tls/surveys.h"

#include <utility>

#include "probes/tls/cipher_survey.h"
#include "probes/tls/group_survey.h"
#include "probes/tls/jarm.h"
#include "probes/tls/version_survey.h"

namespace sonde::probes {

std::vector<std::unique_ptr<Survey>> make_surveys(const SurveyOptions& options) {
  std::vector<std::unique_ptr<Survey>> surveys;
  const VersionSurvey* versions = nullptr;
  if (options.versions || options.ciphers || options.groups) {
    auto survey = std::make_unique<VersionSurvey>(options.versions ? VersionSurvey::Use::kReport
                                                                   : VersionSurvey::Use::kForOthers);
    versions = survey.get();
    surveys.push_back(std::move(survey));
  }
  if (options.jarm) surveys.push_back(std::make_unique<Jarm>());
  if (options.groups) surveys.push_back(std::make_unique<GroupSurvey>(*versions));
  if (options.ciphers) surveys.push_back(std::make_unique<CipherSurvey>(*versions));
  return surveys;
}

}  // namespace sonde::probes
