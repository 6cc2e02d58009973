// For tests: a root of our own with files of /proc and /sys, removed with its test.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace sonde::doctor {

class FakeTree : public testing::Test {
 protected:
  FakeTree() {
    std::string pattern = (std::filesystem::temp_directory_path() / "doctor_test_XXXXXX").string();
    root_ = mkdtemp(pattern.data());
  }
  ~FakeTree() override { std::filesystem::remove_all(root_); }
  void put(const std::string& path, const std::string& content) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << content;
  }
  std::string get(const std::string& path) const {
    std::ifstream in(root_ / path);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::filesystem::path root_;
};

}  // namespace sonde::doctor
