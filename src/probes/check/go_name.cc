#include "probes/check/go_name.h"

#include <fmt/format.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "wire/ascii.h"

namespace sonde::probes {
namespace {

// The types that pkix.Name has fields for, in the order in which they are printed; of those that it has one field for
// the last value counts.
struct Known {
  int nid;
  std::string_view shown;
  bool single = false;
};
constexpr auto kKnown = std::to_array<Known>({{NID_serialNumber, "SERIALNUMBER", true},
                                              {NID_commonName, "CN", true},
                                              {NID_postalCode, "POSTALCODE"},
                                              {NID_streetAddress, "STREET"},
                                              {NID_stateOrProvinceName, "ST"},
                                              {NID_localityName, "L"},
                                              {NID_organizationalUnitName, "OU"},
                                              {NID_organizationName, "O"},
                                              {NID_countryName, "C"}});

std::string text_of(const ASN1_STRING* value) {
  unsigned char* data = nullptr;
  const int size = ASN1_STRING_to_UTF8(&data, value);
  if (size < 0) {
    ERR_clear_error();
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
            static_cast<std::size_t>(ASN1_STRING_length(value))};
  }
  std::string text(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
  OPENSSL_free(data);
  return text;
}

std::string escaped_value(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool at_edge = i == 0 || i + 1 == text.size();
    if (std::string_view(",+\"\\<>;").find(c) != std::string_view::npos || (c == ' ' && at_edge) ||
        (c == '#' && i == 0))
      out += '\\';
    out += c;
  }
  return out;
}

bool is_printable(char c) {
  return wire::is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view(" '()+,-./:=?").find(c) != std::string_view::npos;
}

// As Go marshals a text: a PrintableString where it is one, else a UTF8String.
std::string hex_of_der(std::string_view text) {
  std::string out = std::ranges::all_of(text, is_printable) ? "13" : "0c";
  if (text.size() < 128)
    out += fmt::format("{:02x}", text.size());
  else if (text.size() < 256)
    out += fmt::format("81{:02x}", text.size());
  else
    out += fmt::format("82{:04x}", text.size() & 0xffff);  // a certificate has at most 64 KiB
  for (const char c : text) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

std::string dotted(const ASN1_OBJECT* object) {
  std::array<char, 128> text{};
  OBJ_obj2txt(text.data(), static_cast<int>(text.size()), object, 1);
  return text.data();
}

}  // namespace

std::string go_name(const X509_NAME* name) {
  std::array<std::vector<std::string>, kKnown.size()> known;
  std::vector<std::string> others;
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    const ASN1_OBJECT* type = X509_NAME_ENTRY_get_object(entry);
    const std::string text = text_of(X509_NAME_ENTRY_get_data(entry));
    const auto* found = std::ranges::find(kKnown, OBJ_obj2nid(type), &Known::nid);
    if (found == kKnown.end()) {
      others.push_back(fmt::format("{}=#{}", dotted(type), hex_of_der(text)));
      continue;
    }
    std::vector<std::string>& values = known[static_cast<std::size_t>(found - kKnown.begin())];
    if (found->single) values.clear();
    if (!found->single || !text.empty()) values.push_back(fmt::format("{}={}", found->shown, escaped_value(text)));
  }
  std::vector<std::string> parts;
  for (const std::vector<std::string>& values : known)
    if (!values.empty()) parts.push_back(fmt::format("{}", fmt::join(values, "+")));
  parts.insert(parts.end(), others.rbegin(), others.rend());
  return fmt::format("{}", fmt::join(parts, ","));
}

}  // namespace sonde::probes
