#include "probes/banner/banner_probe.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <new>

#include "probes/banner/protocol.h"
#include "results/escape.h"
#include "wire/line.h"

namespace sonde::probes {
namespace {

using engine::ProbeContext;
using engine::Step;
using results::FieldDef;
using results::FieldType;
using results::Outcome;

constexpr Nanos kSilence = 500 * kMillisecond;
constexpr std::string_view kHello = "GET / HTTP/1.0\r\n\r\n";
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 20;  // a server that never stops is heard out no longer
constexpr std::uint32_t kDefaultMaxBanner = 4096;
constexpr std::uint32_t kLargestMaxBanner = 65536;

constexpr auto kFields = std::to_array<FieldDef>({
    {"banner.protocol", FieldType::kString,
     "the protocol that the bytes are of: ssh, smtp, ftp, imap, pop3, redis, http, unknown", true},
    {"banner.text", FieldType::kString,
     "the first --max-banner bytes without the last line's end; what is no printable UTF-8 as \\xNN", true},
    {"banner.bytes", FieldType::kInteger, "bytes received, up to the end of the greeting or answer where it has one"},
    {"banner.product", FieldType::kString, "what the server says it is", true},
});
constexpr auto kOptions = std::to_array<engine::OptionDef>({
    {"max-banner", "BYTES", "4096", "how much of a banner is kept in the record; suffix k"},
});

class BannerProbe final : public engine::Probe {
 public:
  explicit BannerProbe(std::uint32_t max_banner) : max_banner_(max_banner) {}

  Step start(ProbeContext& context) override {
    port_ = context.endpoint.port;
    context.wake_at = context.now + kSilence;
    return Step::more();
  }

  Step on_bytes(ProbeContext& context, std::span<const std::byte> bytes) override {
    total_ = std::min(total_ + bytes.size(), kMostBytes);
    keep(context, bytes);
    if (const Banner banner = identify(kept(), port_); banner.whole > 0) {
      // What came in one piece with the frame is not counted, so that cutting does not change the record.
      total_ = banner.whole;
      size_ = static_cast<std::uint32_t>(std::min<std::size_t>(banner.whole, size_));
      return Step::done(Outcome::kSuccess);
    }
    if (total_ == kMostBytes) return Step::done(Outcome::kSuccess);
    context.wake_at = context.now + kSilence;
    return Step::more();
  }

  Step on_wake(ProbeContext& context) override {
    context.wake_at = kNever;
    if (total_ > 0) return ends_with_line() ? Step::done(Outcome::kSuccess) : Step::more();
    asked_ = true;
    return Step::send(wire::as_bytes(kHello));
  }

  Step on_eof(ProbeContext&) override {
    if (total_ == 0) return Step::done(Outcome::kClosed, "closed without a word");
    if (!ends_with_line()) return Step::done(Outcome::kClosed, "closed within a line");
    return identify(kept(), port_).begun ? Step::done(Outcome::kClosed, "closed within a greeting or answer")
                                         : Step::done(Outcome::kSuccess);
  }

  Step on_deadline(ProbeContext&) override {
    if (total_ == 0) return Step::done(Outcome::kTimeout, asked_ ? "silent, also to a hello" : "silent");
    return has_line_ ? Step::done(Outcome::kSuccess) : Step::done(Outcome::kTimeout, "a line was not finished");
  }

  void fill(std::span<results::Value> values) const override {
    if (total_ == 0) return;
    const Banner banner = identify(kept(), port_);
    values[0] = std::string(banner.protocol);
    // The end of the last line is not part of what it says.
    std::string_view said = wire::as_text(kept());
    while (said.ends_with('\n') || said.ends_with('\r')) said.remove_suffix(1);
    values[1] = results::escaped(said.substr(0, max_banner_));
    values[2] = static_cast<std::int64_t>(total_);
    if (!banner.product.empty()) values[3] = results::escaped(banner.product);
  }

 private:
  // Enough for every processor to decide by, whatever part of it the record shows.
  std::size_t room() const { return std::max<std::size_t>(max_banner_, 16384); }
  std::span<const std::byte> kept() const { return lease_.bytes().first(size_); }
  bool ends_with_line() const { return last_ == '\n'; }

  void keep(ProbeContext& context, std::span<const std::byte> bytes) {
    last_ = static_cast<char>(bytes.back());
    has_line_ = has_line_ || wire::as_text(bytes).find('\n') != std::string_view::npos;
    bytes = bytes.first(std::min(bytes.size(), room() - size_));
    if (size_ + bytes.size() > lease_.bytes().size()) {
      memory::Lease larger =
          context.pool.lend(std::max(size_ + bytes.size(), std::min(room(), 2 * lease_.bytes().size())));
      std::copy_n(lease_.bytes().begin(), size_, larger.bytes().begin());
      lease_ = std::move(larger);
    }
    std::copy(bytes.begin(), bytes.end(), lease_.bytes().begin() + size_);
    size_ += static_cast<std::uint32_t>(bytes.size());
  }

  memory::Lease lease_;
  std::uint64_t total_ = 0;
  std::uint32_t size_ = 0;  // bytes kept
  std::uint32_t max_banner_;
  std::uint16_t port_ = 0;
  char last_ = 0;          // of all that came
  bool has_line_ = false;  // a line end came
  bool asked_ = false;
};
static_assert(sizeof(BannerProbe) <= 256);

class BannerModule final : public engine::ProbeModule {
 public:
  std::string_view name() const override { return "banner"; }
  std::string_view help() const override {
    return "what speaks behind the port (reads, and says a hello to the silent)";
  }
  std::span<const engine::OptionDef> options() const override { return kOptions; }
  std::span<const FieldDef> fields() const override { return kFields; }
  std::size_t state_bytes() const override { return sizeof(BannerProbe); }
  engine::Probe* create(void* memory) const override { return new (memory) BannerProbe(max_banner_); }

  Parsed<> configure(std::string_view option, std::string_view value) override {
    (void)option;  // the only one
    std::string_view digits = value;
    const bool kilo = digits.ends_with('k') || digits.ends_with('K');
    if (kilo) digits.remove_suffix(1);
    std::uint32_t bytes = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bytes);
    const std::uint64_t wanted = kilo ? std::uint64_t{bytes} * 1024 : bytes;
    if (error != std::errc() || end != digits.data() + digits.size() || wanted == 0 || wanted > kLargestMaxBanner)
      return input_error("'" + std::string(value) + "' is not a size from 1 to 64k, such as 4096 or 8k");
    max_banner_ = static_cast<std::uint32_t>(wanted);
    return {};
  }

 private:
  std::uint32_t max_banner_ = kDefaultMaxBanner;
};

}  // namespace

std::unique_ptr<engine::ProbeModule> make_banner_module() { return std::make_unique<BannerModule>(); }

}  // namespace sonde::probes
