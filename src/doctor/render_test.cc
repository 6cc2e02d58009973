#include "doctor/render.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace sonde::doctor {
namespace {

TEST(RenderText, no_line_is_wider_than_the_terminal_but_commands_are_whole) {
  Report report = examine(Machine{}, {.connections = 1000});
  report.findings.front().command = "sysctl -w " + std::string(100, 'x');
  for (const unsigned width : {80U, 132U}) {
    const std::string text = render_text(report, {}, {.colour = false, .width = width});
    for (std::size_t at = 0, end = 0; at < text.size(); at = end + 1) {
      end = text.find('\n', at);
      const std::string line = text.substr(at, end - at);
      const auto columns = std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; });
      if (!line.starts_with("  sysctl")) {
        EXPECT_LE(columns, width) << line;
      }
    }
    EXPECT_NE(text.find("  sysctl -w " + std::string(100, 'x') + "\n"), std::string::npos);
  }
}

TEST(RenderText, is_free_of_escapes_without_colour) {
  const Report report = examine(Machine{}, {});
  EXPECT_EQ(render_text(report, {}, {.colour = false}).find('\x1b'), std::string::npos);
  EXPECT_NE(render_text(report, {}, {.colour = true}).find('\x1b'), std::string::npos);
}

TEST(RenderText, the_verdict_comes_first_and_rounds_down) {
  Machine machine;
  machine.memory_available = 4152ULL * 16 / 15 * 123'999;
  machine.uring = {.set_up = true, .direct_sockets = true, .buffer_rings = true, .fault = {}};
  const Need none;
  EXPECT_TRUE(
      render_text(examine(machine, none), none, {}).starts_with("This machine carries about 123,000 connections"));
  const Need much{.connections = 500'000};
  EXPECT_TRUE(render_text(examine(machine, much), much, {}).starts_with("500,000 connections at once do not fit:"));
  const Need little{.connections = 500};
  EXPECT_TRUE(render_text(examine(machine, little), little, {}).starts_with("500 connections at once fit:"));
}

}  // namespace
}  // namespace sonde::doctor
