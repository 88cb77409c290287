#include "gateway/sinks/http_shapes.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <boost/json.hpp>

#include "gateway/audit/chain.h"
#include "gateway/sinks/syslog_frame.h"

namespace dbgate::sinks {
namespace {

namespace json = boost::json;
using config::SinkShape;

std::string sealed(std::string_view fields) {
  audit::Chain chain("w0");
  std::string line;
  chain.seal(line, "admin.change", fields);
  line.pop_back();
  return line;
}

json::object member(std::string_view text) {
  return json::parse(json::string_view(text.data(), text.size())).as_object();
}

const std::string line =
    sealed(R"(,"object":"user","object.name":"a\"b","db.query.parameters":[null,"x",{"hex":"00"}])");
const ports::SinkRecord record{"w0", 1, line};

std::string body(SinkShape shape) {
  config::AuditSink settings;
  settings.shape = shape;
  settings.index = "audit";
  return body_of(settings, "gw", std::span(&record, 1));
}

TEST(HttpShapes, Lines) {
  EXPECT_EQ(body(SinkShape::json_lines), line + "\n");
}

TEST(HttpShapes, Splunk) {
  const json::object event = member(body(SinkShape::splunk_hec));
  EXPECT_EQ(event.at("host"), "gw");
  EXPECT_EQ(event.at("index"), "audit");
  EXPECT_GT(event.at("time").as_double(), 1.7e9);
  EXPECT_EQ(event.at("event").as_object(), member(line));
}

TEST(HttpShapes, Loki) {
  const json::object all = member(body(SinkShape::loki));
  const json::object& stream = all.at("streams").as_array().at(0).as_object();
  EXPECT_EQ(stream.at("stream").as_object().at("chain"), "w0");
  const json::array& value = stream.at("values").as_array().at(0).as_array();
  EXPECT_EQ(value.at(0).as_string().size(), 19u);
  EXPECT_EQ(value.at(1), json::string_view(line));
}

// What is a text in one record and an object in another would be refused.
TEST(HttpShapes, Elasticsearch) {
  const std::string text = body(SinkShape::elasticsearch_bulk);
  const std::size_t end = text.find('\n');
  const json::object own = member(line);
  const json::value action = json::parse(text.substr(0, end));
  EXPECT_EQ(action.at("create").at("_id"), own.at("id"));
  EXPECT_EQ(action.at("create").at("_index"), "audit");
  const json::object document = member(text.substr(end + 1));
  EXPECT_EQ(document.at("@timestamp"), own.at("ts"));
  EXPECT_EQ(document.at("object.type"), "user");
  EXPECT_FALSE(document.contains("object"));
  EXPECT_EQ(document.at("db.query.parameters"), R"([null,"x",{"hex":"00"}])");
  EXPECT_EQ(document.at("hash"), own.at("hash"));
}

HttpVerdict bulk(const std::string& answer, std::size_t records) {
  return read_answer(SinkShape::elasticsearch_bulk, records, {200, answer, {}});
}

TEST(HttpShapes, ABulkAnswerMayBeHalfGood) {
  const std::string good = R"({"create":{"status":201}})";
  const std::string known = R"({"create":{"status":409,"error":{"type":"version_conflict_engine_exception"}}})";
  EXPECT_EQ(bulk(R"({"items":[)" + good + "," + known + "]}", 2).delivered, 2u);
  const HttpVerdict busy =
      bulk(R"({"items":[)" + good + R"(,{"create":{"status":429,"error":{"type":"es_rejected"}}}]})", 2);
  EXPECT_EQ(busy.delivered, 1u);
  EXPECT_EQ(busy.why, "a record was answered with 429 es_rejected");
  EXPECT_FALSE(busy.rejected);
  const HttpVerdict bad =
      bulk(R"({"items":[{"create":{"status":400,"error":{"type":"parsing","reason":"value 'secret'"}}}]})", 1);
  EXPECT_TRUE(bad.rejected);
  EXPECT_EQ(bad.why.find("secret"), std::string::npos);
  for (const std::string wrong :
       {"", "[]", "{}", R"({"items":[]})", R"({"items":[1]})", R"({"items":[{"create":1}]})"}) {
    EXPECT_EQ(bulk(wrong, 1).delivered, 0u) << wrong;
    EXPECT_FALSE(bulk(wrong, 1).why.empty()) << wrong;
    EXPECT_FALSE(bulk(wrong, 1).rejected) << wrong;
  }
}

TEST(HttpShapes, AnswersOfOthers) {
  const auto read = [](unsigned status) { return read_answer(SinkShape::splunk_hec, 3, {status, "", {}}); };
  EXPECT_EQ(read(200).delivered, 3u);
  EXPECT_EQ(read(204).why, "");
  for (const unsigned status : {301u, 401u, 403u, 404u, 429u, 500u, 503u}) {
    EXPECT_EQ(read(status).delivered, 0u) << status;
    EXPECT_FALSE(read(status).rejected) << status;
  }
  for (const unsigned status : {400u, 413u, 422u})
    EXPECT_TRUE(read(status).rejected && read(status).divisible) << status;
  const HttpVerdict later = read_answer(SinkShape::loki, 1, {429, "", {{"retry-after", "7"}}});
  EXPECT_EQ(later.retry_after, std::chrono::seconds(7));
}

TEST(HttpShapes, RetryAfter) {
  EXPECT_EQ(retry_after("120", 0), std::chrono::seconds(120));
  EXPECT_EQ(retry_after("-1", 0).count(), 0);
  EXPECT_EQ(retry_after("soon", 0).count(), 0);
  EXPECT_EQ(retry_after("99999999999999999999", 0).count(), 0);
  EXPECT_EQ(retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 50), std::chrono::seconds(10));
  EXPECT_EQ(retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 100).count(), 0);
}

TEST(HttpShapes, Gzip) {
  for (const std::string& text : {std::string(), std::string("a"), std::string(300'000, 'x') + line}) {
    const std::string packed = gzip(text);
    z_stream stream{};
    ASSERT_EQ(::inflateInit2(&stream, 15 + 16), Z_OK);
    std::string out(text.size() + 1, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(::inflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    ::inflateEnd(&stream);
    EXPECT_EQ(out, text);
  }
}

TEST(HttpShapes, Credentials) {
  config::AuditSink settings;
  settings.user = "Aladdin";
  settings.password = "open sesame";
  const auto headers = headers_of(settings);
  const std::pair<std::string, std::string> basic{"Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="};
  EXPECT_NE(std::find(headers.begin(), headers.end(), basic), headers.end());
}

TEST(SyslogFrame, CountsOctets) {
  std::string out;
  append_syslog(out, {13, "gw", "dbgate"}, record);
  const std::size_t space = out.find(' ');
  const std::string message = out.substr(space + 1);
  EXPECT_EQ(out.substr(0, space), std::to_string(message.size()));
  EXPECT_TRUE(message.starts_with("<110>1 2")) << message;
  EXPECT_NE(message.find("Z gw dbgate w0 admin.change [origin software=\"dbgate\"] {"), std::string::npos) << message;
  EXPECT_TRUE(message.ends_with(" " + line));
  EXPECT_EQ(syslog_name("a b\nc", 48), "abc");
  EXPECT_EQ(syslog_name("", 48), "-");
}

}  // namespace
}  // namespace dbgate::sinks
