#include "tests/unit/adapters_store/store_lab.h"

namespace dbgate::adapters::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class UsersTest : public StoreTest {};
ON_BOTH_DIALECTS(UsersTest);

std::vector<std::string> names(const Listed<User>& listed) {
  std::vector<std::string> list;
  for (const User& user : listed.items)
    list.push_back(user.name);
  return list;
}

TEST_P(UsersTest, AUserComesBackAsItWasMade) {
  NewUser fresh;
  fresh.user.name = "alice";
  fresh.user.kind = UserKind::agent;
  fresh.user.state = UserState::pending;
  fresh.user.display_name = "Alice \"A\" Żółć";
  fresh.user.email = "alice@example.org";
  fresh.user.wire_login = WireLogin::token;
  fresh.user.attributes = {{"region", "eu"}, {"quote\"d", "a\nb"}};
  fresh.user.source = Source::oidc;
  fresh.user.issuer = "https://id.example";
  fresh.user.subject = "42";
  const User made = got(store->users().create_user(fresh, t0));
  EXPECT_THAT(made.id, testing::StartsWith("usr_"));
  const auto found = got(store->users().find_user("alice"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, made.id);
  EXPECT_EQ(found->kind, UserKind::agent);
  EXPECT_EQ(found->state, UserState::pending);
  EXPECT_EQ(found->display_name, fresh.user.display_name);
  EXPECT_EQ(found->wire_login, WireLogin::token);
  EXPECT_EQ(found->attributes, fresh.user.attributes);
  EXPECT_EQ(found->source, Source::oidc);
  EXPECT_EQ(found->created_us, t0);
  EXPECT_EQ(found->revision, 1);
  EXPECT_EQ(got(store->users().find_user_of("https://id.example", "42"))->name, "alice");
  EXPECT_FALSE(got(store->users().find_user_of("https://id.example", "43")));
  EXPECT_FALSE(got(store->users().find_user_of("", "")));
  EXPECT_FALSE(got(store->users().find_user("ALICE")));
}

TEST_P(UsersTest, NamesAreUniqueAndOfOneShape) {
  make_user("alice");
  NewUser again;
  again.user.name = "alice";
  EXPECT_EQ(code_of(store->users().create_user(again, t0)), "23505");
  for (const std::string& bad :
       {""s, ".a"s, "a b"s, "a/b"s, "a\0b"s, "ä"s, std::string(64, 'a'), "a'; DROP TABLE users"s}) {
    again.user.name = bad;
    EXPECT_EQ(code_of(store->users().create_user(again, t0)), "22023") << bad;
  }
  again.user.name = std::string(63, 'a');
  EXPECT_EQ(code_of(store->users().create_user(again, t0)), "");
}

TEST_P(UsersTest, TwoAccountsOfAProviderAreTwoUsers) {
  NewUser fresh;
  fresh.user.name = "alice";
  fresh.user.issuer = "i";
  fresh.user.subject = "1";
  got(store->users().create_user(fresh, t0));
  fresh.user.name = "bob";
  EXPECT_EQ(code_of(store->users().create_user(fresh, t0)), "23505");
  fresh.user.subject = "2";
  EXPECT_EQ(code_of(store->users().create_user(fresh, t0)), "");
}

TEST_P(UsersTest, TextThatCannotBeStoredIsRefused) {
  NewUser fresh;
  fresh.user.name = "alice";
  for (const std::string& bad : {"\xff"s, "\xed\xa0\x80"s, "\xc0\x80"s, "a\0b"s, "\xf4\x90\x80\x80"s, "\xe2\x82"s}) {
    fresh.user.display_name = bad;
    EXPECT_EQ(code_of(store->users().create_user(fresh, t0)), "22021");
  }
  fresh.user.display_name = "\xf4\x8f\xbf\xbf\xed\x9f\xbf";
  EXPECT_EQ(code_of(store->users().create_user(fresh, t0)), "");
}

TEST_P(UsersTest, AnUpdateNamesTheRevisionItSaw) {
  User user = make_user("alice");
  user.display_name = "one";
  const User updated = got(store->users().update_user(user, {}, t0 + 1));
  EXPECT_EQ(updated.revision, 2);
  EXPECT_EQ(updated.updated_us, t0 + 1);
  EXPECT_EQ(updated.created_us, t0);
  user.display_name = "two";
  EXPECT_EQ(code_of(store->users().update_user(user, {}, t0 + 2)), "40001");
  EXPECT_EQ(got(store->users().find_user("alice"))->display_name, "one");
  user.name = "nobody";
  EXPECT_EQ(code_of(store->users().update_user(user, {}, t0 + 2)), "02000");
}

TEST_P(UsersTest, DisablingEndsTheLogins) {
  User user = make_user("alice");
  const Login login = make_login("alice", "r1");
  const Login other = make_login("bob", "r2");
  user.state = UserState::disabled;
  got(store->users().update_user(user, {"user_disabled", "root"}, t0 + 5));
  const auto ended = got(store->logins().find_login(login.id));
  EXPECT_EQ(ended->ended_us, t0 + 5);
  EXPECT_EQ(ended->end_reason, "user_disabled");
  EXPECT_EQ(ended->ended_by, "root");
  EXPECT_EQ(got(store->logins().find_login(other.id))->ended_us, 0);
}

TEST_P(UsersTest, ListsArePagedAndStableUnderChanges) {
  for (const char* const name : {"b", "d", "a", "c", "B", "Z"})
    make_user(name);
  Page page;
  page.limit = 2;
  auto first = got(store->users().list_users({}, page));
  EXPECT_THAT(names(first), ElementsAre("B", "Z"));  // by bytes, whatever the server's locale
  ASSERT_TRUE(first.next);
  make_user("A");                                                       // before the cursor
  did(store->users().remove_user(first.items.back().name, 0, {}, t0));  // the very one that it names
  page.after = first.next;
  page.limit = 3;
  const auto rest = got(store->users().list_users({}, page));
  EXPECT_THAT(names(rest), ElementsAre("a", "b", "c"));
  page.after = rest.next;
  const auto last = got(store->users().list_users({}, page));
  EXPECT_THAT(names(last), ElementsAre("d"));
  EXPECT_FALSE(last.next);
  page = {2, true, std::nullopt};
  const auto down = got(store->users().list_users({}, page));
  EXPECT_THAT(names(down), ElementsAre("d", "c"));
  page.after = down.next;
  EXPECT_THAT(names(got(store->users().list_users({}, page))), ElementsAre("b", "a"));
}

TEST_P(UsersTest, ListsAreFiltered) {
  User alice = make_user("alice");
  NewUser robot;
  robot.user.name = "robot";
  robot.user.kind = UserKind::service;
  got(store->users().create_user(robot, t0));
  alice.state = UserState::disabled;
  got(store->users().update_user(alice, {}, t0));
  UserFilter filter;
  filter.kind = UserKind::person;
  EXPECT_THAT(names(got(store->users().list_users(filter, {}))), ElementsAre("alice"));
  filter = {};
  filter.services_and_agents = true;
  EXPECT_THAT(names(got(store->users().list_users(filter, {}))), ElementsAre("robot"));
  filter = {};
  filter.state = UserState::active;
  EXPECT_THAT(names(got(store->users().list_users(filter, {}))), ElementsAre("robot"));
}

TEST_P(UsersTest, RemovingAUserEndsAndDeletesAllThatIsItsOwn) {
  User alice = make_user("alice");
  const Login login = make_login("alice", "r1");
  AccessKey key;
  key.user = "alice";
  key.name = "laptop";
  key.hash = "h";
  key = got(store->keys().create_access_key(key, t0));
  got(store->users().add_member("readers", "alice", t0));
  got(store->users().grant_role({SubjectKind::user, "alice", "admin"}, t0));
  did(store->users().add_certificate_name({"email:a@b", "alice", 0}, t0));
  did(store->sign_ins().set_password("alice", {.hash = "x", .seen_hash = {}, .keep_login = {}, .by = {}}, t0));
  EXPECT_EQ(code_of(store->users().remove_user("alice", 7, {}, t0)), "40001");
  did(store->users().remove_user("alice", 1, {"user_removed", "root"}, t0 + 9));
  EXPECT_EQ(code_of(store->users().remove_user("alice", 1, {}, t0)), "02000");
  const Directory directory = got(store->load_directory(t0, t0));
  EXPECT_THAT(directory.users, IsEmpty());
  EXPECT_THAT(directory.memberships, IsEmpty());
  EXPECT_THAT(directory.roles, IsEmpty());
  EXPECT_THAT(directory.certificate_names, IsEmpty());
  std::vector<std::string> ended;
  for (const EndedCredential& credential : directory.ended)
    ended.push_back(credential.credential);
  EXPECT_THAT(ended, testing::UnorderedElementsAre(login.id, key.id));
  EXPECT_FALSE(got(store->keys().find_access_key_by_hash("h")));
  EXPECT_EQ(got(store->sign_ins().sign_in_secrets("alice")).password_hash, "");
  EXPECT_EQ(got(store->logins().rotate_refresh_token("r1", {"r2", t0 + hour}, t0 + 10)).outcome, Rotation::unknown);
}

TEST_P(UsersTest, ANewUserInheritsNothingFromTheNamesPast) {
  // A user of the configuration file, who is no more.
  const Login login = make_login("alice", "r1");
  got(store->users().add_member("admins", "alice", t0));
  did(store->sign_ins().set_password("alice", {.hash = "old", .seen_hash = {}, .keep_login = {}, .by = {}}, t0));
  NewUser fresh;
  fresh.user.name = "alice";
  fresh.groups = {"readers", "readers"};
  fresh.roles = {"auditor"};
  got(store->users().create_user(fresh, t0 + 1));
  EXPECT_EQ(got(store->sign_ins().sign_in_secrets("alice")).password_hash, "");
  EXPECT_FALSE(got(store->logins().find_login(login.id)));
  const auto memberships = got(store->users().memberships_of_user("alice"));
  ASSERT_EQ(memberships.size(), 1u);
  EXPECT_EQ(memberships[0].group, "readers");
  EXPECT_EQ(got(store->users().list_roles()).at(0).role, "auditor");
  EXPECT_EQ(got(store->load_directory(t0, t0)).ended.at(0).credential, login.id);
}

TEST_P(UsersTest, ANameThatIsTakenTouchesNobodysCredentials) {
  make_user("alice");
  const Login login = make_login("alice", "r1");
  const auto before = generation();
  NewUser again;
  again.user.name = "alice";
  EXPECT_EQ(code_of(store->users().create_user(again, t0)), "23505");
  EXPECT_EQ(got(store->logins().find_login(login.id))->ended_us, 0);
  EXPECT_EQ(generation(), before);
}

TEST_P(UsersTest, GroupsAreMadeChangedAndRemoved) {
  Group group;
  group.name = "readers";
  group.description = "read";
  group = got(store->users().create_group(group, t0));
  EXPECT_THAT(group.id, testing::StartsWith("grp_"));
  EXPECT_EQ(code_of(store->users().create_group(group, t0)), "23505");
  group.description = "read more";
  EXPECT_EQ(got(store->users().update_group(group, t0 + 1)).revision, 2);
  EXPECT_EQ(code_of(store->users().update_group(group, t0 + 1)), "40001");
  EXPECT_EQ(got(store->users().find_group("readers"))->description, "read more");
  got(store->users().add_member("readers", "alice", t0));
  got(store->users().grant_role({SubjectKind::group, "readers", "auditor"}, t0));
  EXPECT_EQ(code_of(store->users().remove_group("readers", 1, t0)), "40001");
  did(store->users().remove_group("readers", 2, t0));
  EXPECT_FALSE(got(store->users().find_group("readers")));
  EXPECT_THAT(got(store->users().memberships_of_user("alice")), IsEmpty());
  EXPECT_THAT(got(store->users().list_roles()), IsEmpty());
  group.name = "no good";
  EXPECT_EQ(code_of(store->users().create_group(group, t0)), "22023");
}

TEST_P(UsersTest, GroupsAreListedByName) {
  for (const char* const name : {"c", "a", "b"}) {
    Group group;
    group.name = name;
    got(store->users().create_group(group, t0));
  }
  const auto first = got(store->users().list_groups({2, false, std::nullopt}));
  EXPECT_EQ(first.items.at(1).name, "b");
  const auto rest = got(store->users().list_groups({2, false, first.next}));
  EXPECT_EQ(rest.items.at(0).name, "c");
  EXPECT_FALSE(rest.next);
}

TEST_P(UsersTest, MembersOfTwoSourcesAreKeptApart) {
  const auto before = generation();
  EXPECT_TRUE(got(store->users().add_member("readers", "alice", t0)));
  EXPECT_FALSE(got(store->users().add_member("readers", "alice", t0)));
  EXPECT_EQ(generation(), before + 1);  // what changes nothing is not announced
  EXPECT_TRUE(got(store->users().set_provider_groups("alice", std::vector{"readers"s, "writers"s, "readers"s}, t0)));
  EXPECT_FALSE(got(store->users().set_provider_groups("alice", std::vector{"writers"s, "readers"s}, t0)));
  EXPECT_EQ(generation(), before + 2);
  EXPECT_EQ(got(store->users().memberships_of_user("alice")).size(), 3u);
  EXPECT_TRUE(got(store->users().set_provider_groups("alice", {}, t0)));
  EXPECT_TRUE(got(store->users().remove_member("readers", "alice", t0)));
  EXPECT_FALSE(got(store->users().remove_member("readers", "alice", t0)));
  EXPECT_THAT(got(store->users().memberships_of_user("alice")), IsEmpty());
}

TEST_P(UsersTest, MembersAreListedInPages) {
  for (const char* const name : {"a", "b", "c"})
    got(store->users().add_member("readers", name, t0));
  got(store->users().set_provider_groups("b", std::vector{"readers"s}, t0));
  got(store->users().add_member("others", "d", t0));
  std::vector<std::string> seen;
  Page page{1, false, std::nullopt};
  do {
    const auto listed = got(store->users().list_members("readers", page));
    for (const Membership& member : listed.items)
      seen.push_back(member.user);
    page.after = listed.next;
  } while (page.after);
  EXPECT_THAT(seen, ElementsAre("a", "b", "b", "c"));
}

TEST_P(UsersTest, RolesAreGrantedOnceAndRevoked) {
  const RoleGrant role{SubjectKind::group, "ops", "target_admin"};
  EXPECT_TRUE(got(store->users().grant_role(role, t0)));
  EXPECT_FALSE(got(store->users().grant_role(role, t0)));
  EXPECT_TRUE(got(store->users().revoke_role(role, t0)));
  EXPECT_FALSE(got(store->users().revoke_role(role, t0)));
}

TEST_P(UsersTest, ANameOfACertificateStandsForOneUser) {
  did(store->users().add_certificate_name({"uri:spiffe://a/b", "alice", 0}, t0));
  EXPECT_EQ(code_of(store->users().add_certificate_name({"uri:spiffe://a/b", "bob", 0}, t0)), "23505");
  EXPECT_EQ(got(store->users().certificate_names_of("alice")).at(0).created_us, t0);
  EXPECT_EQ(code_of(store->users().remove_certificate_name("bob", "uri:spiffe://a/b", t0)), "02000");
  did(store->users().remove_certificate_name("alice", "uri:spiffe://a/b", t0));
  EXPECT_THAT(got(store->users().certificate_names_of("alice")), IsEmpty());
}

}  // namespace
}  // namespace dbgate::adapters::store
