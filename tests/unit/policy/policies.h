#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/loader.h"
#include "gateway/policy/engine.h"
#include "gateway/sql/analyze.h"

namespace dbgate::policy {

/// The grants of user "u" on target "shop" by a policy with these rules, each written as a YAML flow map.
inline std::shared_ptr<const Grants> grants_of(const std::vector<std::string>& allow,
                                               const std::vector<std::string>& deny = {}) {
  std::string yaml =
      "version: 1\n"
      "users: [ { name: u, scram_verifier: 'SCRAM-SHA-256$x' } ]\n"
      "targets: { shop: { upstream: { hosts: [db], database: shop, user: dbgate } } }\n"
      "policies:\n  - name: p\n    who: { users: [u] }\n    on: [shop]\n";
  for (const auto& [key, rules] : {std::pair("allow", &allow), std::pair("deny", &deny)}) {
    if (rules->empty()) continue;
    yaml += std::string("    ") + key + ":\n";
    for (const std::string& rule : *rules)
      yaml += "      - " + rule + "\n";
  }
  const config::Loaded loaded = config::load_text(yaml, "test.yaml", "/");
  for (const config::Problem& problem : loaded.problems)
    ADD_FAILURE() << problem.line_text();
  return loaded.config ? PolicySet(*loaded.config).grants("u", "shop") : nullptr;
}

/// The verdicts on all statements of a text; the strictest one, as a session takes it.
inline Verdict verdict_on(const Grants& grants, std::string_view sql,
                          const std::vector<std::string>& search_path = {"public"},
                          const catalog::Resolver* resolver = nullptr) {
  Verdict total;
  const sql::AnalyzeResult result = sql::analyze(sql, sql::ScanLimits{}, resolver);
  if (!result.script) {
    ADD_FAILURE() << sql << ": " << (result.parse_error ? result.parse_error->message : result.scan_error->message());
    return total;
  }
  for (const sql::Statement& statement : result.script->statements) {
    total = decide(grants, statement, {search_path, "shop", resolver, nullptr, {}});
    if (!total.allowed()) return total;
  }
  return total;
}

inline bool allows(const Grants& grants, std::string_view sql) {
  return verdict_on(grants, sql).allowed();
}

}  // namespace dbgate::policy
