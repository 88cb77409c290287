#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/extension.h"
#include "config/loader.h"

namespace dbgate::config {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string base =
    "version: 1\nlisten: { api: { address: 127.0.0.1, port: 0 } }\nusers: [ { name: ana, scram_verifier: "
    "'SCRAM-SHA-256$x' }, { name: bob, scram_verifier: "
    "'SCRAM-SHA-256$x' } ]\n"
    "groups: { leads: [bob] }\ntargets: { shop: { upstream: { hosts: [db], database: d, user: u } } }\n";

Loaded load(const std::string& offer) {
  return load_text(base + "requests:\n  - " + offer + "\n", "f.yaml", "/");
}

std::vector<std::string> errors(const std::string& offer) {
  std::vector<std::string> found;
  for (const Problem& problem : load(offer).problems)
    if (!problem.warning) found.push_back(problem.line_text());
  return found;
}

const std::string start = "{ name: repair, who: { users: [ana] }, on: [shop], tables: [public.t], verbs: [select], ";
const std::string approval = "approval: { from: { groups: [leads] } }";

TEST(Offers, Defaults) {
  const Loaded loaded = load(start + approval + " }");
  EXPECT_THAT(loaded.problems, IsEmpty());
  ASSERT_TRUE(loaded.config);
  const AccessOffer& offer = loaded.config->offers.at(0);
  EXPECT_EQ(offer.longest, std::chrono::hours(4));
  EXPECT_THAT(offer.written, ElementsAre("public.t"));
  EXPECT_EQ(offer.approval->needed, 1U);
  EXPECT_FALSE(offer.break_glass.review);
  EXPECT_FALSE(offer.needs_ticket);
}

TEST(Approvals, NeedAStore) {
  std::string without = base;
  without.erase(without.find("listen"), without.find("users:") - without.find("listen"));
  const std::string offer = "requests:\n  - " + start + approval + " }\n";
  const std::string policy = "policies:\n  - { name: p, who: { users: [ana] }, on: [shop], ";
  const std::string rule = policy + "allow: [ { update: [public.t], require: { " + approval + " } } ] }\n";
  const std::string rated = policy + "risk: { hold_at: high }, " + approval + " }\n";
  for (const std::string& waits : {offer, rule, rated}) {
    const Loaded loaded = load_text(without + waits, "f.yaml", "/");
    ASSERT_TRUE(loaded.config) << waits;
    ASSERT_EQ(loaded.problems.size(), 1U) << waits;
    EXPECT_TRUE(loaded.problems[0].warning);
    EXPECT_THAT(loaded.problems[0].line_text(),
                HasSubstr("nobody can agree without an identity store: set listen.api"));
    EXPECT_THAT(load_text(base + waits, "f.yaml", "/").problems, IsEmpty());
    EXPECT_THAT(load_text(without + waits, "f.yaml", "/", Purpose::judge).problems, IsEmpty()) << "judging needs none";
  }
  EXPECT_THAT(load_text(without + policy + "allow: [ { update: [public.t] } ] }\n", "f.yaml", "/").problems, IsEmpty());
}

TEST(Offers, AllOfIt) {
  const Loaded loaded = load(
      "{ name: repair, who: { groups: [leads], users: [ana] }, on: [shop], tables: ['public.t(a, b)', 'x.*'], "
      "verbs: [select, update], functions: [safe], types: [public.color], introspection: true, descendants: true, "
      "require: { where: true, max_rows: 10, reason: true, ticket: true }, longest: 90m, "
      "approval: { from: { groups: [leads] }, of: 2, within: 1h }, "
      "break_glass: { who: { groups: [leads] }, longest: 10m, review: { from: { users: [ana] }, within: 24h } } }");
  EXPECT_THAT(loaded.problems, IsEmpty());
  ASSERT_TRUE(loaded.config);
  const AccessOffer& offer = loaded.config->offers.at(0);
  EXPECT_EQ(offer.longest, std::chrono::minutes(90));
  EXPECT_EQ(offer.tables.at(0).columns.size(), 2U);
  EXPECT_TRUE(offer.rule.functions.at(0).safe && offer.rule.require_where && offer.rule.require_reason);
  EXPECT_TRUE(offer.rule.descendants && offer.needs_ticket);
  EXPECT_THAT(offer.rule.packs, ElementsAre("introspection"));
  EXPECT_EQ(offer.rule.max_rows, 10U);
  EXPECT_EQ(offer.approval->needed, 2U);
  EXPECT_EQ(offer.break_glass.longest, std::chrono::minutes(10));
  EXPECT_THAT(offer.break_glass.groups, ElementsAre("leads"));
  EXPECT_THAT(offer.break_glass.review->users, ElementsAre("ana"));
}

TEST(Offers, Mistakes) {
  EXPECT_THAT(errors(start + "longest: 1h }"), Contains(HasSubstr("needs approval")));
  EXPECT_THAT(errors(start + "break_glass: { longest: 1h } }"), Contains(HasSubstr("needs review")));
  EXPECT_THAT(errors(start + "approval: { from: { groups: [leads] }, window: 1h } }"), Contains(HasSubstr("window")));
  EXPECT_THAT(errors(start + approval + ", longest: 0s }"), Contains(HasSubstr("1s to 720h")));
  EXPECT_THAT(errors(start + approval + ", longest: 800h }"), Contains(HasSubstr("1s to 720h")));
  EXPECT_THAT(errors(start + approval + ", for: 1h }"), Contains(HasSubstr("for")));
  EXPECT_THAT(errors(start + "approval: { from: { groups: [leeds] } } }"),
              Contains(HasSubstr("did you mean \"leads\"")));
  EXPECT_THAT(
      errors("{ name: a, who: { users: [ana] }, on: [shop], tables: [public.t], verbs: [selct], " + approval + " }"),
      Contains(HasSubstr("did you mean \"select\"")));
  EXPECT_THAT(errors("{ name: a, who: { users: [ana] }, on: [shop], tables: [t], verbs: [select], " + approval + " }"),
              Contains(HasSubstr("is not a name")));
  EXPECT_THAT(errors("{ name: a, who: { users: [ana] }, on: [shop], " + approval + " }"),
              testing::AllOf(Contains(HasSubstr("needs tables")), Contains(HasSubstr("needs verbs"))));
  EXPECT_THAT(errors("{ name: a, tables: [public.t], verbs: [select], " + approval + " }"),
              testing::AllOf(Contains(HasSubstr("needs who")), Contains(HasSubstr("needs on"))));
  EXPECT_THAT(errors(start + approval + " }\n  - " + start + approval + " }"), Contains(HasSubstr("is defined twice")));
}

TEST(Offers, CanStandInTheStoreAsWell) {
  const Config file = *load(start + approval + " }").config;
  Extension extension;
  extension.policies =
      "requests: [ { name: more, who: { users: [bob] }, on: [shop], tables: [public.t], "
      "verbs: [update], approval: { from: { users: [ana] } } } ]";
  extension.access = {{"acc_1", "ana", "shop", "repair", {"public.t"}, {"select"}, false, 0, 10}};
  const Extended extended = extend(file, extension, "/");
  EXPECT_THAT(extended.problems, IsEmpty());
  EXPECT_EQ(extended.config.offers.size(), 2U);
  EXPECT_EQ(extended.config.access.size(), 1U);
  extension.policies =
      "requests: [ { name: repair, who: { users: [bob] }, on: [shop], tables: [public.t], "
      "verbs: [update], approval: { from: { users: [ana] } } } ]";
  EXPECT_FALSE(extend(file, extension, "/").policies_usable);
}

}  // namespace
}  // namespace dbgate::config
