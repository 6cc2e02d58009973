// The certificate fields of a record: asked of the desk when the probe has its verdict, filled in when the answer is
// there. For a chain that the desk knows, that is at once. The shard's thread; goes before the desk.
#pragma once

#include <optional>

#include "engine/probe.h"
#include "probes/tls/lean_handshake.h"
#include "probes/tls/tls_fields.h"
#include "x509/desk.h"

namespace sonde::probes {

class LateCertificates final : public engine::LateFields {
 public:
  LateCertificates(x509::Desk& desk, const TlsFindings& found, std::optional<HandshakeProof> proof,
                   CertificateView view);

  bool ready() override;
  void fill(std::span<results::Value> values) override;

 private:
  x509::Desk& desk_;
  x509::Ticket ticket_;
  CertificateView view_;
};

}  // namespace sonde::probes
