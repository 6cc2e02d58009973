#include "world/truth.h"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace sonde::world {
namespace {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

void put(Writer& writer, const char* key, std::string_view text) {
  if (text.empty()) return;
  writer.Key(key);
  writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

void put(Writer& writer, const char* key, const population::Expectation& expectation, const char* protocol = "protocol",
         const char* text = "text") {
  writer.Key(key);
  writer.StartObject();
  put(writer, "outcome", expectation.outcome);
  put(writer, "phase", expectation.phase);
  put(writer, "cause", expectation.cause);
  put(writer, protocol, expectation.protocol);
  put(writer, text, expectation.text);
  writer.EndObject();
}

}  // namespace

void append_truth(const Endpoint& endpoint, const population::Role& role, std::string& out) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartObject();
  put(writer, "ip", to_string(endpoint.address));
  writer.Key("port");
  writer.Uint(endpoint.port);
  put(writer, "role", role.name);
  put(writer, "tcp", role.tcp);
  put(writer, "banner", role.banner);
  put(writer, "tls", role.tls, "version");
  put(writer, "http", role.http, role.http.outcome == "protocol_error" && role.http.text.empty() ? "speaks" : "version",
      "status");
  writer.EndObject();
  out.append(buffer.GetString(), buffer.GetSize());
  out += '\n';
}

}  // namespace sonde::world
