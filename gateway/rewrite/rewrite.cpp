#include "gateway/rewrite/rewrite.h"

#include <algorithm>
#include <map>
#include <set>

#include "gateway/policy/treat.h"
#include "gateway/rewrite/mask_sql.h"
#include "gateway/rewrite/places.h"
#include "gateway/sql/analyze.h"

namespace dbgate::rewrite {
namespace {

using policy::Treatments;
using sql::Statement;

constexpr const char* cannot_read = "masks and filters cannot be put into this statement";
constexpr std::size_t most_rounds = 16;  // views over views

// Settings that the statement names, but for those that masks and filters look at.
std::ptrdiff_t others_settings(const Statement& statement) {
  return std::count_if(statement.settings.begin(), statement.settings.end(),
                       [](const sql::SettingUse& use) { return !use.name.starts_with("dbgate."); });
}

struct Edit {
  Span span;
  std::string text;
  bool shows_relation = false;  ///< the relation is named in it, and has been treated there
};

/// A text with the edits made so far, and what it says.
class Text {
 public:
  Text(std::string_view text, const sql::Script& script) : text_(text), script_(&script) {}

  const sql::Script& script() const { return *script_; }
  const std::string& written() const { return text_; }

  /// False if the edits are not apart from each other, or the outcome cannot be read.
  bool apply(std::vector<Edit> edits, const policy::NameContext& context, const sql::ScanLimits& limits) {
    std::sort(edits.begin(), edits.end(), [](const Edit& a, const Edit& b) { return a.span.begin < b.span.begin; });
    std::string next;
    std::size_t copied = 0;
    inserted_.clear();
    for (const Edit& edit : edits) {
      if (edit.span.begin < copied) return false;
      next.append(text_, copied, edit.span.begin - copied);
      if (edit.shows_relation) inserted_.push_back({next.size(), next.size() + edit.text.size()});
      next += edit.text;
      copied = edit.span.end;
    }
    next.append(text_, copied);
    text_ = std::move(next);
    sql::AnalyzeResult result = sql::analyze(text_, limits, context.resolver);
    if (!result.script) return false;
    own_ = std::move(*result.script);
    script_ = &own_;
    return true;
  }

  bool inserted(std::size_t at) const {
    return std::any_of(inserted_.begin(), inserted_.end(),
                       [at](const Span& span) { return span.begin <= at && at < span.end; });
  }

 private:
  std::string text_;
  sql::Script own_;
  const sql::Script* script_;
  std::vector<Span> inserted_;
};

class Rewriter {
 public:
  Rewriter(const policy::Grants& grants, const policy::NameContext& context, const sql::ScanLimits& limits)
      : grants_(grants), context_(context), limits_(limits) {}

  Outcome run(std::string_view text, const sql::Script& script);

 private:
  bool deny(std::string why, std::string hint = {}, std::string rule_id = "masks and filters") {
    outcome_.denied = std::move(why);
    outcome_.hint = std::move(hint);
    outcome_.rule_id = std::move(rule_id);
    return false;
  }
  bool round(Text& text, bool& again);
  bool replace_views(const Statement& statement, const Treatments& treatments, const Places& places,
                     std::vector<Edit>& edits);
  bool replace_relations(const Statement& statement, const Treatments& treatments, const Places& places,
                         const std::string& text, std::vector<Edit>& edits);
  bool names_apart(const Statement& statement);
  bool shorten_names(const Statement& statement, const Places& places, std::vector<Edit>& edits);
  bool put(const sql::RelationUse& use, std::string query, const Places& places, const catalog::Relation& relation,
           const std::string& text, std::vector<Edit>& edits);
  bool is_array(const catalog::Column& column) const;
  std::string query_of(const policy::Treatment& treatment, bool only) const;
  bool same_meaning(const sql::Script& before, const Text& after);
  std::vector<ColumnOrigin> origins_of(const Statement& statement) const;
  std::string name_of(const catalog::Relation& relation) const {
    return quoted(context_.resolver->schema_name(relation.schema)) + "." + quoted(relation.name);
  }

  const policy::Grants& grants_;
  const policy::NameContext& context_;
  const sql::ScanLimits& limits_;
  std::set<catalog::Oid> treated_;
  Outcome outcome_;
};

Outcome Rewriter::run(std::string_view written, const sql::Script& script) {
  Text text(written, script);
  bool again = true;
  for (std::size_t i = 0; again; ++i) {
    if (i == most_rounds) {
      deny(cannot_read, "It looks through too many views.");
      break;
    }
    if (!round(text, again)) break;
  }
  if (!outcome_.denied.empty()) return std::move(outcome_);
  if (text.written() != written) {
    outcome_.text = text.written();
    for (const Statement& statement : script.statements)
      outcome_.origins.push_back(origins_of(statement));
  }
  return std::move(outcome_);
}

// Replaces views by their definitions, or, when there are none left to replace, relations by what is seen of them.
bool Rewriter::round(Text& text, bool& again) {
  again = false;
  std::vector<Treatments> all;
  bool any = false;
  for (const Statement& statement : text.script().statements) {
    all.push_back(policy::treat(grants_, statement, context_));
    const Treatments& treatments = all.back();
    if (!treatments.denied.empty()) return deny(treatments.denied, treatments.hint, treatments.rule_id);
    again = again || !treatments.views.empty();
    any = any || !treatments.list.empty();
  }
  if (!any && !again) return true;
  if (text.written().size() > max_text_bytes) return deny(cannot_read, "It is longer than 256 KiB.");
  const auto tokens = sql::tokenize(text.written());
  if (!tokens) return deny(cannot_read);
  const Places places(text.written(), *tokens);
  std::vector<Edit> edits;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Statement& statement = text.script().statements[i];
    const bool done = again ? replace_views(statement, all[i], places, edits)
                            : replace_relations(statement, all[i], places, text.written(), edits);
    if (!done) return false;
  }
  const sql::Script before = text.script();
  if (!text.apply(std::move(edits), context_, limits_)) return deny(cannot_read);
  return again || same_meaning(before, text);
}

bool Rewriter::replace_views(const Statement& statement, const Treatments& treatments, const Places& places,
                             std::vector<Edit>& edits) {
  for (const Treatments::View& view : treatments.views) {
    std::string query = policy::definition_of_view(context_.resolver->snapshot(), *view.relation);
    if (query.empty()) {
      return deny(statement.relations[view.use].name.name + " could show what is hidden",
                  "Ask for what it shows from the tables themselves.");
    }
    if (view.fenced) query = "SELECT * FROM (" + query + ") " + quoted(view.relation->name) + " OFFSET 0";
    treated_.insert(view.relation->oid);
    if (!put(statement.relations[view.use], std::move(query), places, *view.relation, {}, edits)) return false;
  }
  return treatments.views.empty() || (names_apart(statement) && shorten_names(statement, places, edits));
}

bool Rewriter::replace_relations(const Statement& statement, const Treatments& treatments, const Places& places,
                                 const std::string& text, std::vector<Edit>& edits) {
  for (const policy::Treatment& treatment : treatments.list) {
    const sql::RelationUse& use = statement.relations[treatment.use];
    treated_.insert(treatment.relation->oid);
    const bool copies = use.effects.test(static_cast<std::size_t>(sql::Effect::copy_out));
    const std::string query = query_of(treatment, use.only || copies);
    if (!put(use, query, places, *treatment.relation, text, edits)) return false;
  }
  for (const std::string& column : treatments.masked) {
    if (std::find(outcome_.masked.begin(), outcome_.masked.end(), column) == outcome_.masked.end())
      outcome_.masked.push_back(column);
  }
  return treatments.list.empty() || (names_apart(statement) && shorten_names(statement, places, edits));
}

bool Rewriter::put(const sql::RelationUse& use, std::string query, const Places& places,
                   const catalog::Relation& relation, const std::string& text, std::vector<Edit>& edits) {
  const auto place = places.relation(use.at);
  const std::string hint = "Write its name alone, without ONLY in parentheses or an asterisk behind it.";
  if (!place) return deny(cannot_read, hint);
  const bool copies = use.effects.test(static_cast<std::size_t>(sql::Effect::copy_out));
  Edit edit;
  edit.span = place->span;
  edit.shows_relation = true;
  edit.text = "(" + std::move(query) + ")";
  if (copies) {
    std::string columns;
    for (const catalog::Column& column : relation.columns) {
      if (!column.generated) columns += (columns.empty() ? "" : ", ") + quoted(column.name);
    }
    const Span listed = place->columns;
    if (listed.end > listed.begin) columns = text.substr(listed.begin, listed.end - listed.begin);
    edit.span.end = place->after;
    edit.text = "(SELECT " + columns + " FROM " + edit.text + " " + quoted(relation.name) + ")";
  } else if (!use.aliased) {
    edit.text += " " + quoted(relation.name);
  }
  if (place->table) edit.text = "SELECT * FROM " + edit.text;
  edits.push_back(std::move(edit));
  return true;
}

// Two relations of one name can stand in one FROM, and a name with a schema finds its table past any alias; with
// sub-queries neither is so.
bool Rewriter::names_apart(const Statement& statement) {
  const auto relation_of = [&](const sql::Source& source) -> const catalog::Relation* {
    if (source.kind != sql::Source::Kind::relation || statement.relations[source.index].aliased) return nullptr;
    const auto* const relation = context_.resolver->relation(statement.relations[source.index].name);
    return relation != nullptr && treated_.contains(relation->oid) ? relation : nullptr;
  };
  std::map<std::string_view, const catalog::Relation*> meant;  // by names with a schema
  for (const sql::Level& level : statement.levels) {
    for (const sql::NameUse& use : level.names) {
      if (use.at == sql::none) continue;
      const auto* const relation = context_.resolver->relation({"", use.schema, use.qualifier});
      if (relation != nullptr && treated_.contains(relation->oid)) meant[use.qualifier] = relation;
    }
  }
  for (const sql::Level& level : statement.levels) {
    std::map<std::string_view, std::size_t> sources;
    for (const sql::Source& source : level.sources) {
      if (!source.alias.empty()) ++sources[source.alias];
    }
    for (const sql::Source& source : level.sources) {
      const catalog::Relation* const relation = relation_of(source);
      const auto named = meant.find(source.alias);
      const bool other = named != meant.end() && named->second != relation;
      if (other || (relation != nullptr && sources[source.alias] > 1)) {
        return deny(cannot_read, "Give every table in FROM a name of its own.");
      }
    }
  }
  return true;
}

// A sub-query has no schema: schema.table.column is table.column.
bool Rewriter::shorten_names(const Statement& statement, const Places& places, std::vector<Edit>& edits) {
  for (const sql::Level& level : statement.levels) {
    for (const sql::NameUse& use : level.names) {
      if (use.at == sql::none) continue;
      const catalog::Relation* const relation = context_.resolver->relation({"", use.schema, use.qualifier});
      if (relation == nullptr || !treated_.contains(relation->oid)) continue;
      const auto span = places.before_table(use.at);
      if (!span) return deny(cannot_read, "Write columns as table.column.");
      const bool known =
          std::any_of(edits.begin(), edits.end(), [&](const Edit& edit) { return edit.span.begin == span->begin; });
      if (!known) edits.push_back({*span, "", false});
    }
  }
  return true;
}

// An array of arrays has more dimensions, not elements that are arrays. Nor does any operator on arrays fail by values.
bool Rewriter::is_array(const catalog::Column& column) const {
  const catalog::Type* const type = context_.resolver->snapshot().type(column.type);
  return type != nullptr && type->category == 'A';
}

std::string Rewriter::query_of(const policy::Treatment& treatment, bool only) const {
  const catalog::Relation& relation = *treatment.relation;
  std::string query = "SELECT ";
  for (std::size_t i = 0; i < relation.columns.size(); ++i) {
    const catalog::Column& column = relation.columns[i];
    const auto mask = std::find_if(treatment.masks.begin(), treatment.masks.end(),
                                   [i](const policy::Treatment::Column& masked) { return masked.index == i; });
    query += i > 0 ? ", " : "";
    if (mask != treatment.masks.end()) {
      query += masked(context_.resolver->snapshot(), column, mask->kind) + " AS ";
    } else if (treatment.veiled && !is_array(column)) {
      query += "(ARRAY[" + quoted(column.name) + "])[1] AS ";
    }
    query += quoted(column.name);
  }
  query += std::string(" FROM ") + (only ? "ONLY " : "") + name_of(relation);
  for (std::size_t i = 0; i < treatment.conditions.size(); ++i)
    query += (i == 0 ? " WHERE (" : " AND (") + treatment.conditions[i] + "\n)";
  return treatment.fenced ? query + " OFFSET 0" : query;
}

// Expressions have no table; drivers that look for the columns of one are told what they were told before.
std::vector<ColumnOrigin> Rewriter::origins_of(const Statement& statement) const {
  std::vector<ColumnOrigin> result;
  const auto all = sql::result_origins(statement, *context_.resolver);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].size() != 1) continue;
    const auto* const relation = context_.resolver->relation(statement.relations[all[i].front().relation].name);
    if (relation == nullptr || !treated_.contains(relation->oid)) continue;
    const auto column = std::find_if(relation->columns.begin(), relation->columns.end(),
                                     [&](const catalog::Column& c) { return c.name == all[i].front().column; });
    if (column != relation->columns.end()) result.push_back({i, relation->oid, column->number});
  }
  return result;
}

// A sub-query reads, where UPDATE … FROM names a table alone.
sql::EffectSet with_read(sql::EffectSet effects) {
  return effects.set(static_cast<std::size_t>(sql::Effect::read));
}

// What stood beside the replaced names stands there still, and nothing is named bare that was to be replaced.
bool Rewriter::same_meaning(const sql::Script& before, const Text& after) {
  const std::vector<Statement>& now = after.script().statements;
  bool same = now.size() == before.statements.size();
  for (std::size_t i = 0; same && i < now.size(); ++i) {
    const Statement& was = before.statements[i];
    same = now[i].kind == was.kind && now[i].tag == was.tag && now[i].name == was.name &&
           with_read(now[i].effects) == with_read(was.effects) && now[i].unknown.empty() &&
           others_settings(now[i]) == others_settings(was) && now[i].relations.size() == was.relations.size();
    std::map<std::string, int> others;
    const auto count = [&](const sql::RelationUse& use, int step) {
      others[use.name.schema + '\0' + use.name.name] += step;
    };
    for (const sql::RelationUse& use : was.relations) {
      const catalog::Relation* const relation = context_.resolver->relation(use.name);
      if (use.at == sql::none || relation == nullptr || !treated_.contains(relation->oid)) count(use, 1);
    }
    for (const sql::RelationUse& use : now[i].relations) {
      if (use.at != sql::none && after.inserted(use.at)) continue;
      const catalog::Relation* const relation = context_.resolver->relation(use.name);
      const bool bare = use.at != sql::none && relation != nullptr && treated_.contains(relation->oid);
      same = same && !bare;
      count(use, -1);
    }
    same = same && std::all_of(others.begin(), others.end(), [](const auto& entry) { return entry.second == 0; });
  }
  return same || deny(cannot_read);
}

}  // namespace

Outcome rewrite(std::string_view text, const sql::Script& script, const policy::Grants& grants,
                const policy::NameContext& context, const sql::ScanLimits& limits) {
  return Rewriter(grants, context, limits).run(text, script);
}

}  // namespace dbgate::rewrite
