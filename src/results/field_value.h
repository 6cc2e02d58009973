// The value of one field of one record, whatever its source: what encoders share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "results/record.h"
#include "results/schema.h"

namespace sonde::results {

using FieldValue =
    std::variant<std::monostate, std::int64_t, bool, std::string_view, const std::vector<std::string>*, const Json*>;

// `scratch` backs texts that are made here (ts, ip); it must outlive the value. monostate: absent.
FieldValue field_value(const Record& record, std::uint32_t id, std::string& scratch);

// The value as plain text, as csv and table show it; a list joined by ';'.
void append_text(const FieldValue& value, std::string& out);

}  // namespace sonde::results
