#include "probes/check/tls_samples.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <map>

#include "probes/check/go_name.h"
#include "tls/memory_server.h"

namespace sonde::probes {
namespace {

struct Entry {
  const char* type;
  const char* value;
};

std::string named(const std::vector<Entry>& entries) {
  X509_NAME* name = X509_NAME_new();
  for (const Entry& entry : entries)
    SONDE_CHECK(X509_NAME_add_entry_by_txt(name, entry.type, MBSTRING_UTF8,
                                           reinterpret_cast<const unsigned char*>(entry.value), -1, -1, 0) == 1,
                "an entry of a name");
  std::string text = go_name(name);
  X509_NAME_free(name);
  return text;
}

// What Go 1.19's pkix.Name.String() says of the same.
TEST(GoName, has_go_s_order_whatever_the_certificate_has) {
  EXPECT_EQ(named({}), "");
  EXPECT_EQ(named({{"CN", "a.example"}}), "CN=a.example");
  EXPECT_EQ(named({{"CN", "a.example"}, {"O", "Acme"}, {"C", "DE"}}), "CN=a.example,O=Acme,C=DE");
  EXPECT_EQ(named({{"C", "DE"}, {"OU", "one"}, {"OU", "two"}, {"CN", "x"}}), "CN=x,OU=one+OU=two,C=DE");
  EXPECT_EQ(named({{"CN", "first"}, {"CN", "last"}}), "CN=last");
}

TEST(GoName, escapes_as_go_does) {
  EXPECT_EQ(named({{"O", "Acme, Inc. + \"Sons\""}}), R"(O=Acme\, Inc. \+ \"Sons\")");
  EXPECT_EQ(named({{"O", "#1"}}), R"(O=\#1)");
  EXPECT_EQ(named({{"O", " x "}}), R"(O=\ x\ )");
}

TEST(GoName, types_without_a_name_are_hex_and_stand_last) {
  EXPECT_EQ(named({{"emailAddress", "a@b"}, {"CN", "x"}}), "CN=x,1.2.840.113549.1.9.1=#0c03614062");
  EXPECT_EQ(named({{"title", "Dr"}, {"CN", "x"}}), "CN=x,2.5.4.12=#13024472");
}

class Sessions : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    files_.push_back(testing::TempDir() + "tls_samples_" + name);
    std::ofstream(files_.back()) << text;
    return files_.back();
  }
  void TearDown() override {
    for (const std::string& file : files_) std::remove(file.c_str());
  }
  // What is seen of a handshake with it.
  TlsSeen see(const TlsConfig& config, const std::string& name = "localhost") {
    const auto context = make_tls_context(config);
    SONDE_CHECK(context, "a context");
    tls::ClientSession session(**context, {.server_name = server_name_for(name), .verify_name = name});
    tls::MemoryConnection connection(server_);
    for (int turn = 0; turn < 10 && session.state() == tls::ClientSession::State::kHandshaking; ++turn) {
      const auto out = session.outgoing();
      connection.feed(std::vector<std::byte>(out.begin(), out.end()));
      session.sent(out.size());
      const std::string said = connection.output();
      session.feed(tls::bytes_of(said));
    }
    error_ = session.error();
    return see_tls(session, views_);
  }
  std::map<std::string, double> samples(const TlsSeen& seen) {
    metrics::Samples out;
    sample_tls(seen, out);
    std::map<std::string, double> told;
    for (const metrics::Sample& sample : out.all()) told[sample.family->name] = sample.value;
    return told;
  }

  tls::MemoryServer server_;
  ChainViews views_;
  std::string error_;

 private:
  std::vector<std::string> files_;
};

TEST_F(Sessions, a_chain_that_verifies_has_its_expiry) {
  const TlsSeen seen = see({.ca_file = write("ca.pem", server_.ca.pem())});
  EXPECT_EQ(error_, "");
  const auto told = samples(seen);
  EXPECT_EQ(told.size(), 4U);
  EXPECT_GT(told.at("probe_ssl_earliest_cert_expiry"), 0);
  EXPECT_EQ(told.at("probe_ssl_earliest_cert_expiry"), told.at("probe_ssl_last_chain_expiry_timestamp_seconds"));
  EXPECT_EQ(seen.chain->subject, "CN=localhost");
  EXPECT_EQ(seen.chain->issuer, "CN=sonde test CA");
  EXPECT_EQ(seen.chain->names, "localhost");
  EXPECT_EQ(seen.chain->fingerprint.size(), 64U);
  EXPECT_NE(seen.cipher, 0);
  ASSERT_FALSE(seen.chain->certificates.empty());
  const ChainView::Certificate& leaf = seen.chain->certificates[0];
  EXPECT_EQ(leaf.subject, "CN=localhost");
  EXPECT_EQ(leaf.issuer, "CN=sonde test CA");
  EXPECT_EQ(leaf.sha256, seen.chain->fingerprint);
  EXPECT_LT(leaf.not_before.value(), leaf.not_after.value());
  EXPECT_GE(leaf.not_after.value(), seen.chain->earliest_expiry);
}

TEST_F(Sessions, unverified_is_go_s_zero_time) {
  const auto told = samples(see({.insecure_skip_verify = true}));
  EXPECT_EQ(error_, "");
  EXPECT_EQ(told.at("probe_ssl_last_chain_expiry_timestamp_seconds"), -62135596800.0);
}

TEST_F(Sessions, the_facts_of_a_handshake_that_failed_are_there) {
  const TlsSeen seen = see({.ca_file = write("ca.pem", server_.ca.pem())}, "other.example");
  EXPECT_NE(error_, "");
  const auto told = samples(seen);
  EXPECT_EQ(told.size(), 4U);
  EXPECT_GT(told.at("probe_ssl_earliest_cert_expiry"), 0);
  EXPECT_EQ(told.at("probe_ssl_last_chain_expiry_timestamp_seconds"), -62135596800.0);
}

TEST_F(Sessions, a_leaf_in_ca_file_is_trusted_as_in_go) {
  const TlsSeen seen = see({.ca_file = write("leaf.pem", server_.identity.pem())});
  EXPECT_EQ(error_, "");
  EXPECT_TRUE(seen.verified_until);
}

TEST_F(Sessions, each_chain_is_read_once) {
  const TlsConfig config{.insecure_skip_verify = true};
  EXPECT_EQ(see(config).chain, see(config).chain);
}

TEST(ServerNameFor, is_no_address_and_has_no_dot_at_its_end) {
  EXPECT_EQ(server_name_for("a.example."), "a.example");
  EXPECT_EQ(server_name_for("127.0.0.1"), "");
  EXPECT_EQ(server_name_for("::1"), "");
}

TEST(MakeTlsContext, names_the_file_that_is_missing) {
  const auto context = make_tls_context({.ca_file = "/nowhere/ca.pem"});
  ASSERT_FALSE(context);
  EXPECT_NE(context.error().text.find("/nowhere/ca.pem"), std::string::npos);
}

}  // namespace
}  // namespace sonde::probes
