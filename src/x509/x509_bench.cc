#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <thread>

#include "x509/desk.h"
#include "x509/inspector.h"
#include "x509/zoo.h"

namespace sonde::x509 {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;

// Leaf, intermediate and root, of the sizes that the Web has: about 4 KB.
const zoo::Family& family() {
  static const zoo::Family made = [] {
    zoo::Family out;
    const std::string filler(600, 'x');
    out.root =
        zoo::make({.subject = {{"CN", "Bench Root"}}, .key = "rsa", .alt_names = {{GEN_URI, filler}}, .ca = true});
    out.intermediate = zoo::make(
        {.subject = {{"CN", "Bench CA"}}, .key = "rsa", .alt_names = {{GEN_URI, filler}}, .ca = true}, &out.root);
    out.leaf = zoo::make({.alt_names = {{GEN_DNS, "www.example.com"}, {GEN_URI, filler}}}, &out.intermediate);
    return out;
  }();
  return made;
}

Chain chain() {
  Chain out;
  for (const zoo::Made* made : {&family().leaf, &family().intermediate, &family().root}) out.add(made->der);
  return out;
}

void chain_key(benchmark::State& state) {
  ChainHasher hasher;
  const Chain sent = chain();
  for (auto _ : state) benchmark::DoNotOptimize(hasher.key_of(sent));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(sent.bytes().size()));
}
BENCHMARK(chain_key);

// Making the question that desk_hit asks, to be taken off it.
void question(benchmark::State& state) {
  const Chain sent = chain();
  for (auto _ : state) {
    Question made{.chain = sent, .now_s = kNow};
    benchmark::DoNotOptimize(made);
  }
}
BENCHMARK(question);

// A known chain: question, answer and the ticket's end.
void desk_hit(benchmark::State& state) {
  const auto inspector = Inspector::create({}).value();
  const auto desk = inspector->open_desk();
  const Chain sent = chain();
  const Ticket first = desk->ask({.chain = sent, .now_s = kNow});
  while (desk->look(first) == nullptr) {
    desk->poll();
    std::this_thread::yield();
  }
  for (auto _ : state) {
    const Ticket ticket = desk->ask({.chain = sent, .now_s = kNow});
    benchmark::DoNotOptimize(desk->look(ticket));
  }
}
BENCHMARK(desk_hit);

// The inspection thread's work of a chain that it does not know.
void inspect_chain(benchmark::State& state) {
  const Chain sent = chain();
  for (auto _ : state) benchmark::DoNotOptimize(inspect(sent, nullptr, kNow, false));
}
BENCHMARK(inspect_chain);

void verify_chain(benchmark::State& state) {
  const std::string path = "/tmp/x509_bench_" + std::to_string(getpid()) + ".pem";
  std::ofstream(path) << pem(family().root.der);
  const Verifier verifier = Verifier::create(path).value();
  std::remove(path.c_str());
  const Chain sent = chain();
  for (auto _ : state) benchmark::DoNotOptimize(verifier.verify(sent, kNow));
}
BENCHMARK(verify_chain);

void check_p256_proof(benchmark::State& state) {
  const PublicKey key = PublicKey::of(family().leaf.der);
  const zoo::Der content = zoo::bytes_of("content");
  const zoo::Der signature = zoo::sign(family().leaf.key, "SHA256", 0, "content");
  for (auto _ : state) {
    const SignatureVerdict verdict = check_signature(key, SignedBy::kTls13, 0x0403, content, signature);
    if (!verdict.ok) state.SkipWithError("the proof does not hold");
  }
}
BENCHMARK(check_p256_proof);

}  // namespace
}  // namespace sonde::x509
