#include "gateway/session/tracked_settings.h"

#include <gmock/gmock.h>

#include "gateway/sql/analyze.h"

namespace dbgate::session {
namespace {

using testing::ElementsAre;
using testing::Pair;

/// Runs texts as a server would see them succeed, with ReadyForQuery after each.
class Followed {
 public:
  Followed& ok(std::string_view text, char status, std::string_view tag = {}) {
    statements(text, tag);
    settings.on_ready(status, false);
    return *this;
  }
  /// The text succeeds but for its end.
  Followed& fails(std::string_view text, char status) {
    statements(text, {});
    settings.on_ready(status, true);
    return *this;
  }
  SettingTexts texts() const { return settings.current() ? *settings.current() : SettingTexts(); }

  TrackedSettings settings;

 private:
  void statements(std::string_view text, std::string_view tag) {
    const auto analyzed = sql::analyze(text, {});
    ASSERT_TRUE(analyzed.script) << text;
    for (const sql::Statement& statement : analyzed.script->statements) {
      settings.on_complete(statement, text.substr(statement.begin, statement.length),
                           tag.empty() ? std::string_view(statement.tag) : tag);
    }
  }
};

TEST(TrackedSettings, KeepTheLastOfEachName) {
  Followed it;
  it.ok("SET work_mem = '1MB'", 'I').ok("SET DateStyle TO 'ISO, DMY'", 'I').ok("SET WORK_MEM TO 2048", 'I');
  EXPECT_THAT(it.texts(),
              ElementsAre(Pair("work_mem", "SET WORK_MEM TO 2048"), Pair("datestyle", "SET DateStyle TO 'ISO, DMY'")));
}

TEST(TrackedSettings, ForgetWhatIsReset) {
  Followed it;
  it.ok("SET work_mem = '1MB'", 'I').ok("SET a.b = 'x'", 'I').ok("RESET work_mem", 'I');
  EXPECT_THAT(it.texts(), ElementsAre(Pair("a.b", "SET a.b = 'x'")));
  it.ok("SET work_mem = '1MB'", 'I').ok("SET work_mem TO DEFAULT", 'I').ok("RESET ALL", 'I');
  EXPECT_EQ(it.settings.current(), nullptr);
  it.ok("SET work_mem = '1MB'", 'I').ok("DISCARD ALL", 'I');
  EXPECT_EQ(it.settings.current(), nullptr);
}

TEST(TrackedSettings, EndWithTheirTransaction) {
  Followed it;
  it.ok("BEGIN", 'T').ok("SET work_mem = '1MB'", 'T');
  EXPECT_EQ(it.settings.current(), nullptr) << "not in force for others before COMMIT";
  it.ok("ROLLBACK", 'I');
  EXPECT_EQ(it.settings.current(), nullptr);
  it.ok("BEGIN", 'T').ok("SET work_mem = '1MB'", 'T').ok("COMMIT", 'I');
  EXPECT_THAT(it.texts(), ElementsAre(Pair("work_mem", "SET work_mem = '1MB'")));
  it.ok("BEGIN", 'T').ok("SET work_mem = '2MB'", 'T').fails("SELECT 1", 'E').ok("COMMIT", 'I', "ROLLBACK");
  EXPECT_THAT(it.texts(), ElementsAre(Pair("work_mem", "SET work_mem = '1MB'")));
}

TEST(TrackedSettings, GoBackToSavepoints) {
  Followed it;
  it.ok("BEGIN; SET a.a = '1'; SAVEPOINT s; SET a.b = '2'; SAVEPOINT s; SET a.c = '3'", 'T');
  it.ok("ROLLBACK TO s; SET a.d = '4'; ROLLBACK TO s", 'T').ok("RELEASE s", 'T').ok("ROLLBACK TO SAVEPOINT s", 'T');
  it.ok("SET a.e = '5'", 'T').ok("COMMIT", 'I');
  EXPECT_THAT(it.texts(), ElementsAre(Pair("a.a", "SET a.a = '1'"), Pair("a.e", "SET a.e = '5'")));
}

TEST(TrackedSettings, AreUndoneByAnErrorOutsideOfBlocks) {
  Followed it;
  it.fails("SET a.a = '1'; SET a.b = '2'", 'I');
  EXPECT_EQ(it.settings.current(), nullptr);
  it.fails("BEGIN; SET a.a = '1'; COMMIT; SET a.b = '2'", 'I');
  EXPECT_THAT(it.texts(), ElementsAre(Pair("a.a", "SET a.a = '1'")));
}

TEST(TrackedSettings, LeaveOutWhatDoesNotLast) {
  Followed it;
  it.ok("SET LOCAL work_mem = '1MB'; SET TRANSACTION READ ONLY; SET ROLE x; SET SESSION AUTHORIZATION y", 'I');
  EXPECT_EQ(it.settings.current(), nullptr);
  it.ok("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", 'I');
  EXPECT_EQ(it.texts().size(), 1u);
}

TEST(TrackedSettings, SayWhenThereAreTooMany) {
  Followed it;
  for (std::size_t i = 0; i <= TrackedSettings::most; ++i)
    it.ok("SET a.a" + std::to_string(i) + " = '1'", 'I');
  EXPECT_TRUE(it.settings.too_many());
}

TEST(TrackedSettings, FollowChannelsAsTheyDoSettings) {
  Followed it;
  it.ok("LISTEN a", 'I').ok("SET a.b = 'x'", 'I');
  const auto settings = it.settings.current();
  it.ok("BEGIN", 'T').ok("LISTEN b", 'T').ok("SAVEPOINT s", 'T').ok("UNLISTEN *", 'T').ok("LISTEN c", 'T');
  EXPECT_THAT(it.settings.channels(), ElementsAre("a")) << "not yet";
  it.ok("ROLLBACK TO s", 'T').ok("LISTEN d; UNLISTEN d; LISTEN e; LISTEN e", 'T').ok("COMMIT", 'I');
  EXPECT_THAT(it.settings.channels(), ElementsAre("a", "b", "e"));
  EXPECT_EQ(it.settings.current(), settings) << "the same list, not an equal one";
  it.ok("BEGIN; SAVEPOINT s; LISTEN f; UNLISTEN a; RELEASE s", 'T').ok("ROLLBACK", 'I');
  EXPECT_THAT(it.settings.channels(), ElementsAre("a", "b", "e"));
  it.ok("BEGIN; UNLISTEN a; LISTEN a; UNLISTEN b; UNLISTEN never; COMMIT", 'I');
  EXPECT_THAT(it.settings.channels(), ElementsAre("a", "e"));
  it.fails("UNLISTEN *", 'I').ok("BEGIN; UNLISTEN *", 'T').ok("COMMIT", 'I', "ROLLBACK");
  EXPECT_THAT(it.settings.channels(), ElementsAre("a", "e"));
  it.ok("UNLISTEN \"*\"", 'I');
  EXPECT_THAT(it.settings.channels(), ElementsAre("a", "e")) << "a channel of that name";
  it.ok("DISCARD ALL", 'I');
  EXPECT_THAT(it.settings.channels(), ElementsAre());
}

}  // namespace
}  // namespace dbgate::session
