// The packet with which a MySQL or MariaDB server begins: the initial handshake of protocol 10 (or 9, before 3.21), or
// an error packet ("Host … is not allowed to connect"). MySQL internals, "Connection Phase Packets".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "wire/frame.h"

namespace sonde::wire {

struct MysqlGreeting {
  std::uint8_t protocol = 0;       // 10, 9; 255: an error packet
  std::string_view version;        // "8.0.36", "5.5.5-10.11.6-MariaDB-0+deb12u1"; of an error packet empty
  std::uint16_t capabilities = 0;  // the lower half
  std::uint16_t error_code = 0;    // of an error packet
  std::string_view error;          // its text

  // Without what MariaDB puts before its own: "10.11.6-MariaDB-0+deb12u1".
  std::string_view release() const;
  std::string_view product() const;  // "MariaDB"; MySQL does not name itself
  bool is_mariadb() const { return version.find(kMariaDb) != std::string_view::npos; }

  static constexpr std::string_view kMariaDb = "MariaDB";
  static constexpr std::uint8_t kErrorPacket = 255;  // as `protocol`
  static constexpr unsigned kProtocol41 = 0x0200;
  static constexpr unsigned kSsl = 0x0800;
};

class MysqlGreetingProcessor {
 public:
  using Frame = MysqlGreeting;
  static constexpr std::size_t kLimit = 1024;                  // bytes of the packet
  static constexpr std::size_t min_frame_size() { return 7; }  // an error packet without text
  ParseResult<MysqlGreeting> parse(std::span<const std::byte> bytes) const;
};

}  // namespace sonde::wire
