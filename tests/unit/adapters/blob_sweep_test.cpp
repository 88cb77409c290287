#include "gateway/adapters/blob_sweep.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "gateway/adapters/segment_archive.h"
#include "gateway/audit/sha256.h"
#include "tests/unit/proof/written_log.h"

namespace dbgate::adapters {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const std::atomic<bool> never{false};
namespace fs = std::filesystem;

class Blobs : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directory(log_.directory() + "/blobs"); }
  std::string path(const std::string& name) { return log_.directory() + "/blobs/" + name; }
  void age(const std::string& file) {
    const ::timespec old{std::time(nullptr) - 7200, 0};
    const ::timespec times[2] = {old, old};
    ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
  }
  // A text that nobody has used for a while.
  std::string store(const std::string& text) {
    const std::string name = audit::sha256_hex(text);
    proof::write_file(path(name), text);
    age(path(name));
    return name;
  }
  void name_it(const std::string& chain, const std::string& name) {
    log_.append(chain, "statement.decided", ",\"db.query.text_sha256\":\"" + name + "\"");
  }
  std::vector<std::string> left() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(log_.directory() + "/blobs"))
      names.push_back(entry.path().filename().string());
    return names;
  }
  std::uint64_t sweep() {
    const auto swept = sweep_.sweep(never);
    EXPECT_TRUE(swept);
    return swept ? *swept : 0;
  }

  proof::WrittenLog log_;
  BlobSweep sweep_{log_.directory()};
};

TEST_F(Blobs, GoWithTheLastRecordThatNamesThem) {
  const std::string both = store("both"), first = store("first"), second = store("second");
  name_it("w0", both);
  name_it("w0", first);
  log_.turn("w0");
  name_it("w0", both);
  name_it("w1", second);
  EXPECT_EQ(sweep(), 0U);
  ASSERT_TRUE(remove_segment(audit::segment_path(log_.directory(), "w0", 1)));
  EXPECT_EQ(sweep(), 1U);
  EXPECT_THAT(left(), UnorderedElementsAre(both, second));
}

TEST_F(Blobs, AreLookedForInCompressedSegmentsToo) {
  const std::string name = store("named");
  name_it("w0", name);
  log_.turn("w0");
  log_.add("w0", 1);
  ASSERT_TRUE(compress_segment(audit::segment_path(log_.directory(), "w0", 1), never));
  EXPECT_EQ(sweep(), 0U);
  EXPECT_THAT(left(), UnorderedElementsAre(name));
}

TEST_F(Blobs, ThatWereUsedLatelyStay) {
  const std::string name = audit::sha256_hex("new");
  proof::write_file(path(name), "new");
  log_.add("w0", 1);
  EXPECT_EQ(sweep(), 0U) << "its record is on the way";
  EXPECT_THAT(left(), UnorderedElementsAre(name));
}

TEST_F(Blobs, GetTheirNameBackAfterACrash) {
  const std::string name = store("named"), nobody = store("nobody");
  name_it("w0", name);
  for (const std::string& one : {name, nobody})
    fs::rename(path(one), path(one) + ".leaving");
  EXPECT_EQ(sweep(), 1U);
  EXPECT_THAT(left(), UnorderedElementsAre(name));
}

TEST_F(Blobs, StayWhileASegmentCannotBeRead) {
  store("nobody");
  log_.add("w0", 1);
  proof::write_file(audit::segment_path(log_.directory(), "w1", 1) + ".zst", "damaged");
  EXPECT_FALSE(sweep_.sweep(never));
  EXPECT_EQ(left().size(), 1U);
  ASSERT_TRUE(remove_segment(audit::segment_path(log_.directory(), "w1", 1)));
  EXPECT_EQ(sweep(), 1U) << "as soon as it can be told";
}

TEST_F(Blobs, StayWhenStopped) {
  store("nobody");
  log_.add("w0", 1);
  const std::atomic<bool> stopped{true};
  EXPECT_EQ(*sweep_.sweep(stopped), 0U);
  EXPECT_EQ(left().size(), 1U);
}

TEST_F(Blobs, OtherFilesAreNoneOfItsBusiness) {
  for (const char* name : {"0123.w0.tmp", "README", ".leaving"}) {
    proof::write_file(path(name), "x");
    age(path(name));
  }
  log_.add("w0", 1);
  EXPECT_EQ(sweep(), 0U);
  EXPECT_EQ(left().size(), 3U);
}

}  // namespace
}  // namespace dbgate::adapters
