#include "tls/saved_session.h"

#include <openssl/ssl.h>

namespace sonde::tls {

void SavedSession::Free::operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }

std::uint16_t SavedSession::version() const {
  return static_cast<std::uint16_t>(SSL_SESSION_get_protocol_version(session_.get()));
}

std::uint32_t SavedSession::max_early_data() const { return SSL_SESSION_get_max_early_data(session_.get()); }

std::string_view SavedSession::alpn() const {
  const unsigned char* name = nullptr;
  std::size_t length = 0;
  SSL_SESSION_get0_alpn_selected(session_.get(), &name, &length);
  return name == nullptr ? std::string_view() : std::string_view(reinterpret_cast<const char*>(name), length);
}

bool SavedSession::is_ticket() const { return SSL_SESSION_has_ticket(session_.get()) == 1; }

std::uint32_t SavedSession::lifetime_hint_s() const {
  return static_cast<std::uint32_t>(SSL_SESSION_get_ticket_lifetime_hint(session_.get()));
}

}  // namespace sonde::tls
