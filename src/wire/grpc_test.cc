#include "wire/grpc.h"

#include <gtest/gtest.h>

#include "wire/cut_anywhere.h"
#include "wire/line.h"

namespace sonde::wire {
namespace {

using namespace std::literals;
using Result = ParseResult<GrpcMessage>;

std::optional<std::int32_t> status_of(std::string_view message) { return read_health_status(as_bytes(message)); }

TEST(GrpcHealth, asks_for_a_service_or_for_the_server) {
  EXPECT_EQ(grpc_health_request(""), "\0\0\0\0\0"s);
  EXPECT_EQ(grpc_health_request("foo"), "\0\0\0\0\5\n\3foo"s);
  const std::string request = grpc_health_request(std::string(300, 'a'));
  EXPECT_EQ(request.substr(0, 8), "\0\0\0\1\x2f\n\xac\2"s) << "the length takes two octets";
  EXPECT_EQ(request.size(), 5U + 0x12f);
}

TEST(GrpcHealth, reads_the_status) {
  EXPECT_EQ(status_of(""), 0);
  EXPECT_EQ(status_of("\x08\x01"), 1);
  EXPECT_EQ(status_of("\x08\x09"), 9) << "numbers to come are allowed";
  EXPECT_EQ(status_of("\x08\x01\x08\x02"), 2) << "the last one counts";
  EXPECT_EQ(status_of("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), -1);
  EXPECT_EQ(status_of("\x08\x81\x80\x80\x80\x10"), 1) << "of longer numbers the low 32 bits";
}

TEST(GrpcHealth, passes_over_fields_that_it_does_not_know) {
  EXPECT_EQ(status_of("\x12\x02hi\x08\x01"), 1);
  EXPECT_EQ(status_of("\x19"
                      "12345678"
                      "\x08\x01\x25"
                      "1234"),
            1);
  EXPECT_EQ(status_of("\x0a\x01\x07"), 0) << "field 1 of another type is another field";
  EXPECT_EQ(status_of("\x13\x08\x02\x14\x08\x01"), 1) << "a group, and what is in it";
  EXPECT_EQ(status_of("\x10\x05\x08\x01"), 1);
}

TEST(GrpcHealth, tells_what_is_no_message) {
  for (const std::string_view bad : {
           "\x08"sv,                                              // a number that ends early
           "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"sv,      // of more than 64 bits
           "\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"sv,  // of eleven octets
           "\x00\x01"sv,                                          // a field without a number
           "\x12\x05hi"sv,                                        // a text that ends early
           "\x19"
           "1234"sv,
           "\x25"
           "12"sv,
           "\x0e\x01"sv,                             // a type that there is not
           "\x13\x08\x01"sv, "\x14"sv, "\x13\x1c"sv  // groups that do not pair
       })
    EXPECT_FALSE(status_of(bad).has_value()) << testing::PrintToString(bad);
  EXPECT_FALSE(status_of(std::string(101, '\x13') + std::string(101, '\x14')).has_value());
  EXPECT_EQ(status_of(std::string(100, '\x13') + std::string(100, '\x14')), 0);
}

TEST(GrpcMessageProcessor, takes_messages_however_they_are_cut) {
  const std::string both = "\0\0\0\0\2\x08\x01\1\0\0\0\0"s;
  const GrpcMessageProcessor processor;
  check_cut_anywhere(processor, as_bytes(both), [](const GrpcMessage& a, const GrpcMessage& b) {
    return a.compressed == b.compressed && as_text(a.bytes) == as_text(b.bytes);
  });
  const Result first = processor.parse(as_bytes(both));
  ASSERT_EQ(first.kind, Result::Kind::kFrame);
  EXPECT_FALSE(first.frame.compressed);
  EXPECT_EQ(as_text(first.frame.bytes), "\x08\x01");
  EXPECT_EQ(first.consumed, 7U);
  const Result second = processor.parse(as_bytes(both).subspan(7));
  ASSERT_EQ(second.kind, Result::Kind::kFrame);
  EXPECT_TRUE(second.frame.compressed);
  EXPECT_TRUE(second.frame.bytes.empty());
}

TEST(GrpcMessageProcessor, has_its_bounds) {
  const GrpcMessageProcessor processor;
  EXPECT_EQ(processor.parse(as_bytes("\2\0\0\0\0"sv)).kind, Result::Kind::kError);
  EXPECT_EQ(processor.parse(as_bytes("\0\0\1\0\1"sv)).kind, Result::Kind::kError) << "65,537 bytes";
  const Result most = processor.parse(as_bytes("\0\0\1\0\0"sv));
  EXPECT_EQ(most.kind, Result::Kind::kNeed);
  EXPECT_EQ(most.need, kGrpcMessageMax);
}

TEST(Grpc, names_and_texts) {
  EXPECT_EQ(serving_status_name(1), "SERVING");
  EXPECT_EQ(serving_status_name(3), "SERVICE_UNKNOWN");
  EXPECT_EQ(serving_status_name(4), "4");
  EXPECT_EQ(serving_status_name(-1), "-1");
  EXPECT_EQ(grpc_code_name(5), "NOT_FOUND");
  EXPECT_EQ(grpc_code_name(17), "17");
  EXPECT_EQ(decode_grpc_message("no%20such %C3%A9% %2 %zz%"), "no such \xc3\xa9% %2 %zz%");
}

}  // namespace
}  // namespace sonde::wire
