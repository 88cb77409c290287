#include "gateway/adapters/log_retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "gateway/adapters/file_checkpoints.h"
#include "gateway/adapters/segment_archive.h"
#include "gateway/audit/verify.h"
#include "gateway/base/clock.h"
#include "gateway/proof/prove.h"
#include "gateway/proof/receipt.h"
#include "tests/unit/proof/written_log.h"

namespace dbgate::adapters {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::atomic<bool> never{false};
constexpr std::int64_t day_us = 86'400'000'000;
namespace fs = std::filesystem;

// Chains have 300 records in each of their first segments, and more in the last, so that the tree file's last block
// begins there. Time passes by asking later.
class Retention : public ::testing::Test {
 protected:
  void fill(const std::string& chain, int segments, int records = 300) {
    for (int i = 0; i < segments; ++i) {
      log_.add(chain, records);
      log_.turn(chain);
    }
    log_.add(chain, 2 * records);
  }
  void sign() { ASSERT_TRUE((*FileCheckpoints::open(log_.directory(), key_))->update(never)); }
  LogRetention retention(std::uint64_t max_bytes = 0) {
    return LogRetention({log_.directory(), max_bytes > 0 ? 0 : day_us, max_bytes}, key_,
                        {[this](const std::string& fields) -> Result<> {
                           if (refuses_) return Error(sqlstate::io_error, "the disk is full");
                           log_.append("retention", "audit.retention", fields);
                           return boost::system::in_place_value;
                         },
                         [this](const std::string&) { return awaited_; }});
  }
  // @return segments that went
  std::uint64_t remove(std::uint64_t max_bytes = 0) {
    const auto done = retention(max_bytes).run(max_bytes > 0 ? 0 : wall_clock_us() + 2 * day_us, never);
    EXPECT_TRUE(done) << done.error().message();
    return done ? done->segments : 0;
  }
  std::string complaint() {
    const auto done = retention().run(wall_clock_us() + 2 * day_us, never);
    return done ? "" : done.error().message();
  }
  std::vector<std::uint64_t> segments(const std::string& chain = "w0") {
    std::vector<std::uint64_t> numbers;
    for (const audit::SegmentFile& file : audit::list_segments(log_.directory()))
      if (file.chain == chain) numbers.push_back(file.number);
    return numbers;
  }
  proof::ProofReport verify(bool with_key = true, const std::vector<proof::Witnessed>& others = {}) {
    return proof::prove_directory(log_.directory(), with_key ? std::optional(key_) : std::nullopt, others);
  }
  std::vector<std::string> problems(bool with_key = true) { return verify(with_key).log.problems; }
  std::string path(unsigned number, const std::string& chain = "w0") {
    return audit::segment_path(log_.directory(), chain, number);
  }
  std::string note() { return proof::removal_path(log_.directory(), "w0"); }
  proof::Witnessed witness() {
    return {"witness", proof::read_note(proof::read_file(proof::checkpoint_path(log_.directory(), "w0"))).value()};
  }

  proof::WrittenLog log_;
  proof::Key key_ = proof::Key::make();
  std::optional<std::uint64_t> awaited_;
  bool refuses_ = false;
};

TEST_F(Retention, TakesTheOldestAndSaysSo) {
  fill("w0", 4);
  sign();
  EXPECT_EQ(remove(), 4U);
  EXPECT_THAT(segments(), ElementsAre(5));
  sign();
  for (const bool with_key : {true, false}) {
    const auto report = verify(with_key);
    EXPECT_THAT(report.log.problems, IsEmpty());
    EXPECT_THAT(report.log.removed, ElementsAre("records 1 to 1200 of chain w0 were removed by retention, recorded in "
                                                "audit-retention-000001.jsonl:1"));
    EXPECT_EQ(report.unsigned_records, 0U);
  }
  const std::string recorded = proof::read_file(path(1, "retention"));
  EXPECT_THAT(recorded, HasSubstr(R"("reason":"max_age","removed.chain":"w0","removed.first_segment":1,)"
                                  R"("removed.last_segment":4,"removed.first":1,"removed.last":1200,)"));
  EXPECT_EQ(remove(), 0U) << "the last records stay, however old";
}

TEST_F(Retention, TakesNothingThatIsYoung) {
  fill("w0", 4);
  sign();
  const auto done = retention().run(wall_clock_us() + day_us / 2, never);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->segments, 0U);
  EXPECT_EQ(retention().run(0, never)->segments, 0U) << "the clock is not to be trusted";
  EXPECT_EQ(segments().size(), 5U);
  EXPECT_FALSE(fs::exists(path(1, "retention")));
}

TEST_F(Retention, TakesNothingThatIsNotSigned) {
  fill("w0", 2);
  EXPECT_EQ(remove(), 0U);
  sign();
  log_.turn("w0");
  fill("w0", 3);
  EXPECT_EQ(remove(), 2U) << "what is newer than the checkpoint stays";
  EXPECT_THAT(problems(), ElementsAre("audit-retention.checkpoint: is missing"));
  key_ = proof::Key::make();
  EXPECT_THAT(complaint(), HasSubstr("not signed by this gateway's key"));
}

TEST_F(Retention, TakesNothingThatSinksDoNotHave) {
  fill("w0", 4);
  sign();
  awaited_ = 0;
  EXPECT_EQ(remove(), 0U);
  awaited_ = 3;
  EXPECT_EQ(remove(), 2U);
  EXPECT_THAT(segments(), ElementsAre(3, 4, 5));
  sign();
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(Retention, GoesOnWhereItWas) {
  fill("w0", 2);
  sign();
  EXPECT_EQ(remove(), 2U);
  log_.turn("w0");
  fill("w0", 2, 100);
  sign();
  EXPECT_EQ(remove(), 1U) << "the block of the last record begins in the second";
  log_.turn("w0");
  fill("w0", 2, 500);
  sign();
  EXPECT_GT(remove(), 0U);
  sign();
  const auto report = verify();
  EXPECT_THAT(report.log.problems, IsEmpty());
  EXPECT_EQ(report.log.removed.size(), 1U) << "one for the chain";
}

// Of every record that is left, also those of a block whose first records have gone.
TEST_F(Retention, LeavesReceiptsToThoseThatStay) {
  fill("w0", 5, 200);
  sign();
  awaited_ = 3;
  ASSERT_EQ(remove(), 2U);
  for (unsigned number = 3; number <= 6; ++number) {
    std::istringstream lines(proof::read_file(path(number)));
    for (std::string line; std::getline(lines, line);) {
      const auto receipt = proof::make_receipt(log_.directory(), line);
      ASSERT_TRUE(receipt) << receipt.error().message();
      EXPECT_TRUE(proof::check_receipt(*receipt, key_));
    }
  }
}

TEST_F(Retention, KeepsSigningWhatFollows) {
  fill("w0", 3);
  sign();
  ASSERT_EQ(remove(), 3U);
  auto checkpoints = FileCheckpoints::open(log_.directory(), key_);
  ASSERT_TRUE(checkpoints);
  log_.add("w0", 700);
  ASSERT_TRUE((*checkpoints)->update(never));
  EXPECT_EQ((*checkpoints)->broken(), 0U);
  EXPECT_THAT(problems(), IsEmpty());
  EXPECT_EQ(verify().unsigned_records, 0U);
}

TEST_F(Retention, TakesCompressedSegments) {
  fill("w0", 4);
  sign();
  for (unsigned number = 1; number <= 3; ++number)
    ASSERT_TRUE(compress_segment(path(number), never));
  awaited_ = 3;
  EXPECT_EQ(remove(), 2U);
  sign();
  EXPECT_THAT(problems(), IsEmpty());
  EXPECT_THAT(segments(), ElementsAre(3, 4, 5));
}

TEST_F(Retention, BySizeTakesTheOldestOfAllChains) {
  fill("w0", 3);
  fill("w1", 3);
  sign();
  std::uint64_t all = 0;
  for (const char* chain : {"w0", "w1"})
    for (unsigned number = 1; number <= 4; ++number)
      all += stored_bytes(path(number, chain));
  EXPECT_EQ(remove(all), 0U);
  EXPECT_EQ(remove(all - 1), 1U);
  EXPECT_THAT(segments("w0"), ElementsAre(2, 3, 4)) << "it was written first";
  EXPECT_THAT(segments("w1"), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(proof::read_file(path(1, "retention")), HasSubstr(R"("reason":"max_bytes")"));
  EXPECT_EQ(remove(1), 5U);
  EXPECT_THAT(segments("retention"), ElementsAre(1)) << "what says so stays";
  sign();
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(Retention, WhatCannotBeRecordedStays) {
  fill("w0", 3);
  sign();
  refuses_ = true;
  EXPECT_EQ(complaint(), "the disk is full");
  EXPECT_EQ(segments().size(), 4U);
  EXPECT_FALSE(fs::exists(note()));
  EXPECT_THAT(problems(), IsEmpty());
}

// Wherever a process ends between recording and removing.
TEST_F(Retention, IsFinishedAfterACrash) {
  fill("w0", 3);
  sign();
  std::map<unsigned, std::string> before;
  for (unsigned number = 1; number <= 3; ++number)
    before[number] = proof::read_file(path(number));
  ASSERT_EQ(remove(), 3U);
  sign();
  for (unsigned gone = 0; gone <= 3; ++gone) {
    for (unsigned number = gone + 1; number <= 3; ++number)
      proof::write_file(path(number), before[number]);
    EXPECT_THAT(problems(), IsEmpty()) << gone << " of 3 are gone";
    EXPECT_THAT(problems(false), IsEmpty());
    EXPECT_EQ(remove(), 0U);
    EXPECT_THAT(segments(), ElementsAre(4));
  }
  const std::string signed_note = proof::read_file(note());
  fs::remove(note());
  for (unsigned number = 1; number <= 3; ++number)
    proof::write_file(path(number), before[number]);
  EXPECT_THAT(problems(), IsEmpty()) << "recorded, not signed yet";
  EXPECT_EQ(remove(), 3U);
  sign();
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(Retention, WhatIsLeftOfTheRemovedIsCheckedAsWell) {
  fill("w0", 3);
  sign();
  const std::string third = proof::read_file(path(3));
  ASSERT_EQ(remove(), 3U);
  sign();
  proof::write_file(path(3), third.substr(0, third.rfind('\n', third.size() - 2) + 1));
  EXPECT_THAT(problems(), Contains(HasSubstr("record 900 is missing")));
  std::string changed = third;
  changed[changed.find("admin.change")] = 'A';
  proof::write_file(path(3), changed);
  EXPECT_THAT(problems(), Contains(HasSubstr("the record was changed")));
}

TEST_F(Retention, EvidenceOfTamperingStays) {
  fill("w0", 3);
  sign();
  std::string text = proof::read_file(path(2));
  const std::string good = text;
  text[text.find("admin.change")] = 'A';
  proof::write_file(path(2), text);
  EXPECT_THAT(complaint(), HasSubstr("record 301 is not what was written"));
  EXPECT_EQ(segments().size(), 4U);
  EXPECT_FALSE(fs::exists(note()));
  proof::write_file(path(2), good);
  EXPECT_EQ(remove(), 3U);
}

TEST_F(Retention, ARemovalThatNobodyHasSignedIsAFault) {
  fill("w0", 4);
  sign();
  awaited_ = 2;
  ASSERT_EQ(remove(), 1U);
  sign();
  fs::remove(path(2));
  EXPECT_THAT(problems(), Contains(HasSubstr("segment 2 of chain w0 is missing")));
  EXPECT_THAT(problems(false), Contains(HasSubstr("segment 2 of chain w0 is missing")));
  awaited_.reset();
  EXPECT_THAT(complaint(), HasSubstr("segment 2 is missing"));
}

// Who has the directory and not the key: everything else can be made.
TEST_F(Retention, AForgedNoteIsFoundWithTheKey) {
  fill("w0", 3);
  sign();
  const proof::Key own = key_;
  key_ = proof::Key::make();
  const std::string checkpoint = proof::read_file(proof::checkpoint_path(log_.directory(), "w0"));
  sign();
  ASSERT_EQ(remove(), 3U);
  proof::write_file(proof::checkpoint_path(log_.directory(), "w0"), checkpoint);
  key_ = own;
  fs::remove(proof::checkpoint_path(log_.directory(), "retention"));
  sign();
  EXPECT_THAT(problems(), Contains("audit-w0.removed: is not signed by the key that was given"));
  EXPECT_THAT(problems(), Contains(HasSubstr("segment 1 of chain w0 is missing")));
}

TEST_F(Retention, ANoteAndARecordBelongTogether) {
  fill("w0", 3);
  sign();
  ASSERT_EQ(remove(), 3U);
  sign();
  const std::string text = proof::read_file(note());
  fs::remove(note());
  EXPECT_THAT(problems(), Contains(HasSubstr("segment 1 of chain w0 is missing")));
  proof::write_file(note(), text.substr(0, text.size() / 2));
  EXPECT_THAT(problems(), Contains(HasSubstr("audit-w0.removed: ")));
  proof::write_file(note(), text);
  EXPECT_THAT(problems(), IsEmpty());
  fs::remove(path(1, "retention"));
  EXPECT_THAT(problems(),
              Contains("audit-w0.removed: records 1 to 900 of chain w0 are said to be removed, but no record "
                       "of the log says so"));
}

TEST_F(Retention, WhatIsLeftIsStillWhatWasSigned) {
  fill("w0", 3);
  sign();
  ASSERT_EQ(remove(), 3U);
  sign();
  const std::string tree = proof::read_file(proof::tree_path(log_.directory(), "w0"));
  std::string other = tree;
  other[proof::tree_file_start.size()] = static_cast<char>(other[proof::tree_file_start.size()] ^ 1);
  proof::write_file(proof::tree_path(log_.directory(), "w0"), other);
  EXPECT_THAT(problems(), Contains(HasSubstr("the tree file does not lead to the root")));
  proof::write_file(proof::tree_path(log_.directory(), "w0"), tree);
  EXPECT_THAT(problems(), IsEmpty());
  // All records that are left, made anew.
  audit::Chain chain("w0");
  const std::string line = proof::read_file(path(4)).substr(0, proof::read_file(path(4)).find('\n'));
  const audit::SealedLine first = audit::read_sealed(line);
  chain.resume(first.sequence - 1, std::string(first.prev_hash));
  std::string text;
  for (int i = 0; i < 600; ++i)
    chain.seal(text, "admin.change", ",\"object\":\"forged\"");
  proof::write_file(path(4), text);
  EXPECT_THAT(problems(), Contains(HasSubstr("was signed for other records of chain w0")));
}

TEST_F(Retention, OldCheckpointsHoldAsFarAsBlocksGo) {
  log_.add("w0", 256);
  sign();
  const proof::Witnessed whole = witness();
  log_.add("w0", 10);
  sign();
  const proof::Witnessed part = witness();
  log_.turn("w0");
  fill("w0", 2);
  sign();
  ASSERT_GT(remove(), 1U);
  sign();
  const auto report = verify(true, {whole, part});
  EXPECT_THAT(report.log.problems, IsEmpty());
  EXPECT_EQ(report.out_of_reach, 1U);
}

}  // namespace
}  // namespace dbgate::adapters
