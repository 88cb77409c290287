#include "gateway/search/record.h"

#include "tests/unit/search/log_lab.h"

namespace dbgate::search {
namespace {

const std::string decided =
    R"({"v":1,"chain":"w0","event":"statement.decided","session_id":"ses_01JD3K7V9QXW8N5T2R4M6P0ABC",)"
    R"("user.name":"ana","target":"shop","client.address":"::1","client.port":1,"seq":7,)"
    R"("id":"aud_01JD3K7V9QXW8N5T2R4M6P0ABC","ts":"2026-11-21T05:04:03.000002Z",)"
    R"("query_id":"qry_1","protocol":"simple","db.operation.name":"SELECT; INSERT",)"
    R"("db.query.text":"SELECT '\\\"' , \"user.name\":\"bob\"","db.query.parameters":["a]}",null,{"hex":"00"}],)"
    R"("objects":["public.t","a\"b"],"decision.effect":"allow","decision.rule_id":"r/allow[0]",)"
    R"("decision.reasons":["x"],"prev_hash":"0","hash":"1"})";

TEST(Record, HasWhatSearchingNeeds) {
  Record record;
  ASSERT_TRUE(read_record(decided, record));
  EXPECT_EQ(record.sequence, 7u);
  EXPECT_EQ(record.chain, "w0");
  EXPECT_EQ(record.event, "statement.decided");
  EXPECT_EQ(record.session, "ses_01JD3K7V9QXW8N5T2R4M6P0ABC");
  EXPECT_EQ(record.user, "ana");
  EXPECT_EQ(record.target, "shop");
  EXPECT_EQ(record.address, "::1");
  EXPECT_EQ(record.query, "qry_1");
  EXPECT_EQ(record.operation, "SELECT; INSERT");
  EXPECT_EQ(record.effect, "allow");
  EXPECT_EQ(record.rule, "r/allow[0]");
  EXPECT_EQ(format_time(record.time_us()), "2026-11-21T05:04:03.000002Z");
  std::vector<std::string_view> objects;
  Elements elements(record.objects);
  for (std::string_view object; elements.next(object);)
    objects.push_back(object);
  EXPECT_THAT(objects, testing::ElementsAre("public.t", "a\\\"b"));
}

TEST(Record, MembersAreThoseOfTheLine) {
  std::vector<std::string> keys;
  for (Members members(decided); members.next();)
    keys.emplace_back(members.key());
  EXPECT_EQ(keys.size(), 22u);
  EXPECT_EQ(keys.back(), "hash");
}

// Every line cut off anywhere, and every byte replaced: nothing crashes, and what is found is inside the line.
TEST(Record, AlteredLinesEndEarly) {
  for (std::size_t end = 0; end < decided.size(); ++end) {
    const std::string line = decided.substr(0, end);
    for (Members members(line); members.next();)
      EXPECT_LE(members.value().data() + members.value().size(), line.data() + line.size());
    Record record;
    read_record(line, record);
    for (const char c : {'"', '\\', '{', ']', ',', '\0'}) {
      std::string other = decided;
      other[end] = c;
      read_record(other, record);
    }
  }
}

TEST(Record, TimesAreExactOrNone) {
  EXPECT_EQ(parse_log_time("1970-01-01T00:00:00.000001Z"), 1);
  EXPECT_EQ(parse_log_time(format_time(1'790'000'000'123'456)), 1'790'000'000'123'456);
  for (const char* const wrong :
       {"", "1970-01-01T00:00:00Z", "1970-13-01T00:00:00.000001Z", "xxxx-01-01T00:00:00.000001Z",
        "1970-02-30T00:00:00.000001Z", "1970-01-01T00:00:00.00000zZ"}) {
    EXPECT_EQ(parse_log_time(wrong), 0) << wrong;
  }
}

// Whatever a reader has read before, it reads as read_record() does.
TEST(RecordReader, ReadsTheSameAsOneByOne) {
  LogLab lab;
  for (int i = 0; i < 200; ++i) {
    const std::string n = std::to_string(i % 7);
    lab.run({.user = "user" + n, .sql = "SELECT " + n, .session = "ses_01JD3K7V9QXW8N5T2R4M6P0AB" + n});
    lab.decide({.user = i % 3 == 0 ? "a\",\"query_id\":\"b" : "ana", .effect = "deny"});
    lab.write("w0", "export",
              ",\"session_id\":\"ses_01JD3K7V9QXW8N5T2R4M6P0ABD\",\"query_id\":\"q\",\"user.name\":\"u" + n + "\"");
    lab.write("w0", "auth.fail", ",\"session_id\":\"ses_\"");
    lab.write("w0", "export", ",\"session_id\":\"ses_01JD3K7V9QXW8N5T2R4M6P0ABC\",\"n\":4" + n + ",\"query_id\":\"q\"");
    lab.write("w0", "export",
              ",\"session_id\":\"ses_01JD3K7V9QXW8N5T2R4M6P0ABC\",\"x\":\"" + decided + "\",\"query_id\":\"q\"");
  }
  const std::string log = tests::read_file(lab.segment("w0", 1));
  RecordReader reader;
  std::size_t quick = 0;
  const auto compare = [&](std::string_view line) {
    Record one, other;
    const bool fine = read_record(line, one);
    EXPECT_EQ(reader.read(line, other), fine) << line;
    quick += other.origin != 0 ? 1 : 0;
    if (!fine) return;
    EXPECT_EQ(one.sequence, other.sequence);
    for (const auto member :
         {&Record::line, &Record::chain, &Record::id, &Record::time, &Record::event, &Record::session, &Record::user,
          &Record::target, &Record::address, &Record::query, &Record::operation, &Record::text, &Record::objects,
          &Record::effect, &Record::rule, &Record::outcome, &Record::sqlstate})
      EXPECT_EQ(one.*member, other.*member) << line;
  };
  std::string_view rest = log, line;
  while (take_line(rest, line))
    compare(line);
  EXPECT_GT(quick, 400u);
  for (std::size_t end = 0; end < decided.size(); ++end) {
    compare(std::string_view(decided).substr(0, end));
    std::string altered = decided;
    for (const char c : {'"', '\\', ',', '}'}) {
      altered[end] = c;
      compare(altered);
    }
  }
}

// Terms are made of what stands before is_behind() stops; the records of dbgate must have it there.
TEST(Record, RecordsOfTheLogAreReadWhole) {
  LogLab lab;
  const std::string query = lab.decide({.user = "ana", .sql = "SELECT \"prev_hash\", ',\"prev_hash\":'"});
  lab.finish({}, query, "57014");
  const std::string text = tests::read_file(lab.segment("w0", 1));
  std::string_view rest = text, line;
  Record record;
  ASSERT_TRUE(take_line(rest, line) && read_record(line, record));
  EXPECT_EQ(record.effect, "allow");
  EXPECT_EQ(record.rule, "read/allow[0]");
  EXPECT_EQ(record.objects, "[\"customers\"]");
  ASSERT_TRUE(take_line(rest, line) && read_record(line, record));
  EXPECT_EQ(record.outcome, "error");
  EXPECT_EQ(record.sqlstate, "57014");
  EXPECT_EQ(record.query, query);
  EXPECT_FALSE(take_line(rest, line));
}

}  // namespace
}  // namespace dbgate::search
