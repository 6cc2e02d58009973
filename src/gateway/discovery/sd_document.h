// What a file of file_sd or an answer of http_sd says: Prometheus' list of target groups,
//   [{"targets": ["host:port", …], "labels": {"name": "text", …}}, …]
// in JSON or YAML. Strict, so that a file that is still being written is an error and not fewer targets: an empty text,
// a group without targets, another key or type. (Prometheus allows a group without "targets".) Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "gateway/options.h"

namespace sonde::gateway {

struct SdTarget {
  std::string target;
  LabelSet labels;
  friend bool operator==(const SdTarget&, const SdTarget&) = default;
};

inline constexpr std::size_t kSdBytes = std::size_t{1} << 26;    // of a document
inline constexpr std::size_t kSdTargets = std::size_t{1} << 20;  // in it
inline constexpr std::size_t kSdTargetLength = 2048;
inline constexpr std::size_t kSdLabels = 64;  // of a group

// `name` begins the error: "targets/a.json: group 2: …", of YAML with the line. Labels whose names begin with "__" are
// Prometheus' own (__meta_…) and are left out.
Parsed<std::vector<SdTarget>> parse_sd_json(std::string_view text, const std::string& name);
Parsed<std::vector<SdTarget>> parse_sd_yaml(std::string_view text, const std::string& name);

// By the ending of `name`: .json, .yml, .yaml; another one is an error.
Parsed<std::vector<SdTarget>> parse_sd_file(std::string_view text, const std::string& name);

// [a-zA-Z_][a-zA-Z0-9_]*, Prometheus' label names.
bool is_label_name(std::string_view text);

}  // namespace sonde::gateway
