// The web pages as HTTP serves them: to whoever runs a server of the dashboard's.
#pragma once

#include <optional>

#include "gateway/server/http_service.h"

namespace sonde::gateway {

// To GET and HEAD of "/" and of each file of the pages; nothing: there is no such page. With a policy that lets a page
// load and ask this server alone, validators, and packed for who takes that. Any thread.
std::optional<HttpResponse> page_response(const HttpRequest& request);

}  // namespace sonde::gateway
