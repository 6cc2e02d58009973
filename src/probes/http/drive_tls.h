// Peers over TLS and HTTP/2 for the tests of the http probe, and its runs against them.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "probes/http/drive.h"

namespace sonde::probes::driven {

// A server of localhost, which chooses `alpn` alone; empty: it knows none.
inline const tls::MemoryServer& server(const std::string& alpn = {}) {
  static const tls::MemoryServer kNone{{}};
  static const tls::MemoryServer kHttp1{{.alpn = "http/1.1"}};
  static const tls::MemoryServer kHttp2{{.alpn = "h2"}};
  return alpn.empty() ? kNone : alpn == "h2" ? kHttp2 : kHttp1;
}

inline Drive https(std::string host = "localhost") {
  Drive how{.host = std::move(host), .scheme = "https"};
  how.endpoint.port = 443;
  return how;
}

// Ciphertext differs from run to run, and most of it is of the handshake: cut into pieces of some sizes.
inline Told tell_over_tls(const Ready::Options& options, const Drive::Scene& scene, Drive how = https()) {
  Ready ready(options);
  const Told whole = how.run(ready, scene());
  for (const std::size_t piece : {1, 2, 5, 7, 31, 100, 1000}) {
    how.piece = piece;
    const Told other = how.run(ready, scene());
    EXPECT_TRUE(other.same_as(whole)) << "pieces of " << piece << ": " << other.error << " / " << whole.error;
    for (const auto& [name, value] : whole.fields) EXPECT_EQ(other[name], value) << name << " in pieces of " << piece;
  }
  return whole;
}

// Answers each request with its path, or with what `answers` has for it.
inline Http2Peer::Setup serves(std::map<std::string, http2::Answer> answers = {}) {
  return [answers = std::move(answers)](http2::MemoryServer& peer) {
    peer.answer = [answers](http2::MemoryServer& self, http2::StreamId id) {
      const std::string& fields = self.seen[id].fields;
      const std::size_t at = fields.find(":path=") + 6;
      const std::string path = fields.substr(at, fields.find(' ', at) - at);
      const auto found = answers.find(path);
      self.respond(id, found != answers.end() ? found->second : http2::Answer{.body = path});
    };
  };
}

}  // namespace sonde::probes::driven
