// What a connection may resume: a TLS 1.3 ticket, or a TLS 1.2 session with its id or ticket. Opaque and move-only; it
// outlives the session and the context that it came from. One thread at a time; handing it over is fine.
// RFC 8446, C.4: a TLS 1.3 ticket should be used once.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

struct ssl_session_st;  // OpenSSL's SSL_SESSION

namespace sonde::tls {

class SavedSession {
 public:
  explicit SavedSession(ssl_session_st* owned) : session_(owned) {}

  std::uint16_t version() const;          // wire number
  std::uint32_t max_early_data() const;   // bytes of 0-RTT that the server takes with it; 0: none
  std::string_view alpn() const;          // what it is bound to; "" for none
  std::string_view server_name() const;   // what it is bound to; "" for none
  bool is_ticket() const;                 // else a session id
  std::uint32_t lifetime_hint_s() const;  // of the ticket; 0 for a session id

  ssl_session_st* native() const { return session_.get(); }  // borrowed, for ClientSession

 private:
  struct Free {
    void operator()(ssl_session_st* session) const;
  };
  std::unique_ptr<ssl_session_st, Free> session_;
};

}  // namespace sonde::tls
