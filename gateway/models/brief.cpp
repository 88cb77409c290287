#include "gateway/models/brief.h"

#include <algorithm>
#include <boost/json.hpp>
#include <initializer_list>

#include "gateway/auth/digests.h"
#include "gateway/base/hex.h"
#include "gateway/models/brief_relations.h"
#include "gateway/sql/signs.h"
#include "gateway/sql/words.h"

namespace dbgate::models {
namespace {

namespace json = boost::json;
using sql::Effect;
using sql::Sign;

// They are about the text, which models do not see. Comments and spellings would otherwise change what is sent.
constexpr Sign of_text[] = {Sign::comment_at_end, Sign::odd_comment, Sign::odd_characters, Sign::unicode_identifier};

// Without what is of the text alone.
sql::Statement bare(const sql::Statement& statement) {
  sql::Statement copy = statement;
  if (!copy.signs) return copy;
  sql::Signs signs = *copy.signs;
  for (const Sign sign : of_text)
    signs.flags.reset(static_cast<std::size_t>(sign));
  copy.signs = signs.empty() ? nullptr : std::make_shared<const sql::Signs>(std::move(signs));
  return copy;
}

json::object statement_object(const sql::Statement& statement) {
  json::object out{{"kind", sql::word_of(statement.kind)}, {"tag", statement.tag}};
  json::array effects;
  for (std::size_t i = 0; i < statement.effects.size(); ++i) {
    if (statement.effects.test(i)) effects.emplace_back(sql::word_of(static_cast<Effect>(i)));
  }
  out["effects"] = std::move(effects);
  if (statement.inner) out["inside"] = sql::word_of(statement.inner->kind);
  if (statement.returning) out["returning"] = true;
  if (statement.holdable) out["holdable_cursor"] = true;
  if (statement.read_write) out["read_write"] = true;
  if (!statement.unknown.empty()) out["has_unknown_construct"] = true;
  out["queries"] = magnitude(static_cast<double>(statement.levels.size()));
  out["relations"] = magnitude(static_cast<double>(statement.relations.size()));
  return out;
}

json::array signs_of(const sql::Statement& statement) {
  json::array list;
  if (!statement.signs) return list;
  for (std::size_t i = 0; i < statement.signs->flags.size(); ++i) {
    if (statement.signs->flags.test(i)) list.emplace_back(sql::word_of(static_cast<Sign>(i)));
  }
  return list;
}

json::array changes_of(const Subject& subject) {
  json::array list;
  if (!subject.statement.signs) return list;
  for (const sql::Change& change : subject.statement.signs->changes) {
    if (list.size() == most_listed) break;
    json::object out{{"does", change.deletes ? "delete" : "update"}, {"where", sql::word_of(change.where)}};
    const std::string id = subject.id_of(change.table);
    if (!id.empty()) out["relation"] = id;
    if (change.unlinked) out["unlinked_tables"] = true;
    out["columns_held_equal"] = magnitude(static_cast<double>(change.equal.size()));
    list.push_back(std::move(out));
  }
  return list;
}

json::array actions_of(const Subject& subject) {
  json::array list;
  if (!subject.statement.signs) return list;
  for (const sql::Action& action : subject.statement.signs->actions) {
    if (list.size() == most_listed) break;
    json::object out{{"does", sql::word_of(action.kind)}};
    const std::string id = subject.id_of(action.name);
    if (!id.empty()) out["relation"] = id;
    if (action.cascade) out["cascade"] = true;
    if (action.concurrently) out["concurrently"] = true;
    if (action.gentle) out["without_scan"] = true;
    if (action.wide) out["wide"] = true;
    if (action.volatile_default) out["rewrites_rows"] = true;
    if (action.lock_mode > 0) out["lock_mode"] = action.lock_mode;
    list.push_back(std::move(out));
  }
  return list;
}

// What matters of literals, instead of them.
json::object features_of(const sql::Statement& statement) {
  json::object out;
  if (statement.signs && statement.signs->has(Sign::limited))
    out["limit"] = magnitude(static_cast<double>(statement.signs->limit));
  if (!statement.values) return out;
  std::size_t longest = 0, rows = 0;
  for (const sql::Operand& list : statement.values->lists)
    longest = std::max(longest, list.elements.size());
  for (const sql::Insertion& insertion : statement.values->insertions)
    rows = std::max(rows, insertion.rows);
  if (longest > 0) out["longest_list"] = magnitude(static_cast<double>(longest));
  if (rows > 0) out["rows_given"] = magnitude(static_cast<double>(rows));
  return out;
}

json::object rules_object(const risk::Assessment& assessment) {
  json::array hits;
  for (const risk::Hit& hit : assessment.hits) {
    if (hits.size() == most_listed) break;
    hits.push_back(json::object{{"id", hit.rule->id}, {"level", risk::word_of(hit.level)}, {"title", hit.rule->title}});
  }
  return {{"level", risk::word_of(assessment.level)}, {"hits", std::move(hits)}};
}

json::object caller_object(const risk::Circumstances& circumstances) {
  constexpr const char* words[] = {"person", "service", "agent"};
  json::object out{{"kind", words[static_cast<std::size_t>(circumstances.caller)]}};
  if (circumstances.in_transaction) out["in_transaction"] = true;
  if (circumstances.holds_lock) out["holds_lock"] = true;
  if (circumstances.statements > 1)
    out["statements_in_message"] = magnitude(static_cast<double>(circumstances.statements));
  return out;
}

json::array settings_of(const sql::Statement& statement) {
  json::array list;
  for (const sql::SettingUse& setting : statement.settings) {
    if (list.size() == most_listed) break;
    list.push_back(json::object{{"does", sql::word_of(setting.action)}, {"local", setting.local}});
  }
  return list;
}

template <class List>
void add_if_any(json::object& body, const char* name, List list) {
  if (!list.empty()) body[name] = std::move(list);
}

// Of two statements with the same facts, these may still do different things: what counts is in their text.
bool may_share(const sql::Statement& statement, const risk::Assessment& assessment) {
  constexpr Effect apart[] = {
      Effect::do_block,       Effect::call,      Effect::session, Effect::execute,     Effect::prepare,
      Effect::transaction,    Effect::two_phase, Effect::copy_in, Effect::copy_out,    Effect::server_file,
      Effect::server_program, Effect::opaque,    Effect::admin,   Effect::replication, Effect::dcl};
  for (const Effect effect : apart) {
    if (statement.effects.test(static_cast<std::size_t>(effect))) return false;
  }
  if (!statement.unknown.empty() || !statement.settings.empty()) return false;
  if (assessment.level == risk::Level::critical) return false;
  // How long it sleeps is in an argument, which nobody has looked at.
  const auto sleeps = [](const risk::Hit& hit) { return std::string_view(hit.rule->id) == "FN-01"; };
  if (std::any_of(assessment.hits.begin(), assessment.hits.end(), sleeps)) return false;
  if (statement.signs) {
    for (const sql::Action& action : statement.signs->actions) {
      if (action.kind == sql::ActionKind::function || action.kind == sql::ActionKind::language) return false;
    }
  }
  return statement.inner == nullptr || may_share(*statement.inner, assessment);
}

}  // namespace

Brief make_brief(const sql::Statement& statement, const risk::Circumstances& circumstances,
                 const BriefOptions& options) {
  const sql::Statement shown = bare(statement);
  const risk::Assessment assessment = risk::assess(shown, circumstances);
  const Subject subject{shown, circumstances, options};
  json::object body{{"statement", statement_object(shown)}};
  add_if_any(body, "relations", relations_of(subject));
  add_if_any(body, "functions", functions_of(subject));
  add_if_any(body, "changes", changes_of(subject));
  add_if_any(body, "actions", actions_of(subject));
  add_if_any(body, "settings", settings_of(shown));
  add_if_any(body, "signs", signs_of(shown));
  add_if_any(body, "literals", features_of(shown));
  body["rules"] = rules_object(assessment);
  body["caller"] = caller_object(circumstances);
  Brief brief{json::serialize(body), {}};
  if (!may_share(shown, assessment)) return brief;
  std::string key = brief.body;
  key += '\0';
  key += options.context;
  key += '\0';
  key += identities_of(subject);
  brief.key = to_hex(auth::sha256(key));
  return brief;
}

}  // namespace dbgate::models
