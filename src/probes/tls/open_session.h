// A TLS session that a probe leaves open for the next of its pass, with what it has still to send.
#pragma once

#include <memory>

#include "engine/probe.h"
#include "tls/client_session.h"

namespace sonde::probes {

class OpenSession final : public engine::OpenLayer {
 public:
  explicit OpenSession(std::unique_ptr<tls::ClientSession> of_probe) : session(std::move(of_probe)) {}
  std::unique_ptr<tls::ClientSession> session;
};

}  // namespace sonde::probes
