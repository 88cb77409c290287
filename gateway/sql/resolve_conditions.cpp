#include <algorithm>

#include "gateway/sql/conditions.h"
#include "gateway/sql/facts.h"
#include "gateway/sql/offers.h"

namespace dbgate::sql {
namespace {

class EqualityResolver {
 public:
  EqualityResolver(const Statement& statement, const TableColumns* tables)
      : statement_(statement), offers_(statement, tables, budget_) {}

  /// The column that the name stands for, if it is certain and the condition holds for all its rows.
  std::optional<Origin> column_of(const WrittenEquality& equality);

 private:
  std::optional<std::size_t> source_of(const WrittenEquality& equality, const View& view);
  bool covers(const WrittenEquality& equality, std::size_t join, std::size_t source) const;

  const Statement& statement_;
  Budget budget_;
  Offers offers_;
};

std::optional<Origin> EqualityResolver::column_of(const WrittenEquality& equality) {
  const Level& own = statement_.levels[equality.level];
  View view = offers_.view_of(equality.level);
  std::size_t join = none;
  if (own.in_from) {
    if (own.from == 0 || !offers_.outwards(view)) return std::nullopt;
    join = own.from - 1;
  }
  const auto source = source_of(equality, view);
  if (!source || !covers(equality, join, *source)) return std::nullopt;
  const Source& found = statement_.levels[view.level].sources[*source];
  if (found.kind != Source::Kind::relation || found.aside) return std::nullopt;
  const auto origins = offers_.find(view.level, *source, equality.column);
  if (!origins || origins->all().size() != 1 || origins->all().front().relation != found.index) return std::nullopt;
  return origins->all().front();
}

// The one source that the name can mean. None, if there are several, or if a source may have columns that nobody knows.
std::optional<std::size_t> EqualityResolver::source_of(const WrittenEquality& equality, const View& view) {
  const std::vector<Source>& sources = statement_.levels[view.level].sources;
  std::optional<std::size_t> result;
  for (std::size_t i = view.from; i < view.until && budget_.spend(1); ++i) {
    bool means = false;
    if (!equality.qualifier.empty()) {
      means = offers_.visible(view, i) && sources[i].alias == equality.qualifier;
    } else if (offers_.columns_visible(view, i)) {
      if (offers_.open(view.level, i)) return std::nullopt;
      means = offers_.find(view.level, i, equality.column).has_value();
    }
    if (means && result) return std::nullopt;
    if (means) result = i;
  }
  if (budget_.exhausted() || !result || equality.schema.empty()) return result;
  // schema.table.column looks past aliases, and finds that very table.
  const Source& found = sources[*result];
  if (found.kind != Source::Kind::relation) return std::nullopt;
  const QualifiedName& name = statement_.relations[found.index].name;
  const bool same = name.schema == equality.schema && name.name == equality.qualifier;
  return same ? result : std::nullopt;
}

bool EqualityResolver::covers(const WrittenEquality& equality, std::size_t join, std::size_t source) const {
  if (join == none) return equality.of == WrittenEquality::Of::all;
  const std::size_t outer = statement_.levels[equality.level].outer;
  const Source& at = statement_.levels[outer].sources[join];
  if (at.kind != Source::Kind::join || source <= join || source >= at.end) return false;
  if (equality.of == WrittenEquality::Of::left) return source < at.right;
  if (equality.of == WrittenEquality::Of::right) return source >= at.right;
  return true;
}

}  // namespace

std::string reason_of(std::string_view statement) {
  constexpr std::size_t longest = 500;
  constexpr std::string_view blanks = " \t\r\n\f", word = "reason:";
  const auto trim = [&](std::string_view part) {
    const std::size_t start = part.find_first_not_of(blanks);
    if (start == std::string_view::npos) return std::string_view();
    return part.substr(start, part.find_last_not_of(blanks) + 1 - start);
  };
  const std::string_view text = trim(statement);
  std::string_view comment;
  if (text.starts_with("/*")) {
    // Comments nest: what holds another one is not looked into.
    comment = text.substr(2, text.find("*/") - 2);
    if (comment.find("/*") != std::string_view::npos) return {};
  } else if (text.starts_with("--")) {
    comment = text.substr(2, text.find_first_of("\r\n") - 2);
  }
  comment = trim(comment);
  if (!comment.starts_with(word)) return {};
  comment = trim(comment.substr(word.size()));
  std::size_t length = std::min(comment.size(), longest);
  while (length > 0 && length < comment.size() && (static_cast<unsigned char>(comment[length]) & 0xc0) == 0x80)
    --length;  // no character is cut in two
  return std::string(comment.substr(0, length));
}

std::vector<bool> judged_parameters(const ValueFacts& values) {
  std::vector<bool> judged(values.parameter_uses.size());
  const auto mark = [&judged](const Operand& operand) {
    if (operand.kind == Operand::Kind::parameter && operand.parameter <= judged.size()) {
      judged[operand.parameter - 1] = true;
    }
  };
  const auto mark_all = [&mark](const Operand& operand) {
    mark(operand);
    for (const Operand& element : operand.elements)
      mark(element);
  };
  for (const Equality& equality : values.equalities)
    mark_all(equality.operand);
  for (const Assignment& assignment : values.assignments)
    mark(assignment.operand);
  for (const Operand& list : values.lists)
    mark_all(list);
  for (const LevelLimit& limit : values.limits)
    mark(limit.count);
  return judged;
}

void resolve_equalities(Statement& statement, const TableColumns* tables) {
  if (!statement.values || statement.values->written.empty()) return;
  EqualityResolver resolver(statement, tables);
  ValueFacts& values = *statement.values;
  for (WrittenEquality& written : values.written) {
    const auto origin = resolver.column_of(written);
    if (!origin) continue;
    values.equalities.push_back(
        {origin->relation, std::string(origin->column), written.any, std::move(written.operand)});
  }
  values.written.clear();
  values.written.shrink_to_fit();
}

}  // namespace dbgate::sql
