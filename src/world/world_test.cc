// A world on real sockets, met by plain blocking clients.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <map>

#include "os/fd.h"
#include "os/sockaddr.h"
#include "world/server.h"
#include "world/truth.h"

// A world's thread has a descriptor table of its own, so descriptor 5 there is another file than descriptor 5 here.
// ThreadSanitizer does not know that and takes them for one.
extern "C" const char* __tsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
  return "race:sonde::world::Server::Table::\nrace:sonde::world::Sink::Table::";
}

namespace sonde::world {
namespace {

using population::Arrival;
using population::parse_mix;
using population::Population;
using population::Role;

constexpr int kPatienceMs = 20'000;  // far more than anything here takes

ServerOptions place(std::uint32_t prefix, unsigned length, std::size_t ports = 1) {
  return {.prefix = IpAddress::v4(prefix), .prefix_length = length, .ports = std::vector<std::uint16_t>(ports, 0)};
}

// A world of one's own, its ports chosen.
struct World {
  explicit World(const char* mix, ServerOptions options, std::uint64_t seed = 1) : people(*parse_mix(mix), seed) {
    options.population = &people;
    const Parsed<> started = server.start(options);
    EXPECT_TRUE(started) << started.error().text;
    options.ports = server.ports();
    served = std::move(options);
  }
  Population people;
  Server server;
  ServerOptions served;
};

bool wait_for(int fd, short events) {
  pollfd waiting{.fd = fd, .events = events, .revents = 0};
  return poll(&waiting, 1, kPatienceMs) == 1;
}

struct Dialled {
  os::Fd fd;
  int error = 0;       // errno of the connect; EINPROGRESS while nobody answered
  bool reset = false;  // it was connected, and reset before we looked
};

Dialled dial(const Endpoint& endpoint, bool wait = true) {
  Dialled result{.fd =
                     os::Fd(::socket(os::family_of(endpoint.address), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))};
  os::SockAddr address;
  os::fill(address, endpoint);
  result.error = ::connect(result.fd.get(), address.get(), address.length) == 0 ? 0 : errno;
  if (!wait || result.error != EINPROGRESS || !wait_for(result.fd.get(), POLLOUT)) return result;
  socklen_t size = sizeof result.error;
  getsockopt(result.fd.get(), SOL_SOCKET, SO_ERROR, &result.error, &size);
  // The error is told once: here, and not to recv().
  result.reset = result.error == ECONNRESET;
  if (result.reset) result.error = 0;
  return result;
}

// What the server says until its end, "FIN" or "RST" behind it; "…" when it says nothing more without an end.
std::string hear(const Dialled& dialled, std::size_t at_most = SIZE_MAX) {
  const int fd = dialled.fd.get();
  std::string heard;
  while (heard.size() < at_most) {
    if (!wait_for(fd, POLLIN)) return heard + "…";
    std::array<char, 512> bytes;
    const ssize_t got = ::recv(fd, bytes.data(), std::min(bytes.size(), at_most - heard.size()), 0);
    if (got == 0) return heard + (dialled.reset ? "RST" : "FIN");
    if (got < 0) return heard + (errno == ECONNRESET ? "RST" : "error");
    heard.append(bytes.data(), static_cast<std::size_t>(got));
  }
  return heard;
}

// All that a role's script sends.
std::string speech(const Role& role) {
  std::string text;
  for (const population::Act& act : role.script) text += act.bytes;
  return text;
}

TEST(World, every_role_does_on_real_sockets_what_its_script_says) {
  const World world("every", place(0x7f5a0000, 24));
  std::map<std::string_view, int> met;
  std::vector<os::Fd> unanswered;
  const Endpoints endpoints(world.served);
  for (std::uint64_t i = 0; i < endpoints.count(); ++i) {
    const Role& role = world.people.role_of(endpoints.at(i));
    if (++met[role.name] > 2) continue;
    SCOPED_TRACE(fmt::format("{} at {}", role.name, to_string(endpoints.at(i))));
    if (role.arrival == Arrival::kSilent) {
      Dialled silent = dial(endpoints.at(i), false);
      EXPECT_EQ(silent.error, EINPROGRESS);
      unanswered.push_back(std::move(silent.fd));
      continue;
    }
    const Dialled dialled = dial(endpoints.at(i));
    ASSERT_EQ(dialled.error, role.arrival == Arrival::kRefuse ? ECONNREFUSED : 0);
    if (role.arrival == Arrival::kRefuse) continue;
    for (const population::Act& act : role.script) {
      if (act.kind != population::Act::Kind::kAwait) continue;
      EXPECT_EQ(::send(dialled.fd.get(), "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL), 18);
    }
    std::string expected = speech(role);
    if (role.script.empty() || (role.script.back().kind != population::Act::Kind::kClose &&
                                role.script.back().kind != population::Act::Kind::kReset)) {
      EXPECT_EQ(hear(dialled, expected.size()), expected);
      continue;
    }
    const bool reset = role.script.back().kind == population::Act::Kind::kReset;
    EXPECT_EQ(hear(dialled), expected + (reset ? "RST" : "FIN"));
  }
  EXPECT_EQ(met.size(), world.people.mix().weights.size()) << "every role must have been met";
  // Everybody else has answered meanwhile; a SYN to these is still on its way.
  ASSERT_FALSE(unanswered.empty());
  for (const os::Fd& fd : unanswered) {
    pollfd now{.fd = fd.get(), .events = POLLOUT, .revents = 0};
    EXPECT_EQ(poll(&now, 1, 0), 0);
  }
}

TEST(World, a_mute_server_reads_on_and_holds) {
  const World world("open", place(0x7f5a0100, 24));
  const Dialled dialled = dial(Endpoints(world.served).at(9));
  ASSERT_EQ(dialled.error, 0);
  const std::string much(1 << 20, 'x');  // far more than the buffers on the way
  std::size_t sent = 0;
  while (sent < much.size() && wait_for(dialled.fd.get(), POLLOUT)) {
    const ssize_t put = ::send(dialled.fd.get(), much.data() + sent, much.size() - sent, MSG_NOSIGNAL);
    ASSERT_GT(put, 0);
    sent += static_cast<std::size_t>(put);
  }
  EXPECT_EQ(sent, much.size());
  pollfd now{.fd = dialled.fd.get(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&now, 1, 0), 0) << "neither bytes nor an end";
  ::shutdown(dialled.fd.get(), SHUT_WR);
  EXPECT_EQ(hear(dialled), "FIN");
}

TEST(World, one_wildcard_listener_a_port_and_thread_where_nothing_refuses) {
  ServerOptions options = place(0x7f5c0000, 16, 2);
  options.threads = 3;
  const World world("open", options);
  EXPECT_EQ(world.server.listeners(), 6U);
  EXPECT_EQ(world.server.threads(), 3U);
  std::vector<Dialled> held;
  const Endpoints endpoints(world.served);
  for (std::uint64_t i = 0; i < endpoints.count(); i += 701) held.push_back(dial(endpoints.at(i)));
  for (const Dialled& dialled : held) EXPECT_EQ(dialled.error, 0);
}

TEST(World, an_address_outside_the_prefix_is_no_part_of_it) {
  const World world("ssh=1", place(0x7f5a0200, 24));
  const std::uint16_t port = world.server.ports().front();
  EXPECT_EQ(hear(dial({IpAddress::v4(0x7f5a02ff), port}), 8), "SSH-2.0-");
  EXPECT_EQ(hear(dial({IpAddress::v4(0x7f5a0300), port})), "RST");
  EXPECT_EQ(hear(dial({IpAddress::v4(0x7f5a01ff), port})), "RST");
}

TEST(World, silent_endpoints_stay_silent_beside_a_wildcard_that_answers) {
  const World world("open_mute=3,silent=1", place(0x7f5a0400, 23));
  std::uint64_t silent = 0;
  std::vector<os::Fd> unanswered;
  const Endpoints endpoints(world.served);
  for (std::uint64_t i = 0; i < endpoints.count(); ++i) {
    const bool is_silent = world.people.role_of(endpoints.at(i)).arrival == Arrival::kSilent;
    Dialled dialled = dial(endpoints.at(i), !is_silent);
    ASSERT_EQ(dialled.error, is_silent ? EINPROGRESS : 0) << to_string(endpoints.at(i));
    if (is_silent) unanswered.push_back(std::move(dialled.fd));
    silent += is_silent ? 1 : 0;
  }
  EXPECT_EQ(world.server.listeners(), silent + 1);
  for (const os::Fd& fd : unanswered) {
    pollfd now{.fd = fd.get(), .events = POLLOUT, .revents = 0};
    EXPECT_EQ(poll(&now, 1, 0), 0);
  }
}

TEST(World, listeners_beyond_what_a_descriptor_table_holds_go_to_more_tables) {
  ServerOptions options = place(0x7f5a0800, 23);
  options.descriptors_per_thread = 128;
  const World world("line=1,refused=1", options);
  EXPECT_GE(world.server.threads(), 2U);
  EXPECT_GT(world.server.listeners(), 128U);
  const Endpoints endpoints(world.served);
  for (std::uint64_t i = 0; i < endpoints.count(); ++i) {
    const bool open = world.people.role_of(endpoints.at(i)).arrival == Arrival::kAccept;
    const Dialled dialled = dial(endpoints.at(i));
    ASSERT_EQ(dialled.error, open ? 0 : ECONNREFUSED);
    if (!open) continue;
    ASSERT_EQ(hear(dialled, 7), "welcome");
  }
}

// A table's descriptors are numbers that mean other files in the rest of the process.
TEST(World, leaves_the_descriptors_of_the_process_alone) {
  std::array<os::Fd, 40> ours;
  for (os::Fd& fd : ours) fd = os::Fd(::dup(STDERR_FILENO));
  {
    const World world("line=1,refused=1", place(0x7f5a0a00, 28));
    EXPECT_EQ(hear(dial({IpAddress::v4(0x7f5a0a00), world.server.ports().front()}), 0), "");
  }
  for (const os::Fd& fd : ours) EXPECT_GE(::fcntl(fd.get(), F_GETFD), 0);
}

TEST(World, turns_clients_away_while_its_descriptors_are_out_and_recovers) {
  const World world("ssh=1", place(0x7f5a0b00, 28));
  const Endpoint endpoint = Endpoints(world.served).at(3);
  std::vector<Dialled> clients(100);
  for (Dialled& client : clients) client.fd = os::Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{.rlim_cur = 40, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  os::SockAddr address;
  os::fill(address, endpoint);
  int served = 0;
  int turned_away = 0;
  for (Dialled& client : clients) {
    client.reset = ::connect(client.fd.get(), address.get(), address.length) != 0 && errno == ECONNRESET;
    const std::string heard = hear(client, 4);
    served += heard == "SSH-" ? 1 : 0;
    turned_away += heard == "RST" ? 1 : 0;
  }
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_GT(served, 10);
  EXPECT_GT(turned_away, 10);
  EXPECT_EQ(served + turned_away, 100);
  EXPECT_EQ(hear(dial(endpoint), 4), "SSH-");
}

TEST(World, forgets_the_clients_that_reset) {
  const World world("line=1", place(0x7f5a0c00, 28));
  const Endpoint endpoint = Endpoints(world.served).at(5);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{.rlim_cur = 64, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  const linger with_reset{.l_onoff = 1, .l_linger = 0};
  int welcomed = 0;
  for (int i = 0; i < 1000; ++i) {  // far more than there are descriptors
    const Dialled dialled = dial(endpoint);
    welcomed += hear(dialled, 7) == "welcome" ? 1 : 0;
    setsockopt(dialled.fd.get(), SOL_SOCKET, SO_LINGER, &with_reset, sizeof with_reset);
  }
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(welcomed, 1000);
}

TEST(World, serves_the_one_address_of_ipv6_loopback) {
  ServerOptions options = place(0, 128, 8);
  options.prefix = *parse_ip("::1");
  const os::Fd ipv6(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  os::SockAddr address;
  os::fill(address, {.address = options.prefix, .port = 0});
  if (!ipv6 || ::bind(ipv6.get(), address.get(), address.length) != 0) GTEST_SKIP() << "no IPv6 on this machine";
  const World world("line=1,refused=1", options);
  const Endpoints endpoints(world.served);
  ASSERT_EQ(endpoints.count(), 8U);
  for (std::uint64_t i = 0; i < 8; ++i) {
    const bool open = world.people.role_of(endpoints.at(i)).arrival == Arrival::kAccept;
    EXPECT_EQ(dial(endpoints.at(i)).error, open ? 0 : ECONNREFUSED);
  }
}

std::string error_of_start(const char* mix, ServerOptions options) {
  const Population people(*parse_mix(mix), 1);
  options.population = &people;
  Server server;
  const Parsed<> started = server.start(std::move(options));
  return started ? "" : started.error().text;
}

TEST(World, refuses_what_cannot_be_and_says_why) {
  const ServerOptions fine = place(0x7f5a0d00, 24);
  EXPECT_EQ(error_of_start("unreachable=1", fine),
            "the role 'unreachable' is for the simulator only: no socket can play it");
  EXPECT_EQ(error_of_start("open", place(0x0a000000, 24)),
            "'10.0.0.0/24' is not on loopback; a world's prefix is inside 127.0.0.0/8, or ::1/128");
  EXPECT_EQ(error_of_start("open", place(0x7f000000, 7)),
            "'127.0.0.0/7' is not on loopback; a world's prefix is inside 127.0.0.0/8, or ::1/128");
  EXPECT_EQ(error_of_start("open", place(0x7f5a0d00, 24, 0)), "a world needs a port");
  EXPECT_EQ(
      error_of_start("ssh=1,refused=1", place(0x7f000000, 8)),
      "this world needs about 8388608 listeners, more than 200000; make the prefix longer, take fewer ports, or a "
      "mix in which less answers (or nothing refuses)");
  ServerOptions poor = place(0x7f5a0000, 16);
  poor.descriptors_per_thread = 16;
  EXPECT_NE(error_of_start("ssh=1,refused=9", poor).find("raise the limit of open files"), std::string::npos);
}

// Two worlds on one port would each have a part of the other's connections.
TEST(World, does_not_share_its_ports_with_another) {
  for (const char* mix : {"open", "open_mute=1,silent=1", "ssh=1,refused=1"}) {
    const World world(mix, place(0x7f5a0e00, 28));
    const std::string text = error_of_start(mix, world.served);
    EXPECT_NE(text.find("cannot listen on"), std::string::npos) << text;
    EXPECT_NE(text.find("Address already in use"), std::string::npos) << text;
  }
}

TEST(World, may_be_stopped_and_started_again_on_the_same_ports) {
  World world("ssh=1,refused=1", place(0x7f5a0f00, 28, 2));
  for (int i = 0; i < 3; ++i) {
    world.server.stop();
    world.server.stop();
    ServerOptions again = world.served;
    const Parsed<> started = world.server.start(again);
    ASSERT_TRUE(started) << started.error().text;
    const Endpoints endpoints(world.served);
    std::uint64_t k = 0;
    while (world.people.role_of(endpoints.at(k)).arrival != Arrival::kAccept) ++k;
    EXPECT_EQ(hear(dial(endpoints.at(k)), 4), "SSH-");
  }
}

TEST(Endpoints, go_by_address_then_port) {
  const ServerOptions options{.prefix = IpAddress::v4(0x7f010203), .prefix_length = 31, .ports = {80, 22}};
  const Endpoints endpoints(options);
  ASSERT_EQ(endpoints.count(), 4U);
  std::string text;
  for (std::uint64_t i = 0; i < 4; ++i) text += to_string(endpoints.at(i)) + " ";
  EXPECT_EQ(text, "127.1.2.2:80 127.1.2.2:22 127.1.2.3:80 127.1.2.3:22 ");
}

TEST(Truth, is_one_object_a_line_without_what_does_not_apply) {
  std::string text;
  append_truth({IpAddress::v4(0x7f000001), 22}, *population::find_role("ssh"), text);
  append_truth({*parse_ip("::1"), 80}, *population::find_role("silent"), text);
  append_truth({IpAddress::v4(0x7f000001), 9}, *population::find_role("garbage"), text);
  append_truth({IpAddress::v4(0x7f000001), 443}, *population::find_role("tls_alert"), text);
  append_truth({IpAddress::v4(0x7f000001), 80}, *population::find_role("http_lying_length"), text);
  EXPECT_EQ(
      text,
      R"({"ip":"127.0.0.1","port":22,"role":"ssh","tcp":{"outcome":"success","phase":"done"},"banner":)"
      R"({"outcome":"success","phase":"done","protocol":"ssh","text":"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3"},"tls":)"
      R"({"outcome":"protocol_error","phase":"tls"},"http":{"outcome":"protocol_error","phase":"read","speaks":"ssh"}})"
      "\n"
      R"({"ip":"::1","port":80,"role":"silent","tcp":{"outcome":"timeout","phase":"connect","cause":"syn_unanswered"},"banner":)"
      R"({"outcome":"timeout","phase":"connect","cause":"syn_unanswered"},"tls":)"
      R"({"outcome":"timeout","phase":"connect","cause":"syn_unanswered"},"http":)"
      R"({"outcome":"timeout","phase":"connect","cause":"syn_unanswered"}})"
      "\n"
      R"({"ip":"127.0.0.1","port":9,"role":"garbage","tcp":{"outcome":"success","phase":"done"},"banner":)"
      R"({"outcome":"success","phase":"done","protocol":"unknown","text":"\\x00\\xff\\xfe\\x80\\x5c\n\\x1b[2J"},"tls":)"
      R"({"outcome":"protocol_error","phase":"tls"},"http":{"outcome":"protocol_error","phase":"read"}})"
      "\n"
      R"({"ip":"127.0.0.1","port":443,"role":"tls_alert","tcp":{"outcome":"success","phase":"done"},"banner":)"
      R"({"outcome":"success","phase":"done","protocol":"tls"},"tls":)"
      R"({"outcome":"tls_error","phase":"tls","version":"TLS1.2"},"http":)"
      R"({"outcome":"protocol_error","phase":"read","speaks":"tls"}})"
      "\n"
      R"({"ip":"127.0.0.1","port":80,"role":"http_lying_length","tcp":{"outcome":"success","phase":"done"},"banner":)"
      R"({"outcome":"success","phase":"done","protocol":"http","text":"HTTP/1.1 200 OK\r\nServer: world\r\nContent-Length: 100"},"tls":)"
      R"({"outcome":"protocol_error","phase":"tls"},"http":{"outcome":"closed","phase":"read","version":"1.1","status":"200"}})"
      "\n");
}

}  // namespace
}  // namespace sonde::world
