#include "wire/dns_record_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

#include "wire/byte_reader.h"
#include "wire/dns_codes.h"
#include "wire/dns_rdata.h"
#include "wire/dns_text.h"

namespace sonde::wire {
namespace {

// Writes the pieces of a record's data from front to end; the first that is broken makes it all so.
class DataWriter {
 public:
  DataWriter(const DnsRecord& record, std::string& out) : record_(record), reader_(record.rdata()), out_(out) {}

  void u8() { number(reader_.u8()); }
  void u16() { number(reader_.u16()); }
  void u32() { number(reader_.u32()); }
  void type() { text(dns_type_name(reader_.u16())); }
  void string() {
    separate();
    append_quoted(out_, reader_.vector8());
  }
  void name() {
    const std::size_t end = record_.rdata_at + record_.rdata_size;
    const std::size_t at = end - reader_.rest().size();
    DnsName name;
    const std::size_t behind = read_dns_name(record_.message, at, end, name);
    good_ = good_ && behind != 0;
    if (behind == 0) return;
    (void)reader_.bytes(behind - at);
    text(name.text());
  }
  // Seconds since 1970 as RFC 4034 (3.2) has them.
  void time() {
    using namespace std::chrono;
    const sys_seconds time{seconds(reader_.u32())};
    const year_month_day date(floor<days>(time));
    const auto of_day = static_cast<std::uint32_t>((time - floor<days>(time)).count());
    std::string digits = std::to_string(static_cast<int>(date.year()));
    for (const std::uint32_t part :
         {static_cast<std::uint32_t>(static_cast<unsigned>(date.month())),
          static_cast<std::uint32_t>(static_cast<unsigned>(date.day())), of_day / 3600, of_day / 60 % 60, of_day % 60})
      digits += {static_cast<char>('0' + part / 10), static_cast<char>('0' + part % 10)};
    text(digits);
  }
  // The types of a bitmap (RFC 4034, 4.1.2).
  void types() {
    while (!reader_.at_end()) {
      const unsigned window = reader_.u8();
      const std::span<const std::byte> bits = reader_.vector8();
      good_ = good_ && bits.size() <= 32;
      for (std::size_t i = 0; good_ && i < 8 * bits.size(); ++i)
        if ((std::to_integer<unsigned>(bits[i / 8]) >> (7 - i % 8) & 1) != 0)
          text(dns_type_name(static_cast<std::uint16_t>(window << 8 | i)));
    }
  }
  // LOC (RFC 1876) as 0.23 prints it: size and precisions are a digit and a power of ten, in centimetres.
  void place() {
    (void)reader_.u8();  // the version
    const std::array<std::uint8_t, 3> extents{reader_.u8(), reader_.u8(), reader_.u8()};
    angle('N', 'S');
    angle('E', 'W');
    constexpr std::int64_t kBase = 10'000'000;  // centimetres below the reference spheroid
    const std::int64_t altitude = std::int64_t{reader_.u32()} - kBase;
    text(altitude % 100 == 0 ? fmt::format("{}m", altitude / 100)
                             : fmt::format("{:.2f}m", static_cast<double>(altitude) / 100));
    for (const unsigned extent : extents) {
      const unsigned digit = extent >> 4, power = extent & 0xf;
      if (power < 2) {
        text(fmt::format("0.{:02}m", power == 1 ? digit * 10 : digit));
      } else {
        text(std::to_string(digit) + std::string(power - 2, '0') + 'm');
      }
    }
  }
  void hex8(bool upper) { hex(reader_.vector8(), upper); }
  void hex_rest(bool upper) { hex(take_rest(), upper); }
  void base64_rest() {
    separate();
    append_base64(out_, take_rest());
  }
  void quoted_rest() {
    separate();
    append_quoted(out_, take_rest());
  }
  bool good() const { return good_ && reader_.ok() && reader_.at_end(); }

 private:
  void separate() {
    if (begun_) out_ += ' ';
    begun_ = true;
  }
  void text(std::string_view text) {
    separate();
    out_ += text;
  }
  void number(std::uint32_t number) {
    separate();
    append_number(out_, number);
  }
  // Thousandths of a second of arc from 2^31 on.
  void angle(char above, char below) {
    constexpr std::uint32_t kZero = std::uint32_t{1} << 31, kMinute = 60'000, kDegree = 60 * kMinute;
    const std::uint32_t sent = reader_.u32();
    const std::uint32_t off = sent > kZero ? sent - kZero : kZero - sent;
    const std::uint32_t thousandths = off % kMinute;
    text(fmt::format("{:02} {:02} {}.{:03} {}", off / kDegree, off % kDegree / kMinute, thousandths / 1000,
                     thousandths % 1000, sent > kZero ? above : below));
  }
  void hex(std::span<const std::byte> bytes, bool upper) {
    separate();
    const std::size_t from = out_.size();
    append_hex(out_, bytes);
    if (upper)
      std::transform(out_.begin() + static_cast<std::ptrdiff_t>(from), out_.end(),
                     out_.begin() + static_cast<std::ptrdiff_t>(from),
                     [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
  }
  std::span<const std::byte> take_rest() { return reader_.bytes(reader_.rest().size()); }

  const DnsRecord& record_;
  ByteReader reader_;
  std::string& out_;
  bool good_ = true;
  bool begun_ = false;
};

using Form = void (*)(DataWriter& data);

struct TypedForm {
  std::uint16_t type;
  Form form;
};

void digest_form(DataWriter& data) {  // DS, CDS (RFC 4034, 5; RFC 7344)
  data.u16();
  data.u8();
  data.u8();
  data.hex_rest(true);
}
void key_form(DataWriter& data) {  // DNSKEY, CDNSKEY
  data.u16();
  data.u8();
  data.u8();
  data.base64_rest();
}
void two_strings(DataWriter& data) {
  data.string();
  data.string();
}
void two_names(DataWriter& data) {
  data.name();
  data.name();
}
void number_and_name(DataWriter& data) {
  data.u16();
  data.name();
}
void place_form(DataWriter& data) { data.place(); }  // LOC
void naptr_form(DataWriter& data) {                  // RFC 3403, 4
  data.u16();
  data.u16();
  for (int i = 0; i < 3; ++i) data.string();
  data.name();
}
void sshfp_form(DataWriter& data) {  // RFC 4255, 3
  data.u8();
  data.u8();
  data.hex_rest(true);
}
void rrsig_form(DataWriter& data) {  // RFC 4034, 3
  data.type();
  data.u8();
  data.u8();
  data.u32();
  data.time();
  data.time();
  data.u16();
  data.name();
  data.base64_rest();
}
void nsec_form(DataWriter& data) {  // RFC 4034, 4
  data.name();
  data.types();
}
void nsec3param_form(DataWriter& data) {  // RFC 5155, 4
  data.u8();
  data.u8();
  data.u16();
  data.hex8(true);
}
void tlsa_form(DataWriter& data) {  // RFC 6698, 2
  for (int i = 0; i < 3; ++i) data.u8();
  data.hex_rest(false);
}
void uri_form(DataWriter& data) {  // RFC 7553, 4
  data.u16();
  data.u16();
  data.quoted_rest();
}

constexpr auto kForms = std::to_array<TypedForm>({{13, two_strings},
                                                  {17, two_names},
                                                  {18, number_and_name},
                                                  {29, place_form},
                                                  {35, naptr_form},
                                                  {dns_type::kDs, digest_form},
                                                  {44, sshfp_form},
                                                  {46, rrsig_form},
                                                  {47, nsec_form},
                                                  {dns_type::kDnskey, key_form},
                                                  {51, nsec3param_form},
                                                  {52, tlsa_form},
                                                  {59, digest_form},
                                                  {60, key_form},
                                                  {256, uri_form}});
constexpr auto kPlain = std::to_array<std::uint16_t>({dns_type::kA, dns_type::kAaaa, dns_type::kCname, dns_type::kNs,
                                                      dns_type::kPtr, dns_type::kDname, dns_type::kMx, dns_type::kTxt,
                                                      dns_type::kSpf, dns_type::kSoa, dns_type::kSrv, dns_type::kCaa});

// Each value in quotes, an empty one too: "1 . port=443 no-default-alpn" is 1 . port="443" no-default-alpn="".
std::string quoted_values(std::string_view text) {
  std::string out;
  int word = 0;
  while (!text.empty()) {
    std::size_t end = 0;
    bool quoted = false;
    for (bool escaped = false; end < text.size() && (quoted || text[end] != ' '); ++end) {
      quoted = quoted != (text[end] == '"' && !escaped);
      escaped = text[end] == '\\' && !escaped;
    }
    std::string_view parameter = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word > 0) out += ' ';
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    const std::string_view value = parameter.substr(std::min(equals + 1, parameter.size()));
    if (word++ < 2 || value.starts_with('"')) {
      out += parameter;
    } else {
      out += std::string(parameter.substr(0, equals)) + "=\"" + std::string(value) + '"';
    }
  }
  return out;
}

std::string opt_text(const DnsRecord& record) {
  return "\n;; OPT PSEUDOSECTION:\n; EDNS: version " + std::to_string(record.ttl >> 16 & 0xff) +
         "; flags:" + ((record.ttl & 0x8000) != 0 ? " do" : "") + "; udp: " + std::to_string(record.klass);
}

// The options, code, length and data each (RFC 6891, 6.1.2).
bool opt_is_whole(const DnsRecord& record) {
  ByteReader options(record.rdata());
  while (!options.at_end()) {
    (void)options.u16();
    (void)options.vector16();
  }
  return options.ok();
}

// "ANY" is a type's name too, and so no class's.
std::string class_text(std::uint16_t klass) { return klass == 255 ? "CLASS255" : dns_class_name(klass); }

}  // namespace

std::optional<std::string> dns_record_text(const DnsRecord& record) {
  if (record.type == dns_type::kOpt) return opt_is_whole(record) ? std::optional(opt_text(record)) : std::nullopt;
  const auto form = std::ranges::find(kForms, record.type, &TypedForm::type);
  const bool plain = std::ranges::find(kPlain, record.type) != kPlain.end();
  const bool service = record.type == dns_type::kSvcb || record.type == dns_type::kHttps;
  const bool known = form != kForms.end() || plain || service;
  std::string out = record.name.text() + '\t' + std::to_string(record.ttl_sent) + '\t' +
                    (known ? class_text(record.klass) : "CLASS" + std::to_string(record.klass)) + '\t' +
                    (known ? dns_type_name(record.type) : "TYPE" + std::to_string(record.type)) + '\t';
  if (known && record.rdata_size == 0) return out;
  if (form != kForms.end()) {
    DataWriter data(record, out);
    form->form(data);
    return data.good() ? std::optional(std::move(out)) : std::nullopt;
  }
  DnsRecord of_internet = record;  // the data's form is that of its type, whatever the class
  of_internet.klass = dns_class::kIn;
  const std::string data = dns_rdata_text(of_internet);
  if (known && data.starts_with("\\#")) return std::nullopt;
  return out + (service ? quoted_values(data) : data);
}

}  // namespace sonde::wire
