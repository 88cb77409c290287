#include "tests/unit/adapters_store/store_lab.h"

namespace dbgate::adapters::store {
namespace {

class SignInsTest : public StoreTest {
 protected:
  SignIns& sign_ins() { return store->sign_ins(); }
};
ON_BOTH_DIALECTS(SignInsTest);

PasswordChange to(const std::string& hash) {
  PasswordChange change;
  change.hash = hash;
  change.by = "alice";
  return change;
}

TEST_P(SignInsTest, NobodyHasSecretsAtFirst) {
  const SignInSecrets secrets = got(sign_ins().sign_in_secrets("nobody"));
  EXPECT_EQ(secrets.password_hash, "");
  EXPECT_EQ(secrets.totp_secret, "");
}

TEST_P(SignInsTest, ANewPasswordEndsTheOtherLogins) {
  const Login here = make_login("alice", "r1");
  const Login there = make_login("alice", "r2");
  PasswordChange change = to("h1");
  change.must_change = true;
  change.keep_login = here.id;
  did(sign_ins().set_password("alice", change, t0 + 1));
  const SignInSecrets secrets = got(sign_ins().sign_in_secrets("alice"));
  EXPECT_EQ(secrets.password_hash, "h1");
  EXPECT_TRUE(secrets.must_change_password);
  EXPECT_EQ(secrets.password_changed_us, t0 + 1);
  EXPECT_EQ(got(store->logins().find_login(here.id))->ended_us, 0);
  EXPECT_EQ(got(store->logins().find_login(there.id))->end_reason, "password_changed");
  EXPECT_EQ(got(store->load_directory(t0, t0)).ended.at(0).credential, there.id);
}

TEST_P(SignInsTest, APasswordChangesOnlyFromTheOneThatWasSeen) {
  did(sign_ins().set_password("alice", to("h1"), t0));
  PasswordChange change = to("h2");
  change.seen_hash = "h0";
  const Login login = make_login("alice", "r1");
  EXPECT_EQ(code_of(sign_ins().set_password("alice", change, t0)), "40001");
  EXPECT_EQ(got(sign_ins().sign_in_secrets("alice")).password_hash, "h1");
  EXPECT_EQ(got(store->logins().find_login(login.id))->ended_us, 0);
  change.seen_hash = "h1";
  did(sign_ins().set_password("alice", change, t0));
  EXPECT_EQ(got(sign_ins().sign_in_secrets("alice")).password_hash, "h2");
}

TEST_P(SignInsTest, ASecondFactorIsInForceOnceItIsConfirmed) {
  did(sign_ins().start_totp("alice", "S1", t0));
  did(sign_ins().start_totp("alice", "S2", t0));
  EXPECT_EQ(got(sign_ins().sign_in_secrets("alice")).totp_secret, "S2");
  EXPECT_FALSE(got(sign_ins().use_totp_step("alice", 5)));
  EXPECT_FALSE(got(sign_ins().confirm_totp("alice", "S1", 10, {}, t0)));
  EXPECT_TRUE(got(sign_ins().confirm_totp("alice", "S2", 10, std::vector{"c1"s, "c2"s}, t0 + 1)));
  EXPECT_FALSE(got(sign_ins().confirm_totp("alice", "S2", 11, {}, t0)));
  EXPECT_EQ(code_of(sign_ins().start_totp("alice", "S3", t0)), "40001");
  EXPECT_EQ(got(sign_ins().sign_in_secrets("alice")).totp_confirmed_us, t0 + 1);
  EXPECT_EQ(got(sign_ins().recovery_codes_left("alice")), 2);
  EXPECT_TRUE(got(sign_ins().remove_totp("alice", t0)));
  EXPECT_FALSE(got(sign_ins().remove_totp("alice", t0)));
  EXPECT_EQ(got(sign_ins().sign_in_secrets("alice")).totp_secret, "");
  EXPECT_EQ(got(sign_ins().recovery_codes_left("alice")), 0);
}

TEST_P(SignInsTest, AStepIsGoodOnceAndNoneBeforeIt) {
  did(sign_ins().start_totp("alice", "S", t0));
  EXPECT_TRUE(got(sign_ins().confirm_totp("alice", "S", 10, {}, t0)));
  EXPECT_FALSE(got(sign_ins().use_totp_step("alice", 10)));
  EXPECT_TRUE(got(sign_ins().use_totp_step("alice", 12)));
  EXPECT_FALSE(got(sign_ins().use_totp_step("alice", 12)));
  EXPECT_FALSE(got(sign_ins().use_totp_step("alice", 11)));
  EXPECT_FALSE(got(sign_ins().use_totp_step("bob", 13)));
}

TEST_P(SignInsTest, ARecoveryCodeIsGoodOnce) {
  did(sign_ins().replace_recovery_codes("alice", std::vector{"c1"s, "c2"s}));
  EXPECT_FALSE(got(sign_ins().use_recovery_code("bob", "c1", t0)));
  EXPECT_TRUE(got(sign_ins().use_recovery_code("alice", "c1", t0)));
  EXPECT_FALSE(got(sign_ins().use_recovery_code("alice", "c1", t0)));
  EXPECT_EQ(got(sign_ins().recovery_codes_left("alice")), 1);
  did(sign_ins().replace_recovery_codes("alice", std::vector{"c3"s}));
  EXPECT_FALSE(got(sign_ins().use_recovery_code("alice", "c2", t0)));
  EXPECT_TRUE(got(sign_ins().use_recovery_code("alice", "c3", t0)));
}

TEST_P(SignInsTest, FailuresLockForLongerAndLonger) {
  const LockRule rule{3, 10 * minute, 30 * second, 100 * second};
  EXPECT_EQ(got(sign_ins().failures("a", t0)).count, 0);
  EXPECT_FALSE(got(sign_ins().note_failure("a", rule, t0)).locked(t0));
  EXPECT_FALSE(got(sign_ins().note_failure("a", rule, t0)).locked(t0));
  const Failures third = got(sign_ins().note_failure("a", rule, t0));
  EXPECT_EQ(third.count, 3);
  EXPECT_EQ(third.locked_until_us, t0 + 30 * second);
  EXPECT_TRUE(got(sign_ins().failures("a", t0 + 1)).locked(t0 + 1));
  EXPECT_FALSE(got(sign_ins().failures("b", t0 + 1)).locked(t0 + 1));
  EXPECT_EQ(got(sign_ins().note_failure("a", rule, t0 + minute)).locked_until_us, t0 + minute + 60 * second);
  EXPECT_EQ(got(sign_ins().note_failure("a", rule, t0 + 2 * minute)).locked_until_us, t0 + 2 * minute + 100 * second);
  // A window after the lock nothing is left.
  const Micros later = t0 + 2 * minute + 100 * second + 10 * minute;
  EXPECT_EQ(got(sign_ins().failures("a", later)).count, 0);
  EXPECT_EQ(got(sign_ins().note_failure("a", rule, later)).count, 1);
  did(sign_ins().clear_failures("a"));
  EXPECT_EQ(got(sign_ins().failures("a", later)).count, 0);
  did(sign_ins().clear_failures("a"));
}

TEST_P(SignInsTest, APendingLoginIsTakenOnce) {
  const PendingLogin pending{"h1", "oidc", "state and \xc3\xa4 verifier", t0 + minute};
  did(sign_ins().put_pending_login(pending));
  EXPECT_EQ(code_of(sign_ins().put_pending_login(pending)), "23505");
  EXPECT_FALSE(got(sign_ins().find_pending_login("device", "h1", t0)));
  EXPECT_EQ(got(sign_ins().find_pending_login("oidc", "h1", t0))->data, pending.data);
  EXPECT_FALSE(got(sign_ins().take_pending_login("device", "h1", t0)));
  const auto taken = got(sign_ins().take_pending_login("oidc", "h1", t0));
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->data, pending.data);
  EXPECT_EQ(taken->expires_us, pending.expires_us);
  EXPECT_FALSE(got(sign_ins().take_pending_login("oidc", "h1", t0)));
}

TEST_P(SignInsTest, APendingLoginExpiresAndCanBeChangedUntilThen) {
  PendingLogin pending{"h1", "device", "waiting", t0 + minute};
  did(sign_ins().put_pending_login(pending));
  pending.data = "approved";
  EXPECT_TRUE(got(sign_ins().change_pending_login(pending, t0)));
  EXPECT_EQ(got(sign_ins().find_pending_login("device", "h1", t0))->data, "approved");
  EXPECT_FALSE(got(sign_ins().find_pending_login("device", "h1", t0 + minute)));
  EXPECT_FALSE(got(sign_ins().change_pending_login(pending, t0 + minute)));
  EXPECT_FALSE(got(sign_ins().take_pending_login("device", "h1", t0 + minute)));
}

}  // namespace
}  // namespace dbgate::adapters::store
