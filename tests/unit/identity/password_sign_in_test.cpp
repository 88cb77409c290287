#include "gateway/identity/password_sign_in.h"

#include <gtest/gtest.h>
#include <liboath/oath.h>

#include <array>
#include <atomic>
#include <vector>

#include "gateway/identity/totp.h"
#include "tests/support/test_store.h"
#include "tests/unit/identity/counted_store.h"

namespace dbgate::identity {
namespace {

constexpr std::int64_t second = 1'000'000;
constexpr std::int64_t start = 1'800'000'000 * second;

/// Says what it was asked, and costs nothing.
class CountingHasher final : public ports::PasswordHasher {
 public:
  std::atomic<int> verified = 0;
  std::string current = "v1";

  Result<std::string> hash(std::string_view password) override { return current + ":" + std::string(password); }
  Result<bool> verify(std::string_view stored, std::string_view password) override {
    ++verified;
    return stored.substr(3) == password;
  }
  std::size_t threads() const override { return 1; }
  bool needs_rehash(std::string_view stored) const override { return !stored.starts_with(current); }
  const std::string& decoy() const override { return decoy_; }

 private:
  std::string decoy_ = "v1:\x01 fits nothing";
};

Result<std::vector<std::string>> confirmed(ports::store::Store& store, const std::string& user, std::string_view code,
                                           std::int64_t now) {
  DBGATE_TRY(const CheckedTotp checked, check_started_totp(store, user, code, now));
  return confirm_totp(store, user, checked, now);
}

/// @tparam Kept  the store: TestStore, or CountedStore where questions to it are counted or it is gone
template <class Kept>
struct GatewayOn {
  Kept kept;
  CountingHasher hasher;
  std::string gone;
  PasswordSignIn sign_in{{},
                         kept,
                         hasher,
                         {[](std::string_view user) { return file_verifier(user); },
                          [this](std::string_view user) { return user != gone; }}};
  std::int64_t now = start;

  GatewayOn() {
    ports::store::NewUser ana;
    ana.user.name = "ana";
    ana.password_hash = "v1:correct horse";
    EXPECT_TRUE(kept.users().create_user(ana, now));
  }
  static std::optional<auth::ScramVerifier> file_verifier(std::string_view user) {
    static const auto verifier = auth::make_scram_verifier("from the file");
    return user == "filed" ? std::optional(verifier) : std::nullopt;
  }
  SignInResult attempt(const std::string& user, const std::string& password, const std::string& address = "10.0.0.1",
                       const SecondFactor& factor = {}) {
    return *sign_in.attempt({user, password, factor, address}, now);
  }
  SignInOutcome outcome(const std::string& user, const std::string& password, const std::string& address = "10.0.0.1") {
    return attempt(user, password, address).outcome;
  }
  void log_in_from(const std::string& address) {
    ports::store::Login login;
    login.user = "ana";
    login.address = address;
    EXPECT_TRUE(kept.logins().create_login(login, {"hash", 0}, now));
  }
  std::string enrol() {
    const auto started = start_totp(kept, "ana", now);
    EXPECT_TRUE(started);
    recovery = *confirmed(kept, "ana", code(0), now);
    return kept.sign_ins().sign_in_secrets("ana")->totp_secret;
  }
  std::string code(int steps) {
    const std::string secret = kept.sign_ins().sign_in_secrets("ana")->totp_secret;
    std::array<char, 7> text{};
    oath_totp_generate2(secret.data(), secret.size(), static_cast<time_t>(now / second + 30 * steps), 30, 0, 6, 0,
                        text.data());
    return text.data();
  }
  std::vector<std::string> recovery;
};

using Gateway = GatewayOn<tests::TestStore>;
using CountedGateway = GatewayOn<tests::CountedStore>;
using enum SignInOutcome;

TEST(PasswordSignIn, RightAndWrong) {
  Gateway gateway;
  const auto right = gateway.attempt("ana", "correct horse");
  EXPECT_EQ(right.outcome, signed_in);
  EXPECT_EQ(right.user, "ana");
  EXPECT_EQ(gateway.outcome("ana", "correct hors"), refused);
  EXPECT_EQ(gateway.outcome("ana", ""), refused);
  EXPECT_EQ(gateway.outcome("Ana", "correct horse"), refused);
  EXPECT_EQ(gateway.outcome("", "correct horse"), refused);
  EXPECT_EQ(gateway.outcome("nobody", "\x01 fits nothing"), refused);  // the decoy's own text opens nothing
  EXPECT_EQ(gateway.outcome("filed", "from the file"), signed_in);
  EXPECT_EQ(gateway.outcome("filed", "from the file "), refused);
  gateway.gone = "ana";
  EXPECT_EQ(gateway.outcome("ana", "correct horse"), refused);
}

TEST(PasswordSignIn, CostsTheSameWhoeverIsNamed) {
  Gateway gateway;
  gateway.gone = "gone";
  for (const char* user : {"ana", "nobody", "filed", "gone", "root"}) {
    const int before = gateway.hasher.verified;
    EXPECT_EQ(gateway.outcome(user, "a wrong password"), refused);
    EXPECT_EQ(gateway.hasher.verified, before + 1) << user;
  }
  // What cannot be anybody's costs nothing, and tells nothing.
  const int before = gateway.hasher.verified;
  EXPECT_EQ(gateway.outcome("../etc/passwd", "x"), refused);
  EXPECT_EQ(gateway.outcome("ana", std::string(1025, 'x')), refused);
  EXPECT_EQ(gateway.hasher.verified, before);
}

TEST(PasswordSignIn, LimitsAreTheSameForNamesThatDoNotExist) {
  std::array<std::vector<SignInOutcome>, 2> seen;
  std::array<std::vector<std::int64_t>, 2> waits;
  for (std::size_t i = 0; i < 2; ++i) {
    Gateway gateway;
    for (int attempt = 0; attempt < 200; ++attempt) {
      const auto result = gateway.attempt(i == 0 ? "ana" : "nobody", "guess", "10.0.0." + std::to_string(attempt % 7));
      seen[i].push_back(result.outcome);
      waits[i].push_back(result.retry_after_s);
      gateway.now += second / 4;
    }
  }
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_EQ(waits[0], waits[1]);
  EXPECT_NE(std::count(seen[0].begin(), seen[0].end(), limited), 0);
}

TEST(PasswordSignIn, TheWaitGrowsAndEnds) {
  Gateway gateway;
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(gateway.outcome("ana", "guess"), refused);
  std::int64_t last = 0;
  for (int i = 0; i < 5; ++i) {
    const auto waits = gateway.attempt("ana", "correct horse");
    ASSERT_EQ(waits.outcome, limited);
    EXPECT_GT(waits.retry_after_s, last);
    EXPECT_LE(waits.retry_after_s, 901);
    last = waits.retry_after_s;
    gateway.now += last * second;
    EXPECT_EQ(gateway.outcome("ana", "guess"), refused);
  }
  gateway.now += 900 * second;
  EXPECT_EQ(gateway.outcome("ana", "correct horse"), signed_in);
}

TEST(PasswordSignIn, TenThousandAttemptsAMinuteOnOneAccount) {
  CountedGateway gateway;
  ports::store::NewUser bob;
  bob.user.name = "bob";
  bob.password_hash = "v1:bobs password";
  ASSERT_TRUE(gateway.kept.users().create_user(bob, gateway.now));
  gateway.log_in_from("10.9.9.9");
  for (int i = 0; i < 10'000; ++i) {
    // From everywhere, as a net of machines does.
    const std::string address = "203.0." + std::to_string(i / 256 % 256) + "." + std::to_string(i % 256);
    EXPECT_NE(gateway.outcome("ana", "guess" + std::to_string(i), address), signed_in);
    gateway.now += 6'000;
    if (i % 500 == 0) {
      EXPECT_EQ(gateway.outcome("bob", "bobs password", "10.0.0.2"), signed_in);
      EXPECT_EQ(gateway.outcome("ana", "correct horse", "10.9.9.9"), signed_in) << "at work";
    }
  }
  EXPECT_LT(gateway.hasher.verified, 160);  // 100, those of the waits that ended, and the 40 that were right
  EXPECT_LT(gateway.kept.notes, 400);       // what is refused is not written either
  EXPECT_EQ(gateway.outcome("ana", "correct horse", "192.0.2.1"), limited);
  gateway.now += 900 * second;
  EXPECT_EQ(gateway.outcome("ana", "correct horse", "192.0.2.1"), signed_in);
}

TEST(PasswordSignIn, OneAddressThatTriesManyNames) {
  Gateway gateway;
  for (int i = 0; i < 60; ++i)
    EXPECT_EQ(gateway.outcome("user" + std::to_string(i), "Summer2026", "2001:db8:1:2::" + std::to_string(i)), refused);
  // The next address of the same customer.
  EXPECT_EQ(gateway.outcome("ana", "correct horse", "2001:db8:1:2:ffff::1"), limited);
  EXPECT_EQ(gateway.outcome("ana", "correct horse", "2001:db8:1:3::1"), signed_in);
}

TEST(PasswordSignIn, AnAccountOfOnesOwnDoesNotHelpToGuess) {
  Gateway gateway;
  int guesses = 0;
  for (int i = 0; i < 200; ++i) {
    gateway.outcome("ana", "correct horse");  // resets nothing but its own count
    guesses += gateway.outcome("user" + std::to_string(i), "guess") == refused;
  }
  EXPECT_LE(guesses, 60);
}

TEST(PasswordSignIn, AFloodOnOneAccountInOneMomentFindsNoPlace) {
  Gateway gateway;
  std::vector<PasswordSignIn::Place> places;
  for (int i = 0; i < 4; ++i) {
    auto place = gateway.sign_in.enter("nobody", "10.0.0.2");
    ASSERT_TRUE(place);
    places.push_back(std::move(*place));
  }
  for (int i = 0; i < 1'000; ++i) {
    const auto refused_place = gateway.sign_in.enter("nobody", "10.0.0.2");
    ASSERT_FALSE(refused_place);
    EXPECT_EQ(refused_place.error().code(), sqlstate::configuration_limit_exceeded);
  }
  EXPECT_TRUE(gateway.sign_in.enter("ana", "10.0.0.1")) << "others find one";
  places.pop_back();
  EXPECT_TRUE(gateway.sign_in.enter("nobody", "10.0.0.2"));
}

TEST(PasswordSignIn, AFloodDoesNotTakeThePlacesOfWhereOneWorks) {
  Gateway gateway;
  EXPECT_EQ(gateway.outcome("ana", "correct horse", "10.0.0.1"), signed_in);
  EXPECT_EQ(gateway.outcome("ana", "wrong", "10.0.0.9"), refused);
  std::vector<PasswordSignIn::Place> places;
  for (int i = 0; i < 4; ++i)
    places.push_back(*gateway.sign_in.enter("ana", "10.0.1." + std::to_string(i)));
  EXPECT_FALSE(gateway.sign_in.enter("ana", "10.0.0.9"));
  for (const char* const name : {"at 10.0.0.1 ana", "ana\n10.0.0.1"}) {
    for (int i = 0; i < 4; ++i)
      places.push_back(*gateway.sign_in.enter(name, "10.0.0.9"));
  }
  for (int i = 0; i < 4; ++i) {
    auto own = gateway.sign_in.enter("ana", "10.0.0.1");
    ASSERT_TRUE(own);
    places.push_back(std::move(*own));
  }
  EXPECT_FALSE(gateway.sign_in.enter("ana", "10.0.0.1"));
}

TEST(PasswordSignIn, AFloodOnManyAccountsIsBounded) {
  Gateway gateway;
  std::vector<PasswordSignIn::Place> places;
  for (int i = 0; i < 64; ++i)
    places.push_back(*gateway.sign_in.enter("user" + std::to_string(i), "10.0.0.2"));
  const auto place = gateway.sign_in.enter("ana", "10.0.0.1");
  ASSERT_FALSE(place);
  EXPECT_EQ(place.error().code(), sqlstate::too_many_connections);
  places.clear();
  EXPECT_TRUE(gateway.sign_in.enter("ana", "10.0.0.1"));
}

TEST(PasswordSignIn, OldParametersAreReplacedAtTheNextSignIn) {
  Gateway gateway;
  gateway.hasher.current = "v2";
  EXPECT_EQ(gateway.outcome("ana", "wrong"), refused);
  EXPECT_EQ(gateway.kept.sign_ins().sign_in_secrets("ana")->password_hash, "v1:correct horse");
  EXPECT_EQ(gateway.outcome("ana", "correct horse"), signed_in);
  EXPECT_EQ(gateway.kept.sign_ins().sign_in_secrets("ana")->password_hash, "v2:correct horse");
}

TEST(PasswordSignIn, AStoreThatIsGoneIsAnErrorAndNoAnswer) {
  CountedGateway gateway;
  gateway.kept.lost = true;
  const auto result = gateway.sign_in.attempt({"ana", "correct horse", {}, "10.0.0.1"}, gateway.now);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), sqlstate::connection_failure);
  EXPECT_EQ(gateway.hasher.verified, 0);
}

TEST(SecondFactors, AreAskedForAfterThePassword) {
  Gateway gateway;
  gateway.enrol();
  gateway.now += 60 * second;
  EXPECT_EQ(gateway.attempt("ana", "wrong", "10.0.0.1", {gateway.code(0), {}}).outcome, refused);
  const auto asked = gateway.attempt("ana", "correct horse");
  ASSERT_EQ(asked.outcome, second_factor_needed);
  EXPECT_TRUE(asked.user.empty());
  EXPECT_EQ(gateway.sign_in.answer(asked.challenge, {"000000", {}}, gateway.now)->outcome, refused);
  EXPECT_EQ(gateway.sign_in.answer(asked.challenge, {}, gateway.now)->outcome, refused);
  EXPECT_EQ(gateway.sign_in.answer("made up", {gateway.code(0), {}}, gateway.now)->outcome, refused);
  const std::string code = gateway.code(0);
  const auto right = *gateway.sign_in.answer(asked.challenge, {code, {}}, gateway.now);
  EXPECT_EQ(right.outcome, signed_in);
  EXPECT_EQ(right.user, "ana");
  // Neither the challenge nor the code is good again.
  EXPECT_EQ(gateway.sign_in.answer(asked.challenge, {gateway.code(1), {}}, gateway.now)->outcome, refused);
  EXPECT_EQ(gateway.attempt("ana", "correct horse", "10.0.0.1", {code, {}}).outcome, refused);
  EXPECT_EQ(gateway.attempt("ana", "correct horse", "10.0.0.1", {gateway.code(1), {}}).outcome, signed_in);
}

TEST(SecondFactors, ChallengesRunOutAndEndWithTheUser) {
  Gateway gateway;
  gateway.enrol();
  gateway.now += 60 * second;
  const auto asked = gateway.attempt("ana", "correct horse");
  gateway.gone = "ana";
  EXPECT_EQ(gateway.sign_in.answer(asked.challenge, {gateway.code(0), {}}, gateway.now)->outcome, refused);
  gateway.gone.clear();
  gateway.now += 301 * second;
  EXPECT_EQ(gateway.sign_in.answer(asked.challenge, {gateway.code(0), {}}, gateway.now)->outcome, refused);
}

TEST(SecondFactors, SixDigitsCannotBeTriedOut) {
  Gateway gateway;
  gateway.enrol();
  gateway.now += 60 * second;
  int looked_at = 0;
  for (int i = 0; i < 300; ++i) {
    const auto asked = gateway.attempt("ana", "correct horse", "10.0.0." + std::to_string(i % 200));
    ASSERT_EQ(asked.outcome, second_factor_needed);
    looked_at += gateway.sign_in.answer(asked.challenge, {"000000", {}}, gateway.now)->outcome == refused;
    gateway.now += second;
  }
  EXPECT_LE(looked_at, 10);
}

TEST(SecondFactors, RecoveryCodesAreGoodOnce) {
  Gateway gateway;
  gateway.enrol();
  ASSERT_EQ(gateway.recovery.size(), 10u);
  const SecondFactor lost{{}, gateway.recovery[3]};
  EXPECT_EQ(gateway.attempt("ana", "correct horse", "10.0.0.1", lost).outcome, signed_in);
  EXPECT_EQ(gateway.attempt("ana", "correct horse", "10.0.0.1", lost).outcome, refused);
  EXPECT_EQ(gateway.attempt("ana", "correct horse", "10.0.0.1", {{}, gateway.recovery[4]}).outcome, signed_in);
}

TEST(SecondFactors, AreConfirmedByACodeOnly) {
  Gateway gateway;
  EXPECT_FALSE(confirmed(gateway.kept, "ana", "000000", gateway.now));
  ASSERT_TRUE(start_totp(gateway.kept, "ana", gateway.now));
  EXPECT_FALSE(confirmed(gateway.kept, "ana", "00000", gateway.now));
  EXPECT_EQ(gateway.outcome("ana", "correct horse"), signed_in);  // not in force yet
  EXPECT_TRUE(confirmed(gateway.kept, "ana", gateway.code(0), gateway.now));
  EXPECT_FALSE(confirmed(gateway.kept, "ana", gateway.code(1), gateway.now));
  EXPECT_FALSE(start_totp(gateway.kept, "ana", gateway.now));
}

TEST(Passwords, AreChangedByWhoKnowsThem) {
  Gateway gateway;
  const PasswordAttempt current{"ana", "correct horse", {}, "10.0.0.1"};
  const auto change = [&](const PasswordAttempt& from, const char* to) -> Result<> {
    const auto prepared = gateway.sign_in.prepare_change(from, to, {}, gateway.now);
    if (!prepared) return prepared.error();
    return gateway.kept.sign_ins().set_password(from.user, *prepared, gateway.now);
  };
  EXPECT_EQ(change({"ana", "wrong", {}, "10.0.0.1"}, "battery staple").error().code(), sqlstate::invalid_password);
  EXPECT_EQ(change(current, "password").error().code(), sqlstate::invalid_parameter_value);
  EXPECT_EQ(change(current, "correct horse").error().code(), sqlstate::invalid_parameter_value);
  EXPECT_EQ(change({"filed", "from the file", {}, "10.0.0.1"}, "battery staple").error().code(),
            sqlstate::feature_not_supported);
  EXPECT_TRUE(change(current, "battery staple"));
  EXPECT_EQ(gateway.outcome("ana", "correct horse"), refused);
  EXPECT_EQ(gateway.outcome("ana", "battery staple"), signed_in);
  for (int i = 0; i < 20; ++i)
    (void)change({"ana", "guess", {}, "10.0.0.5"}, "battery staple");
  EXPECT_EQ(change({"ana", "battery staple", {}, "10.0.0.5"}, "correct horse").error().code(),
            sqlstate::configuration_limit_exceeded);
}

TEST(Passwords, AreResetToOneThatHasToBeChanged) {
  Gateway gateway;
  const auto text = gateway.sign_in.reset("ana", "root", gateway.now);
  ASSERT_TRUE(text);
  EXPECT_EQ(gateway.outcome("ana", "correct horse"), refused);
  const auto result = gateway.attempt("ana", *text);
  EXPECT_EQ(result.outcome, signed_in);
  EXPECT_TRUE(result.must_change_password);
}

TEST(Attempts, Addresses) {
  EXPECT_EQ(counted_address("10.1.2.3"), "10.1.2.3");
  EXPECT_EQ(counted_address("::ffff:10.1.2.3"), "10.1.2.3");
  EXPECT_EQ(counted_address("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(counted_address("2001:db8:1:2::"), counted_address("2001:DB8:1:2:ffff::1"));
  EXPECT_EQ(counted_address("/run/dbgate.sock"), "/run/dbgate.sock");
}

}  // namespace
}  // namespace dbgate::identity
