#include "gateway/app/file_watch.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/temp_directory.h"

namespace dbgate::app {
namespace {

namespace fs = std::filesystem;
using Places = std::set<std::string>;

class WayTo : public testing::Test {
 protected:
  // Without symbolic links of the machine's own on the way.
  fs::path root() const { return fs::canonical(directory_.path()); }
  void make(const std::string& name) const {
    fs::create_directories((root() / name).parent_path());
    tests::write_file((root() / name).string(), "x");
  }
  void link(const std::string& name, const std::string& target) const { fs::create_symlink(target, root() / name); }
  Places of(const std::string& name) const { return way_to((root() / name).string()).places; }
  std::string at(const std::string& name) const { return name.empty() ? root().string() : (root() / name).string(); }

 private:
  const tests::TempDirectory directory_;
};

TEST_F(WayTo, AFileIsSeenByItsDirectory) {
  make("a/b");
  EXPECT_EQ(of("a/b"), Places{at("a")});
}

TEST_F(WayTo, LinksAreSeenByTheDirectoriesThatTheyAreIn) {
  make("mounted/..1/file");
  link("mounted/..data", "..1");
  link("mounted/file", "..data/file");
  EXPECT_EQ(of("mounted/file"), (Places{at("mounted"), at("mounted/..1")}));
  EXPECT_EQ(way_to(at("mounted/file")).links, (std::vector<std::string>{at("mounted/file"), at("mounted/..data")}));
  link("current", at("mounted/..1"));
  EXPECT_EQ(of("current/file"), (Places{at(""), at("mounted/..1")}));
}

TEST_F(WayTo, LinksMayGoUp) {
  make("a/file");
  fs::create_directory(root() / "b");
  link("b/file", "../a/./file");
  EXPECT_EQ(of("b/file"), (Places{at("b"), at("a")}));
  EXPECT_EQ(of("b/../a/file"), Places{at("a")});
}

TEST_F(WayTo, WhatIsNotThereIsSeenWhereItWouldBegin) {
  EXPECT_EQ(of("none/yet/file"), Places{at("")});
  link("dangling", "none/file");
  EXPECT_EQ(of("dangling"), Places{at("")});
}

TEST_F(WayTo, CirclesEnd) {
  link("a", "b");
  link("b", "a");
  EXPECT_EQ(of("a/file"), Places{at("")});
}

}  // namespace
}  // namespace dbgate::app
