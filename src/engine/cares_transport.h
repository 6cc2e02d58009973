// DNS over c-ares, which sends, receives, and asks again over TCP what was truncated. Its sockets sit in the shard's
// backend.
//
// A server has a channel of its own, so that the questions at it can be counted. Against forged answers (RFC 5452): ids
// are random, sockets are connected, the question must be repeated, and a channel that has asked kAskedOfChannel
// questions is replaced, with a socket on another random port; the old one waits for what it asked.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/dns_transport.h"
#include "io/backend.h"

struct ares_channeldata;

namespace sonde::engine {

class CaresTransport final : public DnsTransport {
 public:
  // servers: "127.0.0.1:5353", "[::1]:53", comma-separated; empty: the system's. timeout: of one question. per_server:
  // questions outstanding at one server, at most; what its socket must hold. backend outlives the transport.
  static Result<std::unique_ptr<CaresTransport>> create(io::Backend& backend, const std::string& servers, Nanos timeout,
                                                        std::uint32_t per_server);
  ~CaresTransport() override;
  CaresTransport(const CaresTransport&) = delete;
  CaresTransport& operator=(const CaresTransport&) = delete;

  // Where the system looks for names without dots (resolv.conf(5), search).
  const std::vector<std::string>& search() const { return search_; }

  std::uint32_t servers() const override;
  void ask(DnsTicket ticket, std::uint32_t server, const wire::DnsName& name, std::uint16_t type) override;
  void on_descriptor(int fd, bool readable, bool writable) override;
  void on_time(Nanos now) override;
  Nanos next_time(Nanos now) const override;
  std::span<const DnsReply> take_replies() override;

 private:
  static constexpr std::uint32_t kAskedOfChannel = 4096;
  static constexpr Nanos kSweep = 5 * kMillisecond;  // how exactly c-ares's own time-outs are kept

  struct Channel;
  struct Question;
  struct Server;
  struct Watched {
    int fd;
    Channel* channel;
  };
  struct Kept {  // a reply whose message lies in a buffer
    DnsReply reply;
    std::size_t first;
    std::size_t size;
  };

  CaresTransport(io::Backend& backend, Nanos timeout, std::uint32_t per_server);
  Result<> read_system(const std::string& servers);
  Result<std::unique_ptr<Channel>> open(const std::string& address);
  Channel& channel_for(Server& server);
  void watch(Channel& channel, int fd, bool read, bool write);
  void reply(const Question& question, DnsDelivery delivery, std::span<const std::byte> message);
  std::uint16_t random_id();

  io::Backend& backend_;
  Nanos timeout_;
  std::uint32_t per_server_;
  std::vector<std::string> search_;
  std::vector<Watched> watched_;
  std::vector<Server> servers_;
  std::uint64_t outstanding_ = 0;
  Nanos sweep_at_ = 0;
  std::uint64_t random_ = 0;
  int random_left_ = 0;  // ids in it
  std::vector<Kept> kept_;
  std::vector<std::byte> bytes_;
  std::vector<DnsReply> taken_;
  std::vector<std::byte> taken_bytes_;
};

}  // namespace sonde::engine
