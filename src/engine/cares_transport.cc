#include "engine/cares_transport.h"

#include <ares.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "engine/cares_library.h"
#include "os/machine.h"
#include "os/sockaddr.h"
#include "wire/dns.h"

namespace sonde::engine {
namespace {

// A datagram takes 768 bytes of the kernel's count, or 1,280 when it is long; the kernel takes less where it allows
// less.
constexpr std::uint32_t kBytesOfDatagram = 1280;

std::string text_of(const ares_addr_port_node& node) {
  os::SockAddr address;
  if (node.family == AF_INET) {
    address.v4 = {.sin_family = AF_INET, .sin_port = 0, .sin_addr = node.addr.addr4, .sin_zero = {}};
  } else {
    address.storage = {.sin6_family = AF_INET6};
    std::copy_n(reinterpret_cast<const char*>(&node.addr.addr6), sizeof node.addr.addr6,
                reinterpret_cast<char*>(&address.storage.sin6_addr));
  }
  std::string text = to_string(os::endpoint_of(address).address);
  if (node.udp_port == 0) return text;  // the usual one
  return (node.family == AF_INET ? text : "[" + text + "]") + ":" + std::to_string(node.udp_port);
}

DnsDelivery delivery_of(int status) {
  switch (status) {
    case ARES_SUCCESS:
      return DnsDelivery::kAnswered;
    case ARES_ETIMEOUT:
      return DnsDelivery::kSilent;
    default:
      return DnsDelivery::kUnreachable;
  }
}

}  // namespace

struct CaresTransport::Channel {
  explicit Channel(CaresTransport& owner) : transport(owner) {}
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel() {
    if (channel != nullptr) ares_destroy(channel);  // calls back every outstanding question
  }

  CaresTransport& transport;
  ares_channel channel = nullptr;
  std::uint32_t asked = 0;
  std::uint32_t outstanding = 0;
};

struct CaresTransport::Server {
  std::string address;  // as c-ares reads it
  std::unique_ptr<Channel> current;
  std::unique_ptr<Channel> previous;  // waits for answers; null when it has them
};

struct CaresTransport::Question {
  Channel* channel;
  DnsTicket ticket;
  std::uint32_t server;
};

Result<std::unique_ptr<CaresTransport>> CaresTransport::create(io::Backend& backend, const std::string& servers,
                                                               Nanos timeout, std::uint32_t per_server) {
  std::unique_ptr<CaresTransport> transport(new CaresTransport(backend, timeout, per_server));
  if (const Result<> read = transport->read_system(servers); !read) return std::unexpected(read.error());
  for (Server& server : transport->servers_) {
    Result<std::unique_ptr<Channel>> channel = transport->open(server.address);
    if (!channel) return std::unexpected(channel.error());
    server.current = std::move(*channel);
  }
  return transport;
}

CaresTransport::CaresTransport(io::Backend& backend, Nanos timeout, std::uint32_t per_server)
    : backend_(backend), timeout_(timeout), per_server_(per_server) {}

CaresTransport::~CaresTransport() = default;

std::uint32_t CaresTransport::servers() const { return static_cast<std::uint32_t>(servers_.size()); }

// The servers, one by one, and the search list: as c-ares reads /etc/resolv.conf.
Result<> CaresTransport::read_system(const std::string& servers) {
  ares_options options{};
  const Result<ares_channeldata*> opened = open_cares(options, 0, servers);
  if (!opened) return std::unexpected(opened.error());
  const std::unique_ptr<ares_channeldata, decltype(&ares_destroy)> channel(*opened, &ares_destroy);
  ares_addr_port_node* first = nullptr;
  if (ares_get_servers_ports(channel.get(), &first) == ARES_SUCCESS) {
    for (const ares_addr_port_node* node = first; node != nullptr; node = node->next) {
      std::string address = text_of(*node);
      if (std::ranges::find(servers_, address, &Server::address) == servers_.end())
        servers_.push_back({.address = std::move(address), .current = nullptr, .previous = nullptr});
    }
    ares_free_data(first);
  }
  if (servers_.empty()) return std::unexpected(Error{.what = "there is no resolver to ask"});
  ares_options saved{};
  int mask = 0;
  if (ares_save_options(channel.get(), &saved, &mask) == ARES_SUCCESS)
    for (int i = 0; i < saved.ndomains; ++i) search_.emplace_back(saved.domains[i]);
  ares_destroy_options(&saved);
  return {};
}

Result<std::unique_ptr<CaresTransport::Channel>> CaresTransport::open(const std::string& address) {
  auto channel = std::make_unique<Channel>(*this);
  char no_file[] = "/dev/null";
  char lookups[] = "b";
  ares_options options{};
  // One send, all rcodes; what to do then is decided elsewhere.
  options.flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
  options.tries = 1;
  options.timeout = static_cast<int>(std::max<Nanos>(1, timeout_ / kMillisecond));
  options.lookups = lookups;
  options.resolvconf_path = no_file;  // it is read once, by read_system
  options.socket_receive_buffer_size =
      static_cast<int>(std::clamp<std::uint32_t>(per_server_, 64, 65'536) * kBytesOfDatagram);
  options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
    auto& of = *static_cast<Channel*>(self);
    of.transport.watch(of, fd, readable != 0, writable != 0);
  };
  options.sock_state_cb_data = channel.get();
  const Result<ares_channeldata*> opened =
      open_cares(options,
                 ARES_OPT_FLAGS | ARES_OPT_TRIES | ARES_OPT_TIMEOUTMS | ARES_OPT_LOOKUPS | ARES_OPT_RESOLVCONF |
                     ARES_OPT_SOCK_RCVBUF | ARES_OPT_SOCK_STATE_CB,
                 address);
  if (!opened) return std::unexpected(opened.error());
  channel->channel = *opened;
  return channel;
}

// The server's channel, a fresh one after so many questions. Where none can be had, the old one goes on.
CaresTransport::Channel& CaresTransport::channel_for(Server& server) {
  if (server.current->asked >= kAskedOfChannel && !server.previous) {
    if (Result<std::unique_ptr<Channel>> fresh = open(server.address))
      server.previous = std::exchange(server.current, std::move(*fresh));
  }
  return *server.current;
}

void CaresTransport::ask(DnsTicket ticket, std::uint32_t server, const wire::DnsName& name, std::uint16_t type) {
  Channel& channel = channel_for(servers_[server]);
  std::array<std::byte, wire::kLongestDnsQuery> query;
  // Without EDNS: all that is wanted are a few addresses, and more servers understand it.
  const std::size_t size =
      wire::write_dns_query({.id = random_id(), .name = name, .type = type, .edns_size = 0}, query);
  ++channel.asked;
  ++channel.outstanding;
  if (outstanding_++ == 0) sweep_at_ = backend_.now() + kSweep;
  auto* question = new Question{.channel = &channel, .ticket = ticket, .server = server};
  ares_send(
      channel.channel, reinterpret_cast<const unsigned char*>(query.data()), static_cast<int>(size),
      [](void* argument, int status, int, unsigned char* message, int length) {
        const std::unique_ptr<Question> asked(static_cast<Question*>(argument));
        if (status == ARES_EDESTRUCTION) return;
        --asked->channel->outstanding;
        const auto* bytes = reinterpret_cast<const std::byte*>(message);
        asked->channel->transport.reply(
            *asked, delivery_of(status),
            status == ARES_SUCCESS ? std::span(bytes, static_cast<std::size_t>(length)) : std::span<const std::byte>());
      },
      question);
}

std::uint16_t CaresTransport::random_id() {
  if (random_left_ == 0) {
    random_ = os::random_seed();
    random_left_ = 4;
  }
  --random_left_;
  return static_cast<std::uint16_t>(std::exchange(random_, random_ >> 16));
}

void CaresTransport::reply(const Question& question, DnsDelivery delivery, std::span<const std::byte> message) {
  --outstanding_;
  kept_.push_back({.reply = {.ticket = question.ticket, .server = question.server, .delivery = delivery, .message = {}},
                   .first = bytes_.size(),
                   .size = message.size()});
  bytes_.insert(bytes_.end(), message.begin(), message.end());
}

void CaresTransport::watch(Channel& channel, int fd, bool read, bool write) {
  std::erase_if(watched_, [fd](const Watched& watched) { return watched.fd == fd; });
  if (read || write) watched_.push_back({.fd = fd, .channel = &channel});
  // A descriptor that cannot be watched leaves its question to the deadline.
  (void)backend_.watch(fd, read, write);
}

void CaresTransport::on_descriptor(int fd, bool readable, bool writable) {
  const auto found = std::ranges::find(watched_, fd, &Watched::fd);
  if (found == watched_.end()) return;  // closed earlier in this turn
  ares_process_fd(found->channel->channel, readable ? fd : ARES_SOCKET_BAD, writable ? fd : ARES_SOCKET_BAD);
}

void CaresTransport::on_time(Nanos now) {
  if (outstanding_ == 0 || now < sweep_at_) return;
  sweep_at_ = now + kSweep;
  for (Server& server : servers_) {
    for (Channel* channel : {server.current.get(), server.previous.get()})
      if (channel != nullptr && channel->outstanding > 0)
        ares_process_fd(channel->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    if (server.previous && server.previous->outstanding == 0) server.previous.reset();
  }
}

Nanos CaresTransport::next_time(Nanos now) const {
  if (!kept_.empty()) return now;  // a question that could not be sent
  return outstanding_ == 0 ? kNever : std::max(now, sweep_at_);
}

std::span<const DnsReply> CaresTransport::take_replies() {
  taken_.clear();
  taken_bytes_.swap(bytes_);
  bytes_.clear();
  for (Kept& kept : kept_) {
    kept.reply.message = std::span(taken_bytes_).subspan(kept.first, kept.size);
    taken_.push_back(kept.reply);
  }
  kept_.clear();
  return taken_;
}

}  // namespace sonde::engine
