#include "x509/distinguished_name.h"

#include <openssl/err.h>
#include <openssl/objects.h>

#include <array>
#include <cstdint>

#include "x509/openssl_handles.h"

namespace sonde::x509 {
namespace {

constexpr unsigned long kValueFlags = ASN1_STRFLGS_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);

using StringHandle = std::unique_ptr<ASN1_STRING, FreeWith<ASN1_STRING_free>>;
using ObjectHandle = std::unique_ptr<ASN1_OBJECT, FreeWith<ASN1_OBJECT_free>>;

// A code point that UTF-8 may not hold, in a string of 16 or 32 bit units: libcrypto would drop it without a word.
bool holds_no_character(int type, std::string_view bytes) {
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

void append_hex(unsigned char byte, std::string& out) {
  constexpr std::string_view kHex = "0123456789ABCDEF";  // libcrypto's way here
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
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
      out += "\\C2\\";
      append_hex(static_cast<unsigned char>(text[at + 1]), out);
    } else {
      out += text.substr(at, length);
    }
    at += length;
  }
  return true;
}

std::string_view text_of(const DerElement& element) {
  return {reinterpret_cast<const char*>(element.content.data()), element.content.size()};
}

bool is_string_type(int type) {
  switch (type) {
    case V_ASN1_UTF8STRING:
    case V_ASN1_NUMERICSTRING:
    case V_ASN1_PRINTABLESTRING:
    case V_ASN1_T61STRING:
    case V_ASN1_IA5STRING:
    case V_ASN1_VISIBLESTRING:
    case V_ASN1_UNIVERSALSTRING:
    case V_ASN1_BMPSTRING:
      return true;
    default:
      return false;
  }
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
  if (known_type && !holds_no_character(ASN1_STRING_type(value), octets_of(value))) {
    const std::string_view text = printed(bio, value, kValueFlags);
    if ((!text.empty() || ASN1_STRING_length(value) == 0) && append_clean(text, out)) return;
  }
  out += printed(bio, value, kValueFlags | ASN1_STRFLGS_DUMP_ALL);
}

// `type=`; whether the type has a name.
bool append_type(const ASN1_OBJECT* type, std::string& out) {
  const int nid = OBJ_obj2nid(type);
  if (nid == NID_undef) {
    std::array<char, 512> oid{};
    OBJ_obj2txt(oid.data(), static_cast<int>(oid.size()), type, 1);
    out += oid.data();
  } else {
    out += OBJ_nid2sn(nid);
  }
  out += '=';
  return nid != NID_undef;
}

// RFC 4514: the last comes first; '+' within a relative name, ',' between two.
void append_separator(int& previous_set, int set, std::string& out) {
  if (previous_set != -1) out += set == previous_set ? '+' : ',';
  previous_set = set;
}

std::string utf8_or_raw(const ASN1_STRING* value) {
  unsigned char* utf8 = nullptr;
  const bool lossy = holds_no_character(ASN1_STRING_type(value), octets_of(value));
  const int size = lossy ? -1 : ASN1_STRING_to_UTF8(&utf8, value);
  std::string out = size < 0 ? std::string(octets_of(value))
                             : std::string(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  return out;
}

StringHandle string_of(const DerElement& value) {
  StringHandle string(ASN1_STRING_type_new(value.tag));
  ASN1_STRING_set(string.get(), value.content.data(), static_cast<int>(value.content.size()));
  return string;
}

ObjectHandle object_of(const DerElement& type) {
  const unsigned char* at = octets(type.whole);
  return ObjectHandle(d2i_ASN1_OBJECT(nullptr, &at, static_cast<long>(type.whole.size())));
}

}  // namespace

std::string dn_text(const X509_name_st* name) {
  std::string out;
  const BioHandle bio(BIO_new(BIO_s_mem()));
  int previous_set = -1;
  for (int i = X509_NAME_entry_count(name); i-- > 0;) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    append_separator(previous_set, X509_NAME_ENTRY_set(entry), out);
    const bool known = append_type(X509_NAME_ENTRY_get_object(entry), out);
    append_value(bio.get(), X509_NAME_ENTRY_get_data(entry), known, out);
  }
  ERR_clear_error();
  return out;
}

std::string dn_text(std::span<const std::byte> rdn_sequence) {
  std::string out;
  const BioHandle bio(BIO_new(BIO_s_mem()));
  int previous_set = -1;
  const std::vector<NameAttribute> attributes = name_attributes(rdn_sequence);
  for (auto attribute = attributes.rbegin(); attribute != attributes.rend(); ++attribute) {
    const ObjectHandle type = object_of(attribute->type);
    if (!type) continue;
    append_separator(previous_set, attribute->set, out);
    const bool known = append_type(type.get(), out);
    if (is_string_type(attribute->value.tag)) {
      append_value(bio.get(), string_of(attribute->value).get(), known, out);
    } else {
      out += '#';
      for (const std::byte byte : attribute->value.whole) append_hex(static_cast<unsigned char>(byte), out);
    }
  }
  ERR_clear_error();
  return out;
}

std::string common_name(const X509_name_st* name) {
  int last = -1;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(name, NID_commonName, at)) >= 0;) last = at;
  if (last < 0) return {};
  std::string out = utf8_or_raw(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last)));
  ERR_clear_error();
  return out;
}

std::string common_name(std::span<const std::byte> rdn_sequence) {
  std::string out;
  for (const NameAttribute& attribute : name_attributes(rdn_sequence)) {
    const ObjectHandle type = object_of(attribute.type);
    if (type && OBJ_obj2nid(type.get()) == NID_commonName)
      out = is_string_type(attribute.value.tag) ? utf8_or_raw(string_of(attribute.value).get())
                                                : std::string(text_of(attribute.value));
  }
  ERR_clear_error();
  return out;
}

std::vector<NameAttribute> name_attributes(std::span<const std::byte> rdn_sequence) {
  std::vector<NameAttribute> out;
  int set = 0;
  for (DerReader relative_names(rdn_sequence); !relative_names.at_end(); ++set) {
    const auto relative_name = relative_names.next(kDerSet);
    if (!relative_name) return out;
    for (DerReader attributes(relative_name->content); !attributes.at_end();) {
      const auto attribute = attributes.next(kDerSequence);
      if (!attribute) return out;
      DerReader fields(attribute->content);
      const auto type = fields.next(kDerOid);
      const auto value = fields.next();
      if (!type || !value) return out;
      out.push_back({.type = *type, .value = *value, .set = set});
    }
  }
  return out;
}

bool is_readable(const DerElement& value) {
  if (value.tag == V_ASN1_UTF8STRING) {
    std::string ignored;
    return append_clean(text_of(value), ignored);
  }
  return !holds_no_character(value.tag, text_of(value));
}

}  // namespace sonde::x509
