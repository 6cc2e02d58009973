#include "pages/pages.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "pages/page_table.h"

namespace sonde::pages {
namespace {

std::string unpacked(std::string_view gzip, std::size_t size) {
  std::string out(size + 1, '\0');  // one more: it would show what is too long
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST(Pages, every_file_is_there_byte_by_byte_and_nothing_else) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(SONDE_DIST)) {
    if (!entry.is_regular_file()) continue;
    ++files;
    const std::string path = "/" + std::filesystem::relative(entry.path(), SONDE_DIST).string();
    const Page* page = find(path);
    ASSERT_NE(page, nullptr) << path;
    std::ostringstream content;
    content << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    EXPECT_EQ(page->body, content.view()) << path;
    if (!page->gzip.empty()) {
      EXPECT_LT(page->gzip.size(), page->body.size()) << path;
      EXPECT_EQ(unpacked(page->gzip, page->body.size()), page->body) << path;
    }
  }
  EXPECT_GE(files, 2U);
  EXPECT_EQ(all().size(), files);
}

TEST(Pages, the_two_pages_are_html) {
  for (const char* path : {"/index.html", "/report.html"}) {
    const Page* page = find(path);
    ASSERT_NE(page, nullptr) << path;
    EXPECT_EQ(page->type, "text/html; charset=utf-8");
    EXPECT_TRUE(page->body.starts_with("<!doctype html>")) << path;
  }
}

TEST(Pages, an_etag_is_quoted_and_follows_from_the_content) {
  std::set<std::string_view> tags, bodies;
  for (const Page& page : all()) {
    EXPECT_EQ(page.etag.size(), 34U);
    EXPECT_EQ(page.etag.front(), '"');
    EXPECT_EQ(page.etag.back(), '"');
    tags.insert(page.etag);
    bodies.insert(page.body);
  }
  EXPECT_EQ(tags.size(), bodies.size());
}

TEST(Pages, only_exact_names_are_found) {
  for (const char* path : {"", "/", "index.html", "/index.htm", "/INDEX.html", "/../dist/index.html", "/index.html/"})
    EXPECT_EQ(find(path), nullptr) << path;
}

TEST(Pages, types_follow_from_endings) {
  EXPECT_EQ(type_of("/assets/a.js"), "text/javascript; charset=utf-8");
  EXPECT_EQ(type_of("/a.min.css"), "text/css; charset=utf-8");
  EXPECT_EQ(type_of("/a.js.map"), "application/json");
  EXPECT_EQ(type_of("/a"), "application/octet-stream");
}

}  // namespace
}  // namespace sonde::pages
