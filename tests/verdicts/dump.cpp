#include "tests/verdicts/dump.h"

#include <type_traits>

#include "gateway/session/advice.h"
#include "gateway/sql/signs.h"

namespace dbgate::tests {
namespace {

using namespace dbgate::sql;

/// Writes members one after the other, with a mark between them that no text can forge: sizes come first.
class Writer {
 public:
  explicit Writer(bool places) : places_(places) {}
  std::string take() { return std::move(out_); }

  template <class... T>
  void all(const T&... each) {
    (one(each), ...);
  }
  // What may differ.
  template <class... T>
  void place(const T&... each) {
    if (places_) all(each...);
  }

  void one(const std::string& text) { out_ += std::to_string(text.size()) + ":" + text + ","; }
  void one(const EffectSet& effects) { one(effects.to_string()); }
  template <class T>
    requires(std::is_arithmetic_v<T> || std::is_enum_v<T>)
  void one(T value) {
    out_ += std::to_string(static_cast<long long>(value)) + ",";
  }
  template <class T>
  void one(const std::vector<T>& list) {
    out_ += "[" + std::to_string(list.size()) + " ";
    for (const T& each : list)
      one(each);
    out_ += "]";
  }
  template <class T>
  void one(const std::shared_ptr<T>& pointer) {
    out_ += pointer ? "*" : "-";
    if (pointer) one(*pointer);
  }

  void one(const QualifiedName& name) { all(name.catalog, name.schema, name.name); }
  void one(const ColumnUse& use) { all(use.names, use.whole_row); }
  void one(const RelationUse& use) {
    const auto& [name, only, sampled, aliased, at, effects, reads, values, writes, has_where] = use;
    all(name, only, sampled, aliased, effects, reads, values, writes, has_where, at == none);
    place(at);
  }
  void one(const NameUse& use) {
    const auto& [schema, qualifier, column, as, at] = use;
    all(schema, qualifier, column, as, at == none);
    place(at);
  }
  void one(const Output& output) { all(output.name, output.use); }
  void one(const Source& source) {
    const auto& [kind, alias, columns, index, hidden_by, aside, right, end, using_columns, natural, hides] = source;
    all(kind, alias, columns, index, hidden_by, aside, right, end, using_columns, natural, hides);
  }
  void one(const Level& level) {
    const auto& [outer, in_from, from, until, inside, sources, names, outputs, renamed, arms, open_outputs, compared,
                 order_by, positions] = level;
    all(outer, in_from, from, until, inside, sources, names, outputs, renamed, arms, open_outputs, compared, order_by,
        positions);
  }
  void one(const Argument& argument) { all(argument.kind, argument.type); }
  void one(const FunctionUse& use) {
    const auto& [name, form, arguments, types, constant, star, window, sets] = use;
    all(name, form, arguments, types, constant, star, window, sets);
  }
  void one(const SettingUse& use) {
    const auto& [name, action, values, local] = use;
    all(name, action, values, local);
  }
  void one(const Operand& operand) {
    const auto& [kind, text, parameter, cast, cast_schema, cast_type, cast_to_array, elements] = operand;
    all(kind, text, parameter, cast, cast_schema, cast_type, cast_to_array, elements);
  }
  void one(const Equality& of) { all(of.relation, of.column, of.any, of.operand); }
  void one(const WrittenEquality& of) { all(of.level, of.of, of.schema, of.qualifier, of.column, of.any, of.operand); }
  void one(const Assignment& of) { all(of.relation, of.column, of.update, of.operand); }
  void one(const Insertion& of) { all(of.relation, of.rows); }
  void one(const LevelLimit& of) { all(of.level, of.count); }
  void one(const ValueFacts& facts) {
    const auto& [written, equalities, assignments, insertions, lists, limits, parameter_uses, arguments,
                 parameter_types, reason] = facts;
    all(written, equalities, assignments, insertions, lists, limits, parameter_uses, arguments, parameter_types,
        reason);
  }
  void one(const Change& of) { all(of.table, of.deletes, of.where, of.unlinked, of.equal); }
  void one(const Action& action) {
    const auto& [kind, name, column, type, type_length, cascade, concurrently, gentle, wide, volatile_default,
                 lock_mode, columns] = action;
    all(kind, name, column, type, type_length, cascade, concurrently, gentle, wide, volatile_default, lock_mode,
        columns);
  }
  void one(const WideName& name) { all(name.name, name.exact); }
  // Where they rest on values, texts of the same key may have others: nothing is remembered of them.
  void one(const Signs& signs) {
    const auto& [flags, by_value, limit, changes, actions] = signs;
    one(by_value);
    if (!by_value) all(flags.to_string(), limit, changes, actions);
  }
  void one(const Statement& statement) {
    const auto& [kind, tag, effects, relations, levels, result, lineage_unsure, functions, types, objects, settings,
                 wide_names, computes, declares_user_types, declares_odd_types, name, rules_of, without_view_rules,
                 of_oid, of_oid_table, settings_of_rows, becomes, moves_type, cascades, drops_type, beyond_data,
                 holdable, returning, array_subquery, recursive, copy_header, read_write, begin, length, text, values, signs,
                 unknown, inner] = statement;
    all(kind, tag, effects, relations, levels, result, lineage_unsure, functions, types, objects, settings, wide_names,
        computes, declares_user_types, declares_odd_types, name, rules_of, without_view_rules, of_oid, of_oid_table,
        settings_of_rows, becomes, moves_type, cascades, drops_type, beyond_data, holdable, returning, array_subquery,
        recursive, copy_header, read_write, values, signs, unknown, inner);
    place(begin, length, text);
  }

  void one(const policy::Verdict& verdict) {
    const auto& [decision, rule_id, reasons, sqlstate, message, hint, suggestion, masked, looks_at_values, max_rows,
                 max_rows_rule, risk, holds, gate, gate_opens, gate_compares, learns] = verdict;
    all(decision, rule_id, reasons, std::string(sqlstate.text()), message, masked, looks_at_values, max_rows,
        max_rows_rule, risk.level, risk.score, risk.rules, risk.denies, risk.probes, risk.of_moment, holds, gate_opens,
        gate_compares, learns);
    one(gate != nullptr);
    if (suggestion.empty()) one(hint);
  }
  void one(const policy::Hold& hold) { one(hold.rule_id); }
  void one(const rewrite::ColumnOrigin& origin) { all(origin.column, origin.table_oid, origin.attribute); }
  void one(const session::Sent& sent) { all(sent.text, sent.rewritten, sent.origins); }
  void one(const session::RowCap& cap) { all(cap.rows, cap.rule); }

 private:
  bool places_;
  std::string out_;
};

}  // namespace

std::string dump(const Script& script, bool places) {
  Writer writer(places);
  writer.one(script.statements);
  return writer.take();
}

std::string dump(const session::Judged& judged, bool places) {
  Writer writer(places);
  writer.one(std::string(session::effect_of(judged)));
  writer.all(judged.refused, judged.wait, std::string(judged.parameters));
  writer.all(std::string(judged.refusal.code.text()), judged.refusal.message, judged.refusal.detail);
  writer.all(judged.refusal.routine, judged.refusal.fatal);
  writer.one(judged.verdict);
  if (judged.advice) {
    for (const session::Doubt& doubt : judged.advice->doubts)
      writer.all(doubt.rules, doubt.question.brief, doubt.question.key);
  }
  writer.one(judged.sent);
  writer.one(judged.row_caps);
  writer.one(judged.script ? dump(*judged.script, places) : std::string("none"));
  return writer.take();
}

}  // namespace dbgate::tests
