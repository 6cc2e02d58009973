// Transitions as those want them who are told. Texts are UTF-8; what a peer sent was escaped when it was learned.
#pragma once

#include <string>

#include "gateway/checks/check.h"
#include "gateway/checks/result.h"

namespace sonde::gateway {

// What Alertmanager keeps of a check that is down (its v2 API, POST /api/v2/alerts).
struct Alert {
  std::string labels;       // a JSON object; equal labels are the same alert
  std::string annotations;  // a JSON object
  Nanos starts = 0;         // unix time
  Nanos ends = 0;           // 0: it is firing
};

// {"id","check","target","module","labels":{},"from","to","cause","ts"}: a webhook's body, a line of events (without
// its end).
std::string event_text(const Check& check, const Transition& transition);

// alertname (SondeCheckDown), check, target, module, and the check's own labels, which override none of these.
Alert make_alert(const Check& check, const std::string& cause, Nanos since);

// Appends one element of the array that is posted.
void append_alert(const Alert& alert, std::string& out);

}  // namespace sonde::gateway
