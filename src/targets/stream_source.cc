#include "targets/stream_source.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/check.h"
#include "base/mix.h"
#include "targets/input_text.h"
#include "targets/reserved.h"
#include "targets/target_expression.h"

namespace sonde::targets {
namespace {

constexpr std::size_t kBatch = 256;  // entries that the reader hands over at once

std::uint64_t hash_of(const Target& target) {
  std::uint64_t hash = target.endpoint.address.hash();
  for (const char c : target.host) hash = mix64(hash, static_cast<unsigned char>(c));
  return mix64(hash, target.endpoint.port);
}

}  // namespace

StreamSource::StreamSource(int fd, StreamSourceOptions options) : fd_(fd), options_(std::move(options)) {
  SONDE_CHECK(options_.shard >= 1 && options_.shard <= options_.shards, "shard K/N needs 1 <= K <= N");
  stop_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);  // without one the reader looks at stopping_ from time to time
  try {
    reader_ = std::thread([this] { read_all(); });
  } catch (const std::system_error& e) {
    report(fmt::format("{}: cannot be read: no thread: {}", options_.name, e.code().message()));
    failed_ = true;
    ended_ = true;
  }
}

StreamSource::~StreamSource() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  room_.notify_all();
  if (stop_fd_ >= 0) ::eventfd_write(stop_fd_, 1);
  if (reader_.joinable()) reader_.join();
  if (stop_fd_ >= 0) ::close(stop_fd_);
}

void StreamSource::report(std::string_view error) {
  if (options_.on_invalid) options_.on_invalid(error);
}

bool StreamSource::wait_readable() const {
  constexpr int kLookAgainMs = 50;
  std::array<pollfd, 2> waits{pollfd{fd_, POLLIN, 0}, pollfd{stop_fd_, POLLIN, 0}};
  while (!stopping_) {
    const int ready = ::poll(waits.data(), waits.size(), stop_fd_ >= 0 ? -1 : kLookAgainMs);
    if (ready < 0 && errno != EINTR) return true;  // the read that follows finds out what it is
    if (ready > 0 && waits[0].revents != 0) return !stopping_;
  }
  return false;
}

void StreamSource::read_all() {
  constexpr std::size_t kBufferBytes = std::size_t{64} << 10;
  const auto buffer = std::make_unique_for_overwrite<char[]>(kBufferBytes);
  LineSplitter splitter;
  const auto sink = [this](const Line& line) { return read_line(line); };
  while (wait_readable()) {
    const ssize_t got = ::read(fd_, buffer.get(), kBufferBytes);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) {
      report(fmt::format("{}: cannot be read: {}", options_.name, std::generic_category().message(errno)));
      failed_ = true;
    }
    if (got <= 0) {
      splitter.finish(sink);
      flush();
      break;
    }
    if (!splitter.feed({buffer.get(), static_cast<std::size_t>(got)}, sink) || !flush()) break;
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
}

// False when the reader has to stop.
bool StreamSource::read_line(const Line& line) {
  std::string error = line.overlong ? overlong_error(line.text) : std::string();
  const bool go_on = line.overlong || queue_line(line.text, error);
  if (!error.empty()) {
    ++lines_invalid_;
    report(fmt::format("{}:{}: {}", options_.name, line.number, error));
  }
  return go_on;
}

bool StreamSource::queue_line(std::string_view text, std::string& error) {
  auto parsed = parse_target(text);
  if (!parsed) {
    error = std::move(parsed.error().text);
    return true;
  }
  if (parsed->port == 0 && options_.ports.empty()) {
    error = quoted(text) + " names no port: say which with --ports, or write host:port";
    return true;
  }
  if (!options_.keep_urls) {
    parsed->scheme = Scheme::kNone;
    parsed->path.clear();
  }
  const std::uint16_t port = parsed->port;
  if (port != 0 && options_.ports.knows_none()) {
    error = needless_port(text);
    return true;
  }
  const Exclusion* const exclusion = options_.exclusion;
  if (parsed->is_name()) {
    const bool blocked = exclusion && exclusion->contains_name(parsed->host);
    return push({.host = std::move(parsed->host),
                 .port = port,
                 .scheme = parsed->scheme,
                 .blocked = blocked,
                 .path = std::move(parsed->path)});
  }
  const auto push_range = [&](const AddressRange& range) {
    return push({.range = range, .port = port, .scheme = parsed->scheme, .path = parsed->path});
  };
  return for_each_unreserved(parsed->range, [&](const AddressRange& range) {
    return exclusion ? exclusion->addresses().for_each_outside(range, push_range) : push_range(range);
  });
}

bool StreamSource::push(Entry entry) {
  batch_.push_back(std::move(entry));
  return batch_.size() < kBatch || flush();
}

bool StreamSource::flush() {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [this] { return stopping_ || queue_.size() + batch_.size() <= kMaxQueued; });
  if (stopping_) return false;
  for (Entry& entry : batch_) queue_.push_back(std::move(entry));
  batch_.clear();
  return true;
}

bool StreamSource::next(Target& out) {
  const auto ports = options_.ports.ports();
  const std::size_t port_count = current_->port != 0 ? 1 : ports.size();
  out.endpoint.port = current_->port != 0 ? current_->port : ports[next_port_];
  const bool named = !current_->host.empty();
  out.endpoint.address = named ? IpAddress() : IpAddress::v6(next_address_);
  out.host = current_->host;
  out.path = current_->path;
  out.scheme = current_->scheme;
  out.blocked = current_->blocked;
  if (++next_port_ == port_count) {
    next_port_ = 0;
    if (named || next_address_ == current_->range.last.bits())
      current_.reset();
    else
      ++next_address_;
  }
  return options_.shards == 1 || hash_of(out) % options_.shards == options_.shard - 1;
}

bool StreamSource::done() const {
  if (options_.max_targets && given_ >= *options_.max_targets) return true;
  return ended_ && queue_.empty() && !current_;
}

std::size_t StreamSource::take(std::span<Target> out) {
  constexpr std::size_t kMostPassedOver = 16'384;  // an event loop waits for this call
  std::size_t given = 0;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t looked_at = 0; given < out.size() && looked_at < kMostPassedOver + out.size(); ++looked_at) {
      if (options_.max_targets && given_ >= *options_.max_targets) break;
      if (!current_) {
        if (queue_.empty()) break;
        current_ = std::move(queue_.front());
        queue_.pop_front();
        next_address_ = current_->range.first.bits();
        next_port_ = 0;
      }
      if (!next(out[given])) continue;
      out[given++].position = given_++;
    }
  }
  room_.notify_one();
  return given;
}

bool StreamSource::exhausted() const {
  const std::lock_guard lock(mutex_);
  return done();
}

std::uint64_t StreamSource::cursor() const {
  const std::lock_guard lock(mutex_);
  return given_;
}

}  // namespace sonde::targets
