#include "wire/http_date.h"

#include <gtest/gtest.h>

#include <string>

namespace sonde::wire {
namespace {

// RFC 9110, 5.6.7 has the three of them.
TEST(HttpDate, has_three_forms) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994"), 784111777);
  EXPECT_EQ(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
  EXPECT_EQ(parse_http_date("Wednesday, 31-Dec-68 23:59:59 GMT"), 3124223999);
  EXPECT_EQ(parse_http_date("Tue, 29 Feb 2000 00:00:00 GMT"), 951782400);
}

TEST(HttpDate, is_nothing_when_it_is_not_whole) {
  const std::string date = "Sun, 06 Nov 1994 08:49:37 GMT";
  for (std::size_t size = 0; size < date.size(); ++size) EXPECT_FALSE(parse_http_date(date.substr(0, size))) << size;
  EXPECT_FALSE(parse_http_date(date + " "));
}

TEST(HttpDate, is_of_the_calendar) {
  for (const char* text :
       {"Mon, 29 Feb 2001 00:00:00 GMT", "Mon, 00 Jan 2001 00:00:00 GMT", "Mon, 01 Jan 2001 24:00:00 GMT",
        "Mon, 01 Jan 2001 00:60:00 GMT", "Mon, 01 Jan 2001 00:00:60 GMT", "Mon, 01 Foo 2001 00:00:00 GMT",
        "Foo, 01 Jan 2001 00:00:00 GMT", "Mon, 01 Jan 2001 00:00:00 CET", "Mon, 1 Jan 2001 00:00:00 GMT",
        "Monday Nov  6 08:49:37 1994", "2001-01-01T00:00:00Z", ""})
    EXPECT_FALSE(parse_http_date(text)) << text;
}

}  // namespace
}  // namespace sonde::wire
