#include <algorithm>
#include <span>

#include "gateway/policy/catalog_lists.h"
#include "gateway/policy/grants.h"
#include "gateway/policy/migrations.h"
#include "gateway/policy/relatives.h"

namespace dbgate::policy {
namespace {

using sql::Effect;
using sql::EffectSet;

constexpr const char* any_deny_rule = "deny rules";

bool has(const EffectSet& effects, Effect effect) {
  return effects.test(static_cast<std::size_t>(effect));
}

std::string shown(const sql::QualifiedName& name) {
  return name.schema.empty() ? name.name : name.schema + "." + name.name;
}

/// Looks for a deny rule that names something of a statement, or that the statement could go round unseen.
class Denial {
 public:
  /// @param what  "denied" or "hidden", for messages
  Denial(const RuleSet& allow, const RuleSet& deny, const char* what, const sql::Statement& statement,
         const NameContext& context)
      : allow_(allow), deny_(deny), what_(what), statement_(statement), context_(context) {}

  /// What is not named, but could be reached.
  std::string find_unnamed() {
    std::string why = ways_round();
    return why.empty() ? reached() : why;
  }

  std::string find(std::string& rule) {
    for (const auto check :
         {&Denial::as_a_whole, &Denial::relations, &Denial::functions, &Denial::types, &Denial::settings,
          &Denial::channels, &Denial::objects, &Denial::ways_round, &Denial::reached}) {
      rule_ = any_deny_rule;
      std::string why = (this->*check)();
      if (why.empty()) continue;
      rule = rule_;
      return why;
    }
    return {};
  }

 private:
  std::string what() const { return std::string("what is ") + what_; }
  bool does(Effect effect) const { return has(statement_.effects, effect); }

  // Where a name may lead. Lives as long as the name.
  std::span<const std::string> schemas_of(const sql::QualifiedName& name) {
    return name.schema.empty() ? anywhere() : std::span(&name.schema, 1);
  }

  // Where an unqualified name may lead. Without a fixed search path that is anywhere.
  std::span<const std::string> anywhere() {
    if (!anywhere_.empty()) return anywhere_;
    anywhere_.emplace_back("pg_catalog");
    if (!context_.search_path.empty()) {
      anywhere_.insert(anywhere_.end(), context_.search_path.begin(), context_.search_path.end());
    } else {
      anywhere_.insert(anywhere_.end(), deny_.schemas.begin(), deny_.schemas.end());
      anywhere_.emplace_back();  // one that no rule names, for rules on "*"
    }
    return anywhere_;
  }

  std::string as_a_whole() {
    if (deny_.everything) {
      rule_ = deny_.everything_rule;
      return "everything is denied";
    }
    const std::tuple<Effect, bool, const char*> flags[] = {{Effect::dcl, deny_.dcl, "DCL"},
                                                           {Effect::admin, deny_.admin, "administration"},
                                                           {Effect::two_phase, deny_.two_phase, "two-phase commit"},
                                                           {Effect::server_file, deny_.server_files, "server files"},
                                                           {Effect::replication, deny_.replication, "replication"}};
    for (const auto& [effect, denied, word] : flags) {
      if (denied && does(effect)) return std::string("a rule denies ") + word;
    }
    // Without a relation these concern the whole database, and so whatever a rule names.
    for (const Effect effect : {Effect::maintenance, Effect::lock, Effect::truncate}) {
      if (does(effect) && statement_.relations.empty() && has(deny_.table_effects, effect)) {
        return "a rule denies this on part of the database";
      }
    }
    return {};
  }

  // A rule on a table is one on the rows that it shows: those of its children, and its own wherever they are shown.
  std::string relations() {
    for (const sql::RelationUse& use : statement_.relations) {
      for (const auto relatives_of : {&descendants_of, &ancestors_of}) {
        for (const sql::QualifiedName& name : relatives_of(use, context_)) {
          std::string why = relation(use, name);
          if (!why.empty()) return why;
        }
      }
      std::string why = relation(use, use.name);
      if (!why.empty()) return why;
    }
    return {};
  }

  // What is done to the relation of that name: the use's own, or one that it does the same to.
  std::string relation(const sql::RelationUse& use, const sql::QualifiedName& name) {
    EffectSet effects = use.effects;
    // COPY (query) TO hands rows out as COPY table TO does.
    if (does(Effect::copy_out) && has(effects, Effect::read)) effects.set(static_cast<std::size_t>(Effect::copy_out));
    for (const std::string& schema : schemas_of(name)) {
      const bool metadata = schema == "information_schema" || is_introspection_relation(schema, name.name);
      if (deny_.introspection && has(effects, Effect::read) && metadata) {
        rule_ = deny_.introspection_rule;
        return "a rule denies this on " + shown(name);
      }
      bool hit = false;
      deny_.each_grant(schema, name.name, [&](const TableGrant& grant) {
        hit = concerns(grant, use, name, effects);
        if (hit) rule_ = grant.rule_id;
        return !hit;
      });
      if (hit) return "a rule denies this on " + shown(name);
    }
    return {};
  }

  bool concerns(const TableGrant& grant, const sql::RelationUse& use, const sql::QualifiedName& name,
                const EffectSet& effects) const {
    // ALTER could take a relation, or its column, out from under the name that the rule knows it by.
    if (has(effects, Effect::ddl) && statement_.tag.starts_with("ALTER") && !grant.everywhere) return true;
    // Values are read to make an index, and foreign keys tell which there are.
    const bool reads = statement_.tag == "CREATE INDEX" || is_beside_made(statement_, name);
    if (has(effects, Effect::ddl) && reads && has(grant.effects, Effect::read)) return true;
    // In the order that it leaves, other columns can be read.
    if (statement_.tag == "CLUSTER" && has(grant.effects, Effect::read) && !grant.columns.empty()) return true;
    if ((grant.effects & effects).none()) return false;
    if (grant.columns.empty()) return true;
    const auto listed = [&grant](const sql::ColumnUse& columns) {
      return columns.whole_row || std::any_of(columns.names.begin(), columns.names.end(), [&](const auto& column) {
               return std::binary_search(grant.columns.begin(), grant.columns.end(), column);
             });
    };
    return listed(use.reads) || listed(use.writes);
  }

  std::string functions() {
    for (const sql::FunctionUse& use : statement_.functions) {
      if (use.form == sql::FunctionForm::operator_) continue;
      const bool procedure = use.form == sql::FunctionForm::procedure;
      const bool system = use.name.schema.empty() || use.name.schema == "pg_catalog";
      bool denied = !procedure && system &&
                    ((deny_.safe_functions && is_safe_function(use.name.name)) ||
                     (deny_.introspection && is_introspection_function(use.name.name)));
      for (const std::string& schema : schemas_of(use.name))
        denied = denied || deny_.function_named(schema, use.name.name, procedure);
      if (denied) return "a rule denies " + std::string(procedure ? "CALL of " : "function ") + shown(use.name);
    }
    // t.f is f(t) if t has no column f.
    for (const sql::RelationUse& use : statement_.relations) {
      for (const std::string& column : use.reads.names) {
        for (const std::string& schema : anywhere()) {
          if (deny_.function_spelt_out(schema, column)) return "a rule denies function " + column;
        }
      }
    }
    return {};
  }

  std::string types() {
    for (const sql::QualifiedName& type : statement_.types) {
      const bool system = type.schema.empty() || type.schema == "pg_catalog";
      if (deny_.introspection && system && is_introspection_function(type.name))
        return "a rule denies type " + shown(type);
      for (const std::string& schema : schemas_of(type)) {
        if (deny_.type_granted(schema, type.name)) return "a rule denies type " + shown(type);
      }
    }
    return {};
  }

  std::string settings() {
    for (const sql::SettingUse& use : statement_.settings) {
      if (deny_.setting_granted(use.name)) return "a rule denies setting " + use.name;
    }
    return {};
  }

  std::string channels() {
    const bool listens = statement_.kind == sql::StatementKind::listen;
    if (!listens && statement_.kind != sql::StatementKind::notify) return {};
    if (!deny_.channel_granted(statement_.name, !listens)) return {};
    return "a rule denies channel " + statement_.name;
  }

  // Schemas, functions, roles and other objects of DDL.
  std::string objects() {
    if (!does(Effect::ddl) || !has(deny_.table_effects, Effect::ddl)) return {};
    if (statement_.objects.empty() && statement_.relations.empty()) return "a rule denies DDL on part of the database";
    std::vector<sql::QualifiedName> named = statement_.objects;
    if (!statement_.becomes.name.empty()) named.push_back(statement_.becomes);
    for (const sql::QualifiedName& object : named) {
      bool hit = object.schema.empty() && deny_.schemas.contains(object.name);
      for (const std::string& schema : schemas_of(object)) {
        deny_.each_grant(schema, object.name, [&](const TableGrant& grant) {
          hit = hit || has(grant.effects, Effect::ddl);
          return !hit;
        });
      }
      if (hit) return "a rule denies DDL on " + shown(object);
    }
    return {};
  }

  // Views, columns, defaults and keys anywhere in the database; what all depends on an object, the catalog does not
  // tell.
  std::string cascade() const {
    if (!statement_.cascades || !does(Effect::ddl)) return {};
    for (const Effect effect : {Effect::ddl, Effect::update, Effect::delete_, Effect::truncate}) {
      if (has(deny_.table_effects, effect))
        return "CASCADE could reach " + what() + "; drop what depends on it by name";
    }
    return {};
  }

  // What could reach a denied object without naming it: only what is known not to, or is granted by itself, may pass.
  std::string ways_round() {
    const std::string unseen = "code that cannot be seen through could reach " + what();
    if (does(Effect::opaque) || does(Effect::do_block) || does(Effect::server_program)) return unseen;
    if (does(Effect::server_file) && !allow_.server_files) return unseen;
    // Commands that the server runs, other servers and other databases, this one among them.
    if (does(Effect::admin) && !allow_.admin && statement_.tag != "CHECKPOINT") return unseen;
    for (const sql::RelationUse& use : statement_.relations) {
      for (const std::string& schema : schemas_of(use.name)) {
        if (has(deny_.table_effects, Effect::read) && holds_values_of_others(schema, use.name.name)) {
          return shown(use.name) + " could show " + what();
        }
        // A superuser can rename, redefine and set things by writing to the catalog.
        const bool writes = has(use.effects, Effect::insert) || has(use.effects, Effect::update) ||
                            has(use.effects, Effect::delete_) || has(use.effects, Effect::truncate);
        const bool catalog = schema == "pg_catalog" && (!use.name.schema.empty() || use.name.name.starts_with("pg_"));
        if (writes && catalog) return "writing to " + shown(use.name) + " could reach " + what();
      }
    }
    std::string moved = moves();
    if (!moved.empty()) return moved;
    std::string cascaded = cascade();
    if (!cascaded.empty()) return cascaded;
    std::string tried = tries_values();
    if (!tried.empty()) return tried;
    for (const sql::FunctionUse& use : statement_.functions) {
      if (!harmless(use)) return "function " + shown(use.name) + " could reach " + what() + "; allow it by name";
    }
    return {};
  }

  // A condition of a domain is tried on every value of it, wherever that is kept: whether it fails could be asked of
  // them all.
  std::string tries_values() const {
    if (!has(deny_.table_effects, Effect::read)) return {};
    if (statement_.tag == "CLUSTER" && statement_.relations.empty()) return "CLUSTER orders rows by " + what();
    if (statement_.tag != "ALTER DOMAIN") return {};
    const std::string why = "ALTER DOMAIN looks at values of the domain, which could show " + what();
    if (context_.resolver == nullptr || statement_.objects.empty()) return why;
    const catalog::Type* const domain = context_.resolver->type(statement_.objects.front());
    if (domain == nullptr) return why;
    const sql::Statement looks = reads_of(*domain);
    Denial denial(allow_, deny_, what_, looks, context_);
    return denial.relations().empty() && denial.reached().empty() ? std::string() : why;
  }

  // A statement that reads all columns of that type.
  sql::Statement reads_of(const catalog::Type& domain) const {
    const catalog::Snapshot& snapshot = context_.resolver->snapshot();
    const auto is_one = [&](const catalog::Column& column) {
      catalog::Oid oid = column.type;
      for (int depth = 0; oid != 0 && oid != domain.oid && depth < 32; ++depth) {
        const catalog::Type* const type = snapshot.type(oid);
        oid = type == nullptr ? domain.oid : type->base;
      }
      return oid != 0;
    };
    sql::Statement all;
    for (const catalog::Relation& relation : snapshot.relations()) {
      sql::RelationUse use;
      for (const catalog::Column& column : relation.columns)
        if (is_one(column)) use.reads.names.emplace_back(column.name);
      if (use.reads.names.empty()) continue;
      std::sort(use.reads.names.begin(), use.reads.names.end());
      use.name = {"", std::string(context_.resolver->schema_name(relation.schema)), std::string(relation.name)};
      use.effects.set(static_cast<std::size_t>(Effect::read));
      all.relations.push_back(std::move(use));
    }
    return all;
  }

  // Until the transaction is over nobody else sees what another name stands for: whatever comes to something denied, or
  // may, keeps the name that it is known by. Renaming a schema moves everything in it.
  std::string moves() {
    const bool renames = statement_.tag == "ALTER … RENAME";
    if (!renames && statement_.tag != "ALTER … SET SCHEMA") return {};
    const std::string why = "renaming could take " + what() + " out from under its rule";
    if (statement_.relations.empty()) return why;
    if (context_.closure == nullptr) return {};
    for (const sql::RelationUse& use : statement_.relations) {
      sql::Statement uses;
      sql::RelationUse& all = uses.relations.emplace_back();
      all.name = use.name;
      all.reads.whole_row = all.writes.whole_row = true;
      for (const Effect effect : {Effect::read, Effect::insert, Effect::update, Effect::delete_, Effect::truncate})
        all.effects.set(static_cast<std::size_t>(effect));
      if (!Denial(allow_, deny_, what_, uses, context_).reached().empty()) return why;
    }
    return {};
  }

  // What PostgreSQL comes to on the way: views, rules, triggers, foreign keys, function bodies. Messages name what the
  // statement names, not what is behind it.
  std::string reached() {
    if (context_.closure == nullptr) return {};
    const catalog::Reach reach = context_.closure->of(statement_, {context_.search_path, context_.account});
    for (const catalog::Reach::OfRelation& of : reach.relations) {
      if (of.beneath_step == UINT32_MAX || of.beneath.check) continue;
      const sql::RelationUse use = as_use(of.beneath);
      if (!relation(use, use.name).empty()) return behind(reach, of.beneath_step) + " reaches " + what();
    }
    for (const catalog::Reach::OfFunction& of : reach.functions) {
      const catalog::Function* const function = context_.closure->snapshot().function(of.function);
      if (function == nullptr || reach.steps[of.step].edge == catalog::Edge::direct) continue;
      const std::string schema(context_.resolver->schema_name(function->schema));
      if (deny_.function_spelt_out(schema, function->name)) return behind(reach, of.step) + " reaches " + what();
    }
    // Of several ways to one function the first is known: whether there is one past all that is allowed shows without
    // looking into what is.
    const catalog::Reach past_allowed =
        reach.opaque.empty()
            ? catalog::Reach()
            : context_.closure->of(statement_, {context_.search_path, context_.account},
                                   [this](const catalog::Function& function) {
                                     return allow_.function_granted(*context_.resolver, function, function.kind == 'p');
                                   });
    if (!past_allowed.opaque.empty()) {
      return behind(past_allowed, past_allowed.opaque.front().step) + " runs code that could reach " + what() +
             "; allow that function by name";
    }
    for (const Effect effect : {Effect::ddl, Effect::dcl, Effect::admin, Effect::server_file, Effect::server_program}) {
      if (has(reach.effects, effect)) return "a function on the way could take " + what() + " out from under its rule";
    }
    return {};
  }

  sql::RelationUse as_use(const catalog::Touch& touch) const {
    sql::RelationUse use;
    const catalog::Relation* const relation = context_.closure->snapshot().relation(touch.relation);
    if (relation == nullptr) return use;
    use.name.schema = context_.resolver->schema_name(relation->schema);
    use.name.name = relation->name;
    use.effects = touch.effects;
    use.reads = touch.reads;
    use.writes = touch.writes;
    use.only = true;  // its descendants are among what is reached
    return use;
  }

  // The object of the statement from which the way leads there; what is opaque in the statement itself has no way.
  std::string behind(const catalog::Reach& reach, std::uint32_t step) const {
    if (step >= reach.steps.size()) return "the statement";
    while (reach.steps[step].before < reach.steps.size())
      step = reach.steps[step].before;
    return catalog::path_text(context_.closure->snapshot(), reach, step);
  }

  bool harmless(const sql::FunctionUse& use) const {
    const bool unqualified = use.name.schema.empty();
    const bool system = unqualified || use.name.schema == "pg_catalog";
    if (use.form == sql::FunctionForm::operator_) return system;
    if (use.form == sql::FunctionForm::field && !is_harmful_field(use.name.name)) return true;
    if (use.form == sql::FunctionForm::table_sample && (use.name.name == "system" || use.name.name == "bernoulli")) {
      return true;
    }
    if (system && use.name.name == "system_user") return true;
    if (use.sets) return true;  // what could reach further is fixed, whoever sets it
    const bool procedure = use.form == sql::FunctionForm::procedure;
    if (!procedure && system && is_harmless_function(use.name.name)) return true;
    if (!procedure && system && (is_safe_function(use.name.name) || is_introspection_function(use.name.name)))
      return true;
    if (!procedure && use.name.schema == "information_schema") return true;
    const std::span<const std::string> schemas =
        unqualified ? std::span(context_.search_path) : std::span(&use.name.schema, 1);
    if (unqualified && allow_.function_granted("pg_catalog", use.name.name, use.arguments, procedure)) return true;
    if (unqualified && !procedure && is_system_function(use.name.name)) return false;
    return !schemas.empty() && std::all_of(schemas.begin(), schemas.end(), [&](const std::string& schema) {
      return allow_.function_granted(schema, use.name.name, use.arguments, procedure);
    });
  }

  const RuleSet& allow_;
  const RuleSet& deny_;
  const char* const what_;
  const sql::Statement& statement_;
  const NameContext& context_;
  std::string rule_;
  std::vector<std::string> anywhere_;  // made when it is needed
};

}  // namespace

std::string find_denial(const Grants& grants, const sql::Statement& statement, const NameContext& context,
                        std::string& rule) {
  if (grants.deny.rules == 0) return {};
  return Denial(grants.allow, grants.deny, "denied", statement, context).find(rule);
}

namespace {

// A condition of one's own meets rows before the filter does, or after it, and the server counts both: whether an index
// had a value could be asked so, one by one.
std::string counted(const sql::Statement& statement) {
  for (const sql::RelationUse& use : statement.relations) {
    if (!use.name.schema.empty() && use.name.schema != "pg_catalog") continue;
    const auto counts = [&use](const std::string& column) { return counts_rows_met(use.name.name, column); };
    const std::vector<std::string>& names = use.reads.names;
    if (std::any_of(names.begin(), names.end(), counts) || (use.reads.whole_row && counts("*")))
      return "counters of " + shown(use.name) + " could show what is hidden";
  }
  return {};
}

}  // namespace

std::string find_way_round(const Grants& grants, const sql::Statement& statement, const NameContext& context) {
  std::string why = grants.hidden.rows.empty() ? std::string() : counted(statement);
  if (!why.empty()) return why;
  return Denial(grants.allow, grants.hidden.rules, "hidden", statement, context).find_unnamed();
}

}  // namespace dbgate::policy
