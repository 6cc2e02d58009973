#include "probes/dns/dns_stream.h"

#include <algorithm>

#include "base/bytes.h"
#include "wire/dns.h"

namespace sonde::probes {

using results::Outcome;
using State = tls::ClientSession::State;

DnsStream::DnsStream(const tls::ClientContext* context, const tls::SessionOptions& session,
                     std::span<const std::byte> query) {
  query_.resize(2 + query.size());
  query_[0] = static_cast<std::byte>(query.size() >> 8);
  query_[1] = static_cast<std::byte>(query.size() & 0xff);
  copy_bytes(query, query_.data() + 2);
  if (context != nullptr) session_ = std::make_unique<tls::ClientSession>(*context, session);
}

DnsStream::Progress DnsStream::start() {
  if (session_) return {.bytes = take_outgoing()};
  asked_ = true;
  return {.bytes = query_};
}

DnsStream::Progress DnsStream::on_bytes(memory::RingPool& pool, std::span<const std::byte> bytes) {
  total_ += bytes.size();
  if (total_ > kMostBytes) return {.kind = Progress::Kind::kFailed, .error = "it sends on and on, but no answer"};
  if (!session_) {
    if (!bytes.empty()) keep(pool, bytes);
    return next_message();
  }
  while (!bytes.empty()) {
    const std::span<const std::byte> piece = bytes.first(std::min(bytes.size(), tls::ClientSession::kFeedMax));
    bytes = bytes.subspan(piece.size());
    const State state = session_->feed(piece);
    keep(pool, session_->received());
    session_->taken(session_->received().size());
    if (state == State::kFailed) break;
  }
  if (session_->state() == State::kOpen && !asked_) asked_ = session_->write(query_) == query_.size();
  const Progress progress = next_message();  // one that came before a fault is told before it
  if (progress.kind != Progress::Kind::kMore) return progress;
  return session_->state() == State::kFailed ? failure() : Progress{.bytes = take_outgoing()};
}

DnsStream::Progress DnsStream::failure() {
  using Failure = tls::ClientSession::Failure;
  const Failure why = session_->failure();
  return {.kind = Progress::Kind::kFailed,
          .outcome = why == Failure::kNotTls   ? Outcome::kProtocolError
                     : why == Failure::kClosed ? Outcome::kClosed
                     : why == Failure::kLocal  ? Outcome::kLocalError
                                               : Outcome::kTlsError,
          .error = session_->error().c_str()};
}

DnsStream::Progress DnsStream::next_message() {
  const auto parsed = wire::DnsTcpProcessor().parse(kept_.bytes().first(size_).subspan(given_));
  using Kind = decltype(parsed)::Kind;
  if (parsed.kind == Kind::kError) return {.kind = Progress::Kind::kFailed, .error = parsed.error};
  if (parsed.kind == Kind::kNeed) return {};
  given_ += parsed.consumed;
  return {.kind = Progress::Kind::kMessage, .bytes = parsed.frame};
}

void DnsStream::keep(memory::RingPool& pool, std::span<const std::byte> bytes) {
  if (given_ > 0) {  // what was told is not needed any more
    copy_bytes(kept_.bytes().first(size_).subspan(given_), kept_.bytes().data());
    size_ -= given_;
    given_ = 0;
  }
  if (size_ + bytes.size() > kept_.bytes().size()) {
    memory::Lease larger = pool.lend(std::max(size_ + bytes.size(), 2 * kept_.bytes().size()));
    copy_bytes(kept_.bytes().first(size_), larger.bytes().data());
    kept_ = std::move(larger);
  }
  copy_bytes(bytes, kept_.bytes().data() + size_);
  size_ += bytes.size();
}

std::span<const std::byte> DnsStream::take_outgoing() {
  const std::span<const std::byte> outgoing = session_->outgoing();
  sending_.assign(outgoing.begin(), outgoing.end());
  session_->sent(outgoing.size());
  return sending_;
}

std::span<const std::byte> DnsStream::farewell() {
  if (!session_) return {};
  session_->close();
  return take_outgoing();
}

}  // namespace sonde::probes
