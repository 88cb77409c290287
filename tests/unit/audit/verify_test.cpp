#include "gateway/audit/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "gateway/audit/chain.h"
#include "gateway/audit/json.h"
#include "tests/support/temp_directory.h"

namespace dbgate::audit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::read_file;
using tests::TempDirectory;
using tests::write_file;
using Lines = std::vector<std::string>;

std::string decided(std::string_view id, std::string_view effect = "allow") {
  std::string out;
  append_field(out, "query_id", id);
  append_field(out, "decision.effect", effect);
  return out;
}

std::string done(std::string_view id) {
  std::string out;
  append_field(out, "query_id", id);
  return out;
}

/// A log of chain w0 in three segments and of chain w1 in one, as the gateway leaves it.
class Log {
 public:
  Log() : blob_(sha256_hex(text_)) {
    std::filesystem::create_directory(directory_.file("blobs"));
    write_file(blob_path(), text_);
    Chain chain("w0");
    std::string stored;
    append_field(stored, "query_id", std::string_view("q4"));
    append_field(stored, "db.query.text_sha256", std::string_view(blob_));
    append_field(stored, "decision.effect", std::string_view("allow"));
    segment(chain, 1, {{"session.start", ""}, {"statement.decided", decided("q1")}, {"statement.done", done("q1")}});
    segment(chain, 2,
            {{"statement.decided", decided("q2")},
             {"statement.decided", decided("q3", "deny")},
             {"statement.decided", stored},
             {"statement.done", done("q4")}});
    segment(chain, 3, {{"statement.done", done("q2")}, {"session.end", ""}});
    head(chain);
    Chain other("w1");
    segment(other, 1, {{"session.start", ""}, {"statement.decided", decided("q9")}});
    head(other);
  }

  std::string path(const std::string& chain, int number) const {
    return directory_.file("audit-" + chain + "-00000" + std::to_string(number) + ".jsonl");
  }
  std::string head_path(const std::string& chain) const { return directory_.file("audit-" + chain + ".head"); }
  std::string blob_path() const { return directory_.file("blobs/" + blob_); }
  const std::string& directory() const { return directory_.path(); }
  const std::string& blob() const { return blob_; }
  Lines problems() const { return verify_directory(directory_.path()).problems; }

  void edit(int number, const std::function<void(Lines&)>& change) const {
    Lines lines;
    std::stringstream stream(read_file(path("w0", number)));
    for (std::string line; std::getline(stream, line);)
      lines.push_back(line);
    change(lines);
    std::string text;
    for (const std::string& line : lines)
      text += line + "\n";
    write_file(path("w0", number), text);
  }

 private:
  struct Record {
    const char* event;
    std::string fields;
  };
  void segment(Chain& chain, int number, const std::vector<Record>& records) const {
    std::string text;
    for (const Record& record : records)
      chain.seal(text, record.event, record.fields);
    write_file(path(chain.name(), number), text);
  }
  void head(const Chain& chain) const {
    write_file(head_path(chain.name()), std::to_string(chain.sequence()) + " " + chain.hash() + "\n");
  }

  TempDirectory directory_;
  std::string text_ = "SELECT 'a long statement'";
  std::string blob_;
};

/// Gives a line that was changed, or made up, the hash that fits it.
std::string resealed(const std::string& line) {
  const std::string covered = line.substr(0, line.rfind(",\"hash\":\""));
  return covered + ",\"hash\":\"" + sha256_hex(covered) + "\"}";
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), with);
}

TEST(Verify, AWholeLog) {
  const Log log;
  const VerifyReport report = verify_directory(log.directory());
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_EQ(report.records, 11u);
  EXPECT_EQ(report.chains, 2u);
  EXPECT_EQ(report.segments, 4u);
  EXPECT_EQ(report.in_flight, 1u);  // q9
}

TEST(Verify, NoLogAtAll) {
  const TempDirectory empty;
  EXPECT_THAT(verify_directory(empty.path()).problems, ElementsAre(empty.path() + ": no audit segments"));
  EXPECT_THAT(verify_directory(empty.file("absent")).problems, ElementsAre(HasSubstr("no audit segments")));
}

TEST(Verify, AChangedByte) {
  const Log log;
  log.edit(2, [](Lines& lines) { lines[1] = replaced(lines[1], "\"deny\"", "\"Deny\""); });
  EXPECT_THAT(log.problems(), ElementsAre("audit-w0-000002.jsonl:2: the record was changed: its hash does not fit"));
}

// Whichever byte of the log, and whatever it becomes.
TEST(Verify, AnyChangedByte) {
  const Log log;
  for (const int number : {1, 2, 3}) {
    const std::string whole = read_file(log.path("w0", number));
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const char with : {static_cast<char>(whole[at] ^ 1), '\n', '"', '\0'}) {
        if (with == whole[at]) continue;
        std::string damaged = whole;
        damaged[at] = with;
        write_file(log.path("w0", number), damaged);
        ASSERT_FALSE(log.problems().empty()) << damaged;
      }
    }
    write_file(log.path("w0", number), whole);
  }
  EXPECT_THAT(log.problems(), IsEmpty());
}

TEST(Verify, ATruncatedFile) {
  const Log log;
  for (const int number : {1, 2, 3}) {
    const std::string whole = read_file(log.path("w0", number));
    for (std::size_t length = 0; length < whole.size(); ++length) {
      write_file(log.path("w0", number), whole.substr(0, length));
      ASSERT_FALSE(log.problems().empty()) << number << " cut to " << length;
    }
    write_file(log.path("w0", number), whole.substr(0, whole.size() - 1));
    EXPECT_THAT(log.problems()[0], HasSubstr("the last line is cut off"));
    write_file(log.path("w0", number), whole);
  }
}

TEST(Verify, ARemovedLine) {
  const Log log;
  log.edit(2, [](Lines& lines) { lines.erase(lines.begin() + 1); });
  EXPECT_THAT(log.problems(), ElementsAre("audit-w0-000002.jsonl:2: record 5 is missing; this is 6"));
}

TEST(Verify, ARemovedFirstLine) {
  const Log log;
  log.edit(1, [](Lines& lines) { lines.erase(lines.begin()); });
  EXPECT_THAT(log.problems(), ElementsAre("audit-w0-000001.jsonl:1: record 1 is missing; this is 2"));
}

TEST(Verify, ARemovedLastLine) {
  const Log log;
  log.edit(2, [](Lines& lines) { lines.pop_back(); });
  EXPECT_THAT(log.problems(), ElementsAre("audit-w0-000003.jsonl:1: record 7 is missing; this is 8"));
}

TEST(Verify, ARemovedEnd) {
  const Log log;
  log.edit(3, [](Lines& lines) { lines.pop_back(); });
  EXPECT_THAT(log.problems(), ElementsAre("audit-w0.head: record 9 was written, but the log ends at 8"));
  log.edit(3, [](Lines& lines) { lines.clear(); });
  EXPECT_THAT(log.problems(), ElementsAre("audit-w0.head: record 9 was written, but the log ends at 7"));
}

TEST(Verify, SwappedLines) {
  const Log log;
  log.edit(2, [](Lines& lines) { std::swap(lines[1], lines[2]); });
  EXPECT_THAT(log.problems(), ElementsAre("audit-w0-000002.jsonl:2: record 5 is missing; this is 6",
                                          "audit-w0-000002.jsonl:3: record 7 is missing; this is 5",
                                          "audit-w0-000002.jsonl:4: record 6 is missing; this is 7"));
}

TEST(Verify, ADuplicatedLine) {
  const Log log;
  log.edit(2, [](Lines& lines) { lines.insert(lines.begin() + 1, lines[1]); });
  EXPECT_THAT(log.problems(), ElementsAre("audit-w0-000002.jsonl:3: record 6 is missing; this is 5"));
}

TEST(Verify, ADuplicatedEnd) {
  const Log log;
  log.edit(3, [](Lines& lines) { lines.push_back(lines.back()); });
  EXPECT_THAT(log.problems(), ElementsAre("audit-w0-000003.jsonl:3: record 10 is missing; this is 9"));
}

// Whoever changes a record can also give it a hash that fits; the next record still names the old one.
TEST(Verify, AChangedRecordWithItsOwnHashRecomputed) {
  const Log log;
  log.edit(2, [](Lines& lines) { lines[1] = resealed(replaced(lines[1], "\"deny\"", "\"Deny\"")); });
  EXPECT_THAT(log.problems(), ElementsAre("audit-w0-000002.jsonl:3: does not follow the record before it"));
}

TEST(Verify, AChangedEndWithItsOwnHashRecomputed) {
  const Log log;
  log.edit(3, [](Lines& lines) { lines[1] = resealed(replaced(lines[1], "session.end", "session.eno")); });
  EXPECT_THAT(log.problems(), ElementsAre("audit-w0.head: the last record is not the one that was written"));
}

TEST(Verify, AnInsertedRecordWithItsOwnHashRecomputed) {
  const Log log;
  log.edit(2, [](Lines& lines) {
    // It takes the number and the predecessor that fit its place.
    const std::string before(read_sealed(lines[1]).hash);
    std::string forged = replaced(lines[0], "\"seq\":4,", "\"seq\":6,");
    forged = replaced(forged, std::string(read_sealed(lines[0]).prev_hash), before);
    lines.insert(lines.begin() + 2, resealed(forged));
  });
  EXPECT_THAT(log.problems(), ElementsAre("audit-w0-000002.jsonl:4: record 7 is missing; this is 6"));
}

TEST(Verify, ARecordOfAnotherChain) {
  const Log log;
  const std::string mine = log.path("w0", 1);
  const std::string whole = read_file(mine);
  write_file(mine, read_file(log.path("w1", 1)));
  EXPECT_THAT(log.problems(), testing::Contains("audit-w0-000001.jsonl:1: belongs to chain w1"));
  write_file(mine, whole);
}

TEST(Verify, ALineThatIsNoRecord) {
  const Log log;
  log.edit(2, [](Lines& lines) { lines.insert(lines.begin() + 1, "# a remark"); });
  EXPECT_THAT(log.problems(), ElementsAre("audit-w0-000002.jsonl:2: is not an audit record"));
  log.edit(2, [](Lines& lines) { lines[1].clear(); });
  EXPECT_THAT(log.problems(), ElementsAre("audit-w0-000002.jsonl:2: is not an audit record"));
}

TEST(Verify, ARemovedSegment) {
  {
    const Log log;
    std::filesystem::remove(log.path("w0", 1));
    EXPECT_THAT(log.problems(), ElementsAre("audit-w0-000002.jsonl: segment 1 of chain w0 is missing",
                                            "audit-w0-000002.jsonl:1: record 1 is missing; this is 4"));
  }
  {
    const Log log;
    std::filesystem::remove(log.path("w0", 2));
    EXPECT_THAT(log.problems(), ElementsAre("audit-w0-000003.jsonl: segment 2 of chain w0 is missing",
                                            "audit-w0-000003.jsonl:1: record 4 is missing; this is 8"));
  }
  {
    const Log log;
    std::filesystem::remove(log.path("w0", 3));
    EXPECT_THAT(log.problems(), ElementsAre("audit-w0.head: record 9 was written, but the log ends at 7"));
  }
}

// Its head remains and says that there was one.
TEST(Verify, ARemovedChain) {
  const Log log;
  std::filesystem::remove(log.path("w1", 1));
  EXPECT_THAT(log.problems(), ElementsAre("audit-w1.head: record 2 was written, but the log ends at 0"));
}

TEST(Verify, SwappedSegments) {
  const Log log;
  std::filesystem::rename(log.path("w0", 1), log.directory() + "/x");
  std::filesystem::rename(log.path("w0", 2), log.path("w0", 1));
  std::filesystem::rename(log.directory() + "/x", log.path("w0", 2));
  EXPECT_FALSE(log.problems().empty());
}

TEST(Verify, ARemovedText) {
  const Log log;
  std::filesystem::remove(log.blob_path());
  EXPECT_THAT(log.problems(),
              ElementsAre("audit-w0-000002.jsonl:3: the statement text blobs/" + log.blob() + " is missing"));
}

TEST(Verify, AChangedText) {
  const Log log;
  const std::string text = read_file(log.blob_path());
  for (const std::string& changed : {text + " ", text.substr(1), std::string()}) {
    write_file(log.blob_path(), changed);
    EXPECT_THAT(log.problems(),
                ElementsAre("audit-w0-000002.jsonl:3: the statement text blobs/" + log.blob() + " was changed"));
  }
}

// Verification must say what it found, whatever it is led to: not open another file, not stop half-way.
TEST(Verify, ANameThatIsNoText) {
  const Log log;
  for (const std::string& name :
       {std::string("../../lock"), std::string("."), std::string("\\u0000"), log.blob() + "x"}) {
    const Log other;
    other.edit(2, [&](Lines& lines) { lines[2] = resealed(replaced(lines[2], log.blob(), name)); });
    EXPECT_THAT(other.problems(), testing::Contains("audit-w0-000002.jsonl:3: does not name a statement text")) << name;
  }
}

TEST(Verify, ADirectoryInPlaceOfAFile) {
  const Log log;
  for (const std::string& path : {log.blob_path(), log.path("w0", 2), log.head_path("w0")}) {
    const std::string whole = read_file(path);
    std::filesystem::remove(path);
    std::filesystem::create_directory(path);
    EXPECT_FALSE(log.problems().empty()) << path;
    std::filesystem::remove(path);
    write_file(path, whole);
  }
}

// A head that is behind is what a crash leaves.
TEST(Verify, AnOlderHead) {
  const Log log;
  write_file(log.head_path("w0"), "2 " + std::string(64, '0') + "\n");
  EXPECT_THAT(log.problems(), IsEmpty());
}

TEST(Verify, AHeadThatIsNone) {
  const Log log;
  for (const char* text : {"", "x", "9", "9 \n", "-1 abc\n"}) {
    write_file(log.head_path("w0"), text);
    EXPECT_THAT(log.problems(), ElementsAre("audit-w0.head: is not the head of a chain")) << text;
  }
}

TEST(ListSegments, ByChainAndNumber) {
  const TempDirectory directory;
  for (const char* name : {"audit-w1-000001.jsonl", "audit-w0-000010.jsonl", "audit-w0-000009.jsonl",
                           "audit-w-0-1000000.jsonl", "audit-w0-000001.jsonl.torn", "audit-w0.head", "audit-w0-x.jsonl",
                           "audit--1.jsonl", "audit-1.jsonl", "other-w0-000001.jsonl", "audit-w0-1x.jsonl", "lock"})
    write_file(directory.file(name), "");
  std::string list;
  for (const SegmentFile& segment : list_segments(directory.path()))
    list += segment.chain + ":" + std::to_string(segment.number) + " ";
  EXPECT_EQ(list, "w-0:1000000 w0:9 w0:10 w1:1 ");
}

}  // namespace
}  // namespace dbgate::audit
