#include "wire/dns_rdata.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "wire/byte_reader.h"
#include "wire/dns_text.h"

namespace sonde::wire {
namespace {

// Appends one form of data to `out`; false, and anything in `out`, when the data is not of that form.
using Form = bool (*)(const DnsRecord& record, std::string& out);

// Bytes that are an address of four or sixteen of them.
IpAddress address_of(std::span<const std::byte> bytes) {
  U128 bits = 0;
  for (const std::byte byte : bytes) bits = bits << 8 | std::to_integer<unsigned>(byte);
  return bytes.size() == 4 ? IpAddress::v4(static_cast<std::uint32_t>(bits)) : IpAddress::v6(bits);
}

bool address_form(const DnsRecord& record, std::string& out) {
  const std::optional<IpAddress> address = dns_address(record);
  if (address) out += to_string(*address);
  return address.has_value();
}

bool name_form(const DnsRecord& record, std::string& out) {
  const std::optional<DnsName> name = dns_target(record);
  if (name) name->append_text(out);
  return name.has_value();
}

// `numbers` of 16 bits and a name behind them.
bool numbers_and_name(const DnsRecord& record, int numbers, std::string& out) {
  const std::size_t end = record.rdata_at + record.rdata_size;
  ByteReader reader(record.rdata());
  for (int i = 0; i < numbers; ++i) {
    append_number(out, reader.u16());
    out += ' ';
  }
  DnsName name;
  if (!reader.ok() || read_dns_name(record.message, end - reader.rest().size(), end, name) != end) return false;
  name.append_text(out);
  return true;
}
bool mx_form(const DnsRecord& record, std::string& out) { return numbers_and_name(record, 1, out); }
bool srv_form(const DnsRecord& record, std::string& out) { return numbers_and_name(record, 3, out); }

bool txt_form(const DnsRecord& record, std::string& out) {
  ByteReader reader(record.rdata());
  do {
    if (!out.empty()) out += ' ';
    append_quoted(out, reader.vector8());
  } while (reader.ok() && !reader.at_end());
  return reader.ok();
}

bool soa_form(const DnsRecord& record, std::string& out) {
  const std::optional<DnsSoa> soa = dns_soa(record);
  if (!soa) return false;
  soa->primary.append_text(out);
  out += ' ';
  soa->mailbox.append_text(out);
  for (const std::uint32_t number : {soa->serial, soa->refresh, soa->retry, soa->expire, soa->minimum}) {
    out += ' ';
    append_number(out, number);
  }
  return true;
}

// RFC 8659, 4.1.1: the tag is letters and digits.
bool caa_form(const DnsRecord& record, std::string& out) {
  ByteReader reader(record.rdata());
  append_number(out, reader.u8());
  const std::span<const std::byte> tag = reader.vector8();
  if (!reader.ok() || tag.empty()) return false;
  out += ' ';
  for (const std::byte byte : tag) {
    const auto c = std::to_integer<char>(byte);
    if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z')) return false;
    out += c;
  }
  out += ' ';
  append_quoted(out, reader.rest());
  return true;
}

// What DS and DNSKEY begin with, three numbers; `append` writes the rest.
bool key_form(const DnsRecord& record, std::string& out, void (*append)(std::string&, std::span<const std::byte>)) {
  ByteReader reader(record.rdata());
  append_number(out, reader.u16());
  for (int i = 0; i < 2; ++i) {
    out += ' ';
    append_number(out, reader.u8());
  }
  if (!reader.ok() || reader.at_end()) return false;
  out += ' ';
  append(out, reader.rest());
  return true;
}

bool ds_form(const DnsRecord& record, std::string& out) { return key_form(record, out, append_hex); }

bool dnskey_form(const DnsRecord& record, std::string& out) { return key_form(record, out, append_base64); }

// --- SVCB and HTTPS (RFC 9460) ---

enum SvcKey : std::uint16_t { kMandatory, kAlpn, kNoDefaultAlpn, kPort, kIpv4Hint, kEch, kIpv6Hint, kDohPath };
constexpr std::array<std::string_view, 8> kSvcKeys = {"mandatory", "alpn", "no-default-alpn", "port",
                                                      "ipv4hint",  "ech",  "ipv6hint",        "dohpath"};

void append_svc_key(std::string& out, std::uint16_t key) {
  if (key < kSvcKeys.size()) {
    out += kSvcKeys[key];
  } else {
    out += "key";
    append_number(out, key);
  }
}

bool append_hints(std::string& out, std::span<const std::byte> value, std::size_t size) {
  if (value.empty() || value.size() % size != 0) return false;
  for (std::size_t at = 0; at < value.size(); at += size) {
    if (at > 0) out += ',';
    out += to_string(address_of(value.subspan(at, size)));
  }
  return true;
}

// Protocol ids between commas; a comma or backslash in one is escaped for the list, and once more for the quotes (RFC
// 9460, A.1).
bool append_alpn(std::string& out, std::span<const std::byte> value) {
  ByteReader reader(value);
  std::string list;
  do {
    const std::span<const std::byte> id = reader.vector8();
    if (!reader.ok() || id.empty()) return false;
    if (!list.empty()) list += ',';
    for (const std::byte byte : id) {
      const auto c = std::to_integer<char>(byte);
      if (c == ',' || c == '\\') list += '\\';
      list += c;
    }
  } while (!reader.at_end());
  append_quoted(out, std::as_bytes(std::span(list)));
  return true;
}

bool append_svc_value(std::string& out, std::uint16_t key, std::span<const std::byte> value) {
  ByteReader reader(value);
  switch (key) {
    case kMandatory:
      do {
        if (reader.rest().size() < value.size()) out += ',';
        append_svc_key(out, reader.u16());
      } while (reader.ok() && !reader.at_end());
      return reader.ok();
    case kAlpn:
      return append_alpn(out, value);
    case kPort:
      append_number(out, reader.u16());
      return reader.ok() && reader.at_end();
    case kIpv4Hint:
      return append_hints(out, value, 4);
    case kIpv6Hint:
      return append_hints(out, value, 16);
    case kEch:
      append_base64(out, value);
      return !value.empty();
    default:
      append_quoted(out, value);
      return true;
  }
}

bool svcb_form(const DnsRecord& record, std::string& out) {
  const std::size_t end = record.rdata_at + record.rdata_size;
  ByteReader priority(record.rdata());
  append_number(out, priority.u16());
  if (!priority.ok()) return false;
  out += ' ';
  DnsName name;
  const std::size_t behind = read_dns_name(record.message, record.rdata_at + 2, end, name);
  if (behind == 0) return false;
  name.append_text(out);
  ByteReader reader(record.message.subspan(behind, end - behind));
  std::int32_t last = -1;
  while (!reader.at_end()) {
    const std::uint16_t key = reader.u16();
    const std::span<const std::byte> value = reader.vector16();
    if (!reader.ok() || key <= last) return false;  // in strictly increasing order (2.2)
    last = key;
    out += ' ';
    append_svc_key(out, key);
    if (key == kNoDefaultAlpn) {
      if (!value.empty()) return false;
      continue;
    }
    if (value.empty() && key >= kSvcKeys.size()) continue;
    out += '=';
    if (!append_svc_value(out, key, value)) return false;
  }
  return true;
}

Form form_of(std::uint16_t type) {
  switch (type) {
    case dns_type::kA:
    case dns_type::kAaaa:
      return address_form;
    case dns_type::kCname:
    case dns_type::kNs:
    case dns_type::kPtr:
    case dns_type::kDname:
      return name_form;
    case dns_type::kMx:
      return mx_form;
    case dns_type::kTxt:
    case dns_type::kSpf:
      return txt_form;
    case dns_type::kSoa:
      return soa_form;
    case dns_type::kSrv:
      return srv_form;
    case dns_type::kCaa:
      return caa_form;
    case dns_type::kSvcb:
    case dns_type::kHttps:
      return svcb_form;
    case dns_type::kDs:
      return ds_form;
    case dns_type::kDnskey:
      return dnskey_form;
    default:
      return nullptr;
  }
}

}  // namespace

std::optional<IpAddress> dns_address(const DnsRecord& record) {
  const bool fits = (record.type == dns_type::kA && record.rdata_size == 4) ||
                    (record.type == dns_type::kAaaa && record.rdata_size == 16);
  if (record.klass != dns_class::kIn || !fits) return std::nullopt;
  return address_of(record.rdata());
}

std::optional<DnsName> dns_target(const DnsRecord& record) {
  if (record.type != dns_type::kCname && record.type != dns_type::kNs && record.type != dns_type::kPtr &&
      record.type != dns_type::kDname)
    return std::nullopt;
  const std::size_t end = record.rdata_at + record.rdata_size;
  DnsName name;
  if (read_dns_name(record.message, record.rdata_at, end, name) != end) return std::nullopt;
  return name;
}

std::optional<DnsSoa> dns_soa(const DnsRecord& record) {
  if (record.type != dns_type::kSoa) return std::nullopt;
  const std::size_t end = record.rdata_at + record.rdata_size;
  DnsSoa soa;
  const std::size_t mailbox = read_dns_name(record.message, record.rdata_at, end, soa.primary);
  if (mailbox == 0) return std::nullopt;
  const std::size_t numbers = read_dns_name(record.message, mailbox, end, soa.mailbox);
  if (numbers == 0 || end - numbers != 20) return std::nullopt;
  ByteReader reader(record.message.subspan(numbers, 20));
  for (std::uint32_t* number : {&soa.serial, &soa.refresh, &soa.retry, &soa.expire, &soa.minimum})
    *number = reader.u32();
  return soa;
}

std::string dns_rdata_text(const DnsRecord& record) {
  std::string out;
  // Of other classes the data may mean something else (an A record of Chaosnet is one).
  const bool known = record.klass == dns_class::kIn || record.type == dns_type::kTxt || record.type == dns_type::kSoa;
  const Form form = known ? form_of(record.type) : nullptr;
  if (form != nullptr && form(record, out)) return out;
  out = "\\# " + std::to_string(record.rdata_size);
  if (record.rdata_size > 0) out += ' ';
  append_hex(out, record.rdata());
  return out;
}

}  // namespace sonde::wire
