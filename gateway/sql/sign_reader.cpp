#include "gateway/sql/sign_reader.h"

#include "gateway/sql/sign_actions.h"
#include "gateway/sql/sign_conditions.h"

namespace dbgate::sql {
namespace {

constexpr std::size_t most_compared = 20'000;  // names

// libpg_query counts LIMIT's forms differently than PostgreSQL's headers do, so the count itself says whether there is
// one.
std::optional<std::uint64_t> constant_limit(const SelectStmt* select) {
  const A_Const* const count = constant_of(select->limitCount);
  if (count == nullptr || count->isnull || nodeTag(&count->val.node) != T_Integer || count->val.ival.ival < 0)
    return {};
  return static_cast<std::uint64_t>(count->val.ival.ival);
}

bool is_relation(const RangeVar* table, const WithClause* with) {
  if (table->schemaname != nullptr || with == nullptr || table->relname == nullptr) return true;
  const ListCell* cell = nullptr;
  foreach (cell, with->ctes) {
    if (std::string_view(as<CommonTableExpr>(lfirst(cell))->ctename) == table->relname) return false;
  }
  return true;
}

// Whether FROM has one besides what WITH names. Of more names than can be compared in no time, it is taken for granted.
bool reads_relation(const List* from, const WithClause* with) {
  const void* const first = list_length(from) == 0 ? nullptr : linitial(from);
  if (first == nullptr) return false;
  if (nodeTag(first) == T_RangeVar && is_relation(as<RangeVar>(first), with)) return true;
  const std::size_t cost = with == nullptr ? 1 : 1 + static_cast<std::size_t>(list_length(with->ctes));
  std::size_t compared = 0;
  std::vector<const void*> pending{from};
  while (!pending.empty()) {
    const void* const node = pending.back();
    pending.pop_back();
    if (node == nullptr) continue;
    if ((compared += cost) > most_compared) return true;
    if (nodeTag(node) == T_List) {
      each_child(node, [&](const void* child) { pending.push_back(child); });
    } else if (nodeTag(node) == T_JoinExpr) {
      pending.push_back(as<JoinExpr>(node)->larg);
      pending.push_back(as<JoinExpr>(node)->rarg);
    } else if (nodeTag(node) == T_RangeTableSample ||
               (nodeTag(node) == T_RangeVar && is_relation(as<RangeVar>(node), with))) {
      return true;
    }
  }
  return false;
}

// The query whose rows the client sees, if the statement is or holds one.
const SelectStmt* client_query(const Node* statement) {
  const void* node = statement;
  for (int depth = 0; node != nullptr && depth < 4; ++depth) {
    switch (nodeTag(node)) {
      case T_SelectStmt:
        return as<SelectStmt>(node);
      case T_PrepareStmt:
        node = as<PrepareStmt>(node)->query;
        break;
      case T_DeclareCursorStmt:
        node = as<DeclareCursorStmt>(node)->query;
        break;
      case T_CopyStmt:
        node = as<CopyStmt>(node)->query;
        break;
      default:
        return nullptr;
    }
  }
  return nullptr;
}

bool copies_all(const Node* statement) {
  return nodeTag(statement) == T_CopyStmt && !as<CopyStmt>(statement)->is_from &&
         as<CopyStmt>(statement)->query == nullptr && as<CopyStmt>(statement)->whereClause == nullptr;
}

}  // namespace

std::shared_ptr<const Signs> SignReader::read(const Node* statement, std::string_view text) {
  SignReader reader;
  constexpr std::size_t usual = 48;
  reader.pending_.reserve(usual);
  if (nodeTag(statement) == T_ExplainStmt)
    reader.signs_.set(has_option(as<ExplainStmt>(statement)->options, "analyze") ? Sign::explain_runs
                                                                                 : Sign::plan_only);
  if (const SelectStmt* const query = client_query(statement)) reader.on_client_query(query);
  if (copies_all(statement)) reader.signs_.set(Sign::unbounded);
  reader.push(statement);
  while (!reader.pending_.empty()) {
    const void* const node = reader.pending_.back();
    reader.pending_.pop_back();
    reader.visit(node);
  }
  if (!reader.changes_rows_) reader.signs_.flags.reset(static_cast<std::size_t>(Sign::limit_locks_in_change));
  add_text_signs(text, reader.signs_);
  return reader.signs_.empty() ? nullptr : std::make_shared<const Signs>(std::move(reader.signs_));
}

void SignReader::push_children(const void* node) {
  each_child(node, [this](const void* child) { push(child); });
}

void SignReader::visit(const void* node) {
  switch (nodeTag(node)) {
    case T_List:
      return push_children(node);
    // Most of what there is, and nothing beneath it.
    case T_IntList:
    case T_OidList:
    case T_A_Const:
    case T_ColumnRef:
    case T_ParamRef:
    case T_RangeVar:
    case T_String:
    case T_TypeName:
      return;
    case T_SelectStmt:
      on_select(as<SelectStmt>(node));
      break;
    case T_UpdateStmt:
      on_update(as<UpdateStmt>(node));
      break;
    case T_DeleteStmt:
      on_delete(as<DeleteStmt>(node));
      break;
    case T_InsertStmt:
      on_insert(as<InsertStmt>(node));
      break;
    case T_MergeStmt:
      on_merge(as<MergeStmt>(node));
      break;
    case T_A_Expr:
      on_expression(as<A_Expr>(node));
      break;
    case T_BoolExpr:
      on_conditions(as<BoolExpr>(node));
      break;
    case T_FuncCall:
      on_call(as<FuncCall>(node));
      break;
    case T_TypeCast:
      on_cast(as<TypeCast>(node));
      break;
    case T_CaseExpr:
      on_case(as<CaseExpr>(node));
      break;
    case T_SubLink:
      on_sublink(as<SubLink>(node));
      break;
    case T_ResTarget:
    case T_NullTest:
    case T_JoinExpr:
    case T_SortBy:
      break;
    default:
      add_actions(as<Node>(node), signs_.actions);
      break;
  }
  push_children(node);
}

void SignReader::on_client_query(const SelectStmt* select) {
  if (const auto limit = constant_limit(select)) {
    signs_.set(Sign::limited);
    signs_.limit = *limit;
    return;
  }
  if (select->limitCount != nullptr && constant_of(select->limitCount) == nullptr) return;  // LIMIT $1
  bool by_value = false;
  const auto is_open = [&](const SelectStmt* arm) {
    if (arm->whereClause != nullptr && truth_of(arm->whereClause, by_value) != Truth::always) return false;
    return !gives_one_row(arm) && reads_relation(arm->fromClause, select->withClause);
  };
  if (select->op == SETOP_NONE) {
    if (is_open(select)) signs_.set(Sign::unbounded);
    signs_.by_value = signs_.by_value || by_value;
    return;
  }
  // Any arm that is not bounded leaves the whole without a bound.
  std::vector<const SelectStmt*> arms{select};
  for (int seen = 0; !arms.empty() && seen < 1'000; ++seen) {
    const SelectStmt* const arm = arms.back();
    arms.pop_back();
    if (arm->op != SETOP_NONE) {
      arms.push_back(arm->larg);
      arms.push_back(arm->rarg);
    } else if (is_open(arm)) {
      signs_.set(Sign::unbounded);
    }
  }
  signs_.by_value = signs_.by_value || by_value;
}

void SignReader::on_change(const RangeVar* table, bool deletes, const void* where, const List* others) {
  changes_rows_ = true;
  Change change;
  change.table = {text_of(table->catalogname), text_of(table->schemaname), text_of(table->relname)};
  change.deletes = deletes;
  if (where != nullptr && nodeTag(where) == T_CurrentOfExpr) {
    change.where = Where::cursor;
  } else if (where != nullptr) {
    constexpr Where by_truth[] = {Where::always, Where::never, Where::constant, Where::columns};
    change.where = by_truth[static_cast<std::size_t>(truth_of(where, signs_.by_value))];
    change.equal = equal_columns(where);
  }
  change.unlinked = list_length(others) > 0 && is_cartesian(others, table, where, budget_);
  signs_.changes.push_back(std::move(change));
}

void SignReader::on_update(const UpdateStmt* update) {
  on_change(update->relation, false, update->whereClause, update->fromClause);
}

void SignReader::on_delete(const DeleteStmt* del) {
  on_change(del->relation, true, del->whereClause, del->usingClause);
}

void SignReader::on_insert(const InsertStmt* insert) {
  const auto* const query = as<SelectStmt>(insert->selectStmt);
  if (insert->cols == nullptr && query != nullptr) signs_.set(Sign::insert_without_columns);
  const bool plain = query != nullptr && nodeTag(query) == T_SelectStmt && query->op == SETOP_NONE;
  const bool everything = plain && query->whereClause == nullptr && query->limitCount == nullptr &&
                          !gives_one_row(query) && reads_relation(query->fromClause, query->withClause);
  if (everything) signs_.set(Sign::insert_of_everything);
  const OnConflictClause* const conflict = insert->onConflictClause;
  if (conflict != nullptr && conflict->action == ONCONFLICT_UPDATE && conflict->whereClause == nullptr)
    signs_.set(Sign::upsert_unconditional);
}

void SignReader::on_merge(const MergeStmt* merge) {
  changes_rows_ = true;
  const ListCell* cell = nullptr;
  foreach (cell, merge->mergeWhenClauses) {
    const auto* clause = as<MergeWhenClause>(lfirst(cell));
    const bool changes = clause->commandType == CMD_UPDATE || clause->commandType == CMD_DELETE;
    if (changes && clause->condition == nullptr) signs_.set(Sign::merge_unconditional);
  }
}

// A query that refers to itself and that nothing ends but the data.
void SignReader::on_with(const WithClause* with, const void* limit) {
  if (with == nullptr || !with->recursive || limit != nullptr) return;
  const ListCell* cell = nullptr;
  foreach (cell, with->ctes) {
    const auto* query = as<CommonTableExpr>(lfirst(cell));
    const void* const body = query->ctequery;
    if (body == nullptr || nodeTag(body) != T_SelectStmt || as<SelectStmt>(body)->op != SETOP_UNION) continue;
    // UNION without ALL drops rows that were there before: over rows of a graph it ends.
    if (query->cycle_clause != nullptr || !as<SelectStmt>(body)->all) continue;
    const SelectStmt* const again = as<SelectStmt>(body)->rarg;
    if (as<SelectStmt>(body)->limitCount == nullptr && again->whereClause == nullptr &&
        list_length(again->fromClause) == 1 && nodeTag(linitial(again->fromClause)) != T_JoinExpr)
      signs_.set(Sign::unbounded_recursion);
  }
}

}  // namespace dbgate::sql
