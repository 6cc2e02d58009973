#include "x509/scts.h"

#include <gtest/gtest.h>
#include <openssl/ocsp.h>

#include <string>
#include <string_view>

#include "x509/zoo.h"

namespace sonde::x509 {
namespace {

using namespace std::string_literals;

std::optional<std::uint32_t> in_list(std::string_view bytes) { return count_scts(std::as_bytes(std::span(bytes))); }

TEST(Scts, a_list_is_counted) {
  EXPECT_EQ(in_list("\0\0"s), 0U);
  EXPECT_EQ(in_list("\0\x03\0\x01\xaa"s), 1U);
  EXPECT_EQ(in_list("\0\x07\0\x02\xaa\xbb\0\x01\xcc"s), 2U);
}

TEST(Scts, a_list_that_is_cut_or_has_bytes_left_over_is_none) {
  const std::string list = "\0\x07\0\x02\xaa\xbb\0\x01\xcc"s;
  for (std::size_t length = 0; length < list.size(); ++length)
    EXPECT_EQ(in_list(std::string_view(list).substr(0, length)), std::nullopt) << length;
  EXPECT_EQ(in_list(list + "x"), std::nullopt);
  EXPECT_EQ(in_list("\0\x02\0\0"s), std::nullopt) << "an empty SCT";
}

// A response that libcrypto makes and signs, its single response with `lists` as SCT extensions.
zoo::Der ocsp_response(const std::vector<std::string>& lists) {
  const zoo::Family family = zoo::family();
  const std::unique_ptr<OCSP_BASICRESP, FreeWith<OCSP_BASICRESP_free>> basic(OCSP_BASICRESP_new());
  OCSP_CERTID* id = OCSP_cert_to_id(nullptr, family.leaf.certificate.get(), family.intermediate.certificate.get());
  const TimeHandle now(ASN1_TIME_set(nullptr, 1'800'000'000));
  for (const std::string& list : lists) {
    OCSP_SINGLERESP* single =
        OCSP_basic_add1_status(basic.get(), id, V_OCSP_CERTSTATUS_GOOD, 0, nullptr, now.get(), now.get());
    if (list.empty()) continue;
    ASN1_OCTET_STRING* value = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(value, reinterpret_cast<const unsigned char*>(list.data()), static_cast<int>(list.size()));
    X509_EXTENSION* extension = X509_EXTENSION_create_by_NID(nullptr, NID_ct_cert_scts, 0, value);
    OCSP_SINGLERESP_add_ext(single, extension, -1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
  }
  OCSP_CERTID_free(id);
  OCSP_basic_sign(basic.get(), family.intermediate.certificate.get(), family.intermediate.key.get(), EVP_sha256(),
                  nullptr, 0);
  const std::unique_ptr<OCSP_RESPONSE, FreeWith<OCSP_RESPONSE_free>> response(
      OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get()));
  unsigned char* der = nullptr;
  const int size = i2d_OCSP_RESPONSE(response.get(), &der);
  zoo::Der out = zoo::bytes_of({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  return out;
}

TEST(Scts, those_of_an_ocsp_response_are_counted) {
  EXPECT_EQ(count_ocsp_scts(ocsp_response({""})), 0U);
  const std::string two = "\x04\x09\0\x07\0\x02\xaa\xbb\0\x01\xcc"s;
  EXPECT_EQ(count_ocsp_scts(ocsp_response({two})), 2U);
  EXPECT_EQ(count_ocsp_scts(ocsp_response({two, "", two})), 4U);
  EXPECT_EQ(count_ocsp_scts(ocsp_response({"\x04\x09\0\x07\0\x02"s})), std::nullopt) << "a broken list inside";
}

TEST(Scts, an_ocsp_response_without_content_has_none) {
  EXPECT_EQ(count_ocsp_scts(zoo::bytes_of("\x30\x03\x0a\x01\x03"s)), 0U) << "tryLater";
  EXPECT_EQ(count_ocsp_scts({}), std::nullopt);
  EXPECT_EQ(count_ocsp_scts(zoo::bytes_of("garbage")), std::nullopt);
}

TEST(Scts, a_cut_ocsp_response_is_none) {
  const zoo::Der whole = ocsp_response({"\x04\x05\0\x03\0\x01\xaa"s});
  ASSERT_EQ(count_ocsp_scts(whole), 1U);
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_EQ(count_ocsp_scts(std::span(whole).first(length)), std::nullopt) << length;
}

}  // namespace
}  // namespace sonde::x509
