#include "gateway/catalog/closure.h"

#include <algorithm>

#include "gateway/catalog/closure_walk.h"

namespace dbgate::catalog {
namespace {

std::string_view noun_of(RelationKind kind) {
  switch (kind) {
    case RelationKind::view:
      return "view ";
    case RelationKind::materialized_view:
      return "materialized view ";
    case RelationKind::foreign_table:
      return "foreign table ";
    case RelationKind::sequence:
      return "sequence ";
    case RelationKind::index:
    case RelationKind::partitioned_index:
      return "index ";
    default:
      return "table ";
  }
}

std::string qualified_name(const Snapshot& snapshot, Oid schema, std::string_view name) {
  const Schema* const found = snapshot.schema(schema);
  return (found == nullptr ? std::string() : std::string(found->name) + ".") + std::string(name);
}

std::string object_text(const Snapshot& snapshot, const Step& step) {
  if (step.is_function) {
    const Function* const function = snapshot.function(step.object);
    if (function == nullptr) return "function " + std::to_string(step.object);
    return "function " + qualified_name(snapshot, function->schema, function->name);
  }
  const Relation* const relation = snapshot.relation(step.object);
  if (relation == nullptr) return "relation " + std::to_string(step.object);
  return std::string(noun_of(relation->kind)) + qualified_name(snapshot, relation->schema, relation->name);
}

std::string edge_text(const Step& step) {
  switch (step.edge) {
    case Edge::rule:
      return "rule " + std::string(step.name) + " → ";
    case Edge::trigger:
      return "trigger " + std::string(step.name) + " → ";
    case Edge::domain_check:
      return "domain " + std::string(step.name) + " → ";
    case Edge::foreign_key:
      return "foreign key → ";
    case Edge::cast:
      return "cast → ";
    default:
      return {};
  }
}

}  // namespace

std::string path_text(const Snapshot& snapshot, const Reach& reach, std::uint32_t step) {
  std::vector<std::uint32_t> way;
  for (; step < reach.steps.size(); step = reach.steps[step].before)
    way.push_back(step);
  std::string text;
  for (auto at = way.rbegin(); at != way.rend(); ++at) {
    if (!text.empty()) text += " → ";
    text += edge_text(reach.steps[*at]) + object_text(snapshot, reach.steps[*at]);
  }
  return text;
}

Closure::Closure(std::shared_ptr<const Snapshot> snapshot)
    : snapshot_(std::move(snapshot)), reader_(*snapshot_), kept_(std::make_unique<Kept>()) {
  for (const Cast& cast : snapshot_->casts()) {
    if (cast.function != 0 && !is_built_in(cast.function)) user_casts_.push_back(&cast);
  }
}

Closure::~Closure() = default;

Reach Closure::of(std::span<const Touch> touches, std::span<const Call> functions, std::span<const Oid> types,
                  const SearchPath& path, const Closed& closed) const {
  Reach reach;
  ClosureWalk walk(*this, reach, closed);
  walk.start(touches, functions, types, path);
  walk.run();
  return reach;
}

Reach Closure::of(const sql::Statement& statement, const SearchPath& path, const Closed& closed) const {
  const Contents contents = reader_.statement(statement, path);
  Reach reach = of(contents.touches, contents.calls, contents.types, path, closed);
  reach.of_moment = reach.of_moment || contents.of_moment;
  if (contents.opaque) reach.opaque.push_back({contents.why, UINT32_MAX});
  return reach;
}

}  // namespace dbgate::catalog
