// The schema of records as text. Pure.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/probe.h"

namespace sonde::cli {

using Modules = std::vector<std::unique_ptr<engine::ProbeModule>>;  // in the order in which they are told

// A page of Markdown: the common fields, then each module's.
std::string schema_page(const Modules& modules);

// A JSON Schema (draft 2020-12) of one record, indented. REQUIRES: a path that several modules declare is the same
// field in all of them, and a field's json_schema is JSON.
std::string json_schema(const Modules& modules);

}  // namespace sonde::cli
