#include "probes/check/oauth_token.h"

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "wire/ascii.h"

namespace sonde::probes {
namespace {

void append_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (wire::is_letter(c) || wire::is_digit(c) || std::string_view("-._~").find(c) != std::string_view::npos)
      out += c;
    else if (c == ' ')
      out += '+';
    else
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
}

void append_pair(std::string& out, std::string_view name, std::string_view value) {
  if (!out.empty()) out += '&';
  append_encoded(out, name);
  out += '=';
  append_encoded(out, value);
}

// Takes what is wanted off the outermost object; what is nested is passed over.
class TokenReader : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, TokenReader> {
 public:
  std::string token, type;
  std::int64_t lifetime_s = 0;
  bool is_object = false;

  bool StartObject() {
    is_object = is_object || depth_ == 0;
    return ++depth_ > 0;
  }
  bool EndObject(rapidjson::SizeType) { return depth_-- > 0; }
  bool StartArray() { return ++depth_ > 0; }
  bool EndArray(rapidjson::SizeType) { return depth_-- > 0; }
  bool Key(const char* text, rapidjson::SizeType size, bool) {
    if (depth_ == 1) key_.assign(text, size);
    return true;
  }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    if (depth_ != 1) return true;
    if (key_ == "access_token") token.assign(text, size);
    if (key_ == "token_type") type.assign(text, size);
    if (key_ != "expires_in") return true;
    std::int64_t value = 0;  // a number as text, as PayPal sends it
    std::from_chars(text, text + size, value);
    return lasts(value);
  }
  bool Int(int value) { return lasts(value); }
  bool Uint(unsigned value) { return lasts(value); }
  bool Int64(std::int64_t value) { return lasts(value); }

 private:
  bool lasts(std::int64_t seconds) {
    if (depth_ == 1 && key_ == "expires_in") lifetime_s = std::max<std::int64_t>(seconds, 0);
    return true;
  }

  std::string key_;
  int depth_ = 0;
};

}  // namespace

Parsed<OauthToken> read_oauth_token(std::string_view body) {
  if (body.size() > kMostTokenBytes) return input_error("the answer is longer than 64 KiB");
  rapidjson::MemoryStream stream(body.data(), body.size());
  rapidjson::Reader reader;
  TokenReader answer;
  if (!reader.Parse<rapidjson::kParseIterativeFlag>(stream, answer) || !answer.is_object)
    return input_error("the answer is no JSON object");
  const std::string& token = answer.token;
  if (token.empty()) return input_error("the answer has no access_token");
  const bool writable = std::ranges::all_of(token, [](char c) { return c > ' ' && c < 0x7f; });
  if (!writable) return input_error("the access_token cannot stand in a header");
  std::string type = std::move(answer.type);
  constexpr std::size_t kLongestType = 64;
  const bool named =
      type.size() <= kLongestType && std::ranges::all_of(type, [](char c) { return c > ' ' && c < 0x7f; });
  if (type.empty() || !named || wire::equal_fold(type, "bearer")) type = "Bearer";
  if (wire::equal_fold(type, "basic")) type = "Basic";
  if (wire::equal_fold(type, "mac")) type = "MAC";
  return OauthToken{.authorization = type.append(" ").append(token), .lifetime_s = answer.lifetime_s};
}

std::string oauth_form(const Oauth2& oauth, std::string_view secret, bool tells_client) {
  std::string form;
  append_pair(form, "grant_type", "client_credentials");
  std::string scopes;
  for (const std::string& scope : oauth.scopes) scopes.append(scopes.empty() ? "" : " ").append(scope);
  if (!scopes.empty()) append_pair(form, "scope", scopes);
  for (const auto& [name, value] : oauth.endpoint_params) append_pair(form, name, value);
  if (tells_client) {
    append_pair(form, "client_id", oauth.client_id);
    if (!secret.empty()) append_pair(form, "client_secret", secret);
  }
  return form;
}

}  // namespace sonde::probes
