// Arbitrary server bytes to the lean handshake. Byte 0 says how: whether the signature is gone on to, and whether the
// bytes are records in the clear, or what a server of TLS 1.3 with true keys says behind the key change, at once or
// after a HelloRetryRequest. Byte 1 is the size of the pieces. However it is cut, the verdict and the findings are the
// same; what is held is bounded; behind the verdict nothing changes it.
#include <cstdint>
#include <string>

#include "probes/tls/crafted_server.h"
#include "probes/tls/lean_handshake.h"

namespace {

using namespace sonde;          // NOLINT(google-build-using-namespace): a fuzzer of this one folder
using namespace sonde::probes;  // NOLINT(google-build-using-namespace)
using crafted::Server13;
using Kind = LeanHandshake::Progress::Kind;
using wire::TlsBytes;
using wire::operator+;

constexpr std::uint64_t kSeed = 42;  // of the nonces: recorded flights echo what goes with it
constexpr std::string_view kName = "test.example";

// What one input does.
struct Plan {
  bool with_proof = false;
  bool retried = false;
  bool encrypted = false;
  std::uint16_t cipher = 0x1301;
  std::size_t piece = 1;
  TlsBytes bytes;
};

// One X25519 key for all inputs would be another in the next process: what depends on it is made for each run.
struct Worker {
  std::unique_ptr<TlsKeys> keys = std::move(*TlsKeys::create());
  LeanHellos hellos{{}, *keys};
};
Worker& worker() {
  static Worker the_one;
  return the_one;
}

class Run {
 public:
  explicit Run(const Plan& plan) : plan_(plan), handshake_(kSeed, plan.with_proof) {}

  // All that a caller may see, in one string.
  std::string run(std::size_t piece) {
    LeanWorkshop shop = lend();
    const auto hello = handshake_.start(shop);
    const TlsBytes first(hello.begin(), hello.end());
    if (!plan_.encrypted) {
      hear(plan_.bytes, piece);
    } else {
      Server13 server(first, plan_.cipher);
      if (plan_.retried) {
        hear(crafted::record(22, server.retry(wire::kSecp256r1)), piece);
        SONDE_CHECK(sent_.size() > 5, "a retry is answered");
        server.hear(sent_);
      }
      hear(crafted::record(22, server.say_hello(plan_.retried ? wire::kSecp256r1 : wire::kX25519)), piece);
      SONDE_CHECK(!over_, "a sound ServerHello is taken");
      hear(sealed(server), piece);
    }
    const std::string seen = describe();
    check_end(shop);
    SONDE_CHECK(describe() == seen, "a farewell changes nothing");
    return seen;
  }

 private:
  LeanWorkshop lend() {
    return {.keys = *worker().keys, .hellos = worker().hellos, .pool = pool_, .server_name = kName};
  }

  // The bytes as records: each a type, a length, padding, and so many bytes.
  TlsBytes sealed(Server13& server) const {
    TlsBytes said;
    std::size_t at = 0;
    while (at + 3 <= plan_.bytes.size() && said.size() < (std::size_t{1} << 20)) {
      const auto head = std::to_integer<std::uint8_t>(plan_.bytes[at]);
      const std::size_t wanted = std::to_integer<std::size_t>(plan_.bytes[at + 1]) << (head >> 6 & 1 ? 6 : 0);
      const std::size_t padding = std::to_integer<std::size_t>(plan_.bytes[at + 2]) % 4;
      at += 3;
      const std::size_t size = std::min(wanted, plan_.bytes.size() - at);
      const auto from = plan_.bytes.begin() + static_cast<std::ptrdiff_t>(at);
      const TlsBytes inner(from, from + static_cast<std::ptrdiff_t>(size));
      at += size;
      const std::uint8_t type = (head & 7U) < 5 ? 22 : static_cast<std::uint8_t>(20 + (head >> 3 & 7U));
      TlsBytes record = server.seal(type, inner, padding);
      if (head >= 128 && (head & 7U) == 6) record.back() ^= std::byte{1};
      said = said + record;
    }
    return said;
  }

  void hear(std::span<const std::byte> bytes, std::size_t piece) {
    while (!bytes.empty() && !over_) {
      const auto part = bytes.first(std::min(piece, bytes.size()));
      bytes = bytes.subspan(part.size());
      const TlsBytes own(part.begin(), part.end());
      LeanWorkshop shop = lend();
      take(handshake_.on_bytes(shop, own));
    }
  }
  void take(const LeanHandshake::Progress& progress) {
    if (progress.kind == Kind::kSend) {
      SONDE_CHECK(sent_.empty(), "there is one retry");
      sent_.assign(progress.bytes.begin(), progress.bytes.end());
      SONDE_CHECK(wire::read_client_hello(sent_), "one record with one ClientHello");
    }
    over_ = progress.kind == Kind::kDone || progress.kind == Kind::kFailed;
    if (over_) verdict_ = std::string(results::name(progress.outcome)) + ": " + progress.error;
    SONDE_CHECK(pool_.stats().in_use <= 3, "a record, the messages, an inflated certificate");
  }

  std::string describe() const {
    const TlsFindings found = handshake_.findings();
    std::string text = verdict_;
    const auto add = [&text](const auto& value) { text += '|' + std::to_string(value); };
    add(found.version);
    add(found.cipher.value_or(0xffff));
    add(found.group.value_or(0xffff));
    add(found.hello_retry.has_value() ? static_cast<int>(*found.hello_retry) : 2);
    add(found.client_cert_requested.has_value() ? static_cast<int>(*found.client_cert_requested) : 2);
    add(found.ocsp_stapled.has_value() ? static_cast<int>(*found.ocsp_stapled) : 2);
    add(found.alert.value_or(0xff));
    add(found.hello_version);
    for (const std::uint16_t extension : found.hello_extensions) add(extension);
    text += found.alpn;
    SONDE_CHECK(found.chain.size() <= LeanHandshake::kMostChain, "a chain is bounded");
    std::size_t all = found.ocsp.size() + found.scts.size();
    for (const auto certificate : found.chain) {
      text += '|';
      text += wire::as_text(certificate);
      all += certificate.size();
    }
    SONDE_CHECK(all <= 2 * LeanHandshake::kMostHandshake, "what is kept is bounded");
    text += '|';
    text += wire::as_text(found.ocsp);
    text += '|';
    text += wire::as_text(found.scts);
    return text;
  }

  void check_end(LeanWorkshop& shop) {
    if (over_) {
      const auto late = handshake_.on_bytes(shop, wire::as_bytes("\x15\x03\x03"));
      SONDE_CHECK(late.kind == Kind::kMore, "behind its verdict nothing is looked at");
    }
    if (!handshake_.findings().chain.empty()) {
      const auto proof = handshake_.proof(shop);
      SONDE_CHECK(!proof || !proof->content.empty(), "a proof is of something");
    }
    (void)handshake_.farewell(shop);
    SONDE_CHECK(handshake_.farewell(shop).empty(), "a farewell is said once");
  }

  const Plan& plan_;
  memory::RingPool pool_{std::size_t{64} << 10};
  LeanHandshake handshake_;
  TlsBytes sent_;
  std::string verdict_;
  bool over_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(2);
  const Plan plan{.with_proof = (data[0] & 1) != 0,
                  .retried = (data[0] & 4) != 0,
                  .encrypted = (data[0] & 2) != 0,
                  .cipher = static_cast<std::uint16_t>(0x1301 + (data[0] >> 3) % 3),
                  .piece = std::size_t{1} + data[1],
                  .bytes = {bytes.begin(), bytes.end()}};
  const std::string whole = Run(plan).run(SIZE_MAX);
  SONDE_CHECK(Run(plan).run(plan.piece) == whole, "a cut changes what is found");
  return 0;
}
