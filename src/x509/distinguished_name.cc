#include "x509/distinguished_name.h"

#include <openssl/err.h>
#include <openssl/objects.h>

#include <array>
#include <cstdint>

#include "x509/openssl_handles.h"

namespace sonde::x509 {
namespace {

constexpr unsigned long kValueFlags = ASN1_STRFLGS_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);

// A code point that UTF-8 may not hold, in a string of 16 or 32 bit units: libcrypto would drop it without a word.
bool holds_no_character(const ASN1_STRING* value) {
  const std::string_view bytes = octets_of(value);
  const int type = ASN1_STRING_type(value);
  const std::size_t unit = type == V_ASN1_BMPSTRING ? 2 : type == V_ASN1_UNIVERSALSTRING ? 4 : 0;
  if (unit == 0) return false;
  if (bytes.size() % unit != 0) return true;
  for (std::size_t at = 0; at < bytes.size(); at += unit) {
    std::uint32_t point = 0;
    for (std::size_t i = 0; i < unit; ++i) point = (point << 8) | static_cast<unsigned char>(bytes[at + i]);
    if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return true;
  }
  return false;
}

// The length of the UTF-8 sequence (RFC 3629) at `at`, 0 when it is none.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f)) return 0;
  if ((lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f)) return 0;
  return length;
}

// Appends `text` with C1 controls escaped (libcrypto leaves them; they steer terminals too). False, and nothing
// appended, when it is no UTF-8.
bool append_clean(std::string_view text, std::string& out) {
  const std::size_t before = out.size();
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text, at);
    if (length == 0) {
      out.resize(before);
      return false;
    }
    if (length == 2 && text[at] == '\xc2' && static_cast<unsigned char>(text[at + 1]) < 0xa0) {
      constexpr std::string_view kHex = "0123456789ABCDEF";
      const auto low = static_cast<unsigned char>(text[at + 1]);
      out += "\\C2\\";
      out += kHex[low >> 4];
      out += kHex[low & 15];
    } else {
      out += text.substr(at, length);
    }
    at += length;
  }
  return true;
}

// What ASN1_STRING_print_ex writes into `bio`, as a view until the next call; nothing when it gives up.
std::string_view printed(BIO* bio, const ASN1_STRING* value, unsigned long flags) {
  (void)BIO_reset(bio);
  if (ASN1_STRING_print_ex(bio, value, flags) < 0) return {};
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string_view(data, static_cast<std::size_t>(size)) : std::string_view{};
}

void append_value(BIO* bio, const ASN1_STRING* value, bool known_type, std::string& out) {
  if (known_type && !holds_no_character(value)) {
    const std::string_view text = printed(bio, value, kValueFlags);
    if ((!text.empty() || ASN1_STRING_length(value) == 0) && append_clean(text, out)) return;
  }
  out += printed(bio, value, kValueFlags | ASN1_STRFLGS_DUMP_ALL);
}

}  // namespace

std::string dn_text(const X509_name_st* name) {
  std::string out;
  const BioHandle bio(BIO_new(BIO_s_mem()));
  int previous_set = -1;
  for (int i = X509_NAME_entry_count(name); i-- > 0;) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    const int set = X509_NAME_ENTRY_set(entry);
    if (previous_set != -1) out += set == previous_set ? '+' : ',';
    previous_set = set;
    const ASN1_OBJECT* type = X509_NAME_ENTRY_get_object(entry);
    const int nid = OBJ_obj2nid(type);
    if (nid == NID_undef) {
      std::array<char, 512> oid{};
      OBJ_obj2txt(oid.data(), static_cast<int>(oid.size()), type, 1);
      out += oid.data();
    } else {
      out += OBJ_nid2sn(nid);
    }
    out += '=';
    append_value(bio.get(), X509_NAME_ENTRY_get_data(entry), nid != NID_undef, out);
  }
  ERR_clear_error();
  return out;
}

std::string common_name(const X509_name_st* name) {
  int last = -1;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(name, NID_commonName, at)) >= 0;) last = at;
  if (last < 0) return {};
  const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last));
  unsigned char* utf8 = nullptr;
  const int size = holds_no_character(value) ? -1 : ASN1_STRING_to_UTF8(&utf8, value);
  std::string out = size < 0 ? std::string(octets_of(value))
                             : std::string(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  ERR_clear_error();
  return out;
}

}  // namespace sonde::x509
