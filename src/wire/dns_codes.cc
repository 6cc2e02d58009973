#include "wire/dns_codes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

namespace sonde::wire {
namespace {

struct Code {
  std::uint16_t number;
  std::string_view name;
};

constexpr auto kTypes = std::to_array<Code>({
    {1, "A"},        {2, "NS"},          {3, "MD"},        {4, "MF"},      {5, "CNAME"},       {6, "SOA"},
    {7, "MB"},       {8, "MG"},          {9, "MR"},        {10, "NULL"},   {12, "PTR"},        {13, "HINFO"},
    {14, "MINFO"},   {15, "MX"},         {16, "TXT"},      {17, "RP"},     {18, "AFSDB"},      {19, "X25"},
    {20, "ISDN"},    {21, "RT"},         {23, "NSAP-PTR"}, {24, "SIG"},    {25, "KEY"},        {26, "PX"},
    {27, "GPOS"},    {28, "AAAA"},       {29, "LOC"},      {30, "NXT"},    {31, "EID"},        {32, "NIMLOC"},
    {33, "SRV"},     {34, "ATMA"},       {35, "NAPTR"},    {36, "KX"},     {37, "CERT"},       {39, "DNAME"},
    {41, "OPT"},     {42, "APL"},        {43, "DS"},       {44, "SSHFP"},  {45, "IPSECKEY"},   {46, "RRSIG"},
    {47, "NSEC"},    {48, "DNSKEY"},     {49, "DHCID"},    {50, "NSEC3"},  {51, "NSEC3PARAM"}, {52, "TLSA"},
    {53, "SMIMEA"},  {55, "HIP"},        {56, "NINFO"},    {57, "RKEY"},   {58, "TALINK"},     {59, "CDS"},
    {60, "CDNSKEY"}, {61, "OPENPGPKEY"}, {62, "CSYNC"},    {63, "ZONEMD"}, {64, "SVCB"},       {65, "HTTPS"},
    {99, "SPF"},     {100, "UINFO"},     {101, "UID"},     {102, "GID"},   {103, "UNSPEC"},    {104, "NID"},
    {105, "L32"},    {106, "L64"},       {107, "LP"},      {108, "EUI48"}, {109, "EUI64"},     {249, "TKEY"},
    {250, "TSIG"},   {251, "IXFR"},      {252, "AXFR"},    {253, "MAILB"}, {254, "MAILA"},     {255, "ANY"},
    {256, "URI"},    {257, "CAA"},       {258, "AVC"},     {32768, "TA"},  {32769, "DLV"},
});
constexpr auto kClasses =
    std::to_array<Code>({{1, "IN"}, {2, "CS"}, {3, "CH"}, {4, "HS"}, {254, "NONE"}, {255, "ANY"}});
constexpr auto kRcodes = std::to_array<Code>({
    {0, "NOERROR"},  {1, "FORMERR"},    {2, "SERVFAIL"}, {3, "NXDOMAIN"},  {4, "NOTIMP"},
    {5, "REFUSED"},  {6, "YXDOMAIN"},   {7, "YXRRSET"},  {8, "NXRRSET"},   {9, "NOTAUTH"},
    {10, "NOTZONE"}, {11, "DSOTYPENI"}, {16, "BADVERS"}, {17, "BADKEY"},   {18, "BADTIME"},
    {19, "BADMODE"}, {20, "BADNAME"},   {21, "BADALG"},  {22, "BADTRUNC"}, {23, "BADCOOKIE"},
});

std::string name_of(std::uint16_t number, std::span<const Code> codes, std::string_view prefix) {
  for (const Code& code : codes)
    if (code.number == number) return std::string(code.name);
  return std::string(prefix) + std::to_string(number);
}

bool same(std::string_view text, std::string_view name) {
  return std::ranges::equal(text, name, [](char a, char b) { return (a >= 'a' && a <= 'z' ? a - 32 : a) == b; });
}

std::optional<std::uint16_t> number_of(std::string_view text, std::span<const Code> codes, std::string_view prefix) {
  for (const Code& code : codes)
    if (same(text, code.name)) return code.number;
  if (text.size() <= prefix.size() || !same(text.substr(0, prefix.size()), prefix)) return std::nullopt;
  std::uint16_t number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data() + prefix.size(), end, number);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

}  // namespace

std::string dns_type_name(std::uint16_t type) { return name_of(type, kTypes, "TYPE"); }
std::string dns_class_name(std::uint16_t klass) { return name_of(klass, kClasses, "CLASS"); }
std::string dns_rcode_name(std::uint16_t rcode) { return name_of(rcode, kRcodes, "RCODE"); }

std::optional<std::uint16_t> parse_dns_type(std::string_view text) { return number_of(text, kTypes, "TYPE"); }
std::optional<std::uint16_t> parse_dns_class(std::string_view text) { return number_of(text, kClasses, "CLASS"); }
std::optional<std::uint16_t> parse_dns_rcode(std::string_view text) { return number_of(text, kRcodes, "RCODE"); }

}  // namespace sonde::wire
