#include "gateway/search/indexer.h"

#include <sqlite3.h>

#include <filesystem>

#include "tests/unit/search/log_lab.h"

namespace dbgate::search {
namespace {

using ports::AuditField;

std::size_t found(LogLab& lab, const std::string& user = "ana") {
  auto search = lab.search();
  return lab.all(search, is({{AuditField::user, user}})).size();
}

std::vector<ports::IndexedSegment> segments(LogLab& lab) {
  const auto index = adapters::open_block_index(lab.file(), false);
  EXPECT_TRUE(index);
  return index ? *(*index)->segments() : std::vector<ports::IndexedSegment>();
}

void execute(const std::string& file, const std::string& sql) {
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &handle), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(handle);
  sqlite3_close(handle);
}

TEST(Indexer, TakesWholeBlocksAndWhatIsClosed) {
  LogLab lab;
  lab.run({});
  EXPECT_EQ(lab.index(), 0u);  // too little, and more may come
  lab.next_segment("w0");
  lab.run({});
  EXPECT_EQ(lab.index(), 1u);
  lab.fill(1'000'000);
  EXPECT_GE(lab.index(), 3u);
  EXPECT_EQ(lab.index(), 0u);
  EXPECT_EQ(found(lab), 4u);
  const auto known = segments(lab);
  ASSERT_EQ(known.size(), 2u);
  EXPECT_EQ(known[0].bytes, std::filesystem::file_size(lab.segment("w0", 1)));
  const std::uint64_t size = std::filesystem::file_size(lab.segment("w0", 2));
  EXPECT_LT(known[1].bytes, size);
  EXPECT_LT(size - known[1].bytes, Indexer::block_bytes);
}

TEST(Indexer, ALineLongerThanABlockIsABlock) {
  LogLab lab;
  lab.run({.user = "ana", .sql = "SELECT '" + std::string(3 * Indexer::block_bytes, 'x') + "'"});
  lab.fill(900'000);
  EXPECT_GE(lab.index(), 2u);
  EXPECT_EQ(found(lab), 2u);
}

TEST(Indexer, StopsWhenItIsTold) {
  LogLab lab;
  lab.fill(3'000'000);
  const auto added = lab.indexer().update(std::atomic<bool>(true));
  ASSERT_TRUE(added);
  EXPECT_EQ(*added, 0u);
  EXPECT_GT(lab.index(), 8u);
}

// What another process finds, or the same after a crash.
struct Damage {
  std::string name;
  std::function<void(LogLab&)> act;
};
std::string name_of(const testing::TestParamInfo<Damage>& info) {
  return info.param.name;
}
class DamagedIndex : public testing::TestWithParam<Damage> {};

TEST_P(DamagedIndex, IsMadeAnew) {
  LogLab lab;
  lab.run({});
  lab.fill(1'500'000);
  const std::size_t blocks = lab.index();
  ASSERT_GT(blocks, 4u);
  GetParam().act(lab);
  Indexer again(lab.log(), {[&] { return adapters::open_block_index(lab.file(), true); },
                            [&] { adapters::remove_block_index(lab.file()); }});
  const std::atomic<bool> never(false);
  const auto added = again.update(never);
  ASSERT_TRUE(added) << added.error().message();
  EXPECT_EQ(*added, blocks);
  EXPECT_EQ(found(lab), 2u);
}

INSTANTIATE_TEST_SUITE_P(
    Of, DamagedIndex,
    testing::Values(
        Damage{"Gone", [](LogLab& lab) { adapters::remove_block_index(lab.file()); }},
        Damage{"NoDatabase",
               [](LogLab& lab) {
                 adapters::remove_block_index(lab.file());
                 tests::write_file(lab.file(), std::string(100'000, 'x'));
               }},
        Damage{"Empty",
               [](LogLab& lab) {
                 adapters::remove_block_index(lab.file());
                 tests::write_file(lab.file(), "");
               }},
        Damage{"AnotherFormat", [](LogLab& lab) { execute(lab.file(), "UPDATE about SET format = 0"); }},
        Damage{"TermsThatHide",
               [](LogLab& lab) {
                 execute(lab.file(), "UPDATE blocks SET terms = zeroblob(length(terms)) WHERE start = 0");
               }},
        Damage{"AHole", [](LogLab& lab) { execute(lab.file(), "DELETE FROM blocks WHERE start = 0"); }},
        Damage{"AnEndThatIsNotThere",
               [](LogLab& lab) {
                 execute(lab.file(), "DELETE FROM blocks WHERE start = (SELECT max(start) FROM blocks)");
               }},
        Damage{"NoTable", [](LogLab& lab) { execute(lab.file(), "DROP TABLE segments"); }},
        Damage{
            "AnotherLog",
            [](LogLab& lab) {
              execute(
                  lab.file(),
                  "UPDATE segments SET last_hash = '0000000000000000000000000000000000000000000000000000000000000000'");
            }}),
    name_of);

TEST(Indexer, SegmentsThatGoLeaveIt) {
  LogLab lab;
  lab.run({});
  lab.fill(600'000);
  lab.next_segment("w0");
  lab.run({});
  lab.fill(600'000);
  lab.index();
  EXPECT_EQ(segments(lab).size(), 2u);
  std::filesystem::remove(lab.segment("w0", 1));
  EXPECT_EQ(found(lab), 2u);  // at once
  lab.index();
  EXPECT_EQ(segments(lab).size(), 1u);
}

// As after a loss of power: the index was on the disk, the end of the segment was not.
TEST(Indexer, ASegmentThatBecameShorterIsIndexedAnew) {
  LogLab lab;
  lab.fill(600'000);
  lab.run({});
  lab.fill(600'000);
  lab.index();
  std::filesystem::resize_file(lab.segment("w0", 1), 300'000);
  lab.index();
  EXPECT_LE(segments(lab).at(0).bytes, 300'000u);
  EXPECT_EQ(found(lab), 0u);
}

TEST(Indexer, ASearchThatFindsItDamagedReadsTheLogAndSaysSo) {
  LogLab lab;
  lab.run({});
  lab.fill(1'500'000);
  lab.index();
  execute(lab.file(), "DROP TABLE blocks");
  auto search = lab.search();
  EXPECT_EQ(lab.all(search, is({{AuditField::user, "ana"}})).size(), 2u);
  EXPECT_GT(lab.distrusted, 0);
  lab.indexer().distrust();
  EXPECT_GT(lab.index(), 4u);
  lab.distrusted = 0;
  EXPECT_EQ(lab.all(search, is({{AuditField::user, "ana"}})).size(), 2u);
  EXPECT_EQ(lab.distrusted, 0);
}

TEST(Indexer, ASearchIsOfOneMomentWhileTheIndexGrows) {
  LogLab lab;
  lab.fill(1'000'000);
  lab.index();
  const auto reader = adapters::open_block_index(lab.file(), false);
  ASSERT_TRUE(reader);
  const auto cursor = (*reader)->newest_first(0, std::numeric_limits<std::int64_t>::max());
  ASSERT_TRUE(cursor);
  const std::uint64_t bytes = (*reader)->segments()->at(0).bytes;
  lab.fill(1'000'000);
  EXPECT_GT(lab.index(), 2u);
  EXPECT_EQ((*reader)->segments()->at(0).bytes, bytes);
  std::uint64_t seen = 0;
  for (;;) {
    const auto block = (*cursor)->next();
    ASSERT_TRUE(block);
    if (!*block) break;
    seen += (*block)->bytes;
  }
  EXPECT_EQ(seen, bytes);
}

}  // namespace
}  // namespace dbgate::search
