#include "gateway/base/trace_context.h"

#include <gtest/gtest.h>

namespace dbgate {
namespace {

constexpr const char* example = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceContext, IsReadStrictly) {
  const TraceContext trace = parse_traceparent(example);
  EXPECT_EQ(trace.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(trace.parent_id, "00f067aa0ba902b7");
  EXPECT_TRUE(trace.sampled);
  EXPECT_EQ(traceparent_of(trace), example);
  for (const char* text : {"", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
                           "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                           "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                           "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}) {
    EXPECT_EQ(parse_traceparent(text).trace_id, "") << text;
  }
  EXPECT_EQ(traceparent_of({}), "");
}

TEST(TraceContext, FlagsAreBits) {
  const std::string ids = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-";
  for (const char* flags : {"01", "03", "ff", "0b"})
    EXPECT_TRUE(parse_traceparent(ids + flags).sampled) << flags;
  for (const char* flags : {"00", "02", "fe", "0a"})
    EXPECT_FALSE(parse_traceparent(ids + flags).sampled) << flags;
  EXPECT_EQ(traceparent_of(parse_traceparent(ids + "02")), ids + "00") << "what is not understood is not handed on";
}

TEST(TraceContext, AStatementHasOneSpan) {
  const std::string span = span_id_of("qry_01JD3K7V9QAAAAAAAAAAAAAAAA");
  EXPECT_EQ(span, span_id_of("qry_01JD3K7V9QAAAAAAAAAAAAAAAA"));
  EXPECT_NE(span, span_id_of("qry_01JD3K7V9QAAAAAAAAAAAAAAAB"));
  const std::string made = "00-" + trace_id_of("qry_1") + "-" + span + "-01";
  EXPECT_EQ(traceparent_of(parse_traceparent(made)), made) << "ids of one's own are such ids";
}

}  // namespace
}  // namespace dbgate
