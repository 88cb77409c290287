// Input: a statement text, with masks and a row filter put into it.
#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include "gateway/policy/treat.h"
#include "tests/fuzz/check.h"
#include "tests/support/masked_shop.h"

namespace {

using namespace dbgate;
using tests::MaskedShop;

// Masked columns by relation; those that may be compared are not among them.
struct Hidden {
  std::string_view relation;
  std::set<std::string, std::less<>> columns;
  std::vector<std::string> before;  ///< what may stand before the relation's name where dbgate has put it
  std::string after;
};

std::array<Hidden, 4> canonical(const MaskedShop& shop) {
  std::array<Hidden, 4> all{{{"customers", {"email", "card"}, {}, ""},
                             {"orders", {}, {}, " WHERE (tenant = pg_catalog.current_setting('dbgate.user_tenant')\n)"},
                             {"parts", {"email"}, {}, ""},
                             {"parts_1", {"email"}, {}, ""}}};
  for (Hidden& hidden : all) {
    // … and where the planner is to have no statistics of it.
    for (const char* const where : {"", " WHERE 'a' LIKE 'b'"}) {
      const std::string text = shop.rewritten("SELECT 1 FROM " + std::string(hidden.relation) + where).text;
      const std::size_t begin = text.find("(SELECT");
      const std::size_t name = text.find("\"public\".\"");
      DBGATE_FUZZ_CHECK(begin != std::string::npos && name != std::string::npos);
      const std::string before = text.substr(begin, name - begin);
      hidden.before.push_back(before);
      hidden.before.push_back(before + "ONLY ");
    }
  }
  return all;
}

const Hidden* hidden_of(const std::array<Hidden, 4>& all, const MaskedShop& shop, const sql::RelationUse& use) {
  const catalog::Relation* const relation = shop.resolver->relation(use.name);
  if (relation == nullptr) return nullptr;
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Hidden& hidden) { return hidden.relation == relation->name; });
  return found == all.end() ? nullptr : &*found;
}

bool reads_of(const sql::ColumnUse& use, const Hidden& hidden) {
  return std::any_of(hidden.columns.begin(), hidden.columns.end(), [&](const std::string& column) {
    return use.whole_row || std::binary_search(use.names.begin(), use.names.end(), column);
  });
}

// What runs as it was written reads nothing that is hidden.
void check_untouched(const std::array<Hidden, 4>& all, const MaskedShop& shop, const sql::Script& script) {
  for (const sql::Statement& statement : script.statements) {
    for (const sql::RelationUse& use : statement.relations) {
      const Hidden* const hidden = hidden_of(all, shop, use);
      if (hidden == nullptr) continue;
      DBGATE_FUZZ_CHECK(use.at == sql::none);
      DBGATE_FUZZ_CHECK(!reads_of(use.reads, *hidden));
    }
  }
}

// Every place that a hidden relation is read from is one that dbgate has written, with its masks and its filter.
void check_rewritten(const std::array<Hidden, 4>& all, const MaskedShop& shop, const sql::Script& before,
                     const std::string& text) {
  const sql::AnalyzeResult result = shop.analyze(text);
  DBGATE_FUZZ_CHECK(result.script.has_value());
  DBGATE_FUZZ_CHECK(result.script->statements.size() == before.statements.size());
  std::size_t places = 0;
  for (std::size_t i = 0; i < before.statements.size(); ++i) {
    const sql::Statement& now = result.script->statements[i];
    DBGATE_FUZZ_CHECK(now.kind == before.statements[i].kind);
    // UPDATE … FROM a table reads it only where a sub-query stands in its place.
    constexpr auto read = static_cast<std::size_t>(sql::Effect::read);
    DBGATE_FUZZ_CHECK(sql::EffectSet(now.effects).set(read) == sql::EffectSet(before.statements[i].effects).set(read));
    DBGATE_FUZZ_CHECK(now.unknown.empty());
    for (const sql::RelationUse& use : now.relations) {
      const catalog::Relation* const relation = shop.resolver->relation(use.name);
      const bool view = relation != nullptr && relation->kind == catalog::RelationKind::view;
      DBGATE_FUZZ_CHECK(!view || use.at == sql::none || relation->name == "open");
      const Hidden* const hidden = hidden_of(all, shop, use);
      if (hidden == nullptr) continue;
      if (use.at == sql::none) {
        DBGATE_FUZZ_CHECK(!reads_of(use.reads, *hidden));
        continue;
      }
      const std::string_view front = std::string_view(text).substr(0, use.at);
      const auto ends_front = [front](const std::string& before) { return front.ends_with(before); };
      DBGATE_FUZZ_CHECK(std::any_of(hidden->before.begin(), hidden->before.end(), ends_front));
      const std::string name = "\"public\".\"" + std::string(hidden->relation) + "\"" + hidden->after;
      DBGATE_FUZZ_CHECK(std::string_view(text).substr(use.at).starts_with(name));
      ++places;
    }
  }
  DBGATE_FUZZ_CHECK(places > 0);
  // What was computed with before is computed with still.
  for (const sql::Statement& statement : before.statements) {
    for (const sql::RelationUse& use : statement.relations) {
      const Hidden* const hidden = hidden_of(all, shop, use);
      DBGATE_FUZZ_CHECK(hidden == nullptr || use.at == sql::none || !reads_of(use.values, *hidden));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const MaskedShop shop;
  static const std::array<Hidden, 4> all = canonical(shop);
  const std::string_view text = fuzz::as_text(data, size);
  const sql::AnalyzeResult result = shop.analyze(text);
  if (!result.script) return 0;
  const rewrite::Outcome outcome = rewrite::rewrite(text, *result.script, *shop.grants, shop.names, shop.limits);
  DBGATE_FUZZ_CHECK(outcome.text.empty() || outcome.denied.empty());
  DBGATE_FUZZ_CHECK(outcome.denied.empty() == outcome.rule_id.empty());
  if (!outcome.denied.empty()) return 0;
  if (outcome.text.empty()) {
    check_untouched(all, shop, *result.script);
  } else {
    check_rewritten(all, shop, *result.script, outcome.text);
  }
  return 0;
}
