// The course of the handshake: records, the messages in them, and how it ends. What can be read out of the messages
// that it keeps, be it for the record or for its own keys, is in lean_findings.cc.
#include "probes/tls/lean_handshake.h"

#include <algorithm>

#include "base/bytes.h"
#include "wire/certificate_inflate.h"
#include "wire/tls_names.h"

namespace sonde::probes {
namespace {

using results::Outcome;
using wire::TlsContent;
using wire::TlsMessageType;
using Kind = LeanHandshake::Progress::Kind;

// Alerts of RFC 8446, 6.
constexpr std::uint8_t kCloseNotify = 0;
constexpr std::uint8_t kUnexpectedMessage = 10;
constexpr std::uint8_t kBadRecordMac = 20;
constexpr std::uint8_t kRecordOverflow = 22;
constexpr std::uint8_t kIllegalParameter = 47;
constexpr std::uint8_t kDecodeError = 50;
constexpr std::uint8_t kProtocolVersion = 70;
constexpr std::uint8_t kInternalError = 80;
constexpr std::uint8_t kMissingExtension = 109;
constexpr std::uint8_t kWarning = 1;
constexpr std::uint8_t kFatal = 2;

constexpr std::size_t kLongestPlain = 16384;         // RFC 8446, 5.1
constexpr std::size_t kLongestSealed = 16384 + 256;  // RFC 8446, 5.2
constexpr std::size_t kLongestCookie = 8192;         // so that the second hello is one record
constexpr unsigned kMostMessages = 16;               // of a server's flight; the longest honest one has seven

}  // namespace

// --- records ---

LeanHandshake::Progress LeanHandshake::on_bytes(LeanWorkshop& shop, std::span<const std::byte> bytes) {
  if (over_) return {};
  const Progress progress = hear(shop, bytes);
  if (progress.kind == Kind::kDone || progress.kind == Kind::kFailed) {
    over_ = true;
    pending_ = memory::Lease();
    pending_size_ = 0;
  }
  return progress;
}

// What is incomplete is kept in a buffer that grows with what came, whatever length the record claims: a server that
// says little costs little.
LeanHandshake::Progress LeanHandshake::hear(LeanWorkshop& shop, std::span<const std::byte> bytes) {
  std::size_t consumed = 0;
  if (pending_size_ == 0) {
    const Progress progress = take_records(shop, bytes, consumed);
    bytes = bytes.subspan(consumed);
    if (progress.kind == Kind::kDone || progress.kind == Kind::kFailed || bytes.empty()) return progress;
    pending_ = shop.pool.lend(bytes.size());
    copy_bytes(bytes, pending_.bytes().data());
    pending_size_ = static_cast<std::uint32_t>(bytes.size());
    return progress;
  }
  if (pending_size_ + bytes.size() > pending_.bytes().size()) {
    memory::Lease larger = shop.pool.lend(std::max(pending_size_ + bytes.size(), 2 * pending_.bytes().size()));
    copy_bytes(pending_.bytes().first(pending_size_), larger.bytes().data());
    pending_ = std::move(larger);
  }
  copy_bytes(bytes, pending_.bytes().data() + pending_size_);
  pending_size_ += static_cast<std::uint32_t>(bytes.size());
  const Progress progress = take_records(shop, pending_.bytes().first(pending_size_), consumed);
  if (consumed == pending_size_) {
    pending_ = memory::Lease();
    pending_size_ = 0;
  } else if (consumed > 0) {
    const std::span<std::byte> rest = pending_.bytes().subspan(consumed, pending_size_ - consumed);
    copy_bytes(rest, pending_.bytes().data());
    pending_size_ = static_cast<std::uint32_t>(rest.size());
  }
  return progress;
}

// Whole records off the front. Behind a HelloRetryRequest servers send a ChangeCipherSpec at once (RFC 8446, D.4).
LeanHandshake::Progress LeanHandshake::take_records(LeanWorkshop& shop, std::span<const std::byte> bytes,
                                                    std::size_t& consumed) {
  const wire::TlsRecordProcessor records;
  Progress sent;
  while (consumed < bytes.size()) {
    const auto parsed = records.parse(bytes.subspan(consumed));
    if (parsed.kind == decltype(parsed)::Kind::kNeed) break;
    if (parsed.kind == decltype(parsed)::Kind::kError) {
      if (!heard_tls_ && parsed.error == wire::TlsRecordProcessor::kNotTls) return not_tls(bytes.subspan(consumed));
      return failed(parsed.error == wire::TlsRecordProcessor::kTooLong ? kRecordOverflow : kUnexpectedMessage,
                    parsed.error);
    }
    heard_tls_ = true;
    const Progress progress = on_record(shop, parsed.frame);
    consumed += parsed.consumed;
    if (progress.kind == Kind::kSend) {
      sent = progress;
    } else if (progress.kind != Kind::kMore) {
      return progress;
    }
  }
  return sent;
}

LeanHandshake::Progress LeanHandshake::on_record(LeanWorkshop& shop, const wire::TlsRecord& record) {
  switch (record.type) {
    case TlsContent::kAlert:
      return on_alert(record.fragment, record.version);
    case TlsContent::kChangeCipherSpec:  // RFC 8446, D.4: may come anywhere, and means nothing
      if (is_tls13() || retry_end_ > 0) return idle_record();
      return failed(kUnexpectedMessage, "a ChangeCipherSpec in the middle of the server's flight");
    case TlsContent::kApplicationData:
      if (encrypted_) return on_encrypted(shop, record);
      return failed(kUnexpectedMessage, "application data before the handshake");
    case TlsContent::kHandshake:
      break;
  }
  if (encrypted_) return failed(kUnexpectedMessage, "a plain record where encrypted ones were due");
  if (record.fragment.empty()) return idle_record();
  if (record.fragment.size() > kLongestPlain) return failed(kRecordOverflow, "a plain record of more than 16 KiB");
  const std::span<std::byte> room = reserve(shop, record.fragment.size());
  if (room.empty()) return failed(kInternalError, "a handshake of more than 256 KiB");
  copy_bytes(record.fragment, room.data());
  stream_size_ += static_cast<std::uint32_t>(record.fragment.size());
  return on_stream(shop);
}

LeanHandshake::Progress LeanHandshake::on_encrypted(LeanWorkshop& shop, const wire::TlsRecord& record) {
  if (record.fragment.size() > kLongestSealed) return failed(kRecordOverflow, "an encrypted record is too long");
  const std::span<std::byte> room = reserve(shop, record.fragment.size());
  if (room.empty()) return failed(kInternalError, "a handshake of more than 256 KiB");
  const auto opened = shop.keys.open(server_keys_, record.header, record.fragment, room);
  if (!opened) return failed(kBadRecordMac, "a record is not authentic");
  // RFC 8446, 5.4: the type stands before the padding of zeros.
  std::size_t size = *opened;
  while (size > 0 && room[size - 1] == std::byte{0}) --size;
  if (size == 0) return failed(kUnexpectedMessage, "a record without a type");
  const auto type = static_cast<TlsContent>(room[--size]);
  if (type == TlsContent::kAlert) return on_alert(room.first(size), wire::kTls13);
  if (type != TlsContent::kHandshake) return failed(kUnexpectedMessage, "application data before the handshake's end");
  if (size == 0) return idle_record();
  stream_size_ += static_cast<std::uint32_t>(size);
  return on_stream(shop);
}

LeanHandshake::Progress LeanHandshake::idle_record() {
  if (++idle_records_ > kMostIdleRecords) return failed(kUnexpectedMessage, "a flood of records that carry nothing on");
  return {};
}

LeanHandshake::Progress LeanHandshake::on_alert(std::span<const std::byte> fragment, std::uint16_t record_version) {
  if (fragment.size() != 2) return failed(kDecodeError, "a malformed alert");
  const auto level = std::to_integer<std::uint8_t>(fragment[0]);
  const auto alert = std::to_integer<std::uint8_t>(fragment[1]);
  // Warnings, such as unrecognized_name (112), end nothing; in TLS 1.3 the level means nothing (RFC 8446, 6).
  if (level == kWarning && alert != kCloseNotify && !is_tls13()) return idle_record();
  alerted_ = true;
  alert_ = alert;
  says_farewell_ = false;
  if (version_ == 0 && !wire::tls_version_name(record_version).empty()) version_ = record_version;
  if (alert == kCloseNotify)
    return {.kind = Kind::kFailed,
            .outcome = Outcome::kClosed,
            .error = "the server said close_notify during the handshake"};
  return {.kind = Kind::kFailed, .outcome = Outcome::kTlsError, .error = "the server refused"};
}

// Room for `size` more bytes of the stream; empty when it has been enough.
std::span<std::byte> LeanHandshake::reserve(LeanWorkshop& shop, std::size_t size) {
  if (stream_size_ + size > kMostHandshake) return {};
  if (stream_size_ + size > stream_.bytes().size()) {
    memory::Lease larger = shop.pool.lend(std::max(stream_size_ + size, 2 * stream_.bytes().size()));
    copy_bytes(stream(), larger.bytes().data());
    stream_ = std::move(larger);
  }
  return stream_.bytes().subspan(stream_size_);
}

// --- messages ---

LeanHandshake::Progress LeanHandshake::on_stream(LeanWorkshop& shop) {
  const wire::TlsMessageProcessor messages(kMostHandshake - 4096);
  for (;;) {
    const auto parsed = messages.parse(stream().subspan(parsed_));
    if (parsed.kind == decltype(parsed)::Kind::kNeed) return {};
    if (parsed.kind == decltype(parsed)::Kind::kError) return failed(kIllegalParameter, parsed.error);
    if (++messages_ > kMostMessages) return failed(kUnexpectedMessage, "a flood of handshake messages");
    parsed_ += static_cast<std::uint32_t>(parsed.consumed);
    const Progress progress = on_message(shop, parsed.frame);
    if (progress.kind != Kind::kMore) return progress;
  }
}

LeanHandshake::Place LeanHandshake::place_of(std::span<const std::byte> part) const {
  return {.at = static_cast<std::uint32_t>(part.data() - stream_.bytes().data()),
          .size = static_cast<std::uint32_t>(part.size())};
}

LeanHandshake::Progress LeanHandshake::on_message(LeanWorkshop& shop, const wire::TlsMessage& message) {
  switch (state_) {
    case State::kServerHello:
      if (message.type == TlsMessageType::kHelloRequest && message.body.empty()) return {};
      if (message.type != TlsMessageType::kServerHello) break;
      return on_server_hello(shop, message);
    case State::kEncryptedExtensions:
      if (message.type != TlsMessageType::kEncryptedExtensions) break;
      if (!wire::read_encrypted_extensions(message.body)) return failed(kDecodeError, "malformed EncryptedExtensions");
      extensions_ = place_of(message.body);
      state_ = State::kCertificate;
      return {};
    case State::kCertificate:
      if (message.type == TlsMessageType::kCertificateRequest && !certificate_requested_) {
        certificate_requested_ = true;
        return {};
      }
      if (message.type != TlsMessageType::kCertificate && message.type != TlsMessageType::kCompressedCertificate) break;
      return on_certificate(shop, message);
    case State::kCertificateVerify:
      if (message.type != TlsMessageType::kCertificateVerify) break;
      if (!wire::read_certificate_verify(message.body)) return failed(kDecodeError, "malformed CertificateVerify");
      verify_ = place_of(message.body);
      return done();
    case State::kPlainFlight:
      return on_plain_flight(shop, message);
  }
  return failed(kUnexpectedMessage, "a handshake message that was not due");
}

LeanHandshake::Progress LeanHandshake::on_server_hello(LeanWorkshop& shop, const wire::TlsMessage& message) {
  const auto hello = wire::read_server_hello(message.body);
  if (!hello) return failed(kDecodeError, "malformed ServerHello");
  hello_ = place_of(message.body);
  version_ = hello->version();
  if (wire::tls_version_name(version_).empty()) {
    version_ = 0;
    return failed(kProtocolVersion, "the server chose a version that does not exist");
  }
  if (hello->is_hello_retry() && is_tls13()) return on_hello_retry(shop, *hello);
  if (!shop.hellos.offers_version(version_))
    return failed(kProtocolVersion, "the server chose a version that was not offered");
  if (!shop.hellos.offers_cipher(hello->cipher) || wire::is_tls13_cipher(hello->cipher) != is_tls13())
    return failed(kIllegalParameter, "the server chose a cipher suite that was not offered");
  if (hello->compression != 0) return failed(kIllegalParameter, "the server chose a compression that was not offered");
  if (is_tls13()) return begin_decrypting(shop, *hello);
  if (retry_end_ > 0) return failed(kIllegalParameter, "the server changed the version behind its HelloRetryRequest");
  // The server can do better than this, and yet chose it: somebody between us changed the hello (RFC 8446, 4.1.3).
  downgraded_ = shop.hellos.offers_version(wire::kTls13) && hello->has_downgrade_sentinel();
  state_ = State::kPlainFlight;
  return {};
}

LeanHandshake::Progress LeanHandshake::on_hello_retry(LeanWorkshop& shop, const wire::TlsServerHello& hello) {
  if (retry_end_ > 0) return failed(kUnexpectedMessage, "a second HelloRetryRequest");
  if (!shop.hellos.offers_version(version_))
    return failed(kProtocolVersion, "the server chose a version that was not offered");
  if (parsed_ != stream_size_) return failed(kUnexpectedMessage, "a record goes on behind a HelloRetryRequest");
  retry_end_ = parsed_;
  const auto cookie = hello.cookie();
  if (cookie && cookie->size() > kLongestCookie)
    return failed(kIllegalParameter, "a cookie that no ClientHello has room for");
  group_ = hello.group().value_or(wire::kX25519);
  const bool changes_group = hello.group().has_value();
  if (changes_group && (!shop.hellos.offers_group(group_) || group_ == wire::kX25519))
    return failed(kIllegalParameter, "the server asks for a group that it had, or was not offered");
  if (!changes_group && !cookie) return failed(kIllegalParameter, "a HelloRetryRequest that changes nothing");
  const std::span<const std::byte> second =
      shop.hellos.second(seed_, shop.server_name, group_, cookie.value_or(std::span<const std::byte>()));
  return {.kind = Kind::kSend, .bytes = second};
}

LeanHandshake::Progress LeanHandshake::begin_decrypting(LeanWorkshop& shop, const wire::TlsServerHello& hello) {
  const std::array<std::byte, 64> nonces = nonces_of(seed_);
  if (!std::ranges::equal(hello.session_id, std::span(nonces).last<32>()))
    return failed(kIllegalParameter, "the server did not echo the session id");
  const std::optional<std::uint16_t> group = hello.group();
  if (!group) return failed(kMissingExtension, "a ServerHello without a key share");
  if (*group != (retry_end_ > 0 ? group_ : wire::kX25519))
    return failed(kIllegalParameter, "a key share of a group that was not offered");
  group_ = *group;
  if (parsed_ != stream_size_) return failed(kUnexpectedMessage, "a record goes on behind the ServerHello");
  const std::optional<Secret> shared = shop.keys.agree(group_, hello.key_share());
  if (!shared) return failed(kIllegalParameter, "a key share that is none");
  const TlsKeys::Handshake keys = shop.keys.schedule(hello.cipher, *shared, transcript(shop, parsed_));
  server_keys_ = keys.server;
  client_secret_ = keys.client_secret;
  encrypted_ = true;
  state_ = State::kEncryptedExtensions;
  return {};
}

LeanHandshake::Progress LeanHandshake::on_certificate(LeanWorkshop& shop, const wire::TlsMessage& message) {
  certificate_ = place_of(message.body);
  if (message.type == TlsMessageType::kCompressedCertificate) {
    const auto compressed = wire::read_compressed_certificate(message.body);
    if (!compressed || compressed->size > kMostHandshake)
      return failed(kDecodeError, "malformed CompressedCertificate");
    inflated_ = shop.pool.lend(compressed->size);
    inflated_size_ = compressed->size;
    if (!wire::inflate_certificate(compressed->algorithm, compressed->data, inflated_.bytes().first(inflated_size_))) {
      inflated_ = memory::Lease();
      inflated_size_ = 0;
      certificate_ = {};
      return failed(42 /* bad_certificate, RFC 8879, 4 */, "a compressed certificate that does not inflate");
    }
  }
  has_certificate_ = true;
  flight_ended_ = is_tls13();
  const auto read = certificate();
  if (!read || read->cut_short) return failed(kDecodeError, "malformed Certificate");
  // RFC 8446, 4.4.2.4; before, every suite that is offered needs one too.
  if (read->certificates.empty()) return failed(kDecodeError, "a Certificate without certificates");
  if (!is_tls13()) return {};
  if (!with_proof_) return done();
  state_ = State::kCertificateVerify;
  return {};
}

// RFC 5246, 7.3: Certificate, CertificateStatus, ServerKeyExchange, CertificateRequest, ServerHelloDone.
LeanHandshake::Progress LeanHandshake::on_plain_flight(LeanWorkshop& shop, const wire::TlsMessage& message) {
  switch (message.type) {
    case TlsMessageType::kHelloRequest:
    case TlsMessageType::kNewSessionTicket:
      return {};
    case TlsMessageType::kCertificate:
      if (has_certificate_) break;
      return on_certificate(shop, message);
    case TlsMessageType::kCertificateStatus:
      status_ = place_of(message.body);
      return {};
    case TlsMessageType::kServerKeyExchange: {
      key_exchange_ = place_of(message.body);
      const auto exchange = wire::read_server_key_exchange(message.body, wire::key_exchange_of(cipher()), version_);
      if (!exchange || !exchange->signature) return failed(kDecodeError, "malformed ServerKeyExchange");
      group_ = exchange->group.value_or(0);
      return {};
    }
    case TlsMessageType::kCertificateRequest:
      certificate_requested_ = true;
      return {};
    case TlsMessageType::kServerHelloDone:
      if (!has_certificate_) return failed(kUnexpectedMessage, "the server's flight has no Certificate");
      if (key_exchange_.size == 0 && wire::key_exchange_of(cipher()) != wire::TlsKeyExchange::kRsa)
        return failed(kUnexpectedMessage, "the server's flight has no ServerKeyExchange");
      flight_ended_ = true;
      if (downgraded_)
        return failed(kIllegalParameter, "the version was downgraded on the way (sentinel in the random)");
      return done();
    default:
      break;
  }
  return failed(kUnexpectedMessage, "a handshake message that was not due");
}

// --- ends ---

LeanHandshake::Progress LeanHandshake::done() const { return {.kind = Kind::kDone}; }

LeanHandshake::Progress LeanHandshake::failed(std::uint8_t alert, const char* error) {
  farewell_ = alert;
  return {.kind = Kind::kFailed, .outcome = Outcome::kTlsError, .error = error};
}

// By the first byte, so that no cutting changes the words.
LeanHandshake::Progress LeanHandshake::not_tls(std::span<const std::byte> bytes) const {
  const char* error = "not TLS";
  switch (std::to_integer<char>(bytes[0])) {
    case 'H':
    case '<':
      error = "not TLS: it looks like HTTP";
      break;
    case 'S':
      error = "not TLS: it looks like SSH";
      break;
    case '2':
    case '4':
    case '5':
      error = "not TLS: it looks like SMTP or FTP";
      break;
    case '*':
      error = "not TLS: it looks like IMAP";
      break;
    case '+':
    case '-':
      error = "not TLS: it looks like POP3 or Redis";
      break;
    default:
      break;
  }
  return {.kind = Kind::kFailed, .outcome = Outcome::kProtocolError, .error = error};
}

std::span<const std::byte> LeanHandshake::farewell(LeanWorkshop& shop) {
  if (!heard_tls_ || !says_farewell_) return {};
  says_farewell_ = false;
  const std::uint8_t level = farewell_ == kCloseNotify ? kWarning : kFatal;
  if (encrypted_) {
    TrafficKeys keys = shop.keys.traffic_keys(server_keys_.cipher, client_secret_);
    return shop.keys.seal_alert(keys, level, farewell_);
  }
  return shop.keys.plain_alert(std::clamp(version_, wire::kSsl3, wire::kTls12), level, farewell_);
}

}  // namespace sonde::probes
