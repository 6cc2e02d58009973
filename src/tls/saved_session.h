// What a connection may resume: a TLS 1.3 ticket, or a TLS 1.2 session with its id or ticket. Opaque and move-only; it
// outlives the session and the context that it came from. One thread at a time; handing it over is fine.
// RFC 8446, C.4: a TLS 1.3 ticket should be used once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

struct ssl_session_st;  // OpenSSL's SSL_SESSION

namespace sonde::tls {

class SavedSession {
 public:
  SavedSession(ssl_session_st* owned, std::string server_name)
      : session_(owned), server_name_(std::move(server_name)) {}

  std::uint16_t version() const;         // wire number
  std::uint32_t max_early_data() const;  // bytes of 0-RTT that the server takes with it; 0: none
  std::string_view alpn() const;         // what it is bound to; "" for none
  const std::string& server_name() const { return server_name_; }  // of the connection that it is from; "" for none
  bool is_ticket() const;                                          // else a session id
  std::uint32_t lifetime_hint_s() const;                           // of the ticket; 0 for a session id

  ssl_session_st* native() const { return session_.get(); }  // borrowed, for ClientSession

 private:
  struct Free {
    void operator()(ssl_session_st* session) const;
  };
  std::unique_ptr<ssl_session_st, Free> session_;
  std::string server_name_;  // OpenSSL's own copy is there only when the server acknowledged the name
};

}  // namespace sonde::tls
