#include "gateway/proof/prove.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "gateway/adapters/file_checkpoints.h"
#include "gateway/proof/tree_file.h"
#include "tests/unit/proof/written_log.h"

namespace dbgate::proof {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::atomic<bool> never{false};

// A log that somebody with the key has signed, and what a forger does to it who has everything but the key.
class Proofs : public ::testing::Test {
 protected:
  void sign() {
    auto checkpoints = adapters::FileCheckpoints::open(log_.directory(), key_);
    ASSERT_TRUE(checkpoints);
    const auto written = (*checkpoints)->update(never);
    ASSERT_TRUE(written) << written.error().message();
  }
  std::vector<std::string> problems(const std::vector<Witnessed>& others = {}) {
    return prove_directory(log_.directory(), key_, others).log.problems;
  }
  Witnessed witness() {
    const auto note = read_note(read_file(checkpoint_path(log_.directory(), "w0")));
    return {"witness", note.value()};
  }
  // The log as it would be with other records from `from` on, and everything that can be made without the key.
  void forge(int records, int from) {
    std::vector<std::string> lines;
    std::istringstream old(read_file(log_.segment("w0")));
    for (std::string line; std::getline(old, line);)
      lines.push_back(line + "\n");
    audit::Chain chain("w0");
    std::string text;
    for (int i = 0; i < from - 1; ++i) {
      text += lines[static_cast<std::size_t>(i)];
      const audit::SealedLine sealed = audit::read_sealed(lines[static_cast<std::size_t>(i)]);
      chain.resume(sealed.sequence, std::string(sealed.hash));
    }
    for (int i = from; i <= records; ++i)
      chain.seal(text, "admin.change", ",\"object\":\"forged\"");
    write_file(log_.segment("w0"), text);
  }

  WrittenLog log_;
  Key key_ = Key::make();
};

TEST_F(Proofs, AWholeLogHasThem) {
  log_.add("w0", 600);
  log_.add("api", 3);
  sign();
  log_.add("w0", 5);
  const ProofReport report = prove_directory(log_.directory(), key_, {});
  EXPECT_THAT(report.log.problems, IsEmpty());
  EXPECT_EQ(report.log.records, 608U);
  EXPECT_EQ(report.checkpoints, 2U);
  EXPECT_EQ(report.unsigned_records, 5U);
  EXPECT_TRUE(report.signatures_checked);
}

TEST_F(Proofs, RecordsMadeAnewAreFoundAndWhere) {
  log_.add("w0", 1000);
  sign();
  forge(1000, 700);
  EXPECT_THAT(problems(), ElementsAre("audit-w0.checkpoint: was signed for other records of chain w0 than its first "
                                      "1000; the first that differs is one of 513 to 768 (from "
                                      "audit-w0-000001.jsonl:513 on)"));
}

TEST_F(Proofs, SoAreThoseOfAForgerWhoMakesTheTreeAnew) {
  log_.add("w0", 300);
  sign();
  const Witnessed early = witness();
  log_.add("w0", 700);
  sign();
  forge(1000, 700);
  std::filesystem::remove(tree_path(log_.directory(), "w0"));
  EXPECT_THAT(problems({early}), ElementsAre("audit-w0.checkpoint: was signed for other records of chain w0 than its "
                                             "first 1000; the first that differs is one of 301 to 1000"));
}

TEST_F(Proofs, RecordsCutOffAreMissed) {
  log_.add("w0", 10);
  sign();
  const std::string text = read_file(log_.segment("w0"));
  write_file(log_.segment("w0"), text.substr(0, text.find('\n') + 1));
  EXPECT_THAT(problems(), ElementsAre("audit-w0.checkpoint: was signed for 10 records of chain w0, which has 1: the "
                                      "others were cut off"));
}

TEST_F(Proofs, ACheckpointOfAnotherKeyIsNone) {
  log_.add("w0", 10);
  sign();
  const Key own = std::exchange(key_, Key::make());
  EXPECT_THAT(problems(), ElementsAre("audit-w0.checkpoint: is not signed by the key that was given",
                                      "audit-w0.checkpoint: is missing"));
  EXPECT_THAT(prove_directory(log_.directory(), {}, {}).log.problems, IsEmpty());
  key_ = own;
}

TEST_F(Proofs, ACheckpointTakenAwayIsMissed) {
  log_.add("w0", 10);
  sign();
  std::filesystem::remove(checkpoint_path(log_.directory(), "w0"));
  EXPECT_THAT(problems(), ElementsAre("audit-w0.checkpoint: is missing"));
}

TEST_F(Proofs, AnOlderCheckpointShowsInWhatAWitnessHas) {
  log_.add("w0", 10);
  sign();
  const std::string old = read_file(checkpoint_path(log_.directory(), "w0"));
  const std::string segment = read_file(log_.segment("w0"));
  log_.add("w0", 10);
  sign();
  const Witnessed later = witness();
  write_file(checkpoint_path(log_.directory(), "w0"), old);
  write_file(log_.segment("w0"), segment);
  EXPECT_THAT(problems(), IsEmpty());
  EXPECT_THAT(problems({later}),
              ElementsAre("witness: was signed for 20 records of chain w0, which has 10: the others were cut off"));
}

TEST_F(Proofs, AChainOfAnotherLogIsNotTaken) {
  log_.add("w0", 10);
  sign();
  WrittenLog other;
  other.add("w0", 10);
  ASSERT_TRUE((*adapters::FileCheckpoints::open(other.directory(), key_))->update(never));
  const auto note = read_note(read_file(checkpoint_path(other.directory(), "w0")));
  EXPECT_THAT(problems({{"witness", note.value()}}),
              ::testing::Contains("witness: is about a chain of another gateway's log"));
}

TEST_F(Proofs, SigningGoesOnAfterARestartAndNotAfterAForgery) {
  log_.add("w0", 600);
  sign();
  log_.add("w0", 600);
  sign();
  EXPECT_THAT(problems(), IsEmpty());
  forge(1200, 1100);
  auto checkpoints = adapters::FileCheckpoints::open(log_.directory(), key_);
  const std::string before = read_file(checkpoint_path(log_.directory(), "w0"));
  ASSERT_TRUE((*checkpoints)->update(never));
  EXPECT_EQ((*checkpoints)->broken(), 1U);
  EXPECT_EQ(read_file(checkpoint_path(log_.directory(), "w0")), before);
}

TEST_F(Proofs, SegmentsThatAreTakenAwayDoNotEndSigning) {
  log_.add("w0", 600);
  const std::string first = log_.segment("w0");
  log_.turn("w0");
  log_.add("w0", 600);
  sign();
  std::filesystem::remove(first);
  log_.add("w0", 300);
  sign();
  const auto note = read_note(read_file(checkpoint_path(log_.directory(), "w0")));
  ASSERT_TRUE(note);
  EXPECT_EQ(note->checkpoint.size, 1500U);
}

TEST_F(Proofs, TreeFilesAreMendedAndMadeAnew) {
  log_.add("w0", 600);
  sign();
  const std::string path = tree_path(log_.directory(), "w0");
  const std::string whole = read_file(path);
  write_file(path, whole.substr(0, whole.size() - 7));
  log_.add("w0", 300);
  sign();
  EXPECT_TRUE(read_file(path).starts_with(whole));
  std::filesystem::remove(path);
  log_.add("w0", 1);
  sign();
  EXPECT_TRUE(read_file(path).starts_with(whole));
  EXPECT_THAT(problems(), IsEmpty());
}

TEST(SigningKey, IsMadeOnceAndForItsOwnerOnly) {
  WrittenLog place;
  const std::string path = place.directory() + "/audit-signing-key.pem";
  const auto made = adapters::load_signing_key(path);
  ASSERT_TRUE(made);
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_EQ(read_file(place.directory() + "/audit-signing-key.pub"), made->public_pem());
  const auto again = adapters::load_signing_key(path);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->public_pem(), made->public_pem());
  ::chmod(path.c_str(), 0640);
  const auto open = adapters::load_signing_key(path);
  ASSERT_FALSE(open);
  EXPECT_THAT(open.error().message(), HasSubstr("others can read"));
  ::chmod(path.c_str(), 0600);
  write_file(path, made->public_pem());
  EXPECT_FALSE(adapters::load_signing_key(path));
}

}  // namespace
}  // namespace dbgate::proof
