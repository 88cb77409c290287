// Input: a statement text, judged under a fixed policy.
#include <array>
#include <memory>

#include "config/loader.h"
#include "gateway/policy/engine.h"
#include "gateway/sql/analyze.h"
#include "tests/fuzz/check.h"

namespace {

using namespace dbgate;

// Every user but the last two has a twin whose policy denies something more.
constexpr std::string_view yaml = R"yaml(
version: 1
state_dir: state
listen: { postgres: { address: 127.0.0.1, port: 0 } }
users:
  - { name: reader, scram_verifier: "SCRAM-SHA-256$4096:c2FsdA==$AAAA:AAAA" }
  - { name: reader-less, scram_verifier: "SCRAM-SHA-256$4096:c2FsdA==$AAAA:AAAA" }
  - { name: writer, scram_verifier: "SCRAM-SHA-256$4096:c2FsdA==$AAAA:AAAA" }
  - { name: writer-less, scram_verifier: "SCRAM-SHA-256$4096:c2FsdA==$AAAA:AAAA" }
  - { name: owner, scram_verifier: "SCRAM-SHA-256$4096:c2FsdA==$AAAA:AAAA" }
  - { name: owner-less, scram_verifier: "SCRAM-SHA-256$4096:c2FsdA==$AAAA:AAAA" }
targets:
  shop:
    search_path: [public]
    upstream: { hosts: ["127.0.0.1:5432"], database: shop, user: dbgate, password: x, tls: disable }
policies:
  - name: readers
    who: { users: [reader, reader-less] }
    on: [shop]
    allow:
      - select: [public.orders, "public.customers(id, city)"]
        functions: [safe]
  - name: writers
    who: { users: [writer, writer-less] }
    on: [shop]
    allow:
      - select: ["public.*"]
        insert: ["public.*"]
        update: ["public.orders(status)"]
        delete: [public.orders]
        copy_out: [public.orders]
        functions: [safe]
        set: [work_mem]
  - name: owners
    who: { users: [owner, owner-less] }
    on: [shop]
    allow: [ { everything: true } ]
  - name: never
    who: { users: [reader-less, writer-less, owner-less] }
    on: [shop]
    deny:
      - select: ["public.customers(city)"]
      - delete: [public.orders]
)yaml";

struct Pair {
  std::shared_ptr<const policy::Grants> grants;
  std::shared_ptr<const policy::Grants> with_denials;
};

std::array<Pair, 3> load() {
  const config::Loaded loaded = config::load_text(yaml, "policy.yaml", "/nonexistent");
  for (const config::Problem& problem : loaded.problems)
    std::fprintf(stderr, "%s\n", problem.line_text().c_str());
  DBGATE_FUZZ_CHECK(loaded.config.has_value());
  const policy::PolicySet policies(*loaded.config);
  std::array<Pair, 3> pairs;
  constexpr std::array names{"reader", "writer", "owner"};
  for (std::size_t i = 0; i < names.size(); ++i) {
    pairs[i] = {policies.grants(names[i], "shop"), policies.grants(std::string(names[i]) + "-less", "shop")};
    DBGATE_FUZZ_CHECK(pairs[i].grants && pairs[i].with_denials);
  }
  return pairs;
}

void check(const policy::Verdict& verdict) {
  DBGATE_FUZZ_CHECK(!verdict.rule_id.empty());
  if (verdict.allowed()) return;
  DBGATE_FUZZ_CHECK(!verdict.message.empty());
  DBGATE_FUZZ_CHECK(verdict.sqlstate != sqlstate::successful_completion);
}

bool changes_data(const sql::EffectSet& effects) {
  using enum sql::Effect;
  for (const sql::Effect effect : {insert, update, delete_, truncate, merge, copy_in, ddl, dcl}) {
    if (effects.test(static_cast<std::size_t>(effect))) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::array<Pair, 3> pairs = load();
  static const policy::NameContext names{{"public"}, "shop"};
  const sql::AnalyzeResult result = sql::analyze(fuzz::as_text(data, size), sql::ScanLimits{});
  if (!result.script) return 0;
  for (const sql::Statement& statement : result.script->statements) {
    for (const Pair& pair : pairs) {
      const policy::Verdict verdict = policy::decide(*pair.grants, statement, names);
      const policy::Verdict stricter = policy::decide(*pair.with_denials, statement, names);
      check(verdict);
      check(stricter);
      // A deny rule never widens what is allowed.
      DBGATE_FUZZ_CHECK(verdict.allowed() || !stricter.allowed());
    }
    const policy::Verdict reads = policy::decide(*pairs[0].grants, statement, names);
    DBGATE_FUZZ_CHECK(!reads.allowed() || (!changes_data(statement.effects) && statement.unknown.empty()));
    DBGATE_FUZZ_CHECK(policy::decide(*pairs[2].grants, statement, names).allowed());
  }
  return 0;
}
