#include "gateway/server/http_service.h"

namespace sonde::gateway {
namespace {

const std::string* first_of(const std::vector<std::pair<std::string, std::string>>& pairs, std::string_view name) {
  for (const auto& [key, value] : pairs)
    if (key == name) return &value;
  return nullptr;
}

}  // namespace

thread_local ReplyBatch* ReplyBatch::current = nullptr;

const std::string* HttpRequest::parameter(std::string_view name) const { return first_of(query, name); }
const std::string* HttpRequest::field(std::string_view name) const { return first_of(fields, name); }

}  // namespace sonde::gateway
