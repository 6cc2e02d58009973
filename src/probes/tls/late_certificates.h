// The certificate fields of a record: asked of the desk when the probe has its verdict, filled in when the answer is
// there. For a chain that the desk knows, that is at once. The shard's thread; goes before the desk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/probe.h"
#include "probes/tls/lean_handshake.h"
#include "probes/tls/tls_fields.h"
#include "x509/desk.h"

namespace sonde::probes {

class LateCertificates final : public engine::LateFields {
 public:
  struct View {
    std::string wanted;
    std::int64_t now_s = 0;
    bool verify = false;
    bool unproven = false;
    bool pem = false;
  };
  LateCertificates(x509::Desk& desk, const TlsFindings& found, std::optional<HandshakeProof> proof, View view);

  bool ready() override;
  void fill(std::span<results::Value> values) override;

 private:
  x509::Desk& desk_;
  x509::Ticket ticket_;
  View view_;
};

}  // namespace sonde::probes
