// The resolver over c-ares: its sockets sit in the shard's backend, /etc/hosts comes before DNS. One channel a shard.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/resolver.h"
#include "io/backend.h"

struct ares_channeldata;

namespace sonde::engine {

class CaresResolver final : public Resolver {
 public:
  // servers: "127.0.0.1:5353", "[::1]:53", comma-separated; empty: the system's. timeout: of one question in all.
  static Result<std::unique_ptr<CaresResolver>> create(io::Backend& backend, const std::string& servers, Nanos timeout);
  ~CaresResolver() override;
  CaresResolver(const CaresResolver&) = delete;
  CaresResolver& operator=(const CaresResolver&) = delete;

  void resolve(ConnectionId id, std::string_view host) override;
  bool full() const override { return outstanding_ >= kMaxOutstanding; }
  void on_descriptor(int fd, bool readable, bool writable) override;
  void on_time() override;
  Nanos next_time(Nanos now) const override;
  std::span<const Resolved> take_answers() override;

 private:
  static constexpr std::uint32_t kMaxOutstanding = 256;
  struct Question;

  explicit CaresResolver(io::Backend& backend) : backend_(backend) {}
  void answer(const Resolved& resolved);

  io::Backend& backend_;
  ares_channeldata* channel_ = nullptr;
  std::uint32_t outstanding_ = 0;
  std::vector<Resolved> answers_;
  std::vector<Resolved> taken_;
};

// All addresses of a name, waiting for them: for set-up, before any shard runs. A name that does not exist has none.
// The error: nobody could be asked, or nobody answered within `timeout`.
Result<std::vector<IpAddress>> resolve_all(const std::string& host, const std::string& servers, Nanos timeout);

}  // namespace sonde::engine
