#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "gateway/adapters/file_checkpoints.h"
#include "gateway/adapters/log_retention.h"
#include "gateway/audit/sealed_segment.h"
#include "gateway/audit/sha256.h"
#include "gateway/base/clock.h"
#include "gateway/proof/prove.h"
#include "gateway/proof/removal.h"
#include "tests/unit/proof/written_log.h"

namespace dbgate::adapters {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::atomic<bool> never{false};
constexpr std::int64_t day_us = 86'400'000'000;
namespace fs = std::filesystem;

// What is sealed differs each time, as it does with real keys.
class Sealing : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 3; ++i) {
      log_.add("w0", 300);
      log_.turn("w0");
    }
    log_.add("w0", 600);
    sign();
    fs::create_directory(log_.directory() + "/sealed");
  }
  void sign() { ASSERT_TRUE((*FileCheckpoints::open(log_.directory(), key_))->update(never)); }
  Result<RetentionDone> seal() {
    RetentionTies ties;
    ties.record = [this](const std::string& fields) -> Result<> {
      log_.append("retention", "audit.retention", fields);
      return boost::system::in_place_value;
    };
    ties.awaited = [](const std::string&) { return std::nullopt; };
    ties.seal = [this](const std::string& chain, std::uint64_t number,
                       const std::atomic<bool>&) -> Result<std::string> {
      if (number == fails_at_) return Error(sqlstate::io_error, "the disk is full");
      const std::string content = "sealed " + std::to_string(++times_);
      proof::write_file(audit::sealed_path(log_.directory(), chain, number), content);
      return audit::sha256_hex(content);
    };
    return LogRetention({log_.directory(), day_us, 0}, key_, std::move(ties)).run(wall_clock_us() + 2 * day_us, never);
  }
  proof::ProofReport verify() { return proof::prove_directory(log_.directory(), key_, {}); }
  std::vector<std::string> problems() { return verify().log.problems; }
  std::size_t segments() {
    std::size_t count = 0;
    for (const audit::SegmentFile& file : audit::list_segments(log_.directory()))
      count += file.chain == "w0" ? 1 : 0;
    return count;
  }
  std::string path(unsigned number) { return audit::segment_path(log_.directory(), "w0", number); }
  std::string sealed(unsigned number) { return audit::sealed_path(log_.directory(), "w0", number); }

  proof::WrittenLog log_;
  proof::Key key_ = proof::Key::make();
  std::uint64_t fails_at_ = 0;
  int times_ = 0;
};

TEST_F(Sealing, IsOnRecordWithItsHashes) {
  ASSERT_EQ(seal()->segments, 3U);
  EXPECT_EQ(segments(), 1U);
  sign();
  const auto report = verify();
  EXPECT_THAT(report.log.problems, IsEmpty());
  EXPECT_THAT(report.log.removed,
              ElementsAre("records 1 to 900 of chain w0 were sealed, recorded in audit-retention-000001.jsonl:1"));
  const std::string record = proof::read_file(audit::segment_path(log_.directory(), "retention", 1));
  EXPECT_THAT(record, HasSubstr(R"("reason":"sealed","removed.chain":"w0","removed.first_segment":1,)"));
  EXPECT_THAT(record, HasSubstr(R"("sealed.sha256":[")" + audit::sha256_hex("sealed 1") + R"(",")" +
                                audit::sha256_hex("sealed 2") + R"(",")"));
}

TEST_F(Sealing, OfWhichOneFailsTakesNothing) {
  fails_at_ = 3;
  EXPECT_THAT(seal().error().message(), HasSubstr("the disk is full"));
  EXPECT_EQ(segments(), 4U);
  EXPECT_THAT(problems(), IsEmpty());
  fails_at_ = 0;
  EXPECT_EQ(seal()->segments, 3U);
  sign();
  EXPECT_THAT(problems(), IsEmpty());
}

TEST_F(Sealing, IsDoneAgainWhenItWasNotSigned) {
  std::map<unsigned, std::string> before;
  for (unsigned number = 1; number <= 3; ++number)
    before[number] = proof::read_file(path(number));
  ASSERT_EQ(seal()->segments, 3U);
  sign();
  fs::remove(proof::removal_path(log_.directory(), "w0"));
  for (const auto& [number, content] : before)
    proof::write_file(path(number), content);
  EXPECT_THAT(problems(), IsEmpty()) << "recorded, not signed yet";
  ASSERT_EQ(seal()->segments, 3U);
  sign();
  EXPECT_THAT(problems(), IsEmpty()) << "two records, of which the last is about these files";
}

TEST_F(Sealing, ThatWasTouchedIsNamed) {
  ASSERT_EQ(seal()->segments, 3U);
  sign();
  proof::write_file(sealed(2), "sealed by somebody else");
  EXPECT_THAT(problems(),
              ElementsAre("audit-w0-000002.jsonl.zst.cms: was changed: it is not the file that was sealed"));
  fs::rename(sealed(3), sealed(2));
  EXPECT_THAT(problems(), ElementsAre("audit-w0-000002.jsonl.zst.cms: was changed: it is not the file that was sealed",
                                      "audit-w0-000003.jsonl.zst.cms: is on record as sealed, and is missing"));
}

TEST_F(Sealing, KeepsEvidence) {
  std::string changed = proof::read_file(path(2));
  changed[changed.size() / 2] ^= 1;
  proof::write_file(path(2), changed);
  EXPECT_FALSE(seal());
  EXPECT_EQ(times_, 0);
  EXPECT_EQ(segments(), 4U);
}

}  // namespace
}  // namespace dbgate::adapters
