// Name servers for tests, in the virtual time of a simulator: what they say is a function of the question.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/dns_transport.h"
#include "io/backend.h"
#include "wire/dns_builder.h"

namespace sonde::engine {

class FakeDns final : public DnsTransport {
 public:
  struct Asked {
    std::uint32_t server;
    std::string name;  // "a.example."
    std::uint16_t type;
    Nanos at;
  };
  // The answer, or nothing for silence.
  using Answers = std::function<std::optional<wire::DnsBytes>(const Asked&)>;

  FakeDns(const io::Backend& clock, Nanos timeout, std::uint32_t servers, Answers answers)
      : clock_(clock), timeout_(timeout), servers_(servers), answers_(std::move(answers)) {}

  std::vector<Asked> asked;
  std::set<std::uint32_t> unreachable;
  Nanos delay = 10 * kMillisecond;
  std::size_t outstanding_peak = 0;

  std::uint32_t servers() const override { return servers_; }
  void ask(DnsTicket ticket, std::uint32_t server, const wire::DnsName& name, std::uint16_t type) override {
    asked.push_back({.server = server, .name = name.text(), .type = type, .at = clock_.now()});
    Coming coming{
        .at = clock_.now(), .ticket = ticket, .server = server, .delivery = DnsDelivery::kUnreachable, .message = {}};
    if (!unreachable.contains(server)) {
      std::optional<wire::DnsBytes> message = answers_(asked.back());
      coming.at += message ? delay : timeout_;
      coming.delivery = message ? DnsDelivery::kAnswered : DnsDelivery::kSilent;
      if (message) coming.message = std::move(*message);
    }
    coming_.push_back(std::move(coming));
    outstanding_peak = std::max(outstanding_peak, coming_.size());
  }
  void on_descriptor(int fd, bool readable, bool writable) override { (void)fd, (void)readable, (void)writable; }
  void on_time(Nanos now) override { (void)now; }
  Nanos next_time(Nanos now) const override {
    Nanos next = kNever;
    for (const Coming& coming : coming_) next = std::min(next, coming.at);
    return std::max(now, next);
  }
  std::span<const DnsReply> take_replies() override {
    came_.clear();
    replies_.clear();
    for (std::size_t i = 0; i < coming_.size();) {
      if (coming_[i].at > clock_.now()) {
        ++i;
        continue;
      }
      came_.push_back(std::move(coming_[i]));
      coming_.erase(coming_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    for (const Coming& came : came_)
      replies_.push_back(
          {.ticket = came.ticket, .server = came.server, .delivery = came.delivery, .message = came.message});
    return replies_;
  }

 private:
  struct Coming {
    Nanos at;
    DnsTicket ticket;
    std::uint32_t server;
    DnsDelivery delivery;
    wire::DnsBytes message;
  };
  const io::Backend& clock_;
  Nanos timeout_;
  std::uint32_t servers_;
  Answers answers_;
  std::vector<Coming> coming_;
  std::vector<Coming> came_;
  std::vector<DnsReply> replies_;
};

// What a server says in tests: an answer that repeats the question.
inline wire::DnsBuilder said(const FakeDns::Asked& asked, std::uint16_t rcode = 0) {
  wire::DnsBuilder builder(static_cast<std::uint16_t>(0x8180 | rcode));
  builder.question(asked.name, asked.type);
  return builder;
}

}  // namespace sonde::engine
