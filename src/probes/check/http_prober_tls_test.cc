// The http prober over TLS: what is verified, and the samples of certificates.
#include <gtest/gtest.h>

#include "probes/check/drive_http_check.h"

namespace sonde::probes {
namespace {

using namespace driven;  // NOLINT(google-build-using-namespace): a test of this one folder

const std::string kHello = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";
constexpr double kGoZeroTime = -62135596800.0;

class HttpProberTls : public testing::Test {
 protected:
  // A module that trusts the server of `alpn`.
  HttpCheck trusting(const std::string& alpn) {
    file_ = testing::TempDir() + "http_prober_ca.pem";
    std::ofstream(file_) << server(alpn).ca.pem();
    HttpCheck check;
    check.tls.ca_file = file_;
    return check;
  }
  void TearDown() override {
    if (!file_.empty()) std::remove(file_.c_str());
  }
  static Checked run(const HttpCheck& check, const std::string& alpn,
                     const std::string& target = "https://localhost/") {
    Checking checking(check);
    checking.target = target;
    return checking.run(
        [&] { return std::vector{over_tls(server(alpn), alpn == "h2" ? http2_peer(serves()) : plain({kHello}))}; });
  }

 private:
  std::string file_;
};

TEST_F(HttpProberTls, a_chain_that_verifies_is_told) {
  const Checked told = run(trusting(""), "");
  EXPECT_TRUE(told.success) << told.error;
  EXPECT_EQ(told["probe_http_ssl"], 1);
  EXPECT_EQ(told["probe_http_version"], 1.1);
  EXPECT_EQ(told["probe_tls_version_info version=TLS 1.3"], 1);
  EXPECT_EQ(told["probe_ssl_last_chain_info subject=CN=localhost"], 1);
  EXPECT_GT(told["probe_ssl_earliest_cert_expiry"], 0);
  EXPECT_GT(told["probe_ssl_last_chain_expiry_timestamp_seconds"], 0);
  EXPECT_EQ(told.samples.size(), 16U);
}

TEST_F(HttpProberTls, http2_where_the_server_chooses_it_and_the_module_allows) {
  HttpCheck check = trusting("h2");
  EXPECT_EQ(run(check, "h2")["probe_http_version"], 2);
  check.valid_http_versions = {"HTTP/2.0"};
  EXPECT_TRUE(run(check, "h2").success);
  HttpCheck one = trusting("http/1.1");
  one.enable_http2 = false;
  EXPECT_EQ(run(one, "http/1.1")["probe_http_version"], 1.1);
}

TEST_F(HttpProberTls, a_name_that_is_not_the_certificate_s_fails_with_its_facts) {
  const Checked told = run(trusting(""), "", "https://other.example/");
  EXPECT_FALSE(told.success);
  EXPECT_EQ(told.outcome, Outcome::kTlsError);
  EXPECT_EQ(told.cause, "certificate");
  EXPECT_EQ(told["probe_http_ssl"], 0);
  EXPECT_EQ(told["probe_http_status_code"], 0);
  EXPECT_GT(told["probe_ssl_earliest_cert_expiry"], 0);
  EXPECT_EQ(told["probe_ssl_last_chain_expiry_timestamp_seconds"], kGoZeroTime);
}

TEST_F(HttpProberTls, the_name_is_the_module_s_or_the_host_header_s) {
  HttpCheck check = trusting("");
  check.tls.server_name = "localhost";
  EXPECT_TRUE(run(check, "", "https://other.example/").success);
  check.tls.server_name.clear();
  check.headers = {{"Host", "localhost"}};
  EXPECT_TRUE(run(check, "", "https://other.example/").success);
  EXPECT_TRUE(run(trusting(""), "", "https://127.0.0.1/").success);  // of an address
}

TEST_F(HttpProberTls, verification_may_be_skipped) {
  HttpCheck check;
  check.tls.insecure_skip_verify = true;
  const Checked told = run(check, "", "https://other.example/");
  EXPECT_TRUE(told.success) << told.error;
  EXPECT_EQ(told["probe_ssl_last_chain_expiry_timestamp_seconds"], kGoZeroTime);
}

TEST_F(HttpProberTls, versions_have_bounds) {
  HttpCheck check = trusting("");
  check.tls.max_version = 0x0303;
  EXPECT_EQ(run(check, "")["probe_tls_version_info version=TLS 1.2"], 1);
}

TEST_F(HttpProberTls, ssl_may_be_unwanted) {
  HttpCheck check = trusting("");
  check.fail_if_ssl = true;
  EXPECT_EQ(run(check, "").cause, "ssl");
}

TEST_F(HttpProberTls, a_redirect_to_https_has_the_name_of_its_own_url) {
  Checking checking(trusting(""));
  checking.target = "http://127.0.0.1/";
  const Checked told = checking.run([] {
    return std::vector{plain({"HTTP/1.1 301 Moved\r\nLocation: https://localhost/\r\nContent-Length: 0\r\n\r\n"}),
                       over_tls(server(), plain({kHello}))};
  });
  EXPECT_TRUE(told.success) << told.error;
  EXPECT_EQ(told["probe_http_ssl"], 1);
  EXPECT_EQ(told["probe_http_redirects"], 1);
}

// What a proxy says, then what is behind it.
class Tunnel final : public Peer {
 public:
  Tunnel(std::string answer, Meeting behind) : answer_(std::move(answer)), behind_(std::move(behind.peer)) {}
  std::string hear(std::string_view bytes) override {
    if (open_) return behind_->hear(bytes);
    asked += bytes;
    if (asked.find("\r\n\r\n") == std::string::npos) return {};
    open_ = true;
    return answer_;
  }
  std::string asked;

 private:
  std::string answer_;
  std::shared_ptr<Peer> behind_;
  bool open_ = false;
};

TEST_F(HttpProberTls, a_proxy_opens_a_tunnel) {
  HttpCheck check = trusting("");
  check.proxy_url = "http://127.0.0.2:3128";
  check.proxy_connect_headers = {{"X-Proxy", {"one"}}};
  Checking checking(check);
  checking.target = "https://localhost:8443/";
  std::shared_ptr<Tunnel> last;
  const auto through = [&](const char* answer) {
    return checking.run([&] {
      last = std::make_shared<Tunnel>(answer, over_tls(server(), plain({kHello})));
      // The first is none: the target's name alone is looked for.
      return std::vector{plain({}), Meeting{.peer = last, .end = End::kSilence, .unopened = {}}};
    });
  };
  Checked told = through("HTTP/1.1 200 Connection established\r\n\r\n");
  EXPECT_TRUE(told.success) << told.error;
  EXPECT_EQ(told["probe_http_ssl"], 1);
  EXPECT_TRUE(last->asked.starts_with("CONNECT localhost:8443 HTTP/1.1\r\nHost: localhost:8443\r\n")) << last->asked;
  EXPECT_NE(last->asked.find("X-Proxy: one\r\n"), std::string::npos);
  told = through("HTTP/1.1 403 Forbidden\r\n\r\n");
  EXPECT_EQ(told.error, "the proxy refused: 403 Forbidden");
  EXPECT_EQ(told["probe_http_status_code"], 0);
}

}  // namespace
}  // namespace sonde::probes
