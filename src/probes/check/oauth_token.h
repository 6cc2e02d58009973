// The client credentials grant (RFC 6749, 4.4): what is sent for a token, and the token in the answer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "probes/check/module_options.h"

namespace sonde::probes {

struct OauthToken {
  std::string authorization;    // the header's value: "Bearer …"
  std::int64_t lifetime_s = 0;  // 0: it does not end
};

inline constexpr std::size_t kMostTokenBytes = 65'536;  // of the answer's body

// The body of an answer of 200 (RFC 6749, 5.1): JSON. The error is one sentence.
Parsed<OauthToken> read_oauth_token(std::string_view body);

// The form to post. `tells_client`: with id and secret in it, for servers that do not take them as Basic.
std::string oauth_form(const Oauth2& oauth, std::string_view secret, bool tells_client);

}  // namespace sonde::probes
