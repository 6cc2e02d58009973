#include "x509/verifier.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "x509/certificate.h"
#include "x509/zoo.h"

namespace sonde::x509 {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;  // 2027-01-15

// A file of roots for the test's length.
class CaFile {
 public:
  explicit CaFile(const std::string& content)
      : path_(testing::TempDir() + "x509_roots_" + std::to_string(getpid()) + ".pem") {
    std::ofstream(path_) << content;
  }
  ~CaFile() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Chain chain_of(const std::vector<const zoo::Made*>& certificates) {
  Chain chain;
  for (const zoo::Made* made : certificates) chain.add(made->der);
  return chain;
}

std::string verdict(const Verifier& verifier, const std::vector<const zoo::Made*>& certificates,
                    std::int64_t now = kNow) {
  const Verdict result = verifier.verify(chain_of(certificates), now);
  EXPECT_EQ(result.verified, result.error.empty());
  return result.verified ? "verified" : result.error;
}

TEST(Verifier, a_whole_chain_leads_to_the_root) {
  const zoo::Family family = zoo::family();
  const CaFile file(pem(family.root.der));
  const Verifier verifier = Verifier::create(file.path()).value();
  EXPECT_EQ(verdict(verifier, {&family.leaf, &family.intermediate}), "verified");
  EXPECT_EQ(verdict(verifier, {&family.leaf, &family.intermediate, &family.root}), "verified");
  EXPECT_EQ(verdict(verifier, {&family.leaf, &family.root, &family.intermediate}), "verified") << "any order helps";
}

TEST(Verifier, what_is_wrong_is_told_in_openssls_words) {
  const zoo::Family family = zoo::family();
  const CaFile file(pem(family.root.der));
  const Verifier verifier = Verifier::create(file.path()).value();
  EXPECT_EQ(verdict(verifier, {&family.leaf}), "unable to get local issuer certificate");
  const zoo::Made lonely = zoo::make({});
  EXPECT_EQ(verdict(verifier, {&lonely}), "self-signed certificate");
  const zoo::Made old =
      zoo::make({.not_before = "20000101000000Z", .not_after = "20010101000000Z"}, &family.intermediate);
  EXPECT_EQ(verdict(verifier, {&old, &family.intermediate}), "certificate has expired");
  const zoo::Made young = zoo::make({.not_before = "20500101000000Z"}, &family.intermediate);
  EXPECT_EQ(verdict(verifier, {&young, &family.intermediate}), "certificate is not yet valid");
  const zoo::Made stranger = zoo::make({.subject = {{"CN", "Stranger"}}, .key = "rsa", .ca = true});
  const zoo::Made of_stranger = zoo::make({}, &stranger);
  EXPECT_EQ(verdict(verifier, {&of_stranger, &stranger}), "self-signed certificate in certificate chain");
  const zoo::Made no_ca =
      zoo::make({.subject = {{"CN", "no ca"}}, .alt_names = {{GEN_DNS, "x.example.com"}}}, &family.root);
  const zoo::Made of_no_ca = zoo::make({}, &no_ca);
  EXPECT_EQ(verdict(verifier, {&of_no_ca, &no_ca}), "invalid CA certificate");
}

TEST(Verifier, the_time_is_the_given_one) {
  const zoo::Made root =
      zoo::make({.key = "rsa", .not_before = "20000101000000Z", .not_after = "20010101000000Z", .ca = true});
  const CaFile file(pem(root.der));
  const Verifier verifier = Verifier::create(file.path()).value();
  EXPECT_EQ(verdict(verifier, {&root}, 960'000'000), "verified");
  EXPECT_EQ(verdict(verifier, {&root}, kNow), "certificate has expired");
}

TEST(Verifier, a_changed_certificate_is_not_verified) {
  zoo::Family family = zoo::family();
  const CaFile file(pem(family.root.der));
  const Verifier verifier = Verifier::create(file.path()).value();
  family.leaf.der.back() ^= std::byte{1};
  EXPECT_EQ(verdict(verifier, {&family.leaf, &family.intermediate}), "certificate signature failure");
}

TEST(Verifier, garbage_and_nothing_are_not_verified) {
  const zoo::Family family = zoo::family();
  const CaFile file(pem(family.root.der));
  const Verifier verifier = Verifier::create(file.path()).value();
  EXPECT_EQ(verifier.verify(Chain(), kNow).error, "no certificate");
  Chain garbage;
  garbage.add(zoo::bytes_of("garbage"));
  EXPECT_EQ(verifier.verify(garbage, kNow).error, "the certificate is not readable");
  Chain among = chain_of({&family.leaf});
  among.add(zoo::bytes_of("garbage"));
  among.add(family.intermediate.der);
  EXPECT_TRUE(verifier.verify(among, kNow).verified) << "garbage among the helpers does no harm";
}

TEST(Verifier, a_hundred_certificates_are_looked_at) {
  const zoo::Family family = zoo::family();
  const CaFile file(pem(family.root.der));
  const Verifier verifier = Verifier::create(file.path()).value();
  const auto padded = [&](int fillers) {
    Chain chain = chain_of({&family.leaf});
    for (int i = 0; i < fillers; ++i) chain.add(zoo::bytes_of("filler"));
    chain.add(family.intermediate.der);
    return chain;
  };
  EXPECT_TRUE(verifier.verify(padded(98), kNow).verified);
  EXPECT_EQ(verifier.verify(padded(99), kNow).error, "unable to get local issuer certificate");
  EXPECT_EQ(padded(99).size(), kMaxChainCertificates);
  EXPECT_EQ(padded(99).sent(), 101U);
}

TEST(Verifier, the_file_alone_is_trusted) {
  const zoo::Family family = zoo::family();
  const zoo::Made other = zoo::make({.subject = {{"CN", "Other Root"}}, .key = "p521", .ca = true});
  const CaFile file(pem(other.der) + "some text between\n" + pem(family.root.der));
  const Verifier verifier = Verifier::create(file.path()).value();
  EXPECT_EQ(verdict(verifier, {&family.leaf, &family.intermediate}), "verified") << "every block of the file counts";
  const Verifier system = Verifier::create("").value();
  EXPECT_NE(verdict(system, {&family.leaf, &family.intermediate}), "verified");
}

TEST(Verifier, a_file_of_roots_that_is_missing_or_none_is_named) {
  EXPECT_EQ(Verifier::create("/nowhere/roots.pem").error().text,
            "cannot read '/nowhere/roots.pem': No such file or directory");
  const CaFile empty("no certificate here\n");
  EXPECT_EQ(Verifier::create(empty.path()).error().text, "'" + empty.path() + "' has no PEM certificate");
  std::string half = pem(zoo::make({}).der);
  half.replace(40, 8, "AAAAAAAA");
  const CaFile broken(pem(zoo::make({}).der) + half);
  const std::string text = Verifier::create(broken.path()).error().text;
  EXPECT_TRUE(text.starts_with("'" + broken.path() + "': certificate 2: ")) << text;
}

TEST(Chain, the_key_tells_cuttings_of_the_same_bytes_apart) {
  ChainHasher hasher;
  Chain one;
  one.add(zoo::bytes_of("abcd"));
  Chain two;
  two.add(zoo::bytes_of("ab"));
  two.add(zoo::bytes_of("cd"));
  Chain same;
  same.add(zoo::bytes_of("abcd"));
  EXPECT_NE(hasher.key_of(one), hasher.key_of(two));
  EXPECT_EQ(hasher.key_of(one), hasher.key_of(same));
}

TEST(Chain, what_is_beyond_its_bounds_is_counted_and_keyed) {
  ChainHasher hasher;
  Chain chain;
  const zoo::Der big(kMaxChainBytes / 2 - 3);
  chain.add(big);
  chain.add(big);
  const ChainKey full = hasher.key_of(chain);
  chain.add(zoo::bytes_of("x"));
  EXPECT_EQ(chain.size(), 2U);
  EXPECT_EQ(chain.sent(), 3U);
  EXPECT_NE(hasher.key_of(chain), full);
  EXPECT_EQ(chain[1].size(), big.size());
}

}  // namespace
}  // namespace sonde::x509
