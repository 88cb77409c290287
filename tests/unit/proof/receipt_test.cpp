#include "gateway/proof/receipt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/adapters/file_checkpoints.h"
#include "gateway/proof/prove.h"
#include "tests/unit/proof/written_log.h"

namespace dbgate::proof {
namespace {

using ::testing::HasSubstr;

const std::atomic<bool> never{false};

class Receipts : public ::testing::Test {
 protected:
  void sign() { ASSERT_TRUE((*adapters::FileCheckpoints::open(log_.directory(), key_))->update(never)); }
  std::vector<std::string> lines() {
    std::vector<std::string> all;
    std::istringstream text(read_file(log_.segment("w0")));
    for (std::string line; std::getline(text, line);)
      all.push_back(line);
    return all;
  }
  std::string complaint(const Receipt& receipt) {
    const auto checked = check_receipt(receipt, key_);
    return checked ? "" : checked.error().message();
  }

  WrittenLog log_;
  Key key_ = Key::make();
};

TEST_F(Receipts, ProveEachRecordByThemselves) {
  log_.add("w0", 300);
  sign();
  for (const std::string& line : lines()) {
    const auto made = make_receipt(log_.directory(), line);
    ASSERT_TRUE(made) << made.error().message();
    const auto read = read_receipt(json_of(*made));
    ASSERT_TRUE(read);
    EXPECT_EQ(complaint(*read), "");
    EXPECT_EQ(read->record, line);
  }
}

TEST_F(Receipts, AreNotMadeOfWhatIsNoText) {
  log_.add("w0", 3);
  sign();
  const std::string path = checkpoint_path(log_.directory(), "w0");
  std::string text = read_file(path);
  text[text.find("time ") + 5] = '\xff';
  write_file(path, text);
  const auto made = make_receipt(log_.directory(), lines().back());
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message(), HasSubstr("is not UTF-8"));
}

TEST_F(Receipts, AreThereOnceTheirRecordIsSigned) {
  log_.add("w0", 3);
  const std::string line = lines().back();
  const auto unsigned_chain = make_receipt(log_.directory(), line);
  ASSERT_FALSE(unsigned_chain);
  EXPECT_EQ(unsigned_chain.error().code(), sqlstate::object_not_in_prerequisite_state);
  sign();
  EXPECT_TRUE(make_receipt(log_.directory(), line));
  log_.add("w0", 1);
  const auto newer = make_receipt(log_.directory(), lines().back());
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code(), sqlstate::object_not_in_prerequisite_state);
}

TEST_F(Receipts, ProveNothingElse) {
  log_.add("w0", 300);
  log_.add("w1", 300);
  sign();
  const Receipt good = make_receipt(log_.directory(), lines()[17]).value();
  Receipt other = good;
  other.record = lines()[18];
  EXPECT_THAT(complaint(other), HasSubstr("another place"));
  other.index = 18;
  EXPECT_THAT(complaint(other), HasSubstr("does not lead"));
  other = good;
  other.record[other.record.find("\"17\"") + 1] = '9';
  EXPECT_THAT(complaint(other), HasSubstr("was changed"));
  other = good;
  other.proof[2][0] ^= 1;
  EXPECT_THAT(complaint(other), HasSubstr("does not lead"));
  other = good;
  other.checkpoint = read_file(log_.directory() + "/audit-w1.checkpoint");
  EXPECT_THAT(complaint(other), HasSubstr("not about the record's chain"));
  key_ = Key::make();
  EXPECT_THAT(complaint(good), HasSubstr("not signed by the key"));
}

TEST_F(Receipts, AreNotMadeFromAForgedLog) {
  log_.add("w0", 300);
  sign();
  audit::Chain chain("w0");
  std::string text;
  for (int i = 0; i < 300; ++i)
    chain.seal(text, "admin.change", ",\"object\":\"forged\"");
  write_file(log_.segment("w0"), text);
  std::filesystem::remove(log_.directory() + "/audit-w0.tree");
  const auto made = make_receipt(log_.directory(), lines()[3]);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), sqlstate::data_corrupted);
}

TEST_F(Receipts, AreNotMadeOfAChangedRecord) {
  log_.add("w0", 3);
  sign();
  std::string line = lines()[1];
  line[line.find("\"w0\"") + 1] = '\xff';
  const auto made = make_receipt(log_.directory(), line);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), sqlstate::data_corrupted);
  EXPECT_THAT(made.error().message(), HasSubstr("was changed"));
}

TEST(Receipt, IsReadStrictly) {
  for (const char* text : {"", "[]", "{}", R"({"record":"","index":-1,"proof":[],"checkpoint":""})",
                           R"({"record":"","index":0.5,"proof":[],"checkpoint":""})",
                           R"({"record":"","index":0,"proof":["AAAA"],"checkpoint":""})",
                           R"({"record":1,"index":0,"proof":[],"checkpoint":""})"})
    EXPECT_FALSE(read_receipt(text)) << text;
}

}  // namespace
}  // namespace dbgate::proof
