#include "x509/inspector.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <thread>

#include "x509/desk.h"
#include "x509/zoo.h"

namespace sonde::x509 {
namespace {

using namespace std::string_literals;

constexpr std::int64_t kNow = 1'800'000'000;
constexpr std::string_view kContent = "what the handshake signed";

Question question_about(const std::vector<zoo::Der>& certificates, std::int64_t now_s = kNow) {
  Question question;
  for (const zoo::Der& der : certificates) question.chain.add(der);
  question.now_s = now_s;
  return question;
}
// A chain that is cheap to tell from others, and no certificate.
Question question_number(std::size_t number) {
  return question_about({zoo::bytes_of("chain " + std::to_string(number))});
}

SignatureProof proof_by(const zoo::Key& key) {
  return {.scheme = 0x0403, .content = zoo::bytes_of(kContent), .signature = zoo::sign(key, "SHA256", 0, kContent)};
}

const Answer& await(Desk& desk, const Ticket& ticket) {
  for (;;) {
    if (const Answer* answer = desk.look(ticket)) return *answer;
    desk.poll();
    std::this_thread::yield();
  }
}

std::unique_ptr<Inspector> inspector_with(const InspectorOptions& options) {
  return Inspector::create(options).value();
}

TEST(Inspector, a_chain_is_told_with_the_facts_of_each_certificate) {
  const auto inspector = inspector_with({});
  const auto desk = inspector->open_desk();
  const zoo::Family family = zoo::family();
  const Ticket ticket = desk->ask(question_about({family.leaf.der, family.intermediate.der}));
  const Answer& answer = await(*desk, ticket);
  ASSERT_EQ(answer.facts->certificates.size(), 2U);
  EXPECT_EQ(answer.facts->certificates[0].subject_cn, "www.example.com");
  EXPECT_EQ(answer.facts->certificates[1].subject_cn, "Zoo Intermediate");
  EXPECT_EQ(answer.facts->sent, 2U);
  EXPECT_FALSE(answer.facts->verified);
  EXPECT_EQ(answer.facts->verify_error, "") << "nobody asked for it";
  EXPECT_TRUE(answer.facts->certificates[0].der.empty());
  EXPECT_FALSE(answer.proof.has_value());
}

TEST(Inspector, it_verifies_and_keeps_the_der_when_told_to) {
  const zoo::Family family = zoo::family();
  const std::string path = testing::TempDir() + "x509_inspector_" + std::to_string(getpid()) + ".pem";
  std::ofstream(path) << pem(family.root.der);
  const auto inspector = inspector_with({.verify = true, .ca_file = path, .keep_der = true});
  std::remove(path.c_str());
  const auto desk = inspector->open_desk();
  const Ticket good = desk->ask(question_about({family.leaf.der, family.intermediate.der}));
  const Ticket cut = desk->ask(question_about({family.leaf.der}));
  EXPECT_TRUE(await(*desk, good).facts->verified);
  EXPECT_EQ(await(*desk, good).facts->certificates[1].der, family.intermediate.der);
  EXPECT_FALSE(await(*desk, cut).facts->verified);
  EXPECT_EQ(await(*desk, cut).facts->verify_error, "unable to get local issuer certificate");
}

TEST(Inspector, a_bad_file_of_roots_is_the_users_error) {
  const auto inspector = Inspector::create({.verify = true, .ca_file = "/nowhere/roots.pem"});
  ASSERT_FALSE(inspector.has_value());
  EXPECT_NE(inspector.error().text.find("/nowhere/roots.pem"), std::string::npos);
}

TEST(Inspector, a_known_chain_is_answered_at_once) {
  const auto inspector = inspector_with({});
  const auto desk = inspector->open_desk();
  await(*desk, desk->ask(question_number(1)));
  const Ticket again = desk->ask(question_number(1));
  EXPECT_NE(desk->look(again), nullptr) << "without a poll";
  EXPECT_EQ(desk->asked_threads(), 1U);
  EXPECT_EQ(inspector->inspections(), 1U);
}

TEST(Inspector, questions_about_one_chain_share_an_inspection) {
  const auto inspector = inspector_with({});
  const auto desk = inspector->open_desk();
  std::vector<Ticket> tickets;
  for (int i = 0; i < 1'000; ++i) tickets.push_back(desk->ask(question_number(7)));
  for (const Ticket& ticket : tickets) EXPECT_EQ(await(*desk, ticket).facts, await(*desk, tickets[0]).facts);
  EXPECT_EQ(desk->asked_threads(), 1U);
  EXPECT_EQ(inspector->inspections(), 1U);
}

TEST(Inspector, desks_of_many_shards_share_an_inspection) {
  const auto inspector = inspector_with({.threads = 3});
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> shards;
    for (int shard = 0; shard < 4; ++shard)
      shards.emplace_back([&] {
        const auto desk = inspector->open_desk();
        for (std::size_t round = 0; round < 3; ++round) {
          std::vector<Ticket> tickets;
          for (std::size_t i = 0; i < 100; ++i) tickets.push_back(desk->ask(question_number(i)));
          for (std::size_t i = 0; i < 100; ++i) {
            const Certificate& leaf = await(*desk, tickets[i]).facts->certificates.at(0);
            if (leaf.sha256 != parse(zoo::bytes_of("chain " + std::to_string(i))).sha256) ++wrong;
          }
        }
      });
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(inspector->inspections(), 100U);
}

TEST(Inspector, scts_of_the_handshake_belong_to_the_question) {
  const auto inspector = inspector_with({});
  const auto desk = inspector->open_desk();
  const zoo::Der list = zoo::bytes_of("\0\x07\0\x02\xaa\xbb\0\x01\xcc"s);
  Question with_list = question_number(1);
  with_list.sct_list = list;
  const Ticket first = desk->ask(std::move(with_list));
  const Ticket second = desk->ask(question_number(1));
  EXPECT_EQ(await(*desk, first).listed_scts, 2U);
  EXPECT_EQ(await(*desk, second).listed_scts, 0U);
  EXPECT_EQ(await(*desk, second).ocsp_scts, 0U);
}

TEST(Inspector, a_proof_is_checked_for_each_question_and_the_chain_only_once) {
  const auto inspector = inspector_with({});
  const auto desk = inspector->open_desk();
  const zoo::Made made = zoo::make({.key = "p256"});
  std::vector<Ticket> tickets;
  for (int i = 0; i < 20; ++i) {
    Question question = question_about({made.der});
    question.proof = proof_by(made.key);
    if (i % 2 == 1) question.proof->content[0] ^= std::byte{1};
    tickets.push_back(desk->ask(std::move(question)));
  }
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    const Answer& answer = await(*desk, tickets[i]);
    ASSERT_TRUE(answer.proof.has_value());
    EXPECT_EQ(answer.proof->ok, i % 2 == 0) << answer.proof->error;
    EXPECT_EQ(answer.facts->certificates.at(0).key_type, "ecdsa-p256");
  }
  EXPECT_EQ(desk->asked_threads(), 20U);
  EXPECT_EQ(inspector->inspections(), 1U);
}

TEST(Inspector, a_ticket_that_is_given_up_harms_nobody) {
  const auto inspector = inspector_with({});
  const auto desk = inspector->open_desk();
  const zoo::Made made = zoo::make({.key = "p256"});
  for (int i = 0; i < 300; ++i) {
    Question question = question_about({made.der});
    question.proof = proof_by(made.key);
    (void)desk->ask(std::move(question));  // its ticket dies at once, its slot is used again by the next
  }
  Question bad = question_about({made.der});
  bad.proof = proof_by(made.key);
  bad.proof->content[0] ^= std::byte{1};
  const Ticket ticket = desk->ask(std::move(bad));
  EXPECT_FALSE(await(*desk, ticket).proof->ok) << "an earlier question's proof is not this one's";
  EXPECT_EQ(inspector->inspections(), 1U);
}

TEST(Inspector, what_a_lane_does_not_hold_waits_at_the_desk) {
  const auto inspector = inspector_with({});
  const auto desk = inspector->open_desk();
  std::vector<Ticket> tickets;
  for (std::size_t i = 0; i < 2'000; ++i) tickets.push_back(desk->ask(question_number(i)));
  EXPECT_EQ(desk->kept_jobs(), 2'000 - kLaneDepth);  // no poll yet: nothing came back
  for (const Ticket& ticket : tickets) await(*desk, ticket);
  EXPECT_EQ(desk->kept_jobs(), 0U);
  EXPECT_EQ(desk->inspected_here(), 0U);
  EXPECT_EQ(inspector->inspections(), 2'000U);
}

TEST(Inspector, kept_questions_that_were_given_up_are_not_asked) {
  const auto inspector = inspector_with({});
  const auto desk = inspector->open_desk();
  std::vector<Ticket> tickets;
  for (std::size_t i = 0; i < 1'000; ++i) tickets.push_back(desk->ask(question_number(i)));
  tickets.clear();
  const Ticket last = desk->ask(question_number(999));
  EXPECT_EQ(await(*desk, last).facts->certificates.size(), 1U);
  EXPECT_EQ(desk->asked_threads(), kLaneDepth + 1);
}

TEST(Inspector, a_full_desk_inspects_by_itself) {
  const auto inspector = inspector_with({});
  const auto desk = inspector->open_desk();
  std::vector<Ticket> tickets;
  std::size_t asked = 0;
  while (!desk->full()) tickets.push_back(desk->ask(question_number(asked++)));
  EXPECT_EQ(desk->kept_jobs(), kMaxKeptJobs);
  const zoo::Made made = zoo::make({.key = "p256"});
  Question question = question_about({made.der});
  question.proof = proof_by(made.key);
  const Ticket here = desk->ask(std::move(question));
  ASSERT_NE(desk->look(here), nullptr) << "there at once";
  EXPECT_TRUE(desk->look(here)->proof->ok);
  EXPECT_EQ(desk->inspected_here(), 1U);
  for (const Ticket& ticket : tickets) await(*desk, ticket);
  EXPECT_EQ(inspector->inspections(), asked + 1);
}

TEST(Inspector, bytes_fill_a_desk_too) {
  const auto inspector = inspector_with({});
  const auto desk = inspector->open_desk();
  std::vector<Ticket> tickets;
  const std::string filler(900'000, 'x');
  for (std::size_t i = 0; i < 1'000 && !desk->full(); ++i)
    tickets.push_back(desk->ask(question_about({zoo::bytes_of(filler + std::to_string(i))})));
  EXPECT_TRUE(desk->full());
  EXPECT_LT(desk->kept_jobs(), 100U);
}

TEST(Inspector, the_least_recently_used_chain_is_forgotten) {
  const auto inspector = inspector_with({.cache_entries = 2});
  const auto desk = inspector->open_desk();
  await(*desk, desk->ask(question_number(1)));
  await(*desk, desk->ask(question_number(2)));
  await(*desk, desk->ask(question_number(1)));  // used again
  await(*desk, desk->ask(question_number(3)));  // 2 goes
  EXPECT_EQ(desk->known_chains(), 2U);
  EXPECT_NE(desk->look(desk->ask(question_number(1))), nullptr);
  EXPECT_EQ(desk->look(desk->ask(question_number(2))), nullptr);
}

TEST(Inspector, what_a_ticket_refers_to_is_not_forgotten) {
  const auto inspector = inspector_with({.cache_entries = 1});
  const auto desk = inspector->open_desk();
  const Ticket held = desk->ask(question_number(1));
  const ChainFacts* facts = await(*desk, held).facts;
  for (std::size_t i = 2; i < 50; ++i) await(*desk, desk->ask(question_number(i)));
  EXPECT_EQ(desk->look(held)->facts, facts);
  EXPECT_EQ(facts->certificates.size(), 1U);
}

TEST(Inspector, bytes_bound_the_cache_too) {
  const auto inspector = inspector_with({.cache_bytes = 20'000});
  const auto desk = inspector->open_desk();
  for (std::size_t i = 0; i < 100; ++i) await(*desk, desk->ask(question_number(i)));
  EXPECT_GT(desk->known_chains(), 5U);
  EXPECT_LT(desk->known_chains(), 60U);
}

TEST(Inspector, an_old_verdict_is_made_anew) {
  const zoo::Made made =
      zoo::make({.key = "rsa", .not_before = "20270101000000Z", .not_after = "20270201000000Z", .ca = true});
  const std::string path = testing::TempDir() + "x509_old_" + std::to_string(getpid()) + ".pem";
  std::ofstream(path) << pem(made.der);
  const auto inspector = inspector_with({.verify = true, .ca_file = path, .verdict_lasts_s = 100});
  std::remove(path.c_str());
  const auto desk = inspector->open_desk();
  const Ticket first = desk->ask(question_about({made.der}, kNow));
  EXPECT_TRUE(await(*desk, first).facts->verified);
  EXPECT_NE(desk->look(desk->ask(question_about({made.der}, kNow + 99))), nullptr);
  const Ticket later = desk->ask(question_about({made.der}, kNow + 40 * 86'400));
  EXPECT_EQ(await(*desk, later).facts->verify_error, "certificate has expired");
  EXPECT_TRUE(desk->look(first)->facts->verified) << "an answer that was given stays as it was";
  EXPECT_EQ(inspector->inspections(), 2U);
}

TEST(Inspector, an_empty_chain_has_an_answer) {
  const auto inspector = inspector_with({.verify = true});
  const auto desk = inspector->open_desk();
  Question question = question_about({});
  question.proof = SignatureProof{};
  const Ticket ticket = desk->ask(std::move(question));
  const Answer& answer = await(*desk, ticket);
  EXPECT_TRUE(answer.facts->certificates.empty());
  EXPECT_EQ(answer.facts->verify_error, "no certificate");
  EXPECT_FALSE(answer.proof->ok);
}

TEST(Inspector, desk_and_inspector_may_go_with_questions_on_their_way) {
  for (int round = 0; round < 20; ++round) {
    const auto inspector = inspector_with({.threads = 2});
    for (int reopened = 0; reopened < 3; ++reopened) {
      const auto desk = inspector->open_desk();
      for (std::size_t i = 0; i < 400; ++i) (void)desk->ask(question_number(i));
    }
  }
}

TEST(Inspector, tickets_may_be_moved) {
  const auto inspector = inspector_with({});
  const auto desk = inspector->open_desk();
  Ticket first = desk->ask(question_number(1));
  Ticket moved = std::move(first);
  Ticket other = desk->ask(question_number(2));
  other = std::move(moved);
  EXPECT_EQ(await(*desk, other).facts->certificates.at(0).sha256, parse(zoo::bytes_of("chain 1")).sha256);
}

using InspectorDeathTest = testing::Test;

TEST(InspectorDeathTest, the_order_of_ends_is_checked) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        auto inspector = inspector_with({});
        auto desk = inspector->open_desk();
        const Ticket ticket = desk->ask(question_number(1));
        desk.reset();
      },
      "a ticket outlives its desk");
  EXPECT_DEATH(
      {
        auto inspector = inspector_with({});
        const auto desk = inspector->open_desk();
        inspector.reset();
      },
      "a desk outlives its inspector");
}

}  // namespace
}  // namespace sonde::x509
