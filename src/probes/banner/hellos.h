// The hellos that services answer, one for each that waits for its client to speak; which of them a port gets, and in
// which order. None logs in; what they ask for is an answer, at most the version. Static; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/error.h"

namespace sonde::probes {

enum class Hello : std::uint8_t {
  kHttp,
  kTls,
  kRedis,
  kMqtt,
  kAmqp,
  kRdp,
  kMemcached,
  kMongodb,
  kLdap,
  kSip,
  kDns,
  kPostgres,
};

std::string_view name_of(Hello hello);             // "http", "tls" …
std::span<const std::byte> bytes_of(Hello hello);  // static storage
std::span<const std::string_view> hello_names();
std::optional<Hello> hello_of(std::string_view protocol);  // by its name

// Each of them on a connection of its own, the first on the one that was listened on.
struct HelloPlan {
  static constexpr std::size_t kMost = 4;
  std::array<Hello, kMost> hellos{};
  std::uint8_t count = 0;

  void add(Hello hello);  // unless it is there. REQUIRES: room
};

// What the port's service answers, then HTTP, then TLS.
HelloPlan plan_for(std::uint16_t port);

// What --hello says: "auto" (nullopt: by the port), "none", or up to four names.
Parsed<std::optional<HelloPlan>> parse_hellos(std::string_view text);

// The line with which an SSH client begins (RFC 4253, 4.2); servers go on behind it, in the clear, with what they can
// do.
inline constexpr std::string_view kSshIdentification = "SSH-2.0-sonde\r\n";

}  // namespace sonde::probes
