#pragma once
#include <memory>
#include <string>
#include <vector>

#include "bench/support/shop.h"
#include "config/loader.h"
#include "gateway/policy/treat.h"
#include "gateway/session/policy_judge.h"

namespace dbgate::tests {

/// One of each kind of policy.
inline constexpr const char* policy_bodies[] = {
    "allow: [ { everything: true } ]",
    "allow: [ { select: ['public.pgbench_accounts(aid, abalance)', public.orders], functions: [safe] } ]",
    "allow: [ { select: ['public.*'], insert: ['public.*'], update: ['public.pgbench_accounts(abalance, bid)'], "
    "functions: [safe] }, { delete: [public.orders], update: [public.cards], require: { where: true } } ]",
    "allow: [ { select: ['*'], insert: ['*'], update: ['*'], delete: ['*'], functions: [safe], set: [work_mem] } ], "
    "deny: [ { select: [public.cards] } ]",
    "allow: [ { pack: introspection }, { select: ['public.*'], functions: [safe] } ]",
    "allow: [ { select: ['public.*'], functions: [safe], require: { max_limit: 100 } } ]",
    "allow: [ { select: ['public.*'], functions: [safe], require: { max_list: 2 } } ]",
    "allow: [ { select: [public.pgbench_accounts], update: [public.pgbench_accounts], insert: "
    "[public.pgbench_history], "
    "functions: [safe], require: { values: { bid: '1' } } } ]",
    "allow: [ { select: ['public.*'], update: ['public.*'], delete: ['public.*'], functions: [safe], require: { "
    "max_rows: 10 } } ]",
    "allow: [ { select: ['public.*'], functions: [safe], require: { reason: true } } ]",
    "allow: [ { statements: [ 'SELECT abalance FROM pgbench_accounts WHERE aid = 1', 'UPDATE pgbench_accounts SET "
    "abalance = abalance + 5 WHERE aid = 1' ] } ]",
    "mode: learn, allow: [ { select: [public.orders] } ]",
    "mode: observe, allow: [ { select: [public.orders], functions: [safe] } ], deny: [ { delete: [public.orders] } ]",
    "allow: [ { select: ['public.*'], update: ['public.*'], functions: [safe] } ], mask: { public.cards.number: redact "
    "}, filter: { public.orders: 'o_custkey = 5' }",
    "allow: [ { select: ['public.*'], when: { days: [mon, tue, wed], from: '08:00', to: '20:00' } } ]",
    "allow: [ { everything: true } ], risk: { deny_at: high, agent: { deny_at: low } }",
    "mode: observe, allow: [ { everything: true } ], risk: { deny_at: medium }",
    "allow: [ { everything: true } ], risk: { deny_at: high, llm: on }",
    "allow: [ { everything: true } ], approve: before_commit, approval: { from: { users: [p0] } }",
    "allow: [ { select: ['*'], insert: ['*'], update: ['*'], delete: ['*'], functions: [safe] } ], risk: { llm: on }",
    "allow: [ { select: ['public.*'], update: ['public.*'], functions: [safe] } ], risk: { deny_at: medium, known: [ "
    "'SELECT abalance FROM pgbench_accounts WHERE aid = 1', 'UPDATE pgbench_accounts SET abalance = abalance + 5 WHERE "
    "aid = 1' ] }"};
inline constexpr std::size_t policy_count = std::size(policy_bodies);

/// Never knows anything.
class Silent final : public ports::RiskModel {
 public:
  std::optional<ports::RiskOpinion> known(const ports::RiskQuestion&) override { return {}; }
  void ask(ports::RiskQuestion, std::function<void(ports::RiskOpinion)>) override {}
};

/// Principals p0, p1, …: each has one of the policies, and another one after every reload.
class Reloading final : public session::PolicySource {
 public:
  Reloading() { reload(); }

  void reload() {
    ++version_;
    std::string yaml = "version: 1\nusers:\n";
    for (std::size_t i = 0; i < policy_count; ++i)
      yaml += "  - { name: p" + std::to_string(i) +
              ", scram_verifier: 'SCRAM-SHA-256$x', kind: " + (i % 3 == 0 ? "agent" : "service") + " }\n";
    yaml +=
        "models: { providers: [ { name: m, dialect: ollama, model: m } ] }\n"
        "targets: { shop: { upstream: { hosts: [db], database: shop, user: app }, "
        "sensitive: ['public.cards(number)', 'public.pgbench_accounts(abalance)'] } }\npolicies:\n";
    for (std::size_t i = 0; i < policy_count; ++i)
      yaml += "  - { name: n" + std::to_string(i) + ", who: { users: [p" + std::to_string(i) + "] }, on: [shop], " +
              policy_bodies[(i + version_ - 1) % policy_count] + " }\n";
    const config::Loaded loaded = config::load_text(yaml, "test.yaml", "/");
    for (const config::Problem& problem : loaded.problems)
      std::fprintf(stderr, "%s\n", problem.line_text().c_str());
    if (!loaded.config) std::abort();
    policies_ = std::make_unique<policy::PolicySet>(*loaded.config);
  }

  std::uint64_t version() const override { return version_; }
  session::PolicyView view(const std::string& user, const std::string& target, const std::string& database,
                           std::int64_t now) const override {
    const policy::TimedGrants timed = policies_->grants_at(user, target, now);
    session::PolicyView view;
    view.version = version_;
    view.grants = timed.grants;
    view.from = timed.from;
    view.until = timed.until;
    view.names.search_path = shop_.path;
    view.names.database = database;
    view.model = model_;
    if (!view.grants || policy::is_unrestricted(*view.grants)) return view;
    view.catalog = shop_.snapshot;
    view.resolver = std::make_shared<const catalog::Resolver>(*shop_.snapshot, shop_.path, "app");
    view.names.resolver = view.resolver.get();
    view.names.account = "app";
    if (policy::needs_closure(*view.grants)) view.names.closure = shop_.closure.get();
    return view;
  }
  void catalog_changed(const std::string&, const std::string&) const override {}

 private:
  bench::Shop shop_;
  const std::shared_ptr<ports::RiskModel> model_ = std::make_shared<Silent>();
  std::unique_ptr<policy::PolicySet> policies_;
  std::uint64_t version_ = 0;
};

}  // namespace dbgate::tests
