#include "gateway/policy/footprint.h"

#include <algorithm>
#include <array>
#include <optional>

#include "gateway/policy/effect_sets.h"
#include "gateway/policy/grants.h"

namespace dbgate::policy {
namespace {

using catalog::Oid;
using catalog::RelationKind;
using sql::Effect;
using sql::EffectSet;

const EffectSet& reading() {
  static const EffectSet set = effects({Effect::read});
  return set;
}

// What leaves every table as it is.
const EffectSet& harmless() {
  using enum Effect;
  static const EffectSet set =
      effects({read, lock, copy_out, session, show, transaction, listen, notify, cursor, prepare, deallocate, explain});
  return set;
}

const EffectSet& writing() {
  using enum Effect;
  static const EffectSet set = effects({insert, update, delete_, truncate, merge, copy_in});
  return set;
}

// Functions of pg_catalog that run SQL from a text: they may do anything.
bool runs_text(std::string_view name) {
  static constexpr std::array<std::string_view, 8> names = {
      "query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema", "cursor_to_xml", "cursor_to_xmlschema",
      "ts_stat",      "ts_rewrite",         "pg_import_system_collations"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Of extensions, as every program uses them: STABLE because they rest on a setting or a dictionary, and no more.
bool is_known_to_read(std::string_view name) {
  static constexpr std::array<std::string_view, 8> names = {
      "show_limit", "similarity_op",   "strict_word_similarity_commutator_op", "strict_word_similarity_op",
      "unaccent",   "unaccent_lexize", "word_similarity_commutator_op",        "word_similarity_op"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Whether code that dbgate cannot read is sure to change nothing. PostgreSQL does not hold functions to what they are
// declared to be: a STABLE one may call what writes, by a text that it was given (crosstab()), or that it makes up.
bool only_reads(const catalog::Snapshot& snapshot, const catalog::Reach& reach, const catalog::Reach::Opaque& opaque) {
  if (opaque.step >= reach.steps.size() || !reach.steps[opaque.step].is_function) return false;
  const catalog::Function* const function = snapshot.function(reach.steps[opaque.step].object);
  if (function == nullptr || function->volatility == 'v') return false;
  if (function->oid < first_of_users) return true;
  // Nobody but a superuser makes these.
  const bool compiled = function->language == "c" || function->language == "internal";
  return compiled && (function->volatility == 'i' || is_known_to_read(function->name));
}

/// The statements of one text, followed through one catalog.
class Tracks {
 public:
  Tracks(const catalog::Closure* closure, const catalog::SearchPath& path) : closure_(closure), path_(path) {
    if (closure != nullptr) resolver_.emplace(closure->snapshot(), path.schemas, path.user);
  }

  void add_changes(const sql::Statement& statement, Footprint& footprint) const;
  /// For how long results of the statement may be kept: the shortest time of the tables that it names.
  std::chrono::milliseconds time_of(const Grants& grants, const sql::Statement& statement) const;
  /// Whether the result depends on nothing but tables, parameters and settings. `reads` becomes the tables.
  bool is_repeatable(const sql::Statement& statement, std::vector<Oid>& reads) const;

 private:
  bool is_steady_type(const sql::QualifiedName& name) const;
  bool is_steady_call(const catalog::Function& function) const;
  bool is_plain_table(const catalog::Reach::OfRelation& of) const;

  const catalog::Closure* closure_;
  const catalog::SearchPath& path_;
  std::optional<catalog::Resolver> resolver_;
};

void anything(Footprint& footprint) {
  footprint.writes_anything = footprint.binds = true;
}

void Tracks::add_changes(const sql::Statement& statement, Footprint& footprint) const {
  const bool is_setting = statement.kind == sql::StatementKind::set || statement.kind == sql::StatementKind::reset ||
                          statement.kind == sql::StatementKind::discard;
  // Names would mean other tables than those that are found here.
  const auto strays = [](const sql::SettingUse& use) { return changes(use) && use.name == "search_path"; };
  const bool bound = is_setting ? std::any_of(statement.settings.begin(), statement.settings.end(), strays)
                                : std::any_of(statement.settings.begin(), statement.settings.end(), changes);
  footprint.binds = footprint.binds || bound;
  if (!only(statement.effects, harmless() | writing()) || !statement.unknown.empty()) return anything(footprint);
  if (statement.relations.empty() && statement.functions.empty() && statement.types.empty()) return;
  if (closure_ == nullptr) {
    const auto calls = [](const sql::FunctionUse& use) {
      return use.form != sql::FunctionForm::operator_ && use.form != sql::FunctionForm::cast;
    };
    footprint.writes_anything = true;
    if (std::any_of(statement.functions.begin(), statement.functions.end(), calls)) footprint.binds = true;
    return;
  }
  for (const sql::RelationUse& use : statement.relations) {
    const bool writes = (use.effects & writing()).any();
    if (writes && resolver_->relation(use.name) == nullptr) return anything(footprint);
  }
  const catalog::Reach reach = closure_->of(statement, path_);
  const catalog::Snapshot& snapshot = closure_->snapshot();
  const auto may_write = [&](const auto& opaque) { return !only_reads(snapshot, reach, opaque); };
  const auto is_text = [&](const auto& of) {
    const catalog::Function* const function = snapshot.function(of.function);
    return function == nullptr || (function->oid < first_of_users && runs_text(function->name));
  };
  if (!only(reach.effects, harmless() | writing()) ||
      std::any_of(reach.opaque.begin(), reach.opaque.end(), may_write) ||
      std::any_of(reach.functions.begin(), reach.functions.end(), is_text)) {
    return anything(footprint);
  }
  if (std::any_of(reach.settings.begin(), reach.settings.end(), changes)) footprint.binds = true;
  for (const catalog::Reach::OfRelation& of : reach.relations) {
    if ((of.touch.effects & writing()).any()) footprint.writes.push_back(of.touch.relation);
  }
}

std::chrono::milliseconds Tracks::time_of(const Grants& grants, const sql::Statement& statement) const {
  constexpr std::chrono::milliseconds never{0};
  if (!resolver_ || statement.relations.empty()) return never;
  auto time = std::chrono::milliseconds::max();
  for (const sql::RelationUse& use : statement.relations) {
    const catalog::Relation* const relation = resolver_->relation(use.name);
    if (relation == nullptr) return never;
    const std::string_view schema = resolver_->schema_name(relation->schema);
    bool listed = false;
    for (const config::CachedReads& cached : grants.cached) {
      const bool fits = cached.schema == "*" ? !RuleSet::is_system_schema(schema) : cached.schema == schema;
      if (!fits || (cached.relation != "*" && cached.relation != relation->name)) continue;
      listed = true;
      time = std::min(time, cached.ttl);
    }
    if (!listed) return never;
  }
  return time;
}

// Of types whose input reads 'now' and the like, or that somebody made with conditions of his own, a cast of a text may
// say something else each time.
bool Tracks::is_steady_type(const sql::QualifiedName& name) const {
  const catalog::Type* const type = resolver_->type(name);
  return type != nullptr && type->oid < first_of_users && type->kind == 'b' && type->category != 'D';
}

bool Tracks::is_steady_call(const catalog::Function& function) const {
  if (function.oid < first_of_users) {
    return function.volatility == 'i' || (function.volatility == 's' && is_steady(function.name));
  }
  // What the others call was reached as well, but for compiled code.
  const bool compiled = function.language == "c" || function.language == "internal";
  return function.volatility == 'i' || (function.volatility == 's' && !compiled);
}

bool Tracks::is_plain_table(const catalog::Reach::OfRelation& of) const {
  const catalog::Relation* const relation = closure_->snapshot().relation(of.touch.relation);
  if (relation == nullptr || relation->row_security || !only(of.touch.effects, reading())) return false;
  if (RuleSet::is_system_schema(resolver_->schema_name(relation->schema))) return false;
  const RelationKind kind = relation->kind;
  return kind == RelationKind::table || kind == RelationKind::partitioned_table || kind == RelationKind::view ||
         kind == RelationKind::materialized_view;
}

bool Tracks::is_repeatable(const sql::Statement& statement, std::vector<Oid>& reads) const {
  if (!resolver_ || (statement.kind != sql::StatementKind::select && statement.kind != sql::StatementKind::values)) {
    return false;
  }
  if (!only(statement.effects, reading()) || !statement.unknown.empty() || statement.declares_user_types ||
      statement.inner || !statement.objects.empty() || !statement.settings.empty()) {
    return false;
  }
  const auto sampled = [](const sql::RelationUse& use) { return use.sampled || !use.name.catalog.empty(); };
  if (std::any_of(statement.relations.begin(), statement.relations.end(), sampled)) return false;
  const auto known = [this](const sql::RelationUse& use) { return resolver_->relation(use.name) != nullptr; };
  if (!std::all_of(statement.relations.begin(), statement.relations.end(), known)) return false;
  if (!std::all_of(statement.types.begin(), statement.types.end(),
                   [this](const sql::QualifiedName& name) { return is_steady_type(name); })) {
    return false;
  }
  const catalog::Reach reach = closure_->of(statement, path_);
  if (!reach.opaque.empty() || reach.of_moment || !only(reach.effects, reading()) || !reach.settings.empty()) {
    return false;
  }
  for (const catalog::Reach::OfFunction& of : reach.functions) {
    const catalog::Function* const function = closure_->snapshot().function(of.function);
    if (function == nullptr || !is_steady_call(*function)) return false;
  }
  for (const catalog::Reach::OfRelation& of : reach.relations) {
    if (!is_plain_table(of)) return false;
    reads.push_back(of.touch.relation);
  }
  return !reads.empty();
}

// What masks and filters ask the server connection for was given to it at its login, and is part of every key.
sql::Statement without_own_settings(const sql::Statement& statement) {
  static constexpr std::string_view own = "dbgate.";
  sql::Statement rest = statement;
  const auto is_own = [](const sql::SettingUse& use) { return !changes(use) && use.name.starts_with(own); };
  if (!std::all_of(rest.settings.begin(), rest.settings.end(), is_own)) return rest;
  rest.settings.clear();
  std::erase_if(rest.functions, [](const sql::FunctionUse& use) { return use.sets; });
  return rest;
}

}  // namespace

bool caches_reads(const Grants& grants) {
  return !grants.cached.empty();
}

Footprint footprint_of(const Grants& grants, const sql::Script& script, const sql::Script* sent,
                       const catalog::Closure* closure, const catalog::SearchPath& path) {
  Footprint footprint;
  const Tracks tracks(closure, path);
  for (const sql::Statement& statement : script.statements) {
    tracks.add_changes(statement, footprint);
    if (footprint.writes_anything) return footprint;
  }
  if (!caches_reads(grants) || script.statements.size() != 1 || footprint.says_something()) return footprint;
  if (sent != nullptr && sent->statements.size() != 1) return footprint;
  const sql::Statement& asked = script.statements.front();
  const auto time = tracks.time_of(grants, asked);
  if (time.count() == 0) return footprint;
  const bool repeatable = sent == nullptr
                              ? tracks.is_repeatable(asked, footprint.reads)
                              : tracks.is_repeatable(without_own_settings(sent->statements.front()), footprint.reads);
  if (repeatable) footprint.ttl = time;
  return footprint;
}

}  // namespace dbgate::policy
