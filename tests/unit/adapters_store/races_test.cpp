#include <atomic>
#include <map>
#include <thread>

#include "tests/unit/adapters_store/store_lab.h"

// What several callers do at once, through two gateways on one store: an attacker would try nothing else.
namespace dbgate::adapters::store {
namespace {

class RacesTest : public StoreTest {
 protected:
  std::unique_ptr<Store> other = lab.open();

  /// Runs `step` in threads that begin together, every second one on the other gateway.
  template <class Step>
  void race(int threads, const Step& step) {
    std::atomic<int> ready = 0;
    std::vector<std::thread> running;
    for (int i = 0; i < threads; ++i) {
      running.emplace_back([&, i] {
        ++ready;
        while (ready < threads)
          std::this_thread::yield();
        step(i % 2 == 0 ? *store : *other, i);
      });
    }
    for (std::thread& thread : running)
      thread.join();
  }
};
ON_BOTH_DIALECTS(RacesTest);

constexpr int rounds = 10;
constexpr int callers = 4;

TEST_P(RacesTest, OneOfSeveralRotatesATokenAndTheLoginEnds) {
  for (int round = 0; round < rounds; ++round) {
    const std::string token = "r" + std::to_string(round);
    const Login login = make_login("alice", token);
    std::vector<Rotation> outcomes(callers);
    race(callers, [&](Store& mine, int i) {
      const RefreshToken fresh{token + "." + std::to_string(i), t0 + hour};
      outcomes[static_cast<std::size_t>(i)] = got(mine.logins().rotate_refresh_token(token, fresh, t0 + 1)).outcome;
    });
    EXPECT_EQ(std::count(outcomes.begin(), outcomes.end(), Rotation::rotated), 1);
    EXPECT_EQ(std::count(outcomes.begin(), outcomes.end(), Rotation::reused), callers - 1);
    EXPECT_EQ(got(store->logins().find_login(login.id))->end_reason, "reuse");
  }
}

TEST_P(RacesTest, OneOfSeveralChangesAnObject) {
  User user = make_user("alice");
  Group group;
  group.name = "g";
  group = got(store->users().create_group(group, t0));
  for (int round = 0; round < rounds; ++round) {
    std::atomic<int> won = 0, lost = 0;
    race(callers, [&](Store& mine, int i) {
      User mine_of_user = user;
      mine_of_user.display_name = std::to_string(i);
      const std::string code = code_of(mine.users().update_user(mine_of_user, {}, t0));
      ++(code.empty() ? won : lost);
      EXPECT_TRUE(code.empty() || code == "40001") << code;
    });
    EXPECT_EQ(won, 1);
    EXPECT_EQ(lost, callers - 1);
    user = *got(store->users().find_user("alice"));
    EXPECT_EQ(user.revision, round + 2);
  }
}

TEST_P(RacesTest, OneOfSeveralTakesAPendingLogin) {
  for (int round = 0; round < rounds; ++round) {
    const std::string hash = std::to_string(round);
    did(store->sign_ins().put_pending_login({hash, "code", "data", t0 + minute}));
    std::atomic<int> taken = 0;
    race(callers, [&](Store& mine, int) {
      if (got(mine.sign_ins().take_pending_login("code", hash, t0))) ++taken;
    });
    EXPECT_EQ(taken, 1);
  }
}

TEST_P(RacesTest, OneOfSeveralUsesACodeAStepAnInvitation) {
  did(store->sign_ins().start_totp("alice", "S", t0));
  EXPECT_TRUE(got(store->sign_ins().confirm_totp("alice", "S", 0, {}, t0)));
  for (int round = 1; round <= rounds; ++round) {
    const std::string name = std::to_string(round);
    did(store->sign_ins().replace_recovery_codes("alice", std::vector{name}));
    Invitation invitation;
    invitation.hash = name;
    invitation.expires_us = t0 + hour;
    got(store->work().create_invitation(invitation, t0));
    std::atomic<int> codes = 0, steps = 0, invited = 0;
    race(callers, [&](Store& mine, int i) {
      if (got(mine.sign_ins().use_recovery_code("alice", name, t0))) ++codes;
      if (got(mine.sign_ins().use_totp_step("alice", round))) ++steps;
      NewUser fresh;
      fresh.user.name = "u" + name + "-" + std::to_string(i);
      if (got(mine.work().use_invitation(name, fresh, t0)).outcome == InvitationUse::used) ++invited;
    });
    EXPECT_EQ(codes, 1);
    EXPECT_EQ(steps, 1);
    EXPECT_EQ(invited, 1);
  }
}

// Two gateways, each of which is told to take the other administrator away, one way or another.
TEST_P(RacesTest, OneAdministratorStays) {
  const auto nothing_by_file = [] { return FileAdministrators{}; };
  for (int round = 0; round < rounds; ++round) {
    const std::string names[] = {"a" + std::to_string(round), "b" + std::to_string(round)};
    for (const std::string& name : names) {
      make_user(name);
      got(store->users().grant_role({SubjectKind::user, name, "admin"}, t0));
    }
    std::atomic<int> withdrawn = 0;
    race(2, [&](Store& mine, int i) {
      mine.users().keep_administrator(nothing_by_file);
      User victim = *got(mine.users().find_user(names[1 - i]));
      std::string code;
      if (round % 3 == 0) code = code_of(mine.users().remove_user(victim.name, 0, {}, t0));
      if (round % 3 == 1) {
        victim.state = UserState::disabled;
        code = code_of(mine.users().update_user(victim, {}, t0));
      }
      if (round % 3 == 2) code = code_of(mine.users().revoke_role({SubjectKind::user, victim.name, "admin"}, t0));
      EXPECT_TRUE(code.empty() || code == "55000") << code;
      if (code.empty()) ++withdrawn;
    });
    EXPECT_EQ(withdrawn, 1) << "round " << round;
    store->users().keep_administrator({});
    for (const std::string& name : names)
      static_cast<void>(store->users().remove_user(name, 0, {}, t0));
  }
}

TEST_P(RacesTest, NoFailureIsLostInCounting) {
  const LockRule rule{1'000'000, hour, second, second};
  race(callers, [&](Store& mine, int) {
    for (int i = 0; i < rounds; ++i)
      got(mine.sign_ins().note_failure("alice", rule, t0));
  });
  EXPECT_EQ(got(store->sign_ins().failures("alice", t0)).count, callers * rounds);
}

TEST_P(RacesTest, OneOfSeveralBeginsARequest) {
  for (int round = 0; round < rounds; ++round) {
    std::atomic<int> started = 0;
    race(callers, [&](Store& mine, int) {
      const auto begun = got(mine.work().begin_request("alice", std::to_string(round), "h", t0 + hour, t0));
      if (begun.state == RequestState::started) ++started;
    });
    EXPECT_EQ(started, 1);
  }
}

TEST_P(RacesTest, FirstStartsAgreeOnOneSigningKeyAndOneSalt) {
  std::mutex mutex;
  std::map<std::string, int> kids, salts;
  race(callers, [&](Store& mine, int i) {
    const auto keys = got(mine.keys().ensure_signing_key({"kid" + std::to_string(i), "P", "p", 0, 0}, t0));
    const auto salt = got(mine.keys().scram_salt("alice", {}, t0));
    const std::lock_guard lock(mutex);
    ASSERT_EQ(keys.size(), 1u);
    ++kids[keys[0].kid];
    ++salts[salt.salt];
  });
  EXPECT_EQ(kids.size(), 1u);
  EXPECT_EQ(salts.size(), 1u);
}

TEST_P(RacesTest, PolicyVersionsGetNumbersOfTheirOwnAndOneIsActivated) {
  race(callers, [&](Store& mine, int) {
    for (int i = 0; i < rounds; ++i)
      got(mine.objects().add_policy_version({}, t0));
  });
  const auto versions = got(store->objects().list_policy_versions({500, true, std::nullopt}));
  EXPECT_EQ(versions.items.at(0).number, callers * rounds);
  std::atomic<int> won = 0;
  race(callers, [&](Store& mine, int i) {
    const std::string code = code_of(mine.objects().activate_policy(i + 1, 0, t0));
    if (code.empty()) ++won;
    EXPECT_TRUE(code.empty() || code == "40001") << code;
  });
  EXPECT_EQ(won, 1);
}

TEST_P(RacesTest, UsersComeAndGoBesideTheirLogins) {
  // The server undoes one of two transactions that wait for each other: it is done again, and nobody sees an error.
  race(callers, [&](Store& mine, int i) {
    const std::string name = "u" + std::to_string(i / 2);
    for (int round = 0; round < rounds; ++round) {
      const std::string token = std::to_string(i) + "." + std::to_string(round);
      Login login;
      login.user = name;
      got(mine.logins().create_login(login, {token, t0 + hour}, t0));
      NewUser fresh;
      fresh.user.name = name;
      const std::string made = code_of(mine.users().create_user(fresh, t0));
      EXPECT_TRUE(made.empty() || made == "23505") << made;
      EXPECT_EQ(code_of(mine.logins().rotate_refresh_token(token, {token + "x", t0 + hour}, t0)), "");
      const std::string removed = code_of(mine.users().remove_user(name, 0, {}, t0));
      EXPECT_TRUE(removed.empty() || removed == "02000") << removed;
    }
  });
}

}  // namespace
}  // namespace dbgate::adapters::store
