#include "gateway/policy/access.h"

#include "gateway/policy/treat.h"
#include "tests/unit/policy/policies.h"

namespace dbgate::policy {
namespace {

constexpr std::int64_t noon = 1795435200;

/// "ana" and "ben" are on call, "cleo" is not; "ana" may break the glass.
config::Config offering(const std::string& policies = {}, const std::string& offer = {}) {
  const std::string yaml =
      "version: 1\nlisten: { api: { address: 127.0.0.1, port: 0 } }\n"
      "users:\n"
      "  - { name: ana, scram_verifier: 'SCRAM-SHA-256$x', attributes: { team: red } }\n"
      "  - { name: ben, scram_verifier: 'SCRAM-SHA-256$x' }\n"
      "  - { name: cleo, scram_verifier: 'SCRAM-SHA-256$x' }\n"
      "groups: { oncall: [ana, ben] }\n"
      "targets:\n"
      "  shop: { upstream: { hosts: [db], database: shop, user: dbgate } }\n"
      "  other: { upstream: { hosts: [db], database: other, user: dbgate } }\n"
      "policies: [ " +
      policies +
      " ]\n"
      "requests:\n"
      "  - name: repair\n    who: { groups: [oncall] }\n    on: [shop]\n"
      "    tables: [public.orders, 'public.customers(id, city)', 'archive.*']\n    verbs: [select, update]\n"
      "    functions: [safe]\n    longest: 4h\n    approval: { from: { users: [cleo] } }\n"
      "    break_glass: { who: { users: [ana] }, longest: 30m, review: { from: { users: [cleo] } } }\n" +
      offer;
  const config::Loaded loaded = config::load_text(yaml, "test.yaml", "/");
  for (const config::Problem& problem : loaded.problems)
    ADD_FAILURE() << problem.line_text();
  return loaded.config.value_or(config::Config());
}

std::string refusal(const config::Config& config, const std::string& user, const std::string& table,
                    const std::string& verb, std::chrono::seconds time = std::chrono::hours(1), bool glass = false,
                    const std::string& target = "shop") {
  const std::vector<std::string> tables{table};
  const std::vector<std::string> verbs{verb};
  const Offered found = find_offer(config, {user, target, tables, verbs, time, glass, false});
  return found.offer == nullptr ? found.why_not : "";
}

TEST(Offers, GiveWhatTheyNameAndNoMore) {
  const config::Config config = offering();
  EXPECT_EQ(refusal(config, "ana", "public.orders", "update"), "");
  EXPECT_EQ(refusal(config, "ben", "PUBLIC.Orders(id)", "select"), "");
  EXPECT_EQ(refusal(config, "ben", "public.customers(city)", "select"), "");
  EXPECT_EQ(refusal(config, "ben", "archive.orders_2020", "select"), "");
  EXPECT_EQ(refusal(config, "ben", "archive.*", "select"), "");
  EXPECT_EQ(refusal(config, "ben", "public.customers", "select"), "\"repair\" does not offer public.customers");
  EXPECT_EQ(refusal(config, "ben", "public.customers(id, card)", "select"),
            "\"repair\" does not offer public.customers(id, card)");
  EXPECT_EQ(refusal(config, "ben", "public.\"Orders\"", "select"), "\"repair\" does not offer public.\"Orders\"");
  for (const char* wider : {"public.*", "*", "*.orders", "archive2.orders", "pg_catalog.pg_authid"})
    EXPECT_NE(refusal(config, "ben", wider, "select"), "") << wider;
  EXPECT_EQ(refusal(config, "ben", "public.orders", "delete"), "\"repair\" does not offer delete");
  EXPECT_NE(refusal(config, "ben", "orders", "select"), "");
  EXPECT_EQ(refusal(config, "ben", "public.orders", "select", std::chrono::hours(5)),
            "\"repair\" gives access for 4h at most");
  EXPECT_EQ(refusal(config, "cleo", "public.orders", "select"), "nothing on \"shop\" is offered to you on request");
  EXPECT_EQ(refusal(config, "ana", "public.orders", "select", std::chrono::hours(1), false, "other"),
            "nothing on \"other\" is offered to you on request");
}

TEST(Offers, HaveTheirOwnBoundsForBreakGlass) {
  const config::Config config = offering();
  EXPECT_EQ(refusal(config, "ana", "public.orders", "update", std::chrono::minutes(30), true), "");
  EXPECT_EQ(refusal(config, "ana", "public.orders", "update", std::chrono::minutes(31), true),
            "\"repair\" gives access for 30m at most");
  EXPECT_EQ(refusal(config, "ben", "public.orders", "update", std::chrono::minutes(1), true),
            "nothing on \"shop\" is offered to you by break-glass");
}

TEST(Offers, OfAllSystemSchemasAreNoneUnlessTheyAreNamed) {
  const config::Config config = offering({},
                                         "  - { name: wide, who: { users: [cleo] }, on: [shop], tables: ['*'], "
                                         "verbs: [select], approval: { from: { users: [ana] } } }\n");
  EXPECT_EQ(refusal(config, "cleo", "public.orders", "select"), "");
  EXPECT_EQ(refusal(config, "cleo", "*", "select"), "");
  EXPECT_NE(refusal(config, "cleo", "pg_catalog.pg_authid", "select"), "");
}

config::AccessGrant grant(const std::string& user, std::vector<std::string> tables, std::vector<std::string> verbs,
                          std::int64_t from = noon, std::int64_t until = noon + 3600) {
  return {"acc_1", user, "shop", "repair", std::move(tables), std::move(verbs), false, from, until};
}

/// What a user may do by policies and these grants.
class Access {
 public:
  explicit Access(config::Config config, std::vector<config::AccessGrant> grants)
      : config_(std::move(config)), set_(config_), rights_(temporary_rights(config_, grants, "ben", "shop")) {}

  TimedGrants at(std::int64_t now) const { return set_.grants_at("ben", "shop", now, rights_.get()); }
  bool allows(std::int64_t now, const char* sql) const {
    const TimedGrants timed = at(now);
    return timed.grants && policy::allows(*timed.grants, sql);
  }
  const PolicySet& set() const { return set_; }

 private:
  config::Config config_;
  PolicySet set_;
  std::shared_ptr<const Temporary> rights_;
};

const char* const update = "UPDATE public.orders SET a = 1";
const std::string reads = "{ name: base, who: { users: [ben] }, on: [shop], allow: [ { select: [public.t] } ] }";

TEST(TemporaryRights, CountFromTheirFirstSecondToTheirLast) {
  const Access access(offering(reads), {grant("ben", {"public.orders"}, {"update", "select"})});
  EXPECT_FALSE(access.allows(noon - 1, update));
  EXPECT_TRUE(access.allows(noon, update));
  EXPECT_TRUE(access.allows(noon + 3599, update));
  EXPECT_FALSE(access.allows(noon + 3600, update));
  EXPECT_TRUE(access.allows(noon + 3600, "SELECT a FROM public.t"));
  const TimedGrants before = access.at(noon - 1);
  const TimedGrants during = access.at(noon + 5);
  const TimedGrants after = access.at(noon + 3600);
  EXPECT_EQ(before.until, noon);
  EXPECT_EQ(during.from, noon);
  EXPECT_EQ(during.until, noon + 3600);
  EXPECT_EQ(after.from, noon + 3600);
  EXPECT_EQ(after.until, INT64_MAX);
  EXPECT_EQ(after.grants, access.set().grants("ben", "shop")) << "as if there had never been any";
}

TEST(TemporaryRights, OpenATargetThatNoPolicyOpens) {
  const Access access(offering(), {grant("ben", {"public.orders"}, {"select"})});
  EXPECT_FALSE(access.at(noon - 1).grants);
  EXPECT_TRUE(access.allows(noon, "SELECT count(*) FROM public.orders"));
  EXPECT_FALSE(access.allows(noon, update));
  EXPECT_FALSE(access.at(noon + 3600).grants);
}

TEST(TemporaryRights, AreNamedByVerdicts) {
  const Access access(offering(reads), {grant("ben", {"public.orders"}, {"update", "select"})});
  const Verdict verdict = verdict_on(*access.at(noon).grants, "SELECT o.a FROM public.orders o, public.t");
  EXPECT_TRUE(verdict.allowed());
  EXPECT_EQ(verdict.rule_id, "acc_1") << "although a policy allows the other table, and comes last";
  EXPECT_EQ(verdict.reasons, std::vector<std::string>{"for a time by acc_1"});
  EXPECT_EQ(verdict_on(*access.at(noon).grants, "SELECT a FROM public.t").rule_id, "base/allow[0]");
}

TEST(TemporaryRights, DoNotOutweighDenialsMasksAndFilters) {
  const std::string strict =
      "{ name: base, who: { users: [ben] }, on: [shop], allow: [ { select: [public.t] } ], "
      "deny: [ { update: ['public.orders(price)'] } ], mask: { public.customers.city: redact }, "
      "filter: { public.orders: \"a = 1\" } }";
  const Access access(offering(strict),
                      {grant("ben", {"public.orders", "public.customers(id, city)"}, {"update", "select"})});
  EXPECT_FALSE(access.allows(noon, "UPDATE public.orders SET price = 1"));
  const TimedGrants timed = access.at(noon);
  EXPECT_TRUE(hides(*timed.grants));
  EXPECT_TRUE(filters(*timed.grants, "public", "orders"));
}

TEST(TemporaryRights, AreNotMoreThanTheirOfferGivesNow) {
  EXPECT_FALSE(Access(offering(), {grant("ben", {"public.secrets"}, {"select"})}).at(noon).grants);
  EXPECT_FALSE(Access(offering(), {grant("ben", {"public.orders"}, {"delete"})}).at(noon).grants);
  config::AccessGrant of_another = grant("ben", {"public.orders"}, {"select"});
  of_another.offer = "gone";
  EXPECT_FALSE(Access(offering(), {of_another}).at(noon).grants);
  config::AccessGrant glass = grant("ben", {"public.orders"}, {"select"});
  glass.break_glass = true;
  EXPECT_FALSE(Access(offering(), {glass}).at(noon).grants) << "ben may not break the glass";
  const Access longer(offering(), {grant("ben", {"public.orders"}, {"select"}, noon, noon + 100 * 3600)});
  EXPECT_TRUE(longer.allows(noon + 4 * 3600 - 1, "SELECT a FROM public.orders"));
  EXPECT_FALSE(longer.at(noon + 4 * 3600).grants);
}

TEST(TemporaryRights, OfSeveralEndOneByOne) {
  config::AccessGrant second = grant("ben", {"public.orders"}, {"select"}, noon + 10, noon + 7200);
  second.id = "acc_2";
  const Access access(offering(), {grant("ben", {"public.orders"}, {"update", "select"}), second});
  EXPECT_EQ(access.at(noon).until, noon + 10);
  EXPECT_EQ(access.at(noon + 10).until, noon + 3600);
  EXPECT_FALSE(access.allows(noon + 3600, update));
  EXPECT_TRUE(access.allows(noon + 3600, "SELECT a FROM public.orders"));
  EXPECT_FALSE(access.at(noon + 7200).grants);
}

TEST(TemporaryRights, KeepTheConditionsOfTheirOffer) {
  const config::Config config =
      offering({},
               "  - { name: careful, who: { users: [ben] }, on: [shop], tables: [public.t], verbs: [update], "
               "require: { where: true }, approval: { from: { users: [ana] } } }\n");
  config::AccessGrant careful = grant("ben", {"public.t"}, {"update"});
  careful.offer = "careful";
  const Access access(config, {careful});
  EXPECT_FALSE(access.allows(noon, "UPDATE public.t SET a = 1"));
}

TEST(TemporaryRights, CostNothingWhereThereAreNone) {
  const config::Config config = offering(reads);
  EXPECT_EQ(temporary_rights(config, {}, "ben", "shop"), nullptr);
  const PolicySet set(config);
  const TimedGrants timed = set.grants_at("ben", "shop", noon);
  EXPECT_EQ(timed.grants, set.grants("ben", "shop"));
  EXPECT_EQ(timed.until, INT64_MAX);
}

}  // namespace
}  // namespace dbgate::policy
