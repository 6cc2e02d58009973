// A record's values by the fields of its module. Pure; borrows from the record that it is made of.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "results/record.h"

namespace sonde::cli {

template <typename Field>
class RecordFacts {
 public:
  explicit RecordFacts(std::span<const results::Value> values) : values_(values) {}

  bool has(Field id) const { return value(id).index() != 0; }
  std::string_view text(Field id) const {
    const auto* text = std::get_if<std::string>(&value(id));
    return text != nullptr ? std::string_view(*text) : std::string_view();
  }
  std::string_view json(Field id) const {
    const auto* json = std::get_if<results::Json>(&value(id));
    return json != nullptr ? std::string_view(json->text) : std::string_view();
  }
  std::vector<std::string> list(Field id) const {
    const auto* list = std::get_if<std::vector<std::string>>(&value(id));
    return list != nullptr ? *list : std::vector<std::string>();
  }
  bool flag(Field id) const {  // false where it is absent
    const auto* flag = std::get_if<bool>(&value(id));
    return flag != nullptr && *flag;
  }
  std::int64_t number(Field id) const {
    const auto* number = std::get_if<std::int64_t>(&value(id));
    return number != nullptr ? *number : 0;
  }

 private:
  // A record whose probe never began may have no values at all.
  const results::Value& value(Field id) const {
    static const results::Value kAbsent;
    return static_cast<std::size_t>(id) < values_.size() ? values_[static_cast<std::size_t>(id)] : kAbsent;
  }
  std::span<const results::Value> values_;
};

}  // namespace sonde::cli
