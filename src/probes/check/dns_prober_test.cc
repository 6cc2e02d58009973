#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "probes/check/run_drive.h"
#include "tls/memory_server.h"
#include "wire/dns_builder.h"

namespace sonde::probes {
namespace {

using results::Outcome;
using wire::DnsBuilder;
using wire::DnsBytes;
using wire::DnsSection;
namespace dns_type = wire::dns_type;
using Bytes = RunDrive::Bytes;

std::shared_ptr<const Prober> prober(DnsCheck check = {}) {
  ModuleOptions options;
  options.kind = ProberKind::kDns;
  if (check.query_name.empty()) check.query_name = "www.example";
  options.dns = std::move(check);
  return *make_dns_prober(std::move(options));
}

Pattern pattern(const char* text) { return std::make_shared<const RE2>(text); }

std::uint16_t id_of(std::span<const std::byte> query) { return wire::DnsReader(query).header().id; }
DnsBuilder answer_to(std::span<const std::byte> query, std::uint16_t flags = 0x8180) {
  return DnsBuilder(flags, id_of(query)).question("www.example", dns_type::kAny);
}
Bytes framed(const DnsBytes& message) { return wire::dns_joined({wire::dns_number(message.size(), 2), message}); }
Bytes unframed(const Bytes& stream) { return {stream.begin() + 2, stream.end()}; }

// A run over UDP that has asked.
struct Asked : RunDrive {
  explicit Asked(DnsCheck check = {}, std::string target = "127.0.0.1:5353")
      : RunDrive(prober(std::move(check)), std::move(target)) {
    start();
  }
  DnsBuilder answer(std::uint16_t flags = 0x8180) { return answer_to(sent.at(0), flags); }
};

TEST(DnsProber, the_query_is_one_question_without_edns) {
  Asked run({.query_name = "Host.Example.", .query_type = dns_type::kMx, .query_class = 3, .recursion_desired = false});
  ASSERT_TRUE(run.planned);
  EXPECT_EQ(run.run.plan.terms.transport, Transport::kUdp);
  EXPECT_EQ(run.run.plan.endpoint.port, 5353);
  ASSERT_EQ(run.sent.size(), 1U);
  wire::DnsReader reader(run.sent[0]);
  EXPECT_FALSE(reader.header().response);
  EXPECT_FALSE(reader.header().recursion_desired);
  wire::DnsQuestion question;
  ASSERT_TRUE(reader.next_question(question));
  EXPECT_EQ(question.name.text(), "Host.Example.");
  EXPECT_EQ(question.type, dns_type::kMx);
  EXPECT_EQ(question.klass, 3);
  EXPECT_TRUE(reader.finish());
  EXPECT_EQ(reader.header().additionals, 0);
  EXPECT_TRUE(wire::DnsReader(Asked().sent.at(0)).header().recursion_desired);
}

TEST(DnsProber, a_target_without_a_port_has_that_of_the_transport) {
  EXPECT_EQ(RunDrive(prober(), "127.0.0.1").run.plan.endpoint.port, 53);
  EXPECT_EQ(RunDrive(prober(), "::1").run.plan.endpoint.port, 53);
  EXPECT_EQ(RunDrive(prober(), "[::1]:54").run.plan.endpoint.port, 54);
  EXPECT_EQ(RunDrive(prober(), "127.0.0.1:domain").run.plan.endpoint.port, 53);
  EXPECT_EQ(RunDrive(prober(), "127.0.0.1:").run.plan.endpoint.port, 0);
  EXPECT_EQ(RunDrive(prober(), "ns.example").run.plan.host, "ns.example");
  EXPECT_EQ(RunDrive(prober({.over_tcp = true, .over_tls = true}), "ns.example").run.plan.endpoint.port, 853);
}

TEST(DnsProber, an_answer_is_success_with_counts_and_times) {
  Asked run;
  const auto set = [&](results::Phase phase, std::int32_t us) {
    run.run.ending.timing_us[static_cast<std::size_t>(phase)] = us;
  };
  set(results::Phase::kDns, 1000);
  set(results::Phase::kConnect, 20);
  set(results::Phase::kWrite, 30);
  set(results::Phase::kFirstByte, 4000);
  run.bytes(run.answer()
                .address("www.example", 60, 0x7f000001)
                .address("www.example", 60, 0x7f000002)
                .soa("example", 5, 6)
                .bytes());
  ASSERT_TRUE(run.done());
  EXPECT_TRUE(run.run.success);
  EXPECT_EQ(run.samples(),
            "# HELP probe_dns_additional_rrs Returns number of entries in the additional resource record list\n"
            "# TYPE probe_dns_additional_rrs gauge\nprobe_dns_additional_rrs 0\n"
            "# HELP probe_dns_answer_rrs Returns number of entries in the answer resource record list\n"
            "# TYPE probe_dns_answer_rrs gauge\nprobe_dns_answer_rrs 2\n"
            "# HELP probe_dns_authority_rrs Returns number of entries in the authority resource record list\n"
            "# TYPE probe_dns_authority_rrs gauge\nprobe_dns_authority_rrs 1\n"
            "# HELP probe_dns_duration_seconds Duration of DNS request by phase\n"
            "# TYPE probe_dns_duration_seconds gauge\n"
            "probe_dns_duration_seconds{phase=\"connect\"} 2e-05\n"
            "probe_dns_duration_seconds{phase=\"request\"} 0.00403\n"
            "probe_dns_duration_seconds{phase=\"resolve\"} 0.001\n"
            "# HELP probe_dns_query_succeeded Displays whether or not the query was executed successfully\n"
            "# TYPE probe_dns_query_succeeded gauge\nprobe_dns_query_succeeded 1\n");
  EXPECT_TRUE(
      run.logged("msg=\"Making DNS query\" target=127.0.0.1:5353 dial_protocol=udp4 query=www.example "
                 "type=255 class=1"));
  EXPECT_TRUE(run.logged("msg=\"Validating RR\" rr=\"www.example.\\t60\\tIN\\tA\\t127.0.0.1\""));
}

// blackbox_exporter takes each of these.
TEST(DnsProber, an_answer_need_not_be_a_good_one) {
  const auto taken = [](auto change) {
    Asked run;
    run.bytes(change(run));
    return run.done() && run.run.success && run.sample("probe_dns_query_succeeded") == "1";
  };
  const auto with_record = [](DnsBuilder message) { return message.address("www.example", 60, 1); };
  EXPECT_TRUE(taken([](Asked& run) { return run.answer(0x8380).bytes(); })) << "truncated";
  EXPECT_TRUE(taken([&](Asked& run) { return with_record(run.answer(0x0100)).bytes(); })) << "a query";
  EXPECT_TRUE(taken([&](Asked& run) { return with_record(run.answer(0x9180)).bytes(); })) << "another opcode";
  EXPECT_TRUE(taken([&](Asked& run) { return with_record(DnsBuilder(0x8180, id_of(run.sent[0]))).bytes(); }))
      << "no question";
  EXPECT_TRUE(taken([&](Asked& run) {
    return with_record(DnsBuilder(0x8180, id_of(run.sent[0])).question("other.example", 1)).bytes();
  })) << "another question";
  EXPECT_TRUE(taken([&](Asked& run) { return with_record(run.answer()).miscount(6, 2).bytes(); })) << "too few";
  EXPECT_TRUE(taken([&](Asked& run) { return with_record(run.answer()).miscount(6, -1).bytes(); })) << "too many";
  EXPECT_TRUE(taken([](Asked& run) {
    return DnsBuilder(0x8180, id_of(run.sent[0])).miscount(4, 1).miscount(6, 1).bytes();
  })) << "a header alone";
}

TEST(DnsProber, a_broken_message_fails_at_once) {
  const auto error = [](auto change) {
    Asked run;
    run.bytes(change(run));
    EXPECT_TRUE(run.done());
    EXPECT_FALSE(run.run.success);
    EXPECT_EQ(run.run.ending.outcome, Outcome::kProtocolError);
    EXPECT_EQ(run.sample("probe_dns_query_succeeded"), "0");
    EXPECT_EQ(run.sample("probe_dns_answer_rrs"), "0");
    return run.run.ending.error;
  };
  EXPECT_EQ(error([](Asked&) { return DnsBytes{}; }), "the DNS message ends too early");
  EXPECT_EQ(error([](Asked&) { return DnsBytes(11); }), "the DNS message ends too early") << "whatever its id";
  EXPECT_EQ(error([](Asked& run) {
              DnsBytes bytes = run.answer().address("a", 1, 1).bytes();
              bytes.pop_back();
              return bytes;
            }),
            "the DNS message ends too early");
  EXPECT_EQ(error([](Asked& run) {
              return run.answer().address("a", 1, 1).answer("a", dns_type::kA, 1, DnsBytes(3)).bytes();
            }),
            "a record of the DNS message has broken data");
  EXPECT_EQ(error([](Asked& run) {
              return run.answer().record(DnsSection::kAuthority, wire::dns_name_bytes("a"), 15, 1, DnsBytes(1)).bytes();
            }),
            "a record of the DNS message has broken data");
}

// Without EDNS a datagram has 512 bytes.
TEST(DnsProber, of_a_datagram_512_bytes_count) {
  Asked run;
  DnsBuilder large = run.answer();
  for (int i = 0; i < 30; ++i) large.address("www.example", 60, 1);
  run.bytes(large.bytes());
  EXPECT_EQ(run.run.ending.outcome, Outcome::kProtocolError);
}

TEST(DnsProber, over_udp_another_id_is_waited_past) {
  Asked run;
  run.bytes(DnsBuilder(0x8180, static_cast<std::uint16_t>(id_of(run.sent[0]) + 1)).bytes());
  EXPECT_FALSE(run.done());
  run.bytes(run.answer().bytes());
  EXPECT_TRUE(run.run.success);
  EXPECT_EQ(run.sent.size(), 1U) << "nothing is sent twice";
}

TEST(DnsProber, no_answer_is_a_timeout_and_a_closed_port_refuses) {
  Asked silent;
  silent.deadline();
  EXPECT_EQ(silent.run.ending.outcome, Outcome::kTimeout);
  EXPECT_FALSE(silent.run.success);
  EXPECT_EQ(silent.sample("probe_dns_query_succeeded"), "0");
  Asked closed;
  closed.fail(Outcome::kRefused);
  EXPECT_EQ(closed.run.ending.outcome, Outcome::kRefused);
  EXPECT_TRUE(closed.logged("msg=\"Error while sending a DNS query\" err=\"connection refused\""));
}

TEST(DnsProber, a_source_that_is_not_ours_is_the_modules_fault) {
  DnsCheck check;
  check.over_tcp = true;
  check.source_ip_address = "192.0.2.9";
  const auto ended = [&](const char* error) {
    RunDrive run(prober(check), "127.0.0.1:5353");
    run.never_begins(Outcome::kLocalError, error);
    return run.run.ending;
  };
  EXPECT_EQ(ended(engine::kForeignSource).outcome, Outcome::kProtocolError);
  EXPECT_EQ(ended(engine::kForeignSource).cause, "configuration");
  EXPECT_EQ(ended("out of memory").outcome, Outcome::kLocalError) << "passes: no verdict on the target";
}

TEST(DnsProber, the_rcode_must_be_a_valid_one) {
  const auto run_with = [](std::optional<std::vector<std::uint16_t>> valid, std::uint16_t rcode) {
    DnsCheck check;
    check.valid_rcodes = std::move(valid);
    auto run = std::make_unique<Asked>(std::move(check));
    run->bytes(run->answer(0x8180 | rcode).bytes());
    return run;
  };
  using Codes = std::vector<std::uint16_t>;
  EXPECT_TRUE(run_with(std::nullopt, 0)->run.success);
  EXPECT_TRUE(run_with(Codes{3, 0}, 3)->run.success);
  EXPECT_FALSE(run_with(Codes{}, 0)->run.success) << "none is valid";
  for (const auto& run : {run_with(std::nullopt, 3), run_with(Codes{0, 2}, 3)}) {
    EXPECT_FALSE(run->run.success);
    EXPECT_EQ(run->run.ending.outcome, Outcome::kProtocolError);
    EXPECT_EQ(run->run.ending.cause, "rcode");
    EXPECT_EQ(run->run.ending.error, "the answer's rcode is NXDOMAIN");
    EXPECT_EQ(run->sample("probe_dns_query_succeeded"), "1");
  }
  Asked extended;  // BADVERS, by an OPT record
  extended.bytes(
      extended.answer().record(DnsSection::kAdditional, DnsBytes(1), dns_type::kOpt, 0x01000000, {}, 1232).bytes());
  EXPECT_EQ(extended.run.ending.cause, "rcode");
  EXPECT_EQ(extended.sample("probe_dns_additional_rrs"), "1");
}

TEST(DnsProber, the_serial_is_that_of_the_last_soa_where_one_was_asked_for) {
  const auto soa = [](std::uint32_t serial) {
    return wire::dns_joined(
        {wire::dns_name_bytes("ns"), wire::dns_name_bytes("a"), wire::dns_number(serial, 4), wire::dns_number(0, 16)});
  };
  Asked run({.query_type = dns_type::kSoa});
  run.bytes(run.answer()
                .answer("example", dns_type::kSoa, 5, soa(77))
                .answer("example", dns_type::kSoa, 5, soa(4294967295))
                .bytes());
  EXPECT_EQ(run.sample("probe_dns_serial"), "4.294967295e+09");
  Asked without({.query_type = dns_type::kSoa});
  without.bytes(without.answer().bytes());
  EXPECT_EQ(without.sample("probe_dns_serial"), "0");
  Asked other;
  other.bytes(other.answer().answer("example", dns_type::kSoa, 5, soa(77)).bytes());
  EXPECT_EQ(other.sample("probe_dns_serial"), "");
  Asked failed({.query_type = dns_type::kSoa});
  failed.deadline();
  EXPECT_EQ(failed.sample("probe_dns_serial"), "");
}

// Two answers: 127.0.0.1 and 127.0.0.2.
bool valid(const RrValidation& validation, int records = 2) {
  DnsCheck check;
  check.answer = validation;
  Asked run(std::move(check));
  DnsBuilder message = run.answer();
  for (int i = 1; i <= records; ++i) message.address("www.example", 60, 0x7f000000U + static_cast<std::uint32_t>(i));
  run.bytes(message.bytes());
  EXPECT_EQ(run.run.ending.cause, run.run.success ? "" : "rr_regexp");
  EXPECT_EQ(run.logged("Answer RRs validation failed"), !run.run.success);
  return run.run.success;
}

TEST(DnsProber, records_are_matched_as_blackbox_exporter_matches_them) {
  const Pattern one = pattern("127.0.0.1$");
  const Pattern both = pattern("^www\\.example\\.\t60\tIN\tA\t127");
  const Pattern none = pattern("nothing");
  EXPECT_TRUE(valid({}));
  EXPECT_FALSE(valid({.fail_if_matches = {none, one}}));
  EXPECT_TRUE(valid({.fail_if_matches = {none}}));
  EXPECT_TRUE(valid({.fail_if_matches = {one}}, 0));
  // Its quirk: this one fails where not all match.
  EXPECT_TRUE(valid({.fail_if_all_match = {both}}));
  EXPECT_FALSE(valid({.fail_if_all_match = {both, one}}));
  EXPECT_TRUE(valid({.fail_if_all_match = {one}}, 0));
  EXPECT_TRUE(valid({.fail_if_not_matches = {both}}));
  EXPECT_FALSE(valid({.fail_if_not_matches = {both, one}}));
  EXPECT_FALSE(valid({.fail_if_not_matches = {both}}, 0));
  EXPECT_TRUE(valid({.fail_if_none_matches = {none, one}}));
  EXPECT_FALSE(valid({.fail_if_none_matches = {none}}));
  EXPECT_FALSE(valid({.fail_if_none_matches = {one}}, 0));
}

TEST(DnsProber, each_section_has_its_own_validation) {
  const RrValidation validation{.fail_if_matches = {pattern("127.0.0.9")}};
  for (const DnsSection section : {DnsSection::kAnswer, DnsSection::kAuthority, DnsSection::kAdditional}) {
    for (const DnsSection where : {DnsSection::kAnswer, DnsSection::kAuthority, DnsSection::kAdditional}) {
      DnsCheck check;
      (section == DnsSection::kAnswer      ? check.answer
       : section == DnsSection::kAuthority ? check.authority
                                           : check.additional) = validation;
      Asked run(std::move(check));
      run.bytes(run.answer()
                    .record(where, wire::dns_name_bytes("a"), dns_type::kA, 1, wire::dns_number(0x7f000009, 4))
                    .bytes());
      EXPECT_EQ(run.run.success, section != where);
    }
  }
}

TEST(DnsProber, a_module_that_cannot_ask_fails_without_a_packet) {
  const auto error = [](DnsCheck check, std::string target = "127.0.0.1:5353") {
    RunDrive run(prober(std::move(check)), std::move(target));
    EXPECT_TRUE(run.planned);
    EXPECT_EQ(run.run.plan.terms.transport, Transport::kUdp) << "connecting sends nothing";
    run.start();
    EXPECT_TRUE(run.done() && run.sent.empty());
    EXPECT_FALSE(run.run.success);
    EXPECT_EQ(run.run.ending.cause, "configuration");
    EXPECT_EQ(run.sample("probe_dns_answer_rrs"), "0");
    return run.run.ending.error;
  };
  EXPECT_EQ(error({.over_tls = true}), "Configuration error: Expected transport protocol tcp for DoT");
  EXPECT_EQ(error({.source_ip_address = "300.1.1.1"}), "Error parsing source ip address 300.1.1.1");
  EXPECT_EQ(error({.source_ip_address = "::1"}), "address ::1: no suitable address found");
  EXPECT_EQ(error({.source_ip_address = "::1", .over_tcp = true}), "address ::1: no suitable address found");
  EXPECT_EQ(error({}, "127.0.0.1:99999"), "address 99999: invalid port");
  EXPECT_EQ(error({.query_name = "a..b"}), "the query name is no name of DNS");
}

TEST(DnsProber, a_source_and_an_address_family_become_terms) {
  const RunDrive run(prober({.ip = {.prefers_v6 = false, .fallback = false}, .source_ip_address = "127.0.0.9"}),
                     "ns.example");
  EXPECT_EQ(run.run.plan.terms.source, IpAddress::v4(0x7f000009));
  EXPECT_EQ(run.run.plan.terms.ip_version, engine::IpVersion::k4);
  const RunDrive unwanted(prober({.ip = {.prefers_v6 = true, .fallback = false}}), "127.0.0.1");
  EXPECT_FALSE(unwanted.planned);
  EXPECT_TRUE(unwanted.run.plan.resolves);
  EXPECT_EQ(unwanted.sample("probe_dns_query_succeeded"), "0");
  EXPECT_TRUE(unwanted.logged("msg=\"Error resolving address\""));
}

// --- over TCP ---

TEST(DnsProber, over_tcp_any_cutting_gives_the_same_verdict) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{10'000}}) {
    RunDrive run(prober({.over_tcp = true}), "127.0.0.1");
    EXPECT_EQ(run.run.plan.terms.transport, Transport::kTcp);
    run.start();
    const Bytes query = unframed(run.sent.at(0));
    DnsBuilder message = answer_to(query);
    for (int i = 0; i < 30; ++i) message.address("www.example", 60, 1);  // more than a datagram may have
    const Bytes stream = framed(message.bytes());
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      ASSERT_FALSE(run.done());
      run.bytes(std::span(stream).subspan(at, std::min(piece, stream.size() - at)));
    }
    EXPECT_TRUE(run.run.success);
    EXPECT_EQ(run.sample("probe_dns_answer_rrs"), "30");
  }
}

TEST(DnsProber, over_tcp_another_id_fails) {
  RunDrive run(prober({.over_tcp = true}), "127.0.0.1");
  run.start();
  const auto other = static_cast<std::uint16_t>(id_of(unframed(run.sent.at(0))) + 1);
  run.bytes(framed(DnsBuilder(0x8180, other).bytes()));
  EXPECT_EQ(run.run.ending.outcome, Outcome::kProtocolError);
  EXPECT_EQ(run.run.ending.error, "id mismatch");
}

TEST(DnsProber, over_tcp_an_end_before_the_answer_is_closed) {
  RunDrive run(prober({.over_tcp = true}), "127.0.0.1");
  run.start();
  run.bytes(Bytes(1));
  run.eof();
  EXPECT_EQ(run.run.ending.outcome, Outcome::kClosed);
  RunDrive empty(prober({.over_tcp = true}), "127.0.0.1");
  empty.start();
  empty.bytes(Bytes(2));
  EXPECT_EQ(empty.run.ending.outcome, Outcome::kProtocolError);
}

TEST(DnsProber, a_run_that_never_begins_has_its_samples_too) {
  RunDrive run(prober({.over_tcp = true}), "127.0.0.1");
  run.never_begins(Outcome::kRefused, "");
  EXPECT_FALSE(run.run.success);
  EXPECT_EQ(run.run.ending.outcome, Outcome::kRefused);
  for (const char* phase : {"connect", "request", "resolve"})
    EXPECT_EQ(run.sample("probe_dns_duration_seconds{phase=\"" + std::string(phase) + "\"}"), "0");
  EXPECT_TRUE(run.logged("Error while sending a DNS query"));
  RunDrive nameless(prober(), "nowhere.example");
  nameless.never_begins(Outcome::kDnsError, "no such host");
  EXPECT_TRUE(nameless.logged("msg=\"Error resolving address\" err=\"no such host\""));
}

// --- over TLS ---

class DnsProberTls : public testing::Test {
 protected:
  DnsProberTls() { std::ofstream(ca_file_) << server_.ca.pem(); }
  ~DnsProberTls() override { std::remove(ca_file_.c_str()); }
  DnsCheck over_tls() const {
    DnsCheck check{.over_tcp = true, .over_tls = true};
    check.tls_config.ca_file = ca_file_;
    return check;
  }
  // Talks with the server until there is a verdict.
  void talk(RunDrive& run) {
    tls::MemoryConnection connection(server_);
    run.start();
    EXPECT_TRUE(run.context.handshaking);
    bool answered = false;
    for (std::size_t i = 0; i < run.sent.size() && !run.done(); ++i) {
      for (const std::byte byte : connection.hear(run.sent[i]))  // cut everywhere
        if (!run.done()) run.bytes(std::span(&byte, 1));
      if (connection.received.empty() || answered || run.done()) continue;
      const auto received = tls::bytes_of(connection.received);
      const Bytes query = unframed({received.begin(), received.end()});
      connection.write(tls::text_of(framed(answer_to(query).address("www.example", 1, 1).bytes())));
      answered = true;
      run.bytes(tls::bytes_of(connection.output()));
    }
    ASSERT_TRUE(run.done());
  }

  tls::MemoryServer server_;
  std::string ca_file_ = testing::TempDir() + "dns_prober_ca.pem";
};

TEST_F(DnsProberTls, the_query_follows_a_verified_handshake) {
  RunDrive run(prober(over_tls()), "localhost");
  talk(run);
  EXPECT_TRUE(run.run.success) << run.run.ending.error;
  EXPECT_FALSE(run.farewell.empty()) << "a close_notify";
  EXPECT_TRUE(run.logged("dial_protocol=tcp4-tls"));
}

TEST_F(DnsProberTls, the_certificate_must_be_of_the_name) {
  RunDrive wrong(prober(over_tls()), "other.example");
  talk(wrong);
  EXPECT_EQ(wrong.run.ending.outcome, Outcome::kTlsError);
  EXPECT_FALSE(wrong.run.success);
  DnsCheck named = over_tls();
  named.tls_config.server_name = "localhost";
  RunDrive right(prober(named), "other.example");
  talk(right);
  EXPECT_TRUE(right.run.success) << right.run.ending.error;
}

TEST_F(DnsProberTls, verification_can_be_left_out) {
  DnsCheck check{.over_tcp = true, .over_tls = true};
  check.tls_config.insecure_skip_verify = true;
  RunDrive run(prober(check), "127.0.0.1");
  talk(run);
  EXPECT_TRUE(run.run.success) << run.run.ending.error;
}

TEST_F(DnsProberTls, a_file_that_is_not_there_is_told_when_it_is_made) {
  ModuleOptions options;
  options.kind = ProberKind::kDns;
  options.dns = over_tls();
  options.dns.tls_config.ca_file += ".missing";
  const auto made = make_dns_prober(std::move(options));
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().text.find("dns_prober_ca.pem.missing"), std::string::npos) << made.error().text;
}

}  // namespace
}  // namespace sonde::probes
