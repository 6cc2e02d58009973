// Drives an http probe by hand, for its tests and its fuzzer: peers that answer what they hear, bytes in any pieces,
// then silence, FIN or RST, over all the connections that it asks for. Checks what the engine would rely on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "engine/probe.h"
#include "http2/memory_server.h"
#include "probes/http/http_probe.h"
#include "probes/tls/open_session.h"
#include "tls/memory_server.h"
#include "wire/line.h"

namespace sonde::probes::driven {

using results::Outcome;

// A module that is set, with what one shard keeps for it.
struct Ready {
  using Options = std::vector<std::pair<std::string, std::string>>;
  explicit Ready(const Options& options = {}, const std::vector<std::string>& pass = {"http"})
      : module(make_http_module()) {
    for (const auto& [name, value] : options) {
      const Parsed<> done = module->configure(name, value);
      SONDE_CHECK(done, "an option that there is");
    }
    SONDE_CHECK(module->prepare(pass), "options that go together");
    state = module->make_shard_state();
  }
  std::unique_ptr<engine::ProbeModule> module;
  std::unique_ptr<engine::ShardState> state;
};

// Who answers on one connection.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual std::string greeting() { return {}; }
  virtual std::string hear(std::string_view bytes) = 0;  // what it says to them
};

// Says one of its answers to each request of HTTP/1; then it is silent.
class PlainPeer final : public Peer {
 public:
  explicit PlainPeer(std::vector<std::string> answers, std::string greeting = {})
      : answers_(std::move(answers)), greeting_(std::move(greeting)) {}
  std::string greeting() override { return greeting_; }
  std::string hear(std::string_view bytes) override {
    std::string said;
    request_ += bytes;
    while (next_ < answers_.size() && is_whole()) said += answers_[next_++];
    return said;
  }

 private:
  bool is_whole() {
    const std::size_t head = request_.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    constexpr std::string_view kLength = "Content-Length: ";
    const std::size_t at = request_.substr(0, head).find(kLength);
    const std::size_t body = at == std::string::npos ? 0 : std::stoul(request_.substr(at + kLength.size()));
    if (request_.size() < head + 4 + body) return false;
    request_.erase(0, head + 4 + body);
    return true;
  }

  std::vector<std::string> answers_;
  std::string greeting_;
  std::string request_;
  std::size_t next_ = 0;
};

// Says one thing as soon as it hears anything.
class SayingPeer final : public Peer {
 public:
  explicit SayingPeer(std::string text) : text_(std::move(text)) {}
  std::string hear(std::string_view) override { return std::exchange(text_, {}); }

 private:
  std::string text_;
};

class Http2Peer final : public Peer {
 public:
  using Setup = std::function<void(http2::MemoryServer&)>;
  explicit Http2Peer(const Setup& setup, std::vector<nghttp2_settings_entry> settings = {})
      : server(std::move(settings)) {
    setup(server);
  }
  std::string greeting() override { return server.output(); }
  std::string hear(std::string_view bytes) override {
    server.feed(wire::as_bytes(bytes));
    return server.output();
  }
  http2::MemoryServer server;
};

class TlsPeer final : public Peer {
 public:
  TlsPeer(const tls::MemoryServer& server, std::shared_ptr<Peer> inner, bool says_goodbye = false)
      : connection(server), inner_(std::move(inner)), says_goodbye_(says_goodbye) {}
  std::string greeting() override { return std::exchange(waiting, {}); }
  std::string hear(std::string_view bytes) override {
    connection.feed(wire::as_bytes(bytes));
    if (!connection.done) return connection.output();
    if (!std::exchange(greeted_, true))
      if (const std::string text = inner_->greeting(); !text.empty()) connection.write(text);
    const std::string plain = std::exchange(connection.received, {});
    if (plain.empty()) return connection.output();
    heard += plain;
    if (const std::string text = inner_->hear(plain); !text.empty()) {
      connection.write(text);
      if (says_goodbye_) SSL_shutdown(connection.ssl);
    }
    return connection.output();
  }
  tls::MemoryConnection connection;
  std::string heard;    // in the clear
  std::string waiting;  // said on an earlier layer, and not heard yet

 private:
  std::shared_ptr<Peer> inner_;
  bool says_goodbye_;
  bool greeted_ = false;
};

enum class End : std::uint8_t { kSilence, kFin, kReset };

// What one connection meets.
struct Meeting {
  std::shared_ptr<Peer> peer;
  End end = End::kSilence;          // when the peer has no more to say
  std::optional<Outcome> unopened;  // it cannot be had
};

inline Meeting plain(std::vector<std::string> answers, End end = End::kSilence) {
  return {.peer = std::make_shared<PlainPeer>(std::move(answers)), .end = end, .unopened = {}};
}
inline Meeting saying(std::string text, End end = End::kSilence) {
  return {.peer = std::make_shared<SayingPeer>(std::move(text)), .end = end, .unopened = {}};
}
inline Meeting http2_peer(const Http2Peer::Setup& setup, End end = End::kSilence) {
  return {.peer = std::make_shared<Http2Peer>(setup), .end = end, .unopened = {}};
}
inline Meeting over_tls(const tls::MemoryServer& server, Meeting meeting, bool says_goodbye = false) {
  meeting.peer = std::make_shared<TlsPeer>(server, meeting.peer, says_goodbye);
  return meeting;
}
inline Meeting unopened(Outcome outcome) { return {.peer = {}, .end = End::kSilence, .unopened = outcome}; }

// What came of it.
struct Told {
  Outcome outcome = Outcome::kSuccess;
  std::string error;
  std::map<std::string, std::string> fields;  // as text; a list by lines
  std::vector<std::string> went;              // where the later connections went: "host 192.0.2.1 80"
  std::vector<std::string> sent;              // on each connection
  std::string farewell;
  bool handshaking = false;  // at the end
  std::size_t heard = 0;     // bytes
  std::uint64_t most_leases = 0;
  std::uint32_t reused = 0;  // further requests on a connection
  Nanos took = 0;

  std::string operator[](const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? "" : found->second;
  }
  bool has(const std::string& name) const { return fields.contains(name); }
  // Of any two runs that differ in their cutting alone.
  bool same_as(const Told& other) const {
    return outcome == other.outcome && error == other.error && fields == other.fields && went == other.went;
  }
};

inline std::string as_text(const results::Value& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* json = std::get_if<results::Json>(&value)) return json->text;
  std::string lines;
  if (const auto* list = std::get_if<std::vector<std::string>>(&value))
    for (const std::string& line : *list) lines += line + "\n";
  return lines;
}

// One probe on one target.
struct Drive {
  std::string host = "test.example";
  Endpoint endpoint = {.address = IpAddress::v4(0x7f000001), .port = 80};
  std::string scheme;
  std::string path;
  std::size_t piece = kLargestRead;                           // bytes a read
  std::size_t cut = SIZE_MAX;                                 // beside that, at this byte of all that comes
  std::function<std::unique_ptr<engine::OpenLayer>()> layer;  // that the first connection has; empty: none

  static constexpr std::size_t kLargestRead = 16384;  // the engine's

  Told run(Ready& ready, const std::vector<Meeting>& meetings);
  // The same however it is cut: in single bytes, and in two at every place (of long ones at some).
  using Scene = std::function<std::vector<Meeting>()>;
  Told run_cut(Ready& ready, const Scene& scene);
};

class Driving {
 public:
  using Kind = engine::Step::Kind;

  Driving(Ready& ready, Drive& how)
      : ready_(ready),
        how_(how),
        memory_(ready.module->state_bytes() + alignof(std::max_align_t)),
        host_(how.host),
        context_{.now = kSecond,
                 .endpoint = how.endpoint,
                 .host = host_,
                 .pool = pool_,
                 .unix_now = std::int64_t{1'800'000'000} * kSecond,
                 .started = kSecond,
                 .state = ready.state.get(),
                 .scheme = how.scheme,
                 .path = how.path,
                 .connect_us = 0} {
    void* place = memory_.data();
    std::size_t room = memory_.size();
    probe_ = ready.module->create(std::align(alignof(std::max_align_t), ready.module->state_bytes(), place, room));
  }
  ~Driving() {
    probe_->~Probe();
    SONDE_CHECK(pool_.stats().in_use == 0, "every lease is given back");
  }
  Driving(const Driving&) = delete;
  Driving& operator=(const Driving&) = delete;

  Told run(const std::vector<Meeting>& meetings) {
    for (const Meeting& meeting : meetings) {
      meet(meeting);
      if (done_) break;
      ++context_.connection;
    }
    SONDE_CHECK(done_, "the probe asks for one connection more than there are");
    told_.took = context_.now - kSecond;
    tell();
    return told_;
  }

 private:
  void meet(const Meeting& meeting) {
    left_ = false;
    inbox_.clear();
    context_.wake_at = kNever;
    context_.handshaking = false;
    context_.started = context_.now;
    if (meeting.unopened) {
      take(probe_->on_failure(context_, *meeting.unopened), nullptr);
      return;
    }
    Peer& peer = *meeting.peer;
    told_.sent.emplace_back();
    std::unique_ptr<engine::OpenLayer> layer;
    if (context_.connection == 0 && how_.layer) layer = how_.layer();
    context_.layer = layer ? &layer : nullptr;
    inbox_ = peer.greeting();
    const engine::Step first = probe_->start(context_);
    context_.layer = nullptr;
    take(first, &peer);
    while (open() && !inbox_.empty()) take_bytes(peer);
    if (open()) finish(meeting.end, peer);
    SONDE_CHECK(!open(), "a verdict at the end");
  }

  void take_bytes(Peer& peer) {
    std::size_t size = std::min({inbox_.size(), how_.piece, Drive::kLargestRead});
    if (told_.heard < how_.cut) size = std::min(size, how_.cut - told_.heard);
    const std::string own = inbox_.substr(0, size);  // so that a look beyond it is seen
    inbox_.erase(0, size);
    told_.heard += size;
    context_.unanswered = false;
    take(probe_->on_bytes(context_, wire::as_bytes(own)), &peer);
    told_.most_leases = std::max(told_.most_leases, pool_.stats().in_use);
  }

  void finish(End end, Peer& peer) {
    if (end == End::kFin) return take(probe_->on_eof(context_), &peer);
    if (end == End::kReset) return take(probe_->on_failure(context_, Outcome::kReset), &peer);
    const Nanos deadline = context_.now + 5 * kSecond;
    while (open() && context_.wake_at < deadline) {
      context_.now = std::exchange(context_.wake_at, kNever);
      take(probe_->on_wake(context_), &peer);
    }
    if (!open()) return;
    context_.now = deadline;
    take(probe_->on_deadline(context_), &peer);
  }

  bool open() const { return !done_ && !left_; }

  void take(const engine::Step& step, Peer* peer) {
    SONDE_CHECK(step.kind != Kind::kRest, "an http probe does not rest");
    SONDE_CHECK(step.kind != Kind::kSend || !step.bytes.empty(), "a message has bytes");
    SONDE_CHECK(peer != nullptr || step.kind == Kind::kDone || step.kind == Kind::kReconnect, "there is nobody");
    if (step.kind == Kind::kSend) {
      if (step.anew) ++told_.reused;
      const std::string said(wire::as_text(step.bytes));
      told_.sent.back() += said;
      inbox_ += peer->hear(said);
    } else if (step.kind == Kind::kDone) {
      done_ = true;
      told_.outcome = step.outcome;
      told_.error = step.error;
      told_.farewell = wire::as_text(step.bytes);
      told_.handshaking = context_.handshaking;
      SONDE_CHECK(step.outcome != Outcome::kSuccess || told_.error.empty(), "a success has no error");
    } else if (step.kind == Kind::kReconnect) {
      left_ = true;
      SONDE_CHECK(step.same_task && step.detour != nullptr, "it is one task, and it says where to");
      const engine::Detour& to = *step.detour;
      SONDE_CHECK(!to.host.empty() || !to.address.is_unspecified(), "somewhere");
      told_.went.push_back(std::string(to.host) + " " +
                           (to.address.is_unspecified() ? std::string("?") : to_string(to.address)) + " " +
                           std::to_string(to.port));
      host_ = to.host;
      context_.host = host_;
      context_.endpoint = {.address = to.address.is_unspecified() ? IpAddress::v4(0xc0000200) : to.address,
                           .port = to.port};
    }
  }

  void tell() {
    const auto fields = ready_.module->fields();
    std::vector<results::Value> values(fields.size());
    probe_->fill(values);
    if (const std::unique_ptr<engine::LateFields> late = probe_->late_fields()) {
      while (!late->ready()) std::this_thread::yield();
      late->fill(values);
    }
    for (std::size_t i = 0; i < fields.size(); ++i)
      if (values[i].index() != 0) told_.fields[std::string(fields[i].path)] = as_text(values[i]);
  }

  Ready& ready_;
  Drive& how_;
  memory::RingPool pool_{std::size_t{64} << 10};
  std::vector<std::byte> memory_;
  std::string host_;
  engine::ProbeContext context_;
  engine::Probe* probe_;
  std::string inbox_;  // said by the peer, and not read
  Told told_;
  bool done_ = false;
  bool left_ = false;  // the connection
};

inline Told Drive::run(Ready& ready, const std::vector<Meeting>& meetings) {
  return Driving(ready, *this).run(meetings);
}

inline Told Drive::run_cut(Ready& ready, const Scene& scene) {
  constexpr std::size_t kDense = 400;
  const Told whole = run(ready, scene());
  const auto check = [&](const Told& other, const std::string& how) {
    if (other.same_as(whole)) return;
    std::string difference = other.error + " / " + whole.error;
    for (const auto& fields : {&other.fields, &whole.fields})
      for (const auto& [name, value] : *fields)
        if (other[name] != whole[name]) difference.append("\n").append(name).append(": ").append(value);
    SONDE_CHECK(false, (how + " changes the record: " + difference).c_str());
  };
  if (whole.heard < 100'000) {
    piece = 1;
    check(run(ready, scene()), "in single bytes");
    piece = kLargestRead;
  }
  for (cut = 1; cut < whole.heard; cut += cut < kDense || cut + kDense > whole.heard ? 1 : whole.heard / 60 + 1)
    check(run(ready, scene()), "a cut at " + std::to_string(cut));
  cut = SIZE_MAX;
  return whole;
}

}  // namespace sonde::probes::driven
