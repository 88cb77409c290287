#include <sys/stat.h>

#include <thread>

#include "gateway/adapters/store/migrations.h"
#include "gateway/adapters/store/open_store.h"
#include "gateway/adapters/store/postgres_database.h"
#include "gateway/adapters/store/postgres_place.h"
#include "gateway/adapters/store/sql_store.h"
#include "gateway/adapters/store/sqlite_database.h"
#include "tests/unit/adapters_store/store_lab.h"

// Opening, migrating, keys.
namespace dbgate::adapters::store {
namespace {

using testing::HasSubstr;
using testing::Not;

class OpeningTest : public testing::TestWithParam<Dialect> {
 protected:
  StoreLab lab{GetParam()};

  std::unique_ptr<SqlDatabase> database() const {
    if (GetParam() == Dialect::sqlite) {
      ::mkdir(lab.config.state_dir.c_str(), 0700);
      return got(open_sqlite(lab.config.store.url.substr(7), std::chrono::seconds(5)));
    }
    return got(open_postgres(got(parse_postgres_url(lab.config.store.url, lab.config.store.password))));
  }
  static std::int64_t count(SqlDatabase& where, const char* sql) { return got(where.query(sql)).row(0).number(); }
};
ON_BOTH_DIALECTS(OpeningTest);

TEST_P(OpeningTest, TheSecondTimeNothingIsMigrated) {
  const auto where = database();
  did(migrate(*where, known_migrations()));
  const auto applied = count(*where, "SELECT SUM(applied_us) FROM schema_migrations");
  EXPECT_EQ(count(*where, "SELECT COUNT(*) FROM schema_migrations"),
            static_cast<std::int64_t>(known_migrations().size()));
  did(migrate(*where, known_migrations()));
  EXPECT_EQ(count(*where, "SELECT SUM(applied_us) FROM schema_migrations"), applied);
}

TEST_P(OpeningTest, LaterMigrationsComeOnTop) {
  const auto where = database();
  std::vector<Migration> migrations(known_migrations().begin(), known_migrations().end());
  did(migrate(*where, migrations));
  const auto next = migrations.back().number + 1;
  migrations.push_back({next, "next", "CREATE TABLE later (a TEXT NOT NULL, TEXTURE BIGINT NOT NULL)"});
  did(migrate(*where, migrations));
  EXPECT_EQ(count(*where, "SELECT COUNT(*) FROM later WHERE texture = 1"), 0);
}

TEST_P(OpeningTest, AMigrationThatFailsLeavesNothingBehind) {
  const auto where = database();
  std::vector<Migration> migrations(known_migrations().begin(), known_migrations().end());
  const auto next = migrations.back().number + 1;
  migrations.push_back({next, "bad", "CREATE TABLE later (a BIGINT); SELECT nonsense FROM nowhere"});
  EXPECT_EQ(code_of(migrate(*where, migrations)), "XX000");
  did(migrate(*where, known_migrations()));
  EXPECT_EQ(count(*where, "SELECT MAX(number) FROM schema_migrations"), next - 1);
  EXPECT_FALSE(where->query("SELECT a FROM later").has_value());
}

TEST_P(OpeningTest, ANewerSchemaIsRefused) {
  const auto where = database();
  did(migrate(*where, known_migrations()));
  did(where->write([](SqlTransaction& transaction) -> Result<> {
    const auto run = transaction.run("INSERT INTO schema_migrations (number, name, applied_us) VALUES (999, 'x', 1)");
    return run ? Result<>(boost::system::in_place_value) : Result<>(run.error());
  }));
  const auto opened = lab.try_open();
  ASSERT_EQ(code_of(opened), GetParam() == Dialect::sqlite ? "XX001" : "0A000");  // SQLite: no key beside the file
  const auto migrated = migrate(*where, known_migrations());
  ASSERT_EQ(code_of(migrated), "0A000");
  const Error why = migrated.error();
  EXPECT_THAT(why.message(), HasSubstr("schema 999, which is newer than this program"));
}

TEST_P(OpeningTest, ManyMayOpenAnEmptyStoreAtOnce) {
  std::vector<std::thread> gateways;
  for (int i = 0; i < 4; ++i) {
    gateways.emplace_back([this] {
      const auto opened = lab.try_open();
      EXPECT_EQ(code_of(opened), "");
      if (opened) EXPECT_EQ((*opened)->generation().value(), 1);
    });
  }
  for (std::thread& gateway : gateways)
    gateway.join();
}

TEST_P(OpeningTest, WhatWasWrittenIsThereForTheNextGateway) {
  {
    Target target;
    target.name = "shop";
    target.password = "s3cret";
    got(lab.open()->objects().create_target(target, t0));
  }
  EXPECT_EQ(got(lab.open()->objects().find_target("shop"))->password, "s3cret");
}

TEST_P(OpeningTest, NoSecretStandsInTheDatabase) {
  const auto store = lab.open();
  Target target;
  target.name = "shop";
  target.password = "find-me-target";
  got(store->objects().create_target(target, t0));
  did(store->sign_ins().start_totp("alice", "find-me-totp", t0));
  did(store->sign_ins().put_pending_login({"h", "k", "find-me-pending", t0}));
  got(store->keys().ensure_signing_key({"kid", "find-me-private", "public", 0, 0}, t0));
  got(store->work().begin_request("alice", "key", "h", t0 + hour, t0));
  did(store->work().finish_request("alice", "key", 200, "find-me-body"));
  const auto where = database();
  for (const char* const sql : {"SELECT sealed_password FROM targets", "SELECT sealed_totp FROM sign_ins",
                                "SELECT sealed_data FROM pending_logins", "SELECT sealed_private FROM signing_keys",
                                "SELECT sealed_body FROM requests"}) {
    const std::string sealed = got(where->query(sql)).row(0).text();
    EXPECT_THAT(sealed, testing::StartsWith("dbg1."));
    EXPECT_THAT(sealed, Not(HasSubstr("find-me")));
  }
}

TEST_P(OpeningTest, KeysAreRotatedAndTheOldOneCanGo) {
  lab.config.encryption_keys = {{"old", std::string(64, '1')}};
  {
    const auto store = lab.open();
    for (const char* const name : {"a", "b", "bare"}) {
      Target target;
      target.name = name;
      if (target.name != "bare") target.password = "s3cret";
      got(store->objects().create_target(target, t0));
    }
    did(store->sign_ins().start_totp("alice", "S", t0));
    did(store->sign_ins().put_pending_login({"h", "k", "d", t0 + hour}));
    got(store->keys().ensure_signing_key({"kid", "P", "p", 0, 0}, t0));
    got(store->work().begin_request("alice", "key", "h", t0 + hour, t0));
    did(store->work().finish_request("alice", "key", 200, "body"));
  }
  lab.config.encryption_keys = {{"new", std::string(64, '2')}, {"old", std::string(64, '1')}};
  EXPECT_EQ(got(rotate_keys(lab.config)), 6);
  EXPECT_EQ(got(rotate_keys(lab.config)), 0);
  lab.config.encryption_keys = {{"new", std::string(64, '2')}};
  const auto store = lab.open();
  EXPECT_EQ(got(store->objects().find_target("b"))->password, "s3cret");
  EXPECT_EQ(got(store->sign_ins().sign_in_secrets("alice")).totp_secret, "S");
  EXPECT_EQ(got(store->sign_ins().take_pending_login("k", "h", t0))->data, "d");
  EXPECT_EQ(got(store->keys().signing_keys()).at(0).private_pem, "P");
  EXPECT_EQ(got(store->work().begin_request("alice", "key", "h", t0 + hour, t0)).body, "body");
}

TEST_P(OpeningTest, AMissingKeyIsAClearErrorAndOnlyForWhatItSealed) {
  lab.config.encryption_keys = {{"old", std::string(64, '1')}};
  {
    const auto store = lab.open();
    Target target;
    target.name = "shop";
    target.password = "s3cret";
    got(store->objects().create_target(target, t0));
    did(store->sign_ins().start_totp("alice", "S", t0));
  }
  lab.config.encryption_keys = {{"new", std::string(64, '2')}};
  const auto store = lab.open();
  const Directory directory = got(store->load_directory(t0, t0));
  EXPECT_TRUE(directory.targets.at(0).password_unreadable);
  EXPECT_FALSE(directory.targets.at(0).password);
  const auto secrets = store->sign_ins().sign_in_secrets("alice");
  ASSERT_EQ(code_of(secrets), "XX001");
  const Error why = secrets.error();
  EXPECT_THAT(why.message(), HasSubstr("\"old\" is not configured"));
  EXPECT_EQ(code_of(rotate_keys(lab.config)), "XX001");
}

TEST_P(OpeningTest, ASealedValueMovedToAnotherRowDoesNotOpen) {
  const auto store = lab.open();
  for (const char* const name : {"mine", "theirs"}) {
    Target target;
    target.name = name;
    target.password = std::string("of ") + name;
    got(store->objects().create_target(target, t0));
  }
  did(database()->write([](SqlTransaction& transaction) -> Result<> {
    const auto run = transaction.run(
        "UPDATE targets SET sealed_password = (SELECT sealed_password FROM targets "
        "WHERE name = 'theirs') WHERE name = 'mine'");
    return run ? Result<>(boost::system::in_place_value) : Result<>(run.error());
  }));
  EXPECT_TRUE(got(store->objects().find_target("mine"))->password_unreadable);
  EXPECT_EQ(got(store->objects().find_target("theirs"))->password, "of theirs");
}

TEST_P(OpeningTest, SweepingDeletesWhatHasExpiredAndNothingElse) {
  const auto store = lab.open();
  did(store->sign_ins().put_pending_login({"h1", "k", "d", t0}));
  did(store->sign_ins().put_pending_login({"h2", "k", "d", t0 + hour}));
  got(store->sign_ins().note_failure("a", {5, minute, second, second}, t0 - hour));
  did(store->logins().revoke_token({"j1", t0}, t0 - hour));
  got(store->work().begin_request("alice", "key", "h", t0, t0 - hour));
  EXPECT_EQ(got(store->sweep(t0)), 4);
  EXPECT_EQ(got(store->sweep(t0)), 0);
  EXPECT_TRUE(got(store->sign_ins().find_pending_login("k", "h2", t0)));
  // Used tokens of a login that lives stay: without them a thief would not be found out.
  Login login;
  login.user = "alice";
  login = got(store->logins().create_login(login, {"r1", t0 + hour}, t0));
  got(store->logins().rotate_refresh_token("r1", {"r2", t0 + hour}, t0 + 1));
  EXPECT_EQ(got(store->sweep(t0 + 400 * 24 * hour)), 1);  // h2
  EXPECT_EQ(got(store->logins().rotate_refresh_token("r1", {"r3", t0}, t0 + 2)).outcome, Rotation::reused);
  EXPECT_GE(got(store->sweep(t0 + 100 * 24 * hour)), 2);
  EXPECT_FALSE(got(store->logins().find_login(login.id)));
}

TEST(OwnKeySqlite, IsMadeOnceForTheOwnerAlone) {
  StoreLab lab(Dialect::sqlite);
  const std::string path = lab.config.state_dir + "/store.key";
  lab.open();
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat((lab.config.state_dir + "/dbgate.db").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const std::string text = tests::read_file(path);
  EXPECT_EQ(text.size(), 65u);
  lab.open();
  EXPECT_EQ(tests::read_file(path), text);
  ::chmod(path.c_str(), 0644);
  EXPECT_EQ(code_of(lab.try_open()), "XX001");
  ::chmod(path.c_str(), 0600);
  tests::write_file(path, text.substr(1));
  EXPECT_EQ(code_of(lab.try_open()), "XX001");
  // A new key would open nothing of what is there.
  ::unlink(path.c_str());
  EXPECT_EQ(code_of(lab.try_open()), "XX001");
}

TEST(OwnKeySqlite, StaysGoodBesideConfiguredOnesUntilRotated) {
  StoreLab lab(Dialect::sqlite);
  Target target;
  target.name = "shop";
  target.password = "s3cret";
  got(lab.open()->objects().create_target(target, t0));
  lab.config.encryption_keys = {{"k1", std::string(64, '1')}};
  EXPECT_EQ(got(lab.open()->objects().find_target("shop"))->password, "s3cret");
  EXPECT_EQ(got(rotate_keys(lab.config)), 1);
  ::unlink((lab.config.state_dir + "/store.key").c_str());
  EXPECT_EQ(got(lab.open()->objects().find_target("shop"))->password, "s3cret");
}

TEST(OpeningSqlite, AFileThatIsNoDatabaseOrCannotBeMadeIsAnError) {
  StoreLab lab(Dialect::sqlite);
  lab.config.encryption_keys = {{"k1", std::string(64, '1')}};
  lab.config.store.url = "sqlite:/nonexistent/dbgate.db";
  EXPECT_EQ(code_of(lab.try_open()), "08006");
  lab.config.store.url = "sqlite:" + lab.directory.file("text");
  tests::write_file(lab.directory.file("text"), std::string(5000, 'x'));
  EXPECT_EQ(code_of(lab.try_open()), "08006");
}

TEST(BusySqlite, AWriterThatWaitsForAnotherProcessGivesUpInTime) {
  StoreLab lab(Dialect::sqlite);
  lab.config.store.timeout = std::chrono::milliseconds(200);
  const auto store = lab.open();
  Group group;
  group.name = "g";
  {
    const auto other = got(open_sqlite(lab.config.store.url.substr(7), std::chrono::seconds(5)));
    did(other->write([&](SqlTransaction&) -> Result<> {
      const auto begun = std::chrono::steady_clock::now();
      std::thread beside([&] { EXPECT_EQ(code_of(store->users().create_group(group, t0)), "08006"); });
      EXPECT_EQ(code_of(store->users().create_group(group, t0)), "08006");
      beside.join();
      EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5));
      EXPECT_EQ(got(store->users().list_groups({})).items.size(), 0u);  // reading goes on
      return boost::system::in_place_value;
    }));
  }
  EXPECT_EQ(code_of(store->users().create_group(group, t0)), "");
}

struct Url {
  const char* text;
  const char* problem;  ///< part of the message; empty: it is fine
};

TEST(StoreUrls, AreReadAsLibpqReadsThem) {
  const Url urls[] = {
      {"postgresql://u@h/d", ""},
      {"postgres://u@h1:1,h2:2/d?sslmode=require", ""},
      {"postgresql://u@%2Frun%2Fpg/d?schema=other", ""},
      {"postgresql://u@h/d?schema=Bad", "schema"},
      {"postgresql://u@h/d?schema=pg_x", "schema"},
      {"postgresql://u@h/d?schema=a\"b", "schema"},
      {"postgresql://h/d", "needs a user"},
      {"postgresql://u@h/", "needs a database"},
      {"postgresql:///d?user=u", "needs a host"},
      {"postgresql://u@h/d?sslmode=sometimes", "sslmode"},
      {"postgresql://u@h/d?options=-c%20x", "does not use the parameter options"},
      {"postgresql://u:s3cret@h/d?nonsense=1", "no connection URL"},
  };
  for (const Url& url : urls) {
    const auto place = parse_postgres_url(url.text, "");
    const Error why = place ? Error() : place.error();
    if (*url.problem != '\0') EXPECT_THAT(why.message(), HasSubstr(url.problem)) << url.text;
    EXPECT_THAT(why.message(), Not(HasSubstr("s3cret")));
  }
  const auto two = got(parse_postgres_url("postgres://u:inside@h1:1,h2:2/d?schema=s_1&sslmode=require", ""));
  EXPECT_EQ(two.schema, "s_1");
  EXPECT_EQ(two.server.hosts.size(), 2u);
  EXPECT_EQ(two.server.hosts[1].port, 2);
  EXPECT_EQ(two.server.password, "inside");
  EXPECT_FALSE(two.server.allow_no_password);
  EXPECT_EQ(two.server.tls, config::SslMode::require);
  EXPECT_EQ(got(parse_postgres_url("postgresql://u@h/d", "")).server.tls, config::SslMode::verify_full);
  EXPECT_EQ(got(parse_postgres_url("postgresql://u:inside@h/d", "outside")).server.password, "outside");
}

}  // namespace
}  // namespace dbgate::adapters::store
