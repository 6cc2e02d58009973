#include "x509/certificate.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>

#include "base/ip_address.h"
#include "x509/distinguished_name.h"
#include "x509/unreadable_names.h"
#include "x509/zoo.h"

namespace sonde::x509 {
namespace {

using namespace std::string_literals;

// What `openssl x509` prints of the same DER.
std::string openssl_prints(const zoo::Der& der, const std::string& options) {
  const std::string path = testing::TempDir() + "x509_" + std::to_string(getpid()) + ".der";
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(der.data()), std::ssize(der));
  const std::string command = "openssl x509 -inform DER -noout -in '" + path + "' " + options + " 2>&1";
  std::string out;
  FILE* pipe = popen(command.c_str(), "r");
  std::array<char, 4096> chunk{};
  while (const std::size_t got = fread(chunk.data(), 1, chunk.size(), pipe)) out.append(chunk.data(), got);
  EXPECT_EQ(pclose(pipe), 0) << out;
  std::remove(path.c_str());
  return out;
}

std::map<std::string, std::string> lines(const std::string& text) {
  std::map<std::string, std::string> out;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    if (const auto equals = line.find('='); equals != std::string::npos)
      out.emplace(line.substr(0, equals), line.substr(equals + 1));
  return out;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string rfc3339_of(std::string openssl_date) {
  std::ranges::replace(openssl_date, ' ', 'T');
  return openssl_date;
}

void expect_same_as_openssl(const zoo::Der& der) {
  const Certificate facts = parse(der);
  const auto printed = lines(openssl_prints(
      der, "-subject -issuer -serial -dates -dateopt iso_8601 -fingerprint -sha256 -nameopt RFC2253,utf8,-esc_msb"));
  EXPECT_EQ(facts.subject_dn, printed.at("subject"));
  EXPECT_EQ(facts.issuer_dn, printed.at("issuer"));
  EXPECT_EQ(facts.serial, lower(printed.at("serial")));
  EXPECT_EQ(rfc3339(facts.not_before.value()), rfc3339_of(printed.at("notBefore")));
  EXPECT_EQ(rfc3339(facts.not_after.value()), rfc3339_of(printed.at("notAfter")));
  std::string fingerprint = lower(printed.at("sha256 Fingerprint"));
  std::erase(fingerprint, ':');
  EXPECT_EQ(facts.sha256, fingerprint);
  const std::string text = openssl_prints(der, "-text");
  EXPECT_NE(text.find("Signature Algorithm: " + facts.signature_algorithm + "\n"), std::string::npos) << text;
}

struct Animal {
  const char* name;
  zoo::Recipe recipe;
  const char* key_type;
};

std::vector<Animal> animals() {
  using zoo::Recipe;
  const std::string long_text(30'000, 'x');
  return {
      {"rsa", Recipe{.key = "rsa"}, "rsa-2048"},
      {"rsa-pss", Recipe{.key = "rsa-pss"}, "rsa-pss-2048"},
      {"p256", Recipe{.key = "p256"}, "ecdsa-p256"},
      {"p384", Recipe{.key = "p384"}, "ecdsa-p384"},
      {"p521", Recipe{.key = "p521"}, "ecdsa-p521"},
      {"other curve", Recipe{.key = "secp256k1"}, "ecdsa-secp256k1"},
      {"ed25519", Recipe{.key = "ed25519"}, "ed25519"},
      {"ed448", Recipe{.key = "ed448"}, "ed448"},
      {"dsa", Recipe{.key = "dsa"}, "dsa-1024"},
      {"no subject", Recipe{.subject = {}}, "ecdsa-p256"},
      {"utf-8", Recipe{.subject = {{"C", "DE", V_ASN1_PRINTABLESTRING}, {"O", "Größe €𝄞"}, {"CN", "münchen"}}},
       "ecdsa-p256"},
      {"bmp", Recipe{.subject = {{"CN", "\0M\0\xfc\x20\xac"s, V_ASN1_BMPSTRING}}}, "ecdsa-p256"},
      {"universal", Recipe{.subject = {{"CN", "\0\1\xd1\x1e\0\0\0a"s, V_ASN1_UNIVERSALSTRING}}}, "ecdsa-p256"},
      {"teletex", Recipe{.subject = {{"CN", "M\xfcnchen", V_ASN1_T61STRING}}}, "ecdsa-p256"},
      {"newlines", Recipe{.subject = {{"O", "a\r\nb\tc\x1b[2Jd\x7f"}}}, "ecdsa-p256"},
      {"nul", Recipe{.subject = {{"CN", "good.example.com\0.evil.example"s}}}, "ecdsa-p256"},
      {"specials", Recipe{.subject = {{"O", " #a,b+c\"d\\e<f>g;h=i "}, {"OU", "#hash"}}}, "ecdsa-p256"},
      {"empty value", Recipe{.subject = {{"O", ""}, {"CN", "x"}}}, "ecdsa-p256"},
      {"multi-valued", Recipe{.subject = {{"O", "o"}, {"OU", "u", V_ASN1_UTF8STRING, true}, {"CN", "c"}}},
       "ecdsa-p256"},
      {"unknown type", Recipe{.subject = {{"1.2.3.4.5", "value"}, {"CN", "c"}}}, "ecdsa-p256"},
      {"30,000 bytes", Recipe{.subject = {{"O", long_text}}}, "ecdsa-p256"},
      {"zero serial", Recipe{.serial = "0"}, "ecdsa-p256"},
      {"negative serial", Recipe{.serial = "-0180"}, "ecdsa-p256"},
      {"serial of the high bit", Recipe{.serial = "ff01"}, "ecdsa-p256"},
      {"long serial", Recipe{.serial = "0123456789abcdef0123456789abcdef01234567"}, "ecdsa-p256"},
      {"expired", Recipe{.not_before = "19700101000000Z", .not_after = "20001231235959Z"}, "ecdsa-p256"},
      {"future", Recipe{.not_before = "20500101000000Z", .not_after = "99991231235959Z"}, "ecdsa-p256"},
      {"before 1970", Recipe{.not_before = "19500101000001Z"}, "ecdsa-p256"},
      {"long ago", Recipe{.not_before = "10000101000000Z", .not_after = "16000229000000Z"}, "ecdsa-p256"},
  };
}

TEST(Certificate, every_fact_is_what_openssl_prints) {
  for (const Animal& animal : animals()) {
    SCOPED_TRACE(animal.name);
    const zoo::Made made = zoo::make(animal.recipe);
    expect_same_as_openssl(made.der);
    const Certificate facts = parse(made.der);
    EXPECT_EQ(facts.error, "");
    EXPECT_EQ(facts.key_type, animal.key_type);
    EXPECT_TRUE(facts.self_signed);
    EXPECT_FALSE(facts.is_ca);
    const std::optional<TbsFields> fields = tbs_fields(made.der);
    EXPECT_EQ(dn_text(fields.value().subject.value().content), facts.subject_dn) << "read without libcrypto";
    EXPECT_EQ(common_name(fields->subject->content), facts.subject_cn);
  }
}

TEST(Certificate, a_chain_names_its_issuers) {
  const zoo::Family family = zoo::family();
  for (const zoo::Made* made : {&family.root, &family.intermediate, &family.leaf}) expect_same_as_openssl(made->der);
  const Certificate leaf = parse(family.leaf.der);
  EXPECT_EQ(leaf.issuer_cn, "Zoo Intermediate");
  EXPECT_EQ(leaf.issuer_dn, "CN=Zoo Intermediate");
  EXPECT_FALSE(leaf.self_signed);
  EXPECT_TRUE(parse(family.intermediate.der).is_ca);
  EXPECT_TRUE(parse(family.root.der).self_signed);
}

TEST(Certificate, self_signed_needs_the_own_key_and_not_only_the_own_name) {
  const zoo::Made other = zoo::make({.subject = {{"CN", "same"}}, .key = "p384"});
  EXPECT_FALSE(parse(zoo::make({.subject = {{"CN", "same"}}, .key = "p256"}, &other).der).self_signed);
}

TEST(Certificate, the_last_common_name_counts_with_all_its_bytes) {
  const Certificate facts = parse(zoo::make({.subject = {{"CN", "first"}, {"CN", "a\0b\n\x1b"s}}}).der);
  EXPECT_EQ(facts.subject_cn, "a\0b\n\x1b"s);
  EXPECT_EQ(facts.subject_dn, "CN=a\\00b\\0A\\1B,CN=first");
  EXPECT_EQ(parse(zoo::make({.subject = {{"CN", "\0M\0\xfc"s, V_ASN1_BMPSTRING}}}).der).subject_cn, "Mü");
}

TEST(Certificate, c1_controls_of_a_dn_are_escaped_too) {
  EXPECT_EQ(parse(zoo::make({.subject = {{"O", "a\xc2\x9b\x31m€"}}}).der).subject_dn, "O=a\\C2\\9B1m€");
}

// libcrypto does not read such a certificate at all, and so does not make it: the bytes are changed behind it. The
// signature is then wrong, and self_signed false.
TEST(Certificate, a_name_that_is_no_text_costs_only_itself) {
  zoo::Made made =
      zoo::make({.subject = {{"O", "M@nchen"}, {"CN", "host"}}, .alt_names = {{GEN_DNS, "a.example.com"}}});
  std::string bytes(reinterpret_cast<const char*>(made.der.data()), made.der.size());
  for (auto at = bytes.find("M@n"); at != std::string::npos; at = bytes.find("M@n")) bytes[at + 1] = '\xfc';
  const Certificate facts = parse(zoo::bytes_of(bytes));
  EXPECT_EQ(facts.error, "a name holds bytes that are no text");
  EXPECT_EQ(facts.subject_dn, "CN=host,O=#0C074DFC6E6368656E");
  EXPECT_EQ(facts.issuer_dn, facts.subject_dn);
  EXPECT_EQ(facts.subject_cn, "host");
  EXPECT_EQ(facts.key_type, "ecdsa-p256");
  EXPECT_EQ(facts.alt_names, (std::vector<AltName>{{AltName::Kind::kDns, "a.example.com"}}));
  EXPECT_EQ(facts.serial, "0a1b2c");
  EXPECT_TRUE(facts.not_after.has_value());
}

// A TBSCertificate with raw Latin-1 in a UTF8String, signed as it is: what such a device sends.
TEST(Certificate, self_signed_is_told_of_a_name_that_is_no_text) {
  const zoo::Made made = zoo::make({.subject = {{"CN", "M@nchen"}}});
  std::string bytes(reinterpret_cast<const char*>(made.der.data()), made.der.size());
  for (auto at = bytes.find("M@n"); at != std::string::npos; at = bytes.find("M@n")) bytes[at + 1] = '\xfc';
  unsigned char* tbs = nullptr;
  const int tbs_size = i2d_re_X509_tbs(made.certificate.get(), &tbs);
  OPENSSL_free(tbs);
  const auto tbs_at = static_cast<std::size_t>(made.der[1] == std::byte{0x82} ? 4 : 3);
  const std::string_view tbs_bytes = std::string_view(bytes).substr(tbs_at, static_cast<std::size_t>(tbs_size));
  const ASN1_BIT_STRING* old_signature = nullptr;
  X509_get0_signature(&old_signature, nullptr, made.certificate.get());
  const auto old_size = static_cast<std::size_t>(ASN1_STRING_length(old_signature));
  std::vector<std::byte> signature;
  do signature = zoo::sign(made.key, "SHA256", 0, tbs_bytes);  // its length varies by a byte or two
  while (signature.size() != old_size);
  bytes.replace(bytes.size() - old_size, old_size, reinterpret_cast<const char*>(signature.data()), old_size);
  const Certificate facts = parse(zoo::bytes_of(bytes));
  EXPECT_EQ(facts.subject_cn, "M\xfcnchen");
  EXPECT_TRUE(facts.self_signed);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  EXPECT_FALSE(parse(zoo::bytes_of(bytes)).self_signed);
}

TEST(Certificate, alternative_names_are_listed_in_their_order) {
  const std::string v6("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
  const std::string mapped("\0\0\0\0\0\0\0\0\0\0\xff\xff\1\2\3\4", 16);
  const Certificate facts = parse(zoo::make({.alt_names = {{GEN_DNS, "*.example.com"},
                                                           {GEN_IPADD, "\x7f\0\0\1"s},
                                                           {GEN_EMAIL, "me@example.com"},
                                                           {GEN_IPADD, v6},
                                                           {GEN_URI, "https://example.com/"},
                                                           {GEN_IPADD, mapped},
                                                           {GEN_IPADD, "\1\2\3"s},
                                                           {GEN_DNS, "nul\0name"s}}})
                                      .der);
  using Kind = AltName::Kind;
  EXPECT_EQ(facts.alt_names, (std::vector<AltName>{{Kind::kDns, "*.example.com"},
                                                   {Kind::kIp, "127.0.0.1"},
                                                   {Kind::kEmail, "me@example.com"},
                                                   {Kind::kIp, "2001:db8::1"},
                                                   {Kind::kUri, "https://example.com/"},
                                                   {Kind::kIp, "::ffff:1.2.3.4"},
                                                   {Kind::kIp, "#010203"},
                                                   {Kind::kDns, "nul\0name"s}}));
  EXPECT_TRUE(facts.wildcard);
}

TEST(Certificate, a_thousand_alternative_names_are_what_openssl_prints) {
  zoo::Recipe recipe;
  std::string expected;
  for (int i = 0; i < 1'001; ++i) {
    const std::string name = "host" + std::to_string(i) + ".example.com";
    recipe.alt_names.emplace_back(GEN_DNS, name);
    expected += (i == 0 ? "DNS:" : ", DNS:") + name;
  }
  const zoo::Made made = zoo::make(recipe);
  EXPECT_NE(openssl_prints(made.der, "-ext subjectAltName").find(expected), std::string::npos);
  const Certificate facts = parse(made.der);
  ASSERT_EQ(facts.alt_names.size(), 1'001U);
  EXPECT_EQ(facts.alt_names.back().text, "host1000.example.com");
  EXPECT_EQ(facts.listed_alt_names().size(), kMaxListedAltNames);
}

TEST(Certificate, wildcard_is_told_of_the_names_that_count) {
  EXPECT_TRUE(parse(zoo::make({.subject = {{"CN", "*.example.com"}}}).der).wildcard);
  const zoo::Recipe with_names{.subject = {{"CN", "*.example.com"}}, .alt_names = {{GEN_DNS, "www.example.com"}}};
  EXPECT_FALSE(parse(zoo::make(with_names).der).wildcard) << "the common name does not count beside alternative names";
}

TEST(Certificate, embedded_scts_are_counted) {
  EXPECT_EQ(parse(zoo::make({.scts = "\x04\x09\x00\x07\x00\x02\xaa\xbb\x00\x01\xcc"s}).der).embedded_scts, 2U);
  const Certificate broken = parse(zoo::make({.scts = "\x04\x03\x00\x07\x00"s}).der);
  EXPECT_EQ(broken.embedded_scts, 0U);
  EXPECT_EQ(broken.error, "malformed list of SCTs");
}

TEST(Certificate, every_beginning_of_one_is_an_error_with_a_hash_and_the_facts_so_far) {
  const zoo::Made made = zoo::make({.alt_names = {{GEN_DNS, "www.example.com"}}});
  for (std::size_t length = 0; length < made.der.size(); ++length) {
    const Certificate facts = parse(std::span(made.der).first(length));
    EXPECT_NE(facts.error, "") << length;
    EXPECT_EQ(facts.sha256.size(), 64U) << length;
  }
}

TEST(Certificate, bytes_behind_it_are_told_and_change_nothing_else) {
  zoo::Der der = zoo::make({}).der;
  der.resize(der.size() + 3);
  const Certificate facts = parse(der);
  EXPECT_EQ(facts.error, "3 bytes after the certificate");
  EXPECT_EQ(facts.subject_cn, "zoo.example.com");
}

// A serial number 02 03 00 00 01 has padding that DER forbids.
TEST(Certificate, what_libcrypto_refuses_still_tells_who_and_when) {
  const zoo::Made made = zoo::make({.serial = "7f0001"});
  std::string bytes(reinterpret_cast<const char*>(made.der.data()), made.der.size());
  bytes[bytes.find("\x02\x03\x7f\x00\x01"s) + 2] = '\0';
  const Certificate facts = parse(zoo::bytes_of(bytes));
  EXPECT_TRUE(facts.error.starts_with("not a certificate: ")) << facts.error;
  EXPECT_EQ(facts.serial, "000001");
  EXPECT_EQ(facts.subject_dn, "CN=zoo.example.com");
  EXPECT_EQ(facts.issuer_cn, "zoo.example.com");
  EXPECT_EQ(rfc3339(facts.not_after.value()), "2099-12-31T23:59:59Z");
}

TEST(Certificate, a_malformed_date_is_absent) {
  const zoo::Made made = zoo::make({.not_after = "20991231235959Z"});
  std::string bytes(reinterpret_cast<const char*>(made.der.data()), made.der.size());
  bytes[bytes.find("20991231235959Z") + 5] = '9';  // month 19
  const Certificate facts = parse(zoo::bytes_of(bytes));
  EXPECT_FALSE(facts.not_after.has_value());
  EXPECT_EQ(facts.error, "malformed validity");
  EXPECT_TRUE(facts.not_before.has_value());
}

TEST(Certificate, over_64_kib_only_the_hash_is_told) {
  const zoo::Made made = zoo::make({.subject = {{"O", std::string(kMaxCertificateBytes, 'x')}}});
  const Certificate facts = parse(made.der);
  EXPECT_EQ(facts.error, "longer than 65536 bytes: not looked into");
  EXPECT_EQ(facts.subject_dn, "");
  EXPECT_EQ(facts.sha256.size(), 64U);
}

TEST(Certificate, pem_is_what_libcrypto_reads_back) {
  for (const std::size_t pad : {0U, 1U, 2U, 3U, 47U}) {
    const zoo::Made made = zoo::make({.subject = {{"O", std::string(pad + 1, 'x')}}, .key = "ed25519"});
    const std::string text = pem(made.der);
    const BioHandle bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    const CertificateHandle read(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    ASSERT_TRUE(read);
    EXPECT_EQ(X509_cmp(read.get(), made.certificate.get()), 0);
  }
}

TEST(Certificate, dates_are_written_as_rfc_3339) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(rfc3339(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(rfc3339(951'782'400), "2000-02-29T00:00:00Z");
  EXPECT_EQ(rfc3339(253'402'300'799), "9999-12-31T23:59:59Z");
  EXPECT_EQ(rfc3339(-62'167'219'200), "0000-01-01T00:00:00Z");
}

}  // namespace
}  // namespace sonde::x509
