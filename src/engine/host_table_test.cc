#include "engine/host_table.h"

#include <gtest/gtest.h>

#include <string>

namespace sonde::engine {
namespace {

TEST(HostTable, names_of_every_line) {
  const HostTable hosts(
      "# comment\n127.0.0.1\tlocalhost  Self.Example # more\r\n"
      "::1 localhost\n\nnot-an-address a\nfe80::1%lo b\n10.0.0.1\n10.0.0.2 last");
  EXPECT_EQ(hosts.find("localhost").size(), 2U);
  EXPECT_EQ(hosts.find("self.example").front(), IpAddress::v4(0x7f000001));
  EXPECT_EQ(hosts.find("last").front(), IpAddress::v4(0x0a000002));
  for (const char* name : {"a", "b", "more", "#", ""}) EXPECT_TRUE(hosts.find(name).empty()) << name;
}

TEST(HostTable, names_have_a_bound) {
  std::string text;
  for (std::size_t i = 0; i <= HostTable::kMostNames; ++i) text += "10.0.0.1 n" + std::to_string(i) + "\n";
  const HostTable hosts(text);
  EXPECT_FALSE(hosts.find("n" + std::to_string(HostTable::kMostNames - 1)).empty());
  EXPECT_TRUE(hosts.find("n" + std::to_string(HostTable::kMostNames)).empty());
}

}  // namespace
}  // namespace sonde::engine
