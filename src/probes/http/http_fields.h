// The fields of an http record, and how an answer becomes values. Behind them a record of https has the tls probe's.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "probes/http/http_answer.h"
#include "probes/http/http_options.h"
#include "results/record.h"
#include "wire/url.h"

namespace sonde::probes {

enum class HttpField : std::uint8_t {
  kUrl,
  kMethod,
  kVersion,
  kStatus,
  kReason,
  kHeaders,
  kTitle,
  kContentType,
  kContentLength,
  kContentEncoding,
  kBodyBytes,
  kBodySha256,
  kTruncated,
  kBodyError,
  kBody,
  kRedirects,
  kFinalUrl,
  kFinalIp,
  kTiming,
  kResponses,
  kRequests,
  kConnections,
  kDialogue,
  kSpeaks,
  kExpectStatus,
  kExpectBody,
  kCount,
};

inline constexpr auto kFieldsOfHttp = static_cast<std::size_t>(HttpField::kCount);

std::span<const results::FieldDef> http_fields();
inline results::Value& field(std::span<results::Value> values, HttpField id) {
  return values[static_cast<std::size_t>(id)];
}

// How long the parts of one exchange took, in microseconds; -1: did not happen.
struct HopTiming {
  std::int32_t dns = -1;
  std::int32_t connect = -1;
  std::int32_t tls = -1;
  std::int32_t first_byte = -1;  // from the request to it
  std::int32_t transfer = -1;    // from there to the end
  std::int32_t total = -1;
};
std::string to_json(const HopTiming& timing);

void fill_answer(const HttpAnswer& answer, const HttpOptions& options, std::span<results::Value> values);

// An entry of http.redirects, and one of http.responses.
std::string redirect_entry(const HttpAnswer& answer, const wire::Url& url, std::string_view location,
                           const IpAddress& address, const HopTiming& timing);
std::string response_entry(const HttpAnswer& answer, const wire::Url& url, const HopTiming& timing);

}  // namespace sonde::probes
