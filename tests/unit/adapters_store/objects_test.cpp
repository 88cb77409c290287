#include "tests/unit/adapters_store/store_lab.h"

namespace dbgate::adapters::store {
namespace {

class ObjectsTest : public StoreTest {
 protected:
  Objects& objects() { return store->objects(); }
  Target make_target(const std::string& name, std::optional<std::string> password) {
    Target target;
    target.name = name;
    target.settings = R"({"hosts":["db:5432"]})";
    target.password = std::move(password);
    return got(objects().create_target(target, t0));
  }
};
ON_BOTH_DIALECTS(ObjectsTest);

TEST_P(ObjectsTest, TargetsKeepTheirPasswords) {
  make_target("shop", "s3cret");
  make_target("bare", std::nullopt);
  EXPECT_EQ(got(objects().find_target("shop"))->password, "s3cret");
  EXPECT_EQ(got(objects().find_target("shop"))->settings, R"({"hosts":["db:5432"]})");
  EXPECT_FALSE(got(objects().find_target("bare"))->password);
  EXPECT_FALSE(got(objects().find_target("none")));
  const auto listed = got(objects().list_targets({}));
  EXPECT_FALSE(listed.items.at(0).password);
  EXPECT_EQ(listed.items.at(1).password, "");  // there is one, and lists do not show it
  Target again;
  again.name = "shop";
  EXPECT_EQ(code_of(objects().create_target(again, t0)), "23505");
  again.name = "a/b";
  EXPECT_EQ(code_of(objects().create_target(again, t0)), "22023");
}

TEST_P(ObjectsTest, UpdatesKeepSetOrRemoveThePassword) {
  Target target = make_target("shop", "one");
  target.settings = "{}";
  target.password = "ignored";
  target = got(objects().update_target(target, PasswordUpdate::keep, t0 + 1));
  EXPECT_EQ(target.revision, 2);
  EXPECT_EQ(target.password, "one");
  EXPECT_EQ(target.settings, "{}");
  target.password = "two";
  target = got(objects().update_target(target, PasswordUpdate::set, t0 + 2));
  EXPECT_EQ(got(objects().find_target("shop"))->password, "two");
  target = got(objects().update_target(target, PasswordUpdate::remove, t0 + 3));
  EXPECT_FALSE(got(objects().find_target("shop"))->password);
  target.revision = 1;
  EXPECT_EQ(code_of(objects().update_target(target, PasswordUpdate::keep, t0)), "40001");
  target.name = "none";
  EXPECT_EQ(code_of(objects().update_target(target, PasswordUpdate::keep, t0)), "02000");
}

TEST_P(ObjectsTest, TargetsAreRemovedByRevision) {
  make_target("shop", "one");
  EXPECT_EQ(code_of(objects().remove_target("shop", 2, t0)), "40001");
  did(objects().remove_target("shop", 1, t0));
  EXPECT_EQ(code_of(objects().remove_target("shop", 1, t0)), "02000");
}

TEST_P(ObjectsTest, PolicyVersionsAreNumberedAndOneIsActive) {
  EXPECT_FALSE(got(objects().active_policy()));
  for (const char* const text : {"one", "two", "three"}) {
    PolicyVersion version;
    version.text = text;
    version.comment = "c";
    version.author = "root";
    EXPECT_FALSE(got(objects().add_policy_version(version, t0)).active);
  }
  const auto before = generation();
  did(objects().activate_policy(2, 0, t0));
  EXPECT_GT(generation(), before);
  EXPECT_EQ(got(objects().active_policy())->text, "two");
  EXPECT_EQ(code_of(objects().activate_policy(3, 0, t0)), "40001");
  EXPECT_EQ(code_of(objects().activate_policy(9, 2, t0)), "02000");
  EXPECT_EQ(got(objects().active_policy())->number, 2);  // nothing is half done
  did(objects().activate_policy(3, 2, t0));
  EXPECT_EQ(got(store->load_directory(t0, t0)).policy->text, "three");
  did(objects().activate_policy(0, 3, t0));
  EXPECT_FALSE(got(objects().active_policy()));
  EXPECT_EQ(got(objects().find_policy_version(1))->text, "one");
  EXPECT_FALSE(got(objects().find_policy_version(4)));
}

TEST_P(ObjectsTest, PolicyVersionsAreListedByNumberWithoutTexts) {
  for (int i = 0; i < 11; ++i) {
    PolicyVersion version;
    version.text = "text";
    version.author = std::string(1, static_cast<char>('z' - i));
    got(objects().add_policy_version(version, t0));
  }
  const auto first = got(objects().list_policy_versions({2, true, std::nullopt}));
  EXPECT_EQ(first.items.at(0).number, 11);
  EXPECT_EQ(first.items.at(1).text, "");
  const auto next = got(objects().list_policy_versions({2, true, first.next}));
  EXPECT_EQ(next.items.at(0).number, 9);
  EXPECT_EQ(got(objects().list_policy_versions({50, false, next.next})).items.size(), 3u);
}

}  // namespace
}  // namespace dbgate::adapters::store
