#include <algorithm>
#include <array>
#include <cctype>

#include "gateway/sql/copy_options.h"
#include "gateway/sql/sign_reader.h"
#include "gateway/sql/statement_names.h"
#include "gateway/sql/walker.h"

namespace dbgate::sql {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return result;
}

// A constant as text, the way SET takes it.
std::string constant_text(const void* node) {
  if (node == nullptr) return {};
  if (nodeTag(node) == T_TypeCast) return constant_text(as<TypeCast>(node)->arg);
  if (nodeTag(node) != T_A_Const || as<A_Const>(node)->isnull) return {};
  const auto& value = as<A_Const>(node)->val;
  switch (nodeTag(&value.node)) {
    case T_Integer:
      return std::to_string(value.ival.ival);
    case T_Float:
      return value.fval.fval;
    case T_Boolean:
      return value.boolval.boolval ? "true" : "false";
    case T_String:
      return value.sval.sval;
    default:
      return {};
  }
}

// transaction_read_only = off, in BEGIN, SET TRANSACTION and SET SESSION CHARACTERISTICS.
bool asks_for_read_write(const List* options) {
  const ListCell* cell = nullptr;
  foreach (cell, options) {
    const auto* option = as<DefElem>(lfirst(cell));
    if (std::string_view(option->defname) == "transaction_read_only" && constant_text(option->arg) == "0") return true;
  }
  return false;
}

// Levels of a statement inside another, whose relations come after those that are there already.
void append_levels(Statement& to, Statement& from) {
  const std::size_t levels = to.levels.size(), relations = to.relations.size();
  for (Level& level : from.levels) {
    if (level.outer != none) level.outer += levels;
    for (std::size_t& arm : level.arms)
      arm += levels;
    for (Source& source : level.sources) {
      if (source.kind == Source::Kind::relation) source.index += relations;
      if (source.kind == Source::Kind::query) source.index += levels;
    }
    to.levels.push_back(std::move(level));
  }
  from.levels.clear();
  to.result = levels;
}

}  // namespace

// Facts of the statement inside PREPARE, DECLARE, EXPLAIN, COPY, CREATE TABLE AS become those of the one around it.
void Walker::embed(const Node* query) {
  if (query == nullptr) return;
  auto inner = std::make_shared<Statement>();
  const StatementName name = statement_name(query);
  inner->kind = name.kind;
  inner->tag = name.tag;
  Walker(*inner, parts_, wanted_, tables_).read(query);
  // EXECUTE and FETCH come back to it alone.
  if (facts_.kind == StatementKind::prepare || facts_.kind == StatementKind::declare_cursor)
    inner->signs = SignReader::read(query, {});
  facts_.effects |= inner->effects;
  embed_values(*inner, facts_.levels.size(), facts_.relations.size());
  append_levels(facts_, *inner);
  const auto append = [](auto& to, auto& from) {
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
    from.clear();
  };
  append(facts_.relations, inner->relations);
  append(facts_.functions, inner->functions);
  append(facts_.types, inner->types);
  append(facts_.objects, inner->objects);
  append(facts_.settings, inner->settings);
  facts_.array_subquery = facts_.array_subquery || inner->array_subquery;
  facts_.recursive = facts_.recursive || inner->recursive;
  facts_.computes = facts_.computes || inner->computes;
  if (!inner->unknown.empty()) unknown(inner->unknown);
  facts_.inner = std::move(inner);
}

// Returns false for what is no statement of its own: SELECT, INSERT and so on are nodes like any other.
bool Walker::on_utility(const Node* statement, Scope* scope) {
  return on_session_statement(statement, scope) || on_data_statement(statement, scope);
}

bool Walker::on_session_statement(const Node* node, Scope* scope) {
  switch (nodeTag(node)) {
    case T_TransactionStmt:
      on_transaction(as<TransactionStmt>(node));
      return true;
    case T_VariableSetStmt:
      on_set(as<VariableSetStmt>(node));
      return true;
    case T_VariableShowStmt: {
      add(Effect::show);
      SettingUse& use = facts_.settings.emplace_back();
      use.name = lower(text_of(as<VariableShowStmt>(node)->name));
      use.action = use.name == "all" ? SettingAction::show_all : SettingAction::show;
      return true;
    }
    case T_DiscardStmt: {
      add(Effect::session);
      static constexpr std::array<const char*, 4> targets = {"DISCARD ALL", "DISCARD PLANS", "DISCARD SEQUENCES",
                                                             "DISCARD TEMP"};
      const auto target = static_cast<std::size_t>(as<DiscardStmt>(node)->target);
      facts_.tag = target < targets.size() ? targets[target] : "DISCARD";
      SettingUse& use = facts_.settings.emplace_back();
      use.name = lower(facts_.tag.substr(facts_.tag.find(' ') + 1));
      use.action = SettingAction::discard;
      return true;
    }
    case T_ConstraintsSetStmt: {
      add(Effect::session);
      facts_.settings.emplace_back().name = "constraints";
      return true;
    }
    case T_ListenStmt:
      add(Effect::listen);
      facts_.name = text_of(as<ListenStmt>(node)->conditionname);
      return true;
    case T_UnlistenStmt:
      add(Effect::listen);
      facts_.name = text_of(as<UnlistenStmt>(node)->conditionname);
      return true;
    case T_NotifyStmt:
      add(Effect::notify);
      facts_.name = text_of(as<NotifyStmt>(node)->conditionname);
      return true;
    case T_PrepareStmt:
      add(Effect::prepare);
      facts_.name = text_of(as<PrepareStmt>(node)->name);
      on_prepare_types(as<PrepareStmt>(node));
      push_list(as<PrepareStmt>(node)->argtypes, scope);
      embed(as<PrepareStmt>(node)->query);
      return true;
    case T_ExecuteStmt:
      add(Effect::execute);
      facts_.name = text_of(as<ExecuteStmt>(node)->name);
      on_execute_values(as<ExecuteStmt>(node));
      push_list(as<ExecuteStmt>(node)->params, scope);
      return true;
    case T_DeallocateStmt:
      add(Effect::deallocate);
      facts_.name = text_of(as<DeallocateStmt>(node)->name);
      return true;
    case T_DeclareCursorStmt:
      add(Effect::cursor);
      facts_.name = text_of(as<DeclareCursorStmt>(node)->portalname);
      facts_.holdable = (as<DeclareCursorStmt>(node)->options & CURSOR_OPT_HOLD) != 0;
      embed(as<DeclareCursorStmt>(node)->query);
      return true;
    case T_FetchStmt:
      add(Effect::cursor);
      facts_.name = text_of(as<FetchStmt>(node)->portalname);
      return true;
    case T_ClosePortalStmt:
      add(Effect::cursor);
      facts_.name = text_of(as<ClosePortalStmt>(node)->portalname);
      return true;
    default:
      return false;
  }
}

bool Walker::on_data_statement(const Node* node, Scope* scope) {
  switch (nodeTag(node)) {
    case T_CopyStmt:
      on_copy(as<CopyStmt>(node), scope);
      return true;
    case T_ExplainStmt:
      // Planning alone can evaluate functions and shows statistics: the rights of the statement itself are asked for.
      add(Effect::explain);
      embed(as<ExplainStmt>(node)->query);
      return true;
    case T_CreateTableAsStmt:
      on_into(as<CreateTableAsStmt>(node)->into, scope);
      embed(as<CreateTableAsStmt>(node)->query);
      return true;
    case T_DoStmt:
      add(Effect::do_block);
      add(Effect::opaque);
      return true;
    case T_CallStmt: {
      add(Effect::call);
      const std::size_t index = facts_.functions.size();
      on_function(as<CallStmt>(node)->funccall, scope);
      facts_.functions[index].form = FunctionForm::procedure;
      return true;
    }
    case T_TruncateStmt:
    case T_LockStmt: {
      const bool truncate = nodeTag(node) == T_TruncateStmt;
      const Effect effect = truncate ? Effect::truncate : Effect::lock;
      add(effect);
      facts_.cascades = truncate && as<TruncateStmt>(node)->behavior == DROP_CASCADE;
      const ListCell* cell = nullptr;
      foreach (cell, truncate ? as<TruncateStmt>(node)->relations : as<LockStmt>(node)->relations) {
        relation(as<RangeVar>(lfirst(cell)), effect);
      }
      return true;
    }
    case T_SelectStmt:
    case T_InsertStmt:
    case T_UpdateStmt:
    case T_DeleteStmt:
    case T_MergeStmt:
      return false;
    default:
      if (statement_name(node).kind == StatementKind::other) return false;
      on_ddl(node, scope);
      return true;
  }
}

void Walker::on_transaction(const TransactionStmt* transaction) {
  switch (transaction->kind) {
    case TRANS_STMT_PREPARE:
    case TRANS_STMT_COMMIT_PREPARED:
    case TRANS_STMT_ROLLBACK_PREPARED:
      add(Effect::two_phase);
      facts_.name = text_of(transaction->gid);
      break;
    default:
      add(Effect::transaction);
      facts_.name = text_of(transaction->savepoint_name);
      facts_.read_write = asks_for_read_write(transaction->options);
      break;
  }
}

void Walker::on_set(const VariableSetStmt* set) {
  add(Effect::session);
  SettingUse& use = facts_.settings.emplace_back();
  use.name = lower(text_of(set->name));
  use.local = set->is_local;
  switch (set->kind) {
    case VAR_SET_VALUE:
      use.action = SettingAction::set;
      break;
    case VAR_SET_DEFAULT:
    case VAR_SET_CURRENT:
      use.action = SettingAction::set_default;
      break;
    case VAR_RESET:
      use.action = SettingAction::reset;
      break;
    case VAR_RESET_ALL:
      use.action = SettingAction::reset_all;
      use.name = "all";
      break;
    case VAR_SET_MULTI:
      // "transaction", "session characteristics", "transaction snapshot"
      facts_.read_write = use.name != "transaction snapshot" && asks_for_read_write(set->args);
      return;
  }
  const ListCell* cell = nullptr;
  foreach (cell, set->args)
    use.values.push_back(constant_text(lfirst(cell)));
}

// set_config('name', 'value', is_local) is SET by another name (manual ch. 9.27.1).
// current_setting() of a constant name is SHOW, except that it may ask for what does not exist.
bool Walker::on_current_setting(const FuncCall* call) {
  const int count = list_length(call->args);
  if (count < 1 || count > 2 || call->agg_star || call->over != nullptr) return false;
  const void* const name = linitial(call->args);
  const bool constant =
      nodeTag(name) == T_A_Const && !as<A_Const>(name)->isnull && nodeTag(&as<A_Const>(name)->val) == T_String;
  if (!constant) return false;
  SettingUse& use = facts_.settings.emplace_back();
  use.name = lower(constant_text(name));
  use.action = SettingAction::show;
  return true;
}

bool Walker::on_setting_function(const FuncCall* call, const QualifiedName& name) {
  const bool system = name.schema.empty() || name.schema == "pg_catalog";
  if (system && name.catalog.empty() && name.name == "current_setting") return on_current_setting(call);
  if (!system || !name.catalog.empty() || name.name != "set_config" || list_length(call->args) != 3) return false;
  for (int i = 0; i < 3; ++i) {
    const void* const argument = list_nth(call->args, i);
    if (nodeTag(argument) != T_A_Const || as<A_Const>(argument)->isnull) return false;
    const NodeTag expected = i == 2 ? T_Boolean : T_String;
    if (nodeTag(&as<A_Const>(argument)->val) != expected) return false;
  }
  add(Effect::session);
  SettingUse& use = facts_.settings.emplace_back();
  use.name = lower(constant_text(linitial(call->args)));
  use.values.push_back(constant_text(lsecond(call->args)));
  use.local = as<A_Const>(lthird(call->args))->val.boolval.boolval;
  return true;
}

void Walker::on_copy(const CopyStmt* copy, Scope* scope) {
  const Effect direction = copy->is_from ? Effect::copy_in : Effect::copy_out;
  if (copy->is_program) {
    add(Effect::server_program);
  } else if (copy->filename != nullptr) {
    add(Effect::server_file);
  } else {
    add(direction);
  }
  facts_.copy_header = has_header_line(copy->options);
  if (copy->query != nullptr) embed(copy->query);
  if (copy->relation != nullptr) {
    const Effect rows = copy->is_from ? Effect::insert : Effect::read;
    const std::size_t index = target(copy->relation, rows, scope);
    RelationUse& use = facts_.relations[index];
    set(use.effects, direction);
    if (!copy->is_from) use.at = static_cast<std::size_t>(copy->relation->location);
    ColumnUse& columns = copy->is_from ? use.writes : use.reads;
    columns.whole_row = copy->attlist == nullptr;
    const ListCell* cell = nullptr;
    foreach (cell, copy->attlist)
      columns.add(string_of(lfirst(cell)));
  }
  push(copy->whereClause, scope);
}

}  // namespace dbgate::sql
