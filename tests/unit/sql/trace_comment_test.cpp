#include "gateway/sql/trace_comment.h"

#include <gtest/gtest.h>

#include <string>

namespace dbgate::sql {
namespace {

const std::string pair = "traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'";

TEST(TraceComment, IsFoundAtTheEnd) {
  for (const std::string& text :
       {"SELECT 1 /*" + pair + "*/", "SELECT 1/*" + pair + "*/ ;\n", "SELECT 1; /* " + pair + " */;",
        "SELECT '/*' /*action='a%2Cb',db_driver='x\\'y'," + pair + ",tracestate='a%3D1'*/",
        "SELECT 1 /* first */ /*controller='c', " + pair + "*/", "/*" + pair + "*/"}) {
    const TraceContext trace = trace_of(text);
    EXPECT_EQ(trace.trace_id, "4bf92f3577b34da6a3ce929d0e0e4736") << text;
    EXPECT_EQ(trace.parent_id, "00f067aa0ba902b7") << text;
    EXPECT_TRUE(trace.sampled) << text;
  }
}

TEST(TraceComment, AnythingElseSaysNothing) {
  for (const std::string& text :
       {std::string(), std::string("/"), std::string("*/"), std::string("/*/"), std::string("/**/"),
        "/*" + pair + "*/ SELECT 1", "SELECT 1 -- " + pair, "SELECT '" + pair + "'",
        std::string("SELECT 1 /*traceparent='00-0-0-01'*/"), std::string("SELECT 1 /*traceparent=00*/"),
        std::string("SELECT 1 /*traceparent='*/"), std::string("SELECT 1 /*traceparent='\\*/"),
        "SELECT 1 /*a='b' " + pair + "*/", "SELECT 1 /*a='b';" + pair + "*/", "SELECT 1 " + pair + "*/",
        "SELECT 1 /*" + pair + ",a='" + std::string(5000, 'x') + "'*/"}) {
    EXPECT_EQ(trace_of(text).trace_id, "") << text.substr(0, 100);
  }
}

}  // namespace
}  // namespace dbgate::sql
