#include "base/nearest.h"

#include <gtest/gtest.h>

#include <array>

namespace sonde {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"rate", "retries", "per-host", "ports"};

TEST(Nearest, typing_errors_are_forgiven_and_strangers_are_not) {
  EXPECT_EQ(nearest("raet", kNames), "rate");
  EXPECT_EQ(nearest("per-hots", kNames), "per-host");
  EXPECT_EQ(nearest("port", kNames), "ports");
  EXPECT_EQ(nearest("verbose", kNames), "");
  EXPECT_EQ(did_you_mean("retrys", kNames), "; did you mean 'retries'?");
  EXPECT_EQ(did_you_mean("xyzzy", kNames), "");
}

}  // namespace
}  // namespace sonde
