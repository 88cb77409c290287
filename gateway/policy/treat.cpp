#include "gateway/policy/treat.h"

#include <algorithm>
#include <array>

#include "gateway/catalog/virtual_columns.h"
#include "gateway/policy/catalog_lists.h"
#include "gateway/policy/grants.h"
#include "gateway/policy/hidden_views.h"
#include "gateway/policy/migrations.h"
#include "gateway/policy/moved_names.h"
#include "gateway/policy/relatives.h"
#include "gateway/policy/treat_by_names.h"
#include "gateway/policy/value_types.h"

namespace dbgate::policy {
namespace {

using sql::Effect;
using sql::Statement;

constexpr const char* only_shown = "Name the columns that you need, without it.";

bool has(const sql::EffectSet& effects, Effect effect) {
  return effects.test(static_cast<std::size_t>(effect));
}

bool contains(const std::vector<std::string>& sorted, std::string_view name) {
  return std::binary_search(sorted.begin(), sorted.end(), name);
}

/// Whether an output column that may be `column` is compared or ordered by, by its name or its number.
bool compares_output(const sql::Level& level, const std::string& column) {
  for (std::size_t i = 0; i < level.outputs.size(); ++i) {
    const sql::Output& output = level.outputs[i];
    if (output.use == sql::none) continue;  // computed: what it is made of is a value already
    const std::string& name = level.names[output.use].column;
    if (!name.empty() && name != column) continue;
    const auto is = [&](const std::string& by) { return by == output.name || (name.empty() && by == column); };
    const bool star = name.empty() && !level.positions.empty();
    if (level.compared || star || std::any_of(level.order_by.begin(), level.order_by.end(), is)) return true;
    if (std::find(level.positions.begin(), level.positions.end(), i) != level.positions.end()) return true;
  }
  return false;
}

/// Treats one statement; stops at the first thing that cannot be done.
class Treater {
 public:
  Treater(const Grants& grants, const Statement& statement, const NameContext& context)
      : grants_(grants), hidden_(grants.hidden), statement_(statement), context_(context) {}

  Treatments run();
  ByNames run_by_names();

 private:
  using Found = std::vector<const Hidden::Column*>;
  using Kept = std::vector<const Hidden::Rows*>;

  bool deny(std::string why, std::string hint = {}, std::string rule_id = "masks and filters");
  bool settings_stay();
  std::string way_round() const;
  bool relation(std::size_t index);
  bool named(const sql::RelationUse& use, bool& treated);
  void look_up(const sql::QualifiedName& name, Found& masks, Kept& filters) const;
  bool found(std::size_t index, const catalog::Relation& relation, const Found& masks, const Kept& filters);
  bool changes(const sql::RelationUse& use, const std::string& shown, const Found& masks, const Kept& filters);
  bool reads(const sql::RelationUse& use, const std::string& shown, const Found& masks);
  bool read_form(const sql::RelationUse& use, const std::string& shown);
  bool mask_columns(Treatment& treatment, const std::string& shown, const Found& masks);
  void blank_computed(Treatment& treatment, const std::string& shown, const Found& masks);
  bool filter_rows(Treatment& treatment, const std::string& shown, const Kept& filters);
  bool has_attributes(const Hidden::Rows& rows, const std::string& shown);
  bool can_look_early() const;
  bool calls_more_than_comparisons() const;
  bool may_fail(const sql::FunctionUse& comparison) const;
  std::string shown_name(const catalog::Relation& relation) const {
    return std::string(context_.resolver->schema_name(relation.schema)) + "." + std::string(relation.name);
  }

  const Grants& grants_;
  const Hidden& hidden_;
  const Statement& statement_;
  const NameContext& context_;
  Treatments result_;
};

bool Treater::deny(std::string why, std::string hint, std::string rule_id) {
  result_.denied = std::move(why);
  result_.hint = std::move(hint);
  result_.rule_id = std::move(rule_id);
  return false;
}

Treatments Treater::run() {
  if (!hidden_.any()) return {};
  if (!statement_.unknown.empty()) {
    deny("dbgate does not understand this statement completely");
    return std::move(result_);
  }
  if (!settings_stay()) return std::move(result_);
  for (std::size_t i = 0; i < statement_.relations.size(); ++i) {
    if (!relation(i)) return std::move(result_);
  }
  if (!result_.views.empty()) return std::move(result_);
  std::string why = way_round();
  if (!why.empty()) deny(std::move(why));
  return std::move(result_);
}

// The same as far as text tells.
ByNames Treater::run_by_names() {
  bool treated = false;
  bool fine = settings_stay();
  for (std::size_t i = 0; fine && i < statement_.relations.size(); ++i)
    fine = named(statement_.relations[i], treated);
  if (fine && !statement_.unknown.empty()) deny("dbgate does not understand this statement completely");
  std::string why = fine ? find_way_round(grants_, statement_, context_) : std::string();
  if (!why.empty()) deny(std::move(why));
  return {treated, std::move(result_.denied), std::move(result_.hint), std::move(result_.rule_id)};
}

// What is meant by any of the schemas in which the name could be found. Nobody knows here what is a view, a partition
// or a column.
bool Treater::named(const sql::RelationUse& use, bool& treated) {
  Found masks;
  Kept filters;
  const bool system = use.name.schema.empty() && use.name.name.starts_with("pg_");
  for (const std::string& schema : use.name.schema.empty() ? context_.search_path : std::vector{use.name.schema}) {
    if (!system) look_up({"", schema, use.name.name}, masks, filters);
  }
  // Whether the table has a column that any table may have: it counts where it is read.
  std::erase_if(masks, [&use](const Hidden::Column* column) {
    const bool any = column->mask.schema == "*" || column->mask.relation == "*";
    return any && !use.reads.whole_row && !contains(use.reads.names, column->mask.column);
  });
  if (masks.empty() && filters.empty()) return true;
  const std::string shown = use.name.schema.empty() ? use.name.name : use.name.schema + "." + use.name.name;
  if (use.at == sql::none) return changes(use, shown, masks, filters);
  if (!read_form(use, shown) || !reads(use, shown, masks)) return false;
  // Which relation an output column comes from is the catalog's to say: any of that name could be the masked one.
  for (const Hidden::Column* column : masks) {
    const auto compares = [&](const sql::Level& level) { return compares_output(level, column->mask.column); };
    if (column->mask.compare || std::none_of(statement_.levels.begin(), statement_.levels.end(), compares)) continue;
    return deny("column " + column->mask.column + " of " + shown + " is masked for you: it can only be shown as it is",
                "", column->rule_id);
  }
  for (const Hidden::Rows* rows : filters) {
    if (!has_attributes(*rows, shown)) return false;
  }
  treated = true;
  return true;
}

// What is hidden in the children of a relation that is replaced is hidden in its place: look_up() has looked at them.
std::string Treater::way_round() const {
  const auto descends = [this](const Treatment& treatment) {
    return !treatment.relation->children.empty() && !statement_.relations[treatment.use].only;
  };
  if (std::none_of(result_.list.begin(), result_.list.end(), descends)) {
    return find_way_round(grants_, statement_, context_);
  }
  Statement alone = statement_;
  for (const Treatment& treatment : result_.list)
    alone.relations[treatment.use].only = true;
  return find_way_round(grants_, alone, context_);
}

// What tells the server who asks is dbgate's own; and what names mean must not move.
bool Treater::settings_stay() {
  for (const sql::SettingUse& use : statement_.settings) {
    if (use.name.starts_with("dbgate.") && !is_clients_word(use.name))
      return deny("setting " + use.name + " is dbgate's own");
    const bool moves = use.name == "role" || use.name == "session_authorization";
    if (moves && use.action == sql::SettingAction::set) return deny(use.name + " is fixed by dbgate");
  }
  for (const sql::FunctionUse& use : statement_.functions) {
    const bool names_settings = use.name.name == "current_setting" || use.name.name == "set_config";
    if (names_settings && !use.sets) return deny("function " + use.name.name + " needs a constant name of a setting");
  }
  return true;
}

// Masks and filters on the relation itself. Of its children they count for their rows, of its parents for its own.
void Treater::look_up(const sql::QualifiedName& name, Found& masks, Kept& filters) const {
  for (const Hidden::Column& column : hidden_.columns) {
    if (column.is_on(name.schema, name.name)) masks.push_back(&column);
  }
  for (const Hidden::Rows& rows : hidden_.rows) {
    if (rows.is_on(name.schema, name.name)) filters.push_back(&rows);
  }
}

bool Treater::relation(std::size_t index) {
  const sql::RelationUse& use = statement_.relations[index];
  if (context_.resolver == nullptr) return deny("the catalog of the target cannot be read at the moment");
  const std::string_view statements = column_of_statements(use.name);
  if (!statements.empty() && (use.reads.whole_row || contains(use.reads.names, statements))) {
    return deny("column " + std::string(statements) + " of " + use.name.name + " shows masks and filters", only_shown);
  }
  const catalog::Relation* const relation = context_.resolver->relation(use.name);
  Found masks;
  Kept filters;
  if (relation == nullptr) {
    // New, temporary, or a mistake; but a name that a rule means is not let through by it.
    for (const std::string& schema : use.name.schema.empty() ? context_.search_path : std::vector{use.name.schema})
      look_up({"", schema, use.name.name}, masks, filters);
    const bool made = has(use.effects, Effect::ddl) && !has(use.effects, Effect::read);
    if ((masks.empty() && filters.empty()) || made || use.name.schema == "pg_temp") return true;
    return deny("dbgate does not know relation " + use.name.name + " yet");
  }
  const std::string schema(context_.resolver->schema_name(relation->schema));
  look_up({"", schema, std::string(relation->name)}, masks, filters);
  const sql::RelationUse same{.name = {"", schema, std::string(relation->name)}, .only = use.only};
  for (const sql::QualifiedName& ancestor : ancestors_of(same, context_))
    look_up(ancestor, masks, filters);
  const std::size_t own = filters.size();
  for (const sql::QualifiedName& descendant : descendants_of(same, context_))
    look_up(descendant, masks, filters);
  for (std::size_t i = own; i < filters.size(); ++i) {
    if (std::find(filters.begin(), filters.begin() + static_cast<std::ptrdiff_t>(own), filters[i]) ==
        filters.begin() + static_cast<std::ptrdiff_t>(own)) {
      return deny("rows of " + shown_name(*relation) + " are filtered for you in one of its partitions",
                  "Read the partitions, or filter the whole table.", filters[i]->rule_id);
    }
  }
  filters.resize(own);
  // A pattern for many relations means those that have the column.
  std::erase_if(masks, [relation](const Hidden::Column* column) {
    const auto is = [column](const catalog::Column& other) { return other.name == column->mask.column; };
    const bool many = column->mask.schema == "*" || column->mask.relation == "*";
    return many && std::none_of(relation->columns.begin(), relation->columns.end(), is);
  });
  return found(index, *relation, masks, filters);
}

bool Treater::found(std::size_t index, const catalog::Relation& relation, const Found& masks, const Kept& filters) {
  const sql::RelationUse& use = statement_.relations[index];
  const std::string shown = shown_name(relation);
  const bool source = use.at != sql::none;
  const bool view = relation.kind == catalog::RelationKind::view;
  if (source && view && filters.empty() && shows_hidden(grants_, use, relation, context_) &&
      masked_at_source(hidden_, relation, masks, context_)) {
    result_.views.push_back({index, &relation, can_look_early()});
    return read_form(use, shown);
  }
  if (statement_.tag.starts_with("ALTER") && shows_hidden(grants_, use, relation, context_)) {
    return deny(shown + " could show what is masked or filtered for you: it cannot be altered");
  }
  if (masks.empty() && filters.empty()) return true;
  if (!source) return changes(use, shown, masks, filters);
  if (!read_form(use, shown) || !reads(use, shown, masks)) return false;
  Treatment treatment;
  treatment.use = index;
  treatment.relation = &relation;
  if (!mask_columns(treatment, shown, masks)) return false;
  blank_computed(treatment, shown, masks);
  if (!filter_rows(treatment, shown, filters)) return false;
  result_.list.push_back(std::move(treatment));
  return true;
}

// A relation that is written to, altered or locked under its own name.
bool Treater::changes(const sql::RelationUse& use, const std::string& shown, const Found& masks, const Kept& filters) {
  // What an index, a rule or a trigger computes from a value can be told from whether it fails.
  static constexpr std::array<std::string_view, 5> looking = {"CREATE INDEX", "CREATE RULE", "CREATE TRIGGER",
                                                              "CREATE POLICY", "CREATE STATISTICS"};
  const bool looks = std::find(looking.begin(), looking.end(), statement_.tag) != looking.end();
  if (has(use.effects, Effect::ddl) && (looks || statement_.tag.starts_with("ALTER"))) {
    return deny(shown + " is masked or filtered for you: it cannot be altered");
  }
  // A foreign key tells which values there are, and takes later ones along.
  if (has(use.effects, Effect::ddl) && is_beside_made(statement_, use.name)) {
    return deny(shown + " is masked or filtered for you: tables cannot refer to it or be made like it");
  }
  for (const Effect effect : {Effect::insert, Effect::update, Effect::delete_, Effect::merge, Effect::truncate,
                              Effect::copy_in, Effect::read}) {
    if (filters.empty() || !has(use.effects, effect)) continue;
    return deny("rows of " + shown + " are filtered for you: they can be read, not changed", "",
                filters.front()->rule_id);
  }
  for (const Hidden::Column* column : masks) {
    // The order that it leaves the rows in is one of an index, perhaps on this column.
    if (statement_.tag == "CLUSTER" && !column->mask.compare)
      return deny("column " + column->mask.column + " of " + shown + " is masked for you: rows cannot be ordered by it",
                  "", column->rule_id);
    if (!use.reads.whole_row && !contains(use.reads.names, column->mask.column)) continue;
    return deny("column " + column->mask.column + " of " + shown +
                    " is masked for you: a statement that changes the table cannot read it",
                "Leave it out of WHERE, SET and RETURNING.", column->rule_id);
  }
  return true;
}

// Whether a sub-query can stand in the place of the relation.
bool Treater::read_form(const sql::RelationUse& use, const std::string& shown) {
  const std::string start = shown + " is masked or filtered for you: ";
  if (statement_.kind == sql::StatementKind::explain) {
    return deny(start + "its plans are not shown", "Run the statement without EXPLAIN.");
  }
  if (has(statement_.effects, Effect::ddl) &&
      (!has(statement_.effects, Effect::select_into) || statement_.tag == "CREATE MATERIALIZED VIEW")) {
    return deny(start + "definitions cannot rest on it");
  }
  if (use.sampled) return deny(start + "TABLESAMPLE cannot be used on it");
  static constexpr std::array<std::string_view, 6> system_columns = {"ctid", "xmin", "xmax",
                                                                     "cmin", "cmax", "tableoid"};
  for (const std::string& column : use.reads.names) {
    if (std::find(system_columns.begin(), system_columns.end(), column) == system_columns.end()) continue;
    return deny(start + "system column " + column + " is not shown", only_shown);
  }
  return true;
}

// Only as it is may a masked column be put out (threat model §7).
bool Treater::reads(const sql::RelationUse& use, const std::string& shown, const Found& masks) {
  for (const Hidden::Column* column : masks) {
    if (column->mask.compare) continue;
    const std::string what = "column " + column->mask.column + " of " + shown + " is masked for you: ";
    if (use.values.whole_row || contains(use.values.names, column->mask.column)) {
      return deny(what + "it can be shown as it is, not compared, ordered by or computed with", "", column->rule_id);
    }
    const bool read = use.reads.whole_row || contains(use.reads.names, column->mask.column);
    if (statement_.lineage_unsure && read) {
      return deny(what + "dbgate cannot tell what becomes of it here", only_shown, column->rule_id);
    }
  }
  return true;
}

bool Treater::mask_columns(Treatment& treatment, const std::string& shown, const Found& masks) {
  const auto columns = treatment.relation->columns;
  for (const Hidden::Column* column : masks) {
    const config::Mask& mask = column->mask;
    const auto at = std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.name == mask.column; });
    if (at == columns.end()) {
      // Not a column of this one: the mask is on others by the same pattern, or on a child.
      if (mask.relation != treatment.relation->name || mask.schema == "*") continue;
      return deny("a mask names column " + mask.column + ", which " + shown + " does not have",
                  "An administrator has to correct the policy.", column->rule_id);
    }
    const auto index = static_cast<std::size_t>(at - columns.begin());
    const auto same = [&](const Treatment::Column& other) { return other.index == index; };
    const auto known = std::find_if(treatment.masks.begin(), treatment.masks.end(), same);
    // Of several the one that shows least.
    if (known != treatment.masks.end()) {
      known->kind = std::min(known->kind, mask.kind);
    } else {
      treatment.masks.push_back({index, mask.kind});
      result_.masked.push_back(shown + "." + mask.column);
    }
  }
  for (const Treatment::Column& mask : treatment.masks)
    result_.hashes = result_.hashes || mask.kind == config::MaskKind::hash;
  return true;
}

// What the server computes from a masked column when it is read could show it, and takes the column as it is: NULL in
// its place, unless it has a mask of its own.
void Treater::blank_computed(Treatment& treatment, const std::string& shown, const Found& masks) {
  const auto columns = treatment.relation->columns;
  const auto visit = [&](std::string_view name, std::string_view from) {
    const auto masks_it = [from](const Hidden::Column* column) { return column->mask.column == from; };
    if (std::none_of(masks.begin(), masks.end(), masks_it)) return;
    const auto at = std::find_if(columns.begin(), columns.end(), [name](const auto& c) { return c.name == name; });
    const auto index = static_cast<std::size_t>(at - columns.begin());
    const auto same = [index](const Treatment::Column& other) { return other.index == index; };
    if (at == columns.end() || std::any_of(treatment.masks.begin(), treatment.masks.end(), same)) return;
    treatment.masks.push_back({index, config::MaskKind::null});
    result_.masked.push_back(shown + "." + std::string(name));
  };
  catalog::each_virtual_part(context_.resolver->snapshot(), *treatment.relation, visit);
}

bool Treater::filter_rows(Treatment& treatment, const std::string& shown, const Kept& filters) {
  const auto columns = treatment.relation->columns;
  for (const Hidden::Rows* rows : filters) {
    for (const std::string& name : rows->condition.columns) {
      const bool known = std::any_of(columns.begin(), columns.end(), [&](const auto& c) { return c.name == name; });
      if (known) continue;
      return deny("a filter names column " + name + ", which " + shown + " does not have",
                  "An administrator has to correct the policy.", rows->rule_id);
    }
    if (!has_attributes(*rows, shown)) return false;
    treatment.conditions.push_back(rows->condition.sql);
  }
  treatment.veiled = !treatment.conditions.empty() && calls_more_than_comparisons();
  treatment.fenced = treatment.veiled || (!treatment.conditions.empty() && can_look_early());
  return true;
}

bool Treater::has_attributes(const Hidden::Rows& rows, const std::string& shown) {
  for (const std::string& attribute : rows.condition.attributes) {
    if (grants_.attributes.contains(attribute)) continue;
    return deny("rows of " + shown + " depend on your attribute " + attribute + ", which is not set",
                "An administrator has to set it.", rows.rule_id);
  }
  return true;
}

// Whether the statement has anything that could fail, or tell, on a row that the conditions leave out: the planner
// may ask it first. Comparisons of built-in types do neither, as long as no column is converted for them.
bool Treater::can_look_early() const {
  if (statement_.computes || statement_.declares_odd_types || !statement_.types.empty()) return true;
  const auto whole_row = [](const sql::RelationUse& use) { return use.values.whole_row; };
  if (std::any_of(statement_.relations.begin(), statement_.relations.end(), whole_row)) return true;
  return calls_more_than_comparisons();
}

// LIKE fails on a value that its pattern fits up to an escape character at the end, for example.
bool Treater::calls_more_than_comparisons() const {
  static constexpr std::array<std::string_view, 7> comparisons = {"=", "<>", "!=", "<", "<=", ">", ">="};
  static constexpr std::array<std::string_view, 5> aggregates = {"count", "sum", "min", "max", "avg"};
  return std::any_of(statement_.functions.begin(), statement_.functions.end(), [&](const sql::FunctionUse& use) {
    if (!use.name.schema.empty() && use.name.schema != "pg_catalog") return true;
    if (use.form == sql::FunctionForm::call) {
      return std::find(aggregates.begin(), aggregates.end(), use.name.name) == aggregates.end();
    }
    if (use.form != sql::FunctionForm::operator_) return true;
    if (std::find(comparisons.begin(), comparisons.end(), use.name.name) == comparisons.end()) return true;
    if (may_fail(use)) return true;
    const auto operators = context_.resolver->operators(use.name);
    return std::any_of(operators.begin(), operators.end(), [&](const catalog::Operator* candidate) {
      return context_.resolver->schema_name(candidate->schema) != "pg_catalog";
    });
  });
}

// Whether a comparison may fail by what is in a row. Arrays and rows compare by an operator of what is in them, which
// there may not be. Of two columns one may be converted, which large values do not survive (int8 to oid, numeric to
// float8), and those of texts may be of two collations.
bool Treater::may_fail(const sql::FunctionUse& comparison) const {
  const ValueTypes types(statement_, *context_.resolver);
  const auto type_of = [&](const sql::Argument& operand) -> const catalog::Type* {
    const catalog::Type* type = context_.resolver->snapshot().type(types.type_of(operand));
    while (type != nullptr && type->kind == 'd')
      type = context_.resolver->snapshot().type(type->base);
    return type;
  };
  constexpr std::string_view scalars = "BDEINRSTUV";  // typcategory
  for (std::size_t i = 0; i + 1 < comparison.types.size(); i += 2) {
    const catalog::Type* known = nullptr;
    for (const sql::Argument& operand : {comparison.types[i], comparison.types[i + 1]}) {
      if (operand.kind != sql::Argument::Kind::column) continue;
      const catalog::Type* const type = type_of(operand);
      if (type == nullptr || scalars.find(type->category) == std::string_view::npos) return true;
      if (known != nullptr && (known != type || type->category == 'S')) return true;
      known = type;
    }
  }
  return false;
}

// What takes the place of a name says its schema.
Statement as_replaced(Statement statement, const Treatments& treatments, const NameContext& context) {
  const auto fix = [&](const auto& treated) {
    statement.relations[treated.use].name.schema = context.resolver->schema_name(treated.relation->schema);
  };
  std::for_each(treatments.list.begin(), treatments.list.end(), fix);
  std::for_each(treatments.views.begin(), treatments.views.end(), fix);
  return statement;
}

}  // namespace

Treatments treat(const Grants& grants, const Statement& statement, const NameContext& context) {
  Treatments treatments = Treater(grants, statement, context).run();
  if (!hides(grants) || !treatments.denied.empty()) return treatments;
  const char* const hint = context.moved != nullptr ? moved_names_hint : several_names_hint;
  each_meaning(context.moved != nullptr ? statement : as_replaced(statement, treatments, context), context,
               [&](const Meaning& meaning) {
                 Treatments meant = Treater(grants, meaning.statement, meaning.context).run();
                 const auto is_chosen = [&](const auto& treated) { return meaning.chosen[treated.use]; };
                 const bool unsure = std::any_of(meant.list.begin(), meant.list.end(), is_chosen) ||
                                     std::any_of(meant.views.begin(), meant.views.end(), is_chosen);
                 if (meant.denied.empty() && !unsure) return true;
                 treatments.rule_id = "masks and filters";
                 treatments.denied = std::move(meant.denied);
                 if (unsure) treatments.denied = "a name in it may stand for what is masked or filtered for you";
                 treatments.hint = unsure || meant.hint.empty() ? hint : std::move(meant.hint);
                 return false;
               });
  return treatments;
}

ByNames treat_by_names(const Grants& grants, const sql::Script& script, const NameContext& context) {
  const NameContext names{context.search_path, context.database};
  ByNames all;
  bool executes = false;
  for (const Statement& statement : script.statements) {
    ByNames one = Treater(grants, statement, names).run_by_names();
    if (!one.denied.empty()) return one;
    all.treated = all.treated || one.treated;
    const bool explains = statement.kind == sql::StatementKind::explain && statement.inner != nullptr;
    executes = executes || (explains && statement.inner->kind == sql::StatementKind::execute);
  }
  if (!all.treated || !executes) return all;
  return {false, "plans over masked or filtered tables are not shown", {}, "masks and filters"};
}

}  // namespace dbgate::policy
