// Configuration as it may be shown: YAML with its secrets hidden. Pure.
#pragma once

#include <string>
#include <string_view>

#include "gateway/discovery/yaml_tree.h"

namespace sonde::config {

inline constexpr std::string_view kHidden = "<secret>";

// The tree as YAML, aliases and merges unfolded. Hidden are, wherever they stand: password, credentials, bearer_token,
// client_secret; the values below proxy_connect_header and auth.basic; the headers that carry credentials; passwords in
// URLs; of a webhook's URL all behind the host. Ends with a line end.
std::string hidden_yaml(const gateway::YamlNode& root);

// A text whose "scheme://user:password@" has its password hidden.
std::string without_password(std::string_view text);

}  // namespace sonde::config
