#include "probes/tcp/tcp_probe.h"

#include <gtest/gtest.h>

#include <cstddef>

namespace sonde::probes {
namespace {

TEST(Tcp, success_at_the_syn_ack_without_reading_or_writing) {
  const auto module = make_tcp_module();
  EXPECT_EQ(module->name(), "tcp");
  EXPECT_FALSE(module->reads());
  EXPECT_TRUE(module->fields().empty());
  EXPECT_TRUE(module->options().empty());
  EXPECT_TRUE(module->default_ports().empty()) << "tcp needs -p";

  alignas(std::max_align_t) std::byte memory[64];
  ASSERT_LE(module->state_bytes(), sizeof(memory));
  engine::Probe* probe = module->create(memory);
  memory::RingPool pool(std::size_t{64} << 10);
  engine::ProbeContext context{
      .now = kSecond, .endpoint = {.address = IpAddress::v4(1), .port = 80}, .host = {}, .pool = pool};
  const engine::Step step = probe->start(context);
  EXPECT_EQ(step.kind, engine::Step::Kind::kDone);
  EXPECT_EQ(step.outcome, results::Outcome::kSuccess);
  EXPECT_EQ(context.wake_at, kNever);
  EXPECT_EQ(pool.stats().lent, 0U);
  probe->~Probe();
}

}  // namespace
}  // namespace sonde::probes
