#include "gateway/sql/facts_bytes.h"

#include "gateway/sql/signs.h"

namespace dbgate::sql {
namespace {

/// What the parts of the facts hold outside of themselves.
struct Outside {
  // What a short string keeps inside itself costs nothing more.
  static std::size_t outside(const std::string& text) {
    static const std::size_t inside = std::string().capacity();
    return text.capacity() > inside ? text.capacity() + 1 : 0;
  }
  static std::size_t outside(std::size_t) { return 0; }

  template <class... Texts>
  static std::size_t outside_all(const Texts&... texts) {
    return (outside(texts) + ...);
  }

  template <class T>
  static std::size_t outside(const std::vector<T>& list) {
    std::size_t bytes = list.capacity() * sizeof(T);
    for (const T& one : list)
      bytes += outside(one);
    return bytes;
  }

  static std::size_t outside(const QualifiedName& name) { return outside_all(name.catalog, name.schema, name.name); }
  static std::size_t outside(const RelationUse& use) {
    return outside(use.name) + outside(use.reads.names) + outside(use.values.names) + outside(use.writes.names);
  }
  static std::size_t outside(const Argument& argument) { return outside(argument.type); }
  static std::size_t outside(const FunctionUse& use) {
    return outside(use.name) + outside(use.types) + outside(use.constant);
  }
  static std::size_t outside(const SettingUse& use) { return outside(use.name) + outside(use.values); }
  static std::size_t outside(const WideName& name) { return outside(name.name); }
  static std::size_t outside(const NameUse& use) { return outside_all(use.schema, use.qualifier, use.column); }
  static std::size_t outside(const Output& output) { return outside(output.name); }
  static std::size_t outside(const Source& source) {
    return outside(source.alias) + outside(source.columns) + outside(source.using_columns);
  }
  static std::size_t outside(const Level& level) {
    return outside(level.sources) + outside(level.names) + outside(level.outputs) + outside(level.renamed) +
           outside(level.arms) + outside(level.order_by) + outside(level.positions);
  }
  static std::size_t outside(const Operand& operand) {
    return outside_all(operand.text, operand.cast_schema, operand.cast_type) + outside(operand.elements);
  }
  static std::size_t outside(const Equality& equality) { return outside(equality.column) + outside(equality.operand); }
  static std::size_t outside(const WrittenEquality& equality) {
    return outside_all(equality.schema, equality.qualifier, equality.column) + outside(equality.operand);
  }
  static std::size_t outside(const Assignment& assignment) {
    return outside(assignment.column) + outside(assignment.operand);
  }
  static std::size_t outside(const Insertion&) { return 0; }
  static std::size_t outside(const LevelLimit& limit) { return outside(limit.count); }

  static std::size_t outside(const ValueFacts& values) {
    return outside(values.written) + outside(values.equalities) + outside(values.assignments) +
           outside(values.insertions) + outside(values.lists) + outside(values.limits) +
           outside(values.parameter_uses) + outside(values.arguments) + outside(values.parameter_types) +
           outside(values.reason);
  }

  static std::size_t outside(const Change& change) { return outside(change.table) + outside(change.equal); }
  static std::size_t outside(const Action& action) {
    return outside(action.name) + outside_all(action.column, action.type) + outside(action.columns);
  }

  static std::size_t outside(const Statement& top) {
    std::size_t bytes = 0;
    // EXPLAIN inside EXPLAIN and the like, as deep as a text may be.
    for (const Statement* at = &top; at != nullptr; at = at->inner.get()) {
      bytes += outside(at->relations) + outside(at->levels) + outside(at->functions) + outside(at->types) +
               outside(at->objects) + outside(at->settings) + outside(at->wide_names) + outside(at->settings_of_rows) +
               outside(at->becomes);
      bytes += outside_all(at->tag, at->name, at->rules_of, at->of_oid, at->of_oid_table, at->text, at->unknown);
      if (at->values) bytes += sizeof(ValueFacts) + outside(*at->values);
      if (at->signs) bytes += sizeof(Signs) + outside(at->signs->changes) + outside(at->signs->actions);
      if (at->inner) bytes += sizeof(Statement);
    }
    return bytes;
  }
};

}  // namespace

std::size_t bytes_of(const Script& script) {
  return sizeof(Script) + Outside::outside(script.statements);
}

}  // namespace dbgate::sql
